"""门诊统筹 through the public doors: whom the signing serves, how it is made at the window and changed, and sums that
hold for any bill.

The kiosk knocks at the engine; the clerk at the hospital's window talks with the insurance platform itself, over HTTP.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.protocol import Factory

from simulators.insurance.paths import PATHS
from simulators.town import PERSONS, price_list
from tests.edge.town import CODE, START, Line, Town, request_bytes

HOSPITAL, COMMUNITY, OTHER = "H37020000000", "H37020000099", "H37020000098"
UNSIGNED = "P0003"
GENERAL = (('specialist:  "yes"', 'specialist:  "no"'),)


class Clerk:
    """The insurance desk at the hospital's window."""

    def __init__(self, town: Town) -> None:
        self.town, self.serial = town, 0
        given = {"signIn": {"opter_no": "W01", "mac": "00-00-00-00-00-01", "ip": "127.0.0.1"}}
        self.sign_no = ""
        self.sign_no = self.call("9001", given)["output"]["signinoutb"]["sign_no"]

    def call(self, infno: str, given: dict[str, Any]) -> dict[str, Any]:
        """One call as the window's own program makes it, past the gateway's profile."""
        self.serial += 1
        world = self.town.lab.sim_world
        message = {
            "infno": infno, "msgid": f"{HOSPITAL}{world.stamp('%Y%m%d%H%M%S')}{self.serial + 9000:04d}",
            "mdtrtarea_admvs": "370200", "insuplc_admdvs": "370200", "recer_sys_code": "FSI_LOCAL", "dev_no": "",
            "dev_safe_info": "", "cainfo": "", "signtype": "SM2", "infver": "V1.0", "opter_type": "1", "opter": "W01",
            "opter_name": "窗口一", "inf_time": world.stamp(), "fixmedins_code": HOSPITAL,
            "fixmedins_name": "模拟口腔医院", "sign_no": self.sign_no, "input": given,
        }  # fmt: skip
        if not self.sign_no:
            del message["sign_no"]
        insurance = self.town.lab.parties["insurance"]
        profile = insurance.card("http://x")["profile"]
        insurance.act({"act": "set", "profile": "none"})
        try:
            reply = self._post(PATHS[infno][0], json.dumps(message, ensure_ascii=False).encode())
        finally:
            insurance.act({"act": "set", "profile": profile})
        return reply

    def _post(self, path: str, body: bytes) -> dict[str, Any]:
        line, there = Line(), self.town.lab.ports["insurance"].getHost()
        factory = Factory.forProtocol(lambda: line)
        factory.noisy = False
        factory.startedConnecting = factory.clientConnectionFailed = factory.clientConnectionLost = lambda *_: None
        self.town.stranger.connectTCP(there.host, there.port, factory)
        assert self.town.sim.run(lambda: line.transport is not None, 5.0)
        line.say(request_bytes("POST", path, [("Content-Type", "application/json")], body))
        assert self.town.sim.run(lambda: bool(line.replies), 10.0)
        found: dict[str, Any] = json.loads(line.replies[0].body)
        return found

    def sign(self, person: str, institution: str) -> dict[str, Any]:
        """2505: the patient's card was swiped, the agreement with a doctor is signed."""
        psn_no = next(one.psn_no for one in PERSONS if one.id == person)
        return self.call("2505", {"data": {
            "psn_no": psn_no, "biz_appy_type": "07", "begndate": self.town.lab.sim_world.stamp("%Y-%m-%d"),
            "fix_srt_no": "1", "fixmedins_code": institution, "fixmedins_name": "模拟机构", "memo": "",
        }})  # fmt: skip

    def signed(self, person: str) -> list[dict[str, Any]]:
        """5302: with whom the person has signed."""
        psn_no = next(one.psn_no for one in PERSONS if one.id == person)
        found: list[dict[str, Any]] = self.call("5302", {"data": {"psn_no": psn_no, "biz_appy_type": "07"}})["output"][
            "psnfixmedin"
        ]
        return found


def _bill(town: Town, person: str, bill: str = "B1") -> dict[str, Any]:
    town.lab.act("his", "new_bill", patient=person, bill=bill, template="visit1")
    return town.bill_request(person, bill)


def _answer(town: Town, request: dict[str, Any]) -> dict[str, Any]:
    return town.ask("POST", START, request).json


@pytest.mark.parametrize(("edit", "institution", "said"), [
    ((), COMMUNITY, ""), ((), HOSPITAL, ""),
    (GENERAL, HOSPITAL, ""), (GENERAL, COMMUNITY, "E-SIGNED-ELSEWHERE"),
])  # fmt: skip
def test_a_specialist_hospital_takes_every_signing_and_a_general_one_its_own(
    new_town: Callable[..., Town], edit: tuple[tuple[str, str], ...], institution: str, said: str
) -> None:
    town = new_town(edit=edit)
    assert Clerk(town).sign(UNSIGNED, institution)["infcode"] == 0
    answer = _answer(town, _bill(town, UNSIGNED))
    if said:
        assert (answer["state"], answer["reason"]["code"], answer["reason"]["side"]) == ("rejected", said, "patient")
        assert not town.ledger("insurance", "register", "upload", "settle")
        bill = town.bill_request(UNSIGNED, "B1", pay_identity="self_pay")
        assert _answer(town, bill)["state"] == "quoted", "the same bill may be paid by oneself"
        return
    assert answer["state"] == "quoted"
    assert answer["amounts"]["fund"] > 0
    assert town.choose(answer["settlement_no"], CODE).state == "settled"


def test_the_patient_signs_at_the_window_and_goes_on_at_the_kiosk(town: Town) -> None:
    clerk = Clerk(town)
    request = _bill(town, UNSIGNED)
    refused = _answer(town, request)
    assert refused["reason"]["code"] == "E-NOT-SIGNED"
    assert "现场办" in refused["reason"]["next"], "the way to the window is told"
    assert clerk.signed(UNSIGNED) == []
    assert clerk.sign(UNSIGNED, HOSPITAL)["infcode"] == 0
    (row,) = clerk.signed(UNSIGNED)
    assert (row["fixmedins_code"], row["fix_srt_no"]) == (HOSPITAL, "1")
    again = _answer(town, town.bill_request(UNSIGNED, "B1"))
    assert again["state"] == "quoted"
    assert town.choose(again["settlement_no"], CODE).state == "settled"


def test_the_institution_changes_once_a_year_and_the_engine_follows(new_town: Callable[..., Town]) -> None:
    town = new_town(edit=GENERAL)
    clerk = Clerk(town)
    assert clerk.sign(UNSIGNED, COMMUNITY)["infcode"] == 0
    second = clerk.sign(UNSIGNED, HOSPITAL)
    assert second["infcode"] != 0
    assert "每年只能变更一次" in second["err_msg"]
    assert _answer(town, _bill(town, UNSIGNED))["reason"]["code"] == "E-SIGNED-ELSEWHERE"
    town.kill()
    town.pass_time(120 * 86_400.0)  # into another year
    town.rise()
    town.pass_time(1.0)
    clerk = Clerk(town)
    assert clerk.sign(UNSIGNED, HOSPITAL)["infcode"] == 0, "a new year, a new choice"
    assert [row["fixmedins_code"] for row in clerk.signed(UNSIGNED) if row["enddate"] > "2099"] == [HOSPITAL]
    answer = _answer(town, _bill(town, UNSIGNED, "B2"))
    assert answer["state"] == "quoted", answer


def test_the_sums_hold_for_any_bill_a_kiosk_may_ask_about(town: Town) -> None:
    """Quoted by the rule, not canned: whatever is on the bill, the parts make up the total, to the fen."""
    dice, codes = random.Random(20), sorted(price_list())
    seen = set()
    for i in range(60):
        items = [
            {"item": dice.choice(codes), "qty": f"{dice.randrange(1, 40_000) / 10_000:.4f}"}
            for _ in range(dice.randrange(1, 6))
        ]
        due = town.lab.act("his", "new_bill", patient="P0001", bill=f"B{i}", items=items)["amount"]
        answer = _answer(town, town.bill_request("P0001", f"B{i}"))
        if due == 0:
            assert answer["state"] == "rejected"
            continue
        assert answer["state"] == "quoted", (items, answer)
        amounts = answer["amounts"]
        assert amounts["total"] == due
        assert amounts["total"] == sum(amounts[name] for name in ("fund", "account", "relief", "other", "cash"))
        assert all(value >= 0 for value in amounts.values())
        if i % 4 == 0:
            assert town.choose(answer["settlement_no"], CODE).state == "settled", (items, answer)
            settled = town.ledger("insurance", "settle")[-1]
            assert (settled["amount"], settled["cash"]) == (due, amounts["cash"])
        seen.add(amounts["fund"])
    assert len(seen) > 10, "the fund's part is computed for each"
