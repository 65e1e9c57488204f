"""The books judged by the platforms' own bills: fetched, checked, compared day by day; every difference as itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.cli.check import called
from engine.core.times import beijing
from engine.parties.bills import KeepsBills
from engine.parties.registry import PARTIES
from engine.runtime.books import Books, LedgerSource, check_books, simulator_ledgers
from engine.runtime.books_bills import bill_ledgers
from engine.runtime.single_call import line_of
from tests.books.test_live import Town

HOUR = 3600.0
KINDS = {"wechat": "wechat_qr", "alipay": "alipay_qr", "unionpay": "unionpay_qr"}
BILL_OP = {"wechat": "tradebill", "alipay": "bill", "unionpay": "file"}


class Morning(Town):
    """A town whose days pass."""

    def now(self) -> float:
        return self.lab.sim_world.now()

    def until(self, hour: float, days: int = 0) -> None:
        """Go on to this hour in Beijing, of today or of a later day."""
        into = (self.now() + 8 * HOUR) % 86_400.0
        seconds = hour * HOUR - into + days * 86_400.0
        assert seconds >= 0
        self.sim.advance(seconds)

    async def paid_by(self, party: str, bill: str) -> dict[str, Any]:
        """A settlement paid by this platform's QR."""
        _, answer = await self.lab.kiosk.settle(self.lab.bill_request(f"P0{bill[-3:]}", bill, insured=False))
        no = answer["settlement_no"]
        _, answer = await self.lab.kiosk.pay(no, {"choice_no": "1", "kind": KINDS[party]})
        self.lab.act(party, "pay", qr=answer["pay"]["qr"])
        for _ in range(50):
            _, answer = await self.lab.kiosk.ask("GET", f"/v1/settlements/{no}?wait=5")
            if answer["state"] in ("settled", "undone", "rejected", "manual"):
                return answer
        raise AssertionError(answer)

    async def by_bills(self, since: float, only: str = "") -> Books:
        engine = self.lab.engine
        assert engine is not None
        file = engine.sites.current.engine
        files = engine.sites.current.files
        billed = {name for name, one in file.parties.items() if isinstance(PARTIES[one.kind], KeepsBills)}
        lines = {name: line_of(engine.world, file.parties[name], engine.root, files) for name in billed}
        sources: list[LedgerSource] = [one for one in bill_ledgers(lines, since) if only in ("", one.party)]
        rest = {name: (one.kind, one.url) for name, one in file.parties.items() if name not in billed}
        sources += simulator_ledgers(engine.world, rest)
        return await check_books(engine.world, engine.store, sources, since=since)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Morning]:
    town = Morning(tmp_path)
    town.do(town.lab.open)
    yield town
    town.do(town.lab.close)


def _kinds(books: Books) -> list[str]:
    return sorted(one.kind for one in books.differences)


def _trades(books: Books) -> list[str]:
    """What the trade bill tells; that the account's bill tells otherwise is in test_funds."""
    return [kind for kind in _kinds(books) if not kind.startswith("fund_")]


def _day(town: Morning, party: str) -> tuple[dict[str, Any], float]:
    began = town.now()
    answer = town.do(lambda: town.paid_by(party, "B20261122001"))
    assert answer["state"] == "settled", answer
    return answer, began


@pytest.mark.parametrize("party", KINDS)
def test_a_good_day_leaves_nothing(town: Morning, party: str) -> None:
    _, began = _day(town, party)
    town.until(10.5, days=1)
    books = town.do(lambda: town.by_bills(began))
    assert (books.checked, books.expected, _kinds(books)) == (1, 0, [])


def test_today_is_not_judged_before_its_bill_is_there(town: Morning) -> None:
    _, began = _day(town, "wechat")
    town.until(10.5, days=1)
    answer = town.do(lambda: town.paid_by("wechat", "B20261122002"))
    assert answer["state"] == "settled", answer
    books = town.do(lambda: town.by_bills(began))
    assert (books.checked, books.expected, _kinds(books)) == (2, 1, [])


@pytest.mark.parametrize("party", KINDS)
@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("bill_missing_row", ["service_not_paid"]),
        ("bill_extra_row", ["unknown_number"]),
        ("bill_none", ["service_not_paid"]),
    ],
)
def test_a_bill_that_tells_otherwise(town: Morning, party: str, fault: str, found: list[str]) -> None:
    _, began = _day(town, party)
    town.until(10.5, days=1)
    town.lab.fault(party, BILL_OP[party], fault)
    books = town.do(lambda: town.by_bills(began, party))
    assert _trades(books) == found


@pytest.mark.parametrize("party", KINDS)
def test_an_amount_of_the_bill_is_another(town: Morning, party: str) -> None:
    """Two persons decide; and what is kept is not what is due."""
    _, began = _day(town, party)
    town.until(10.5, days=1)
    town.lab.fault(party, BILL_OP[party], "bill_wrong_amount")
    assert _trades(town.do(lambda: town.by_bills(began, party))) == ["paid_amount_differs"]


def test_a_bill_that_cannot_be_believed_judges_nothing(town: Morning) -> None:
    _, began = _day(town, "wechat")
    town.until(10.5, days=1)
    for fault, op in (("bill_bad_hash", "tradebill"), ("bill_creating", "tradebill"), ("bad_signature", "tradebill"),
                      ("half_reply", "download"), ("http_500", "download")):  # fmt: skip
        town.lab.fault("wechat", op, fault)
        books = town.do(lambda: town.by_bills(began, "wechat"))
        assert _kinds(books) == ["source_missing"], fault


def test_a_clearing_file_that_cannot_be_read_judges_nothing(town: Morning) -> None:
    _, began = _day(town, "unionpay")
    town.until(10.5, days=1)
    for fault in ("bill_garbage", "bill_bomb"):
        town.lab.fault("unionpay", "file", fault)
        assert _kinds(town.do(lambda: town.by_bills(began, "unionpay"))) == ["source_missing"], fault


def test_before_the_hour_of_the_bill_the_source_is_missing(town: Morning) -> None:
    _, began = _day(town, "wechat")
    town.until(9.0, days=1)
    books = town.do(lambda: town.by_bills(began, "wechat"))
    assert _kinds(books) == ["source_missing", "source_missing"]  # the trades, and the account
    assert all("STATEMENT_CREATING" in one.text for one in books.differences)


@pytest.mark.parametrize("party", KINDS)
def test_what_was_done_behind_our_back_stands_in_the_bill(town: Morning, party: str) -> None:
    answer, began = _day(town, party)
    town.lab.act(party, "refund_at_portal", no=answer["numbers"]["trade"])
    town.until(10.5, days=1)
    assert _kinds(town.do(lambda: town.by_bills(began, party))) == ["refund_at_portal"]


def test_a_second_payer_and_a_fee_nobody_agreed_to(town: Morning) -> None:
    town.lab.act("wechat", "set", fee_bp=60)
    answer, began = _day(town, "wechat")
    town.lab.act("wechat", "pay_twice", no=answer["numbers"]["trade"])
    town.until(10.5, days=1)
    assert _kinds(town.do(lambda: town.by_bills(began, "wechat"))) == ["fee_differs", "fee_differs", "paid_twice"]


@pytest.mark.parametrize("party", KINDS)
def test_a_refund_of_the_next_day_is_found_with_its_own_bill(town: Morning, party: str) -> None:
    """Paid on one day, given back on the next: each bill alone is right, and both together."""
    answer, began = _day(town, party)
    town.until(11.0, days=1)
    second = town.now()
    no = answer["settlement_no"]

    async def refunded() -> dict[str, Any]:
        desk = town.lab.terminal("W01", "C01")
        await desk.ask("POST", f"/v1/settlements/{no}/refunds", {"request_no": "r1", "reason_code": "wrong"})
        for _ in range(60):
            _, found = await desk.ask("GET", f"/v1/settlements/{no}?wait=20")
            if found["state"] in ("undone", "manual"):
                break
        return found

    assert town.do(refunded)["state"] == "undone"
    town.until(10.5, days=1)
    for since in (began, second):
        books = town.do(lambda since=since: town.by_bills(since, party))
        assert _kinds(books) == [], beijing(since)
    town.lab.fault(party, BILL_OP[party], "bill_missing_row")
    assert _trades(town.do(lambda: town.by_bills(second, party))) == ["refund_missing"]


def test_self_tests_prove_address_and_keys(town: Morning) -> None:
    engine = town.lab.engine
    assert engine is not None
    file = engine.sites.current.engine
    found = town.do(lambda: called(engine.world, engine.root, file))
    assert {one.what: one.verdict for one in found} == {f"self-test of {party}": "good" for party in KINDS}
    for party, op in (("wechat", "echo"), ("alipay", "query"), ("unionpay", "query")):
        town.lab.fault(party, op, "bad_signature")
    found = town.do(lambda: called(engine.world, engine.root, file))
    assert {one.verdict for one in found} == {"problem"}
    (engine.root / "var/sim/wechat/merchant_serial").write_text("ABCDEF0123456789")
    found = town.do(lambda: called(engine.world, engine.root, file))
    assert [one.verdict for one in found if one.what.endswith("wechat")] == ["problem"]
    assert all(not town.lab.ledger(party) for party in KINDS)


@pytest.mark.parametrize("party", KINDS)
def test_a_bill_with_a_header_only_says_that_nothing_was_paid(town: Morning, party: str) -> None:
    _, began = _day(town, party)
    town.until(10.5, days=1)
    town.lab.fault(party, BILL_OP[party], "bill_empty")
    assert _trades(town.do(lambda: town.by_bills(began, party))) == ["service_not_paid"]


@pytest.mark.parametrize(("party", "fault"), [
    ("wechat", "bill_old_header"), ("wechat", "bill_reordered"), ("alipay", "bill_reordered"),
    ("wechat", "bill_link_expired"), ("alipay", "bill_link_expired"),
])  # fmt: skip
def test_another_form_or_an_address_too_old_is_no_difference(town: Morning, party: str, fault: str) -> None:
    _, began = _day(town, party)
    town.until(10.5, days=1)
    town.lab.fault(party, BILL_OP[party], fault)
    books = town.do(lambda: town.by_bills(began, party))
    assert (books.checked, books.expected, _kinds(books)) == (1, 0, [])
    assert town.lab.parties[party].faults.orders == []


@pytest.mark.parametrize("party", KINDS)
def test_a_row_in_the_next_days_bill_is_missed_for_a_day(town: Morning, party: str) -> None:
    _, began = _day(town, party)
    town.until(10.5, days=1)
    town.lab.fault(party, BILL_OP[party], "bill_cross_day")
    assert _trades(town.do(lambda: town.by_bills(began, party))) == ["service_not_paid"]
    town.until(10.5, days=1)
    assert _kinds(town.do(lambda: town.by_bills(began, party))) == []


@pytest.mark.parametrize(("party", "fault"), [
    ("wechat", "bill_garbage"), ("wechat", "bill_bomb"), ("alipay", "bill_garbage"), ("alipay", "bill_bomb"),
])  # fmt: skip
def test_a_file_that_cannot_be_read_or_is_too_large_judges_nothing(town: Morning, party: str, fault: str) -> None:
    _, began = _day(town, party)
    town.until(10.5, days=1)
    town.lab.fault(party, BILL_OP[party], fault)
    books = town.do(lambda: town.by_bills(began, party))
    assert _kinds(books) == ["source_missing"]
    if fault == "bill_bomb":
        assert "too large" in books.differences[0].text


def test_a_refund_that_the_bill_still_calls_processing(town: Morning) -> None:
    """The row was written when the bill was: it never changes, so it is no difference."""
    answer, began = _day(town, "wechat")
    no = answer["settlement_no"]
    town.do(lambda: town.lab.kiosk.ask("POST", f"/v1/settlements/{no}/refunds", {
        "request_no": "BACK1", "reason_code": "patient"}))  # fmt: skip
    town.sim.advance(120.0)
    town.until(10.5, days=1)
    town.lab.fault("wechat", "tradebill", "bill_processing")
    books = town.do(lambda: town.by_bills(began, "wechat"))
    assert _kinds(books) == []
