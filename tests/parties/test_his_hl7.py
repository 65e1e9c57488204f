"""The HIS asked in HL7: every question of the house answered by its simulator, and what is no answer."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from engine.codecs.hl7v2 import parse
from engine.core.http import HttpReply
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, Outgoing
from engine.parties.his.hl7 import PARTY, Settings
from simulators.base.mllp_er7 import read
from simulators.base.world import SimWorld
from simulators.his import HisSim

from .judge import outcome_of

NOW = 1795305600.0
NUMBER = "S20261122100000000001"


class House:
    """The simulated HIS and a connection to it."""

    def __init__(self, **settings: Any) -> None:
        self.sim: Any = HisSim(SimWorld(Clock(), anchor=NOW))
        self.opened, self.asked = PARTY.open(Settings(**settings)), 0

    def call(self, op: str, body: dict[str, Any], number: str = "") -> tuple[Outcome, Answer]:
        self.asked += 1
        call = Outgoing(op, body, number, self.opened, {}, NOW, f"{self.asked:032x}"[::-1])
        request = PARTY.build(call)
        message = read(request.body, "gb18030")
        answer = PARTY.read(call, request, HttpReply(200, (), self.sim.mllp.answer(message.event, message)))
        return outcome_of(PARTY, op, answer), answer


def deposit(fen: int = 50000, number: str = NUMBER, at: str = "FT1_2", **more: str) -> dict[str, Any]:
    return {
        "EVN_1": "P03", "EVN_5_2": "WX", "PID_2": "P0006", "PID_3_1": "P0006", "PV1_2": "I", "PV1_19": "Z20261122002",
        "FT1_1": "1", at: number, "FT1_6": "INPAY", "FT1_7": "WX", "FT1_11_3": fen, **more,
    }  # fmt: skip


def ask(value: str) -> dict[str, Any]:
    return {"QPD_1_1": "Q", "QPD_2": "T1", "QPD_3_1": value}


def test_a_patient_with_all_his_numbers() -> None:
    outcome, answer = House().call("QBP^Q21", ask("P0001"))
    assert outcome is Outcome.ACCEPTED
    assert (answer.body["PID_2"], answer.body["PID_5_1"], answer.body["QAK_2"]) == ("P0001", "测试甲", "OK")
    assert [row["PID_3_5"] for row in answer.body["each"]["PID_3"]] == ["PatientNO", "IDCard", "IdentifyNO"]
    outcome, answer = House().call("QBP^Q21", ask("P9999"))
    assert (outcome, answer.body["QAK_2"], "PID" in answer.body) == (Outcome.ACCEPTED, "NF", False)


def test_unpaid_bills_in_fen_whatever_the_wire_says() -> None:
    bills = House().call("QRY^Q27", {"QRD_8_1": "P0001"})[1].body["FT1"]
    assert [(row["FT1_2"], row["FT1_11_3"], row["FT1_13_2"]) for row in bills] == [
        ("B20261122001", 120000, "牙体牙髓科"),
    ]  # fmt: skip


@pytest.mark.parametrize(("op", "value", "segment"), [
    ("QBP^Z11", "KQ01", "ZSC"), ("ZHY^ZRN", "D01-AM", "ZSC"), ("QBP^ZDI", "P0006", "ZST"),
    ("QBP^ZZL", "ZY202611220002", "FT1"),
])  # fmt: skip
def test_the_other_questions_of_the_house(op: str, value: str, segment: str) -> None:
    house = House()
    note = house.sim.act({"act": "issue_admission", "patient": "P0006"})["admission"]
    stay = house.sim.stays.register(note, "A1", "测试乙", "13800000000").inhos_no
    house.sim.act({"act": "charge_stay", "stay": stay, "item": "K0001"})
    outcome, answer = house.call(op, ask(stay if op == "QBP^ZZL" else value))
    assert outcome is Outcome.ACCEPTED
    assert answer.body[segment]


def test_what_was_paid_is_found_by_patient_and_by_line() -> None:
    house = House()
    desk = house.sim.desk
    desk.lock("B20261122008", "L1", 120000, NOW + 60)
    from simulators.his.desk import Payment

    desk.pay(Payment("B20261122008", "S8", "L1", 120000, 120000, 0, 0, "CASH", "", "", None), NOW + 60)
    for op in ("SQM^ZQ1", "QBP^ZPI"):
        rows = house.call(op, ask("P0008"))[1].body["FT1"]
        assert [(row["FT1_2"], row["FT1_11_3"]) for row in rows] == [("S8", 120000)]
    lines = house.call("QBP^ZDL", ask("S8"))[1].body["FT1"]
    assert sum(row["FT1_11_3"] for row in lines) == 120000


def test_a_deposit_once_its_state_and_its_void() -> None:
    house = House()
    assert house.call("DFT^P03", deposit(), NUMBER)[0] is Outcome.ACCEPTED
    assert house.call("DFT^P03", deposit(), NUMBER)[0] is Outcome.ACCEPTED, "the same message gets the same answer"
    assert [(r["no"], r["amount"]) for r in house.sim.ledger.since(0)["rows"]] == [(NUMBER, 50000)]
    found = house.call("QBP^ZYJ", ask(NUMBER))[1].body
    assert (found["FT1_2"], found["FT1_11_3"], found["FT1_25"]) == (NUMBER, 50000, "0")
    assert house.call("DFT^P03.void", deposit(FT1_25="1"), f"{NUMBER}V1")[0] is Outcome.ACCEPTED
    assert house.call("QBP^ZYJ", ask(NUMBER))[1].body["FT1_25"] == "1"
    assert house.call("QBP^ZYJ", ask("S9"))[1].body["QAK_2"] == "NF"


def test_a_question_about_a_number_is_a_message_of_its_own() -> None:
    house = House()
    house.call("DFT^P03", deposit(), NUMBER)
    for _ in range(2):
        outcome, answer = house.call("QBP^ZYJ", ask(NUMBER), NUMBER)
        assert (outcome, answer.body["FT1_2"]) == (Outcome.ACCEPTED, NUMBER)


def test_what_was_sent_again_at_another_time_is_asked_for() -> None:
    """A house that compares whole messages calls the repeat a duplicate of other content: that is no refusal."""
    house = House()
    house.call("DFT^P03", deposit(EVN_2="20261122080000"), NUMBER)
    outcome, answer = house.call("DFT^P03", deposit(EVN_2="20261122080100"), NUMBER)
    assert (outcome, answer.code) == (Outcome.UNKNOWN, "AR-205")


def test_the_deposits_number_in_ft1_3_is_a_row_of_the_map() -> None:
    """Said in one place, read in another: the error names the place, and the other field is one word of the map."""
    house = House()
    house.sim.act({"act": "set_hl7", "places": {"number": "FT1-3"}})
    outcome, answer = house.call("DFT^P03", deposit(), NUMBER)
    assert (outcome, answer.code) == (Outcome.UNKNOWN, "AE")
    assert house.call("DFT^P03", deposit(at="FT1_3"), NUMBER)[0] is Outcome.ACCEPTED


def test_an_appointment_and_its_cancelling() -> None:
    house = House()
    body = {"ARQ_1_1": NUMBER, "ARQ_5_1": "D01-AM", "PID_2": "P0001", "PID_3_1": "P0001"}
    outcome, answer = house.call("SRM^S01", body, NUMBER)
    assert (outcome, answer.body["SCH_1"]) == (Outcome.ACCEPTED, NUMBER)
    assert answer.body["SCH_2"].startswith("G20261122")
    assert house.call("SRM^S04", body, f"{NUMBER}V1")[0] is Outcome.ACCEPTED
    assert house.call("SRM^S04", body, f"{NUMBER}V2")[0] is Outcome.UNKNOWN, "AE: somebody has to look"


def test_fen_on_the_wire_where_the_connection_says_so() -> None:
    opened = Settings(amounts="fen")
    call = Outgoing("DFT^P03", deposit(1234), NUMBER, opened, {}, NOW, "f" * 32)
    assert parse(PARTY.build(call).body, "gb18030").get("FT1-11.3") == "1234"
    yuan = Outgoing("DFT^P03", deposit(1234), NUMBER, Settings(), {}, NOW, "f" * 32)
    assert parse(PARTY.build(yuan).body, "gb18030").get("FT1-11.3") == "12.34"


def test_our_number_goes_out_or_nothing_and_msh_10_is_its_end() -> None:
    with pytest.raises(ValueError, match=r"no field holds own\.number"):
        PARTY.build(Outgoing("DFT^P03", deposit(number="X"), NUMBER, Settings(), {}, NOW, "f" * 32))
    sent = PARTY.build(Outgoing("DFT^P03", deposit(), NUMBER, Settings(), {}, NOW, "f" * 32))
    assert parse(sent.body, "gb18030").get("MSH-10") == NUMBER[-20:]
    with pytest.raises(ValueError, match="FT1_11_3"):
        PARTY.build(Outgoing("DFT^P03", deposit("12.5"), NUMBER, Settings(), {}, NOW, "f" * 32))  # type: ignore[arg-type]


MSH = "MSH|^~\\&|NHIS||ENGINE||20261122080000||{kind}|A1|P|2.4||||||GBK\r"
CONTROL = f"{1:032x}"[::-1][:20]


@pytest.mark.parametrize(("text", "code"), [
    ("ACK^Q21\rMSA|AA|{n}\r", ""), ("RSP^K21\rMSA|AA|OTHER\r", ""), ("RSP^K21\r", ""),
    ("RSP^K21\rMSA|AA|{n}|查询失败\r", "DOUBTFUL"), ("RSP^K21\rMSA|AE|{n}\r", "AE"), ("RSP^K21\rMSA|AR|{n}\r", "AR"),
    ("RSP^K21\rMSA|AA|{n}\rQAK|T1|AE\r", "QAK-AE"), ("RSP^K21\rMSA|AA|{n}\rFT1|1|B1|||||||||^^12.5元\r", ""),
])  # fmt: skip
def test_what_is_no_answer_to_a_question(text: str, code: str) -> None:
    kind, _, rest = text.partition("\r")
    body = (MSH.format(kind=kind) + rest.replace("{n}", CONTROL)).encode("gb18030")
    call = Outgoing("QBP^Q21", ask("P0001"), "", Settings(), {}, NOW, f"{1:032x}"[::-1])
    answer = PARTY.read(call, PARTY.build(call), HttpReply(200, (), body))
    assert (answer.code, answer.intact) == (code, code != "")
    assert outcome_of(PARTY, "QBP^Q21", answer) in (Outcome.UNKNOWN, Outcome.REFUSED)
