"""A slice of the table in every run, and the page that holds it whole (`python -m tests.faults --write`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.registry import party_class
from tests.faults.journeys import Outcome, play
from tests.faults.judge import judge, judge_notices, judge_registration, judge_stay
from tests.faults.pages import PAGE, title_of
from tests.faults.registrations import RegistrationRun
from tests.faults.stays import StayRun
from tests.faults.table import Ended, Meeting, clean, meet, menu, operations, party_of
from tests.faults.ways import JOURNEYS, MET

STAYS = ("admission", "admission_lost", "deposit", "deposit_lost", "stay", "stay_lost")
FORMERS = tuple(name for name in JOURNEYS if name.startswith(("dareway", "neusoft", "yinhai")))
SLICE = [
    ("his", "balance.and.pay.bill", "timeout_after_commit", "S"),
    ("his", "lock.bill", "refuse_business", "R"),
    ("insurance", "2207A", "late_commit", "S"),
    ("insurance", "2207A", "refuse_business", "U"),
    ("insurance", "2204", "half_reply", "S"),
    ("insurance", "2206A", "wrong_amount", None),
    ("wechat", "native", "reset_after_commit", "S"),
    ("wechat", "paid", "callback_never", "S"),
    ("wechat", "refund", "refund_stuck", "WU"),
    ("alipay", "paid", "other_seller", "S"),
    ("unionpay", "qr", "timeout_before_commit", None),
    ("municipal", "2410", "soap_fault", None),
    ("municipal", "9100", "half_reply", "S"),
    ("municipal", "2450", "soap_fault", "S"),
    ("municipal", "2421", "timeout_after_commit", "U"),
    ("qingdao", "YL004", "half_character", "S"),
    ("dareway", "login", "half_xml", "S"),
    ("dareway", "settle_mz", "unsure_after", "S"),
    ("dareway", "settle_mz", "unsure", "U"),
    ("dareway", "destroy_mz", "timeout_after_commit", "U"),
    ("dareway", "ask_for_si", "http_500", "S"),
    ("neusoft", "2410", "wrong_amount", "S"),
    ("neusoft", "2421", "late_commit", "U"),
    ("neusoft", "2450", "empty_body", "S"),
    ("yinhai", "2410", "late_commit", "S"),
    ("yinhai", "confirm", "soap_fault", "S"),
    ("yinhai", "cancel", "refuse_business", "P"),
    ("yinhai", "uncertain", "wrong_amount", "R"),
    ("mobile_pay", "6202", "http_504", "U"),
    ("insurance", "2207A", "drip", None),
    ("insurance", "2207A", "http_504", "S"),
    ("wechat", "native", "http_503", "S"),
    ("wechat", "paid", "callback_odd_type", "S"),
    ("wechat", "paid", "callback_more_fields", "S"),
    ("wechat", "paid", "callback_dead", "S"),
    ("alipay", "paid", "callback_gbk", "S"),
    ("einvoice", "invoiceEBillOutpatient", "html", "S"),
    ("sms", "SendSms", "timeout_after_commit", "S"),
    ("sms", "SmsReport", "callback_twice", "U"),
    ("commercial", "claim.settle", "late_commit", "S"),
    ("einvoice", "invoicePayMentVoucher", "timeout_after_commit", "S"),
    ("einvoice", "invEBillHospitalized", "half_reply", "S"),
    ("alipay", "freeze", "timeout_after_commit", None),
    ("his/admission", "register.inhos", "late_commit", "S"),
    ("his/deposit", "pay.inhos.deposit", "timeout_after_commit", "S"),
    ("his/stay", "query.check.inhos.status", "other_unit", "S"),
    ("his/stay", "back.inhos.deposit", "refuse_business", "S"),
    ("insurance/admission", "2404", "http_504", "U"),
    ("insurance/stay", "2304", "half_reply", "S"),
    ("insurance/stay", "2601", "timeout_after_commit", "S"),
    ("insurance/stay", "2302", "refuse_business", "P"),
    ("his", "DFT^P03", "ack_ar", None),
    ("his", "DFT^P03", "ack_wrong_number", None),
    ("his/registration", "reg", "late_commit", "S"),
    ("his/registration", "cancel.reg", "timeout_after_commit", "U"),
    ("insurance/registration", "2207A", "http_504", "S"),
    ("insurance/registration", "ec.query", "timeout_after_commit", None),
    ("insurance/registration", "2601", "half_reply", None),
    ("wechat/registration", "h5", "timeout_after_commit", None),
    ("wechat/registration", "jsapi", "refuse_business", None),
    ("einvoice/registration", "invEBillRegistration", "half_reply", "S"),
    ("alipay/registration", "pay", "reset_after_commit", None),
    ("unionpay/registration", "scan", "timeout_before_commit", None),
    ("unionpay", "reverse", "http_502", "U"),
    ("subscribers", "emr", "refuse_business", "D"),
    ("subscribers", "emr", "token_expired", "D"),
    ("subscribers", "platform", "timeout_after_commit", "A"),
    ("subscribers", "report", "http_400", "L"),
    ("subscribers", "queue", "late_commit", "A"),
    ("subscribers", "lis", "ack_wrong_number", "A"),
    ("subscribers", "ris", "ack_ar", "L"),
]


@pytest.mark.parametrize(("party", "op", "fault", "ends"), SLICE)
def test_a_slice_of_the_table(party: str, op: str, fault: str, ends: str | None) -> None:
    journey, back = operations(party)[op]
    ended = meet(Meeting(party_of(party), op, fault, journey, back, party))
    assert ended.flaws == []
    assert ended.outcome.used == 1
    if ends is not None:
        assert ended.cell.rstrip("!") == ends


@pytest.mark.parametrize("name", ["wechat_qr", "wechat_left", "alipay_left", "unionpay_qr", "municipal", "qingdao",
                                  "mobile", "mobile_left", "preauth", "preauth_never", *STAYS, *FORMERS,
                                  *(name for name in JOURNEYS if name.startswith("reg"))])  # fmt: skip
def test_without_misfortune_all_is_right(name: str) -> None:
    outcome = clean(name)
    assert (outcome.flaws, outcome.state, outcome.tasks) == ([], "undone", ())


def test_events_reach_everybody_once_and_in_order() -> None:
    outcome = clean("events")
    assert (outcome.flaws, outcome.state) == ([], "delivered")


def test_the_page_holds_every_party_and_nothing_wrong() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for table in MET:
        words = party_class(party_of(table)).title
        section = page.partition(title_of(table))[2].partition("\n### ")[0]
        assert section, f"{table} ({words.en}): --write"
        for fault, told in menu(party_of(table)).items():
            if not told.ops or set(told.ops) & operations(table).keys():
                assert f"| `{fault}` {told.words.zh} · {told.words.en} |" in section, f"{table} {fault}: --write"
        assert {f"`{op}`" for op in operations(table)} <= set(section.split("\n")[1].split(" ")), f"{table}: --write"
    assert "×" not in page.partition("<!-- generated")[2]


class _Books:
    """A laboratory of ledgers only."""

    def __init__(self, **rows: list[dict[str, object]]) -> None:
        self._rows = rows

    def ledger(self, party: str, *kinds: str) -> list[dict[str, object]]:
        return [row for row in self._rows.get(party, []) if row["kind"] in kinds]


def test_the_judge_sees_what_is_wrong() -> None:
    charge: dict[str, object] = {"kind": "charge", "amount": 100, "state": "done"}
    book: dict[str, object] = {"kind": "book", "amount": 100, "ref": "100", "state": "done"}
    settle: dict[str, object] = {"kind": "settle", "amount": 100, "cash": 100, "state": "done"}
    issue: dict[str, object] = {"kind": "issue", "amount": 100, "state": "done"}
    whole = {"wechat": [charge], "his": [book], "insurance": [settle], "einvoice": [issue]}
    assert judge(_Books(**whole), "S1", "settled", ()) == []  # type: ignore[arg-type]  # only ledgers are asked for
    for party in whole:
        less = _Books(**{name: rows for name, rows in whole.items() if name != party})
        assert judge(less, "S1", "settled", ()) != [], party  # type: ignore[arg-type]  # as above
        one = _Books(**{party: whole[party]})
        assert judge(one, "S1", "undone", ()) != [], party  # type: ignore[arg-type]  # as above
    assert judge(_Books(), "S1", "manual", ()) != []  # type: ignore[arg-type]  # as above
    assert judge(_Books(), "S1", "working", ()) != []  # type: ignore[arg-type]  # as above


class _Lied(StayRun):
    """Judges the stay at rest as if it had come to something else."""

    def _wrong(self) -> list[str]:
        lab, stay = self.town.lab, self.town.lab.parties["his"].stays.by_no[self.stay]  # type: ignore[attr-defined]  # its own
        told = {
            (part, state): judge_stay(lab, part, self.no, state, (), stay)
            for part in ("admission", "stay") for state in ("settled", "undone", "rejected", "manual", "working")
        }  # fmt: skip
        lab.parties["his"].ledger.rows.clear()
        told["his", "settled"] = judge_stay(lab, "stay", self.no, "settled", (), stay)
        return [f"{what}" for what, flaws in told.items() if not flaws]


def test_the_judge_of_stays_sees_what_is_wrong(tmp_path: Path) -> None:
    outcome = Outcome()
    _Lied(JOURNEYS["stay"], tmp_path, outcome).go("", None, back=False)
    assert [flaw for flaw in outcome.flaws if not flaw.startswith("books")] == ["('stay', 'settled')"], "only the truth"


def test_the_judge_of_notices_sees_what_is_wrong() -> None:
    told: dict[str, object] = {"kind": "notice", "no": "S1", "amount": 120_000}
    no = {"op": "DFT^P03", "fault": "ack_ar"}
    for rows, order, dead, right in (
        ([told], {}, 0, True), ([], {}, 0, False), ([told, told], {}, 0, False), ([{**told, "no": "S2"}], {}, 0, False),
        ([], no, 1, True), ([told], no, 1, False), ([], no, 0, False), ([told], {}, 1, False),
    ):  # fmt: skip
        flaws = judge_notices(_Books(his=rows), "S1", order, dead)  # type: ignore[arg-type]  # only ledgers are asked for
        assert (flaws == []) is right, (rows, order, dead)


class _LiedOfRegistration(RegistrationRun):
    """Judges the registration at rest as if it had come to something else."""

    def _wrong(self) -> list[str]:
        lab = self.town.lab
        told = {state: judge_registration(lab, self.no, state, ()) for state in
                ("settled", "undone", "rejected", "manual", "working")}  # fmt: skip
        lab.parties["his"].registry.schedules["D01-AM"].left = 5  # type: ignore[attr-defined]  # its own
        told["no place"] = judge_registration(lab, self.no, "settled", ())
        bureau = lab.parties["insurance"].ledger
        for row in bureau.rows:
            row.state = "cancelled" if row.kind == "register" else row.state
        told["no visit"] = judge_registration(lab, self.no, "settled", ())
        return [state for state, flaws in told.items() if not flaws] + [str(len(told["no visit"]))]


def test_the_judge_of_registrations_sees_what_is_wrong(tmp_path: Path) -> None:
    outcome = Outcome()
    _LiedOfRegistration(JOURNEYS["reg"], tmp_path, outcome).go("", None, back=False)
    assert [flaw for flaw in outcome.flaws if not flaw.startswith("books")] == ["settled", "2"], "only the truth"


def test_an_ending_that_needs_nobody_may_not_call_a_person() -> None:
    outcome = play(JOURNEYS["wechat_qr"], back=False)
    outcome.state, outcome.tasks, outcome.used = "manual", ("differs",), 1
    meeting = Meeting("wechat", "native", "half_reply", JOURNEYS["wechat_qr"], back=False)
    assert Ended(meeting, outcome).cell == "×"
