"""The hospital's account at a payment platform, movement by movement, against the trade bill and our own payments."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.parties.alipay import funds as alipay_funds
from engine.parties.bills import BadBill
from engine.parties.funds import FundRow
from engine.parties.wechat import funds as wechat_funds
from engine.runtime.books import Books
from engine.runtime.books_funds import FundBook, FundDay, check_funds
from engine.runtime.books_view import Span, StoreView
from simulators.alipay import bills as alipay_bills
from simulators.alipay.book import Flow as AlipayFlow
from simulators.wechat import bills as wechat_bills
from simulators.wechat.book import Flow
from tests.books.test_bills import Morning

DAY = "2026-11-21"
NOON = 1_795_190_400.0 + 12 * 3600.0  # 2026-11-21 12:00 in Beijing


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Morning]:
    town = Morning(tmp_path)
    town.do(town.lab.open)
    yield town
    town.do(town.lab.close)


def _paid(town: Morning, party: str) -> tuple[dict[str, Any], float]:
    began = town.now()
    answer = town.do(lambda: town.paid_by(party, "B20261122001"))
    assert answer["state"] == "settled", answer
    return answer, began


def _refunded(town: Morning, no: str, *, wait: bool = True) -> dict[str, Any]:
    async def work() -> dict[str, Any]:
        desk = town.lab.terminal("W01", "C01")
        await desk.ask("POST", f"/v1/settlements/{no}/refunds", {"request_no": "r1", "reason_code": "wrong"})
        for _ in range(60):
            _, found = await desk.ask("GET", f"/v1/settlements/{no}?wait=20")
            if found["state"] in ("undone", "manual") or not wait:
                break
        return found

    return town.do(work)


def _kinds(books: Books) -> list[str]:
    return sorted(one.kind for one in books.differences)


@pytest.mark.parametrize("party", ["wechat", "alipay"])
def test_payment_fee_refund_and_withdrawal_of_a_day_agree_and_are_told(town: Morning, party: str) -> None:
    answer, began = _paid(town, party)
    assert _refunded(town, answer["settlement_no"])["state"] == "undone"
    town.lab.act(party, "withdraw", retain=100_000)
    town.until(10.5, days=1)
    books = town.do(lambda: town.by_bills(began, party))
    assert _kinds(books) == []
    (told,) = books.json()["funds"]
    amount = told["taken"]
    assert amount > 0
    assert (told["given_back"], told["fee"], told["other"], told["closing"]) == (-amount, 0, 0, 100_000)
    assert told["opening"] + told["withdrawn"] == 100_000
    assert told["rows"] == 3


@pytest.mark.parametrize(("fault", "kinds"), [
    ("bill_missing_row", ["fund_missing"]),
    ("bill_extra_row", ["fund_balance", "fund_other"]),
    ("bill_wrong_amount", ["fund_differs"]),
])  # fmt: skip
def test_an_account_that_tells_otherwise(town: Morning, fault: str, kinds: list[str]) -> None:
    answer, began = _paid(town, "wechat")
    town.lab.act("wechat", "withdraw", retain=0)
    town.until(10.5, days=1)
    town.lab.fault("wechat", "fundflowbill", fault)
    books = town.do(lambda: town.by_bills(began, "wechat"))
    assert _kinds(books) == kinds
    for one in books.differences:
        assert one.next
        assert one.next_en
        assert one.settlement_no == (answer["settlement_no"] if one.kind in ("fund_missing", "fund_differs") else "")


@pytest.mark.parametrize("fault", ["bill_bad_hash", "bill_garbage", "bill_bomb", "bill_creating", "bad_signature"])
def test_an_account_that_cannot_be_read_is_told_and_the_trades_are_judged(town: Morning, fault: str) -> None:
    _, began = _paid(town, "wechat")
    town.until(10.5, days=1)
    town.lab.fault("wechat", "fundflowbill", fault)
    books = town.do(lambda: town.by_bills(began, "wechat"))
    assert _kinds(books) == ["source_missing"]
    assert "资金账户" in books.differences[0].text


def test_a_link_that_expired_is_asked_for_once_more(town: Morning) -> None:
    _, began = _paid(town, "wechat")
    town.until(10.5, days=1)
    town.lab.fault("wechat", "fundflowbill", "bill_link_expired")
    assert _kinds(town.do(lambda: town.by_bills(began, "wechat"))) == []


@pytest.mark.parametrize("party", ["wechat", "alipay"])
def test_a_payment_that_the_trade_bill_lacks_stands_on_the_account(town: Morning, party: str) -> None:
    answer, began = _paid(town, party)
    town.until(10.5, days=1)
    town.lab.fault(party, {"wechat": "tradebill", "alipay": "bill"}[party], "bill_missing_row")
    books = town.do(lambda: town.by_bills(began, party))
    assert _kinds(books) == ["fund_only", "service_not_paid"]
    assert {one.settlement_no for one in books.differences} == {answer["settlement_no"]}


def test_without_the_trade_bill_our_own_payments_judge(town: Morning) -> None:
    """The trades cannot be read; the account lacks what we know as paid."""
    answer, began = _paid(town, "wechat")
    town.until(10.5, days=1)
    town.lab.fault("wechat", "tradebill", "bill_garbage")
    town.lab.fault("wechat", "fundflowbill", "bill_wrong_amount")
    books = town.do(lambda: town.by_bills(began, "wechat"))
    assert _kinds(books) == ["fund_net_differs", "source_missing"]
    assert {one.settlement_no for one in books.differences} == {answer["settlement_no"], ""}


def test_a_refund_that_came_back_the_next_day_is_told(town: Morning) -> None:
    """Told as done, its row in the trade bill never changes: only the account shows that the money is here again."""
    answer, began = _paid(town, "wechat")
    assert _refunded(town, answer["settlement_no"])["state"] == "undone"
    town.until(11.0, days=1)
    second = town.now()
    book = town.lab.parties["wechat"].book
    (refund,) = book.refunds.values()
    book.move("退款关闭", refund.amount, refund.refund_id, refund.no)
    town.until(10.5, days=1)
    for since in (began, second):
        books = town.do(lambda since=since: town.by_bills(since, "wechat"))
        assert _kinds(books) == ["fund_returned"]
        assert books.differences[0].settlement_no == answer["settlement_no"]


def _wechat(*flows: Flow) -> list[FundRow]:
    text = wechat_bills.flow_bill(flows, "1900000001").encode()
    digest = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    return wechat_funds.rows_of({"hash_type": "SHA1", "hash_value": digest}, text, DAY)


def _flow(amount: int, balance: int, name: str = "交易", at: float = NOON) -> Flow:
    return Flow(at, "N1", "4200", name, amount, balance, "T1")


def test_rows_are_read_with_their_sign_and_oldest_first() -> None:
    rows = _wechat(_flow(-6, 94, "扣除交易手续费", NOON + 5), _flow(100, 100))
    told = [(row.kind, row.amount, row.balance, row.no) for row in rows]
    assert told == [("trade", 100, 100, "T1"), ("fee", -6, 94, "T1")]


@pytest.mark.parametrize("wrong", ["day", "sign", "amount", "count", "head", "hash"])
def test_a_bill_of_the_account_is_believed_whole_or_not_at_all(wrong: str) -> None:
    text = wechat_bills.flow_bill([_flow(100, 100, at=NOON + 86_400 if wrong == "day" else NOON)], "1900000001")
    text = {
        "sign": text.replace("`收入", "`流入"), "amount": text.replace("`1.00,`1.00", "`2.00,`1.00"),
        "count": text.replace("\r\n`1,`1,", "\r\n`2,`1,"), "head": text.replace("账户结余", "结余"),
    }.get(wrong, text)  # fmt: skip
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    told = {"hash_type": "SHA1", "hash_value": "0" * 40 if wrong == "hash" else digest}
    with pytest.raises(BadBill):
        wechat_funds.rows_of(told, text.encode(), DAY)


def _alipay(name: str, amount: int) -> bytes:
    flow = AlipayFlow(NOON, "F1", "2026", "T1", name, amount, 5_000)
    return alipay_bills.flow_bill([flow], "2088000000000001", NOON - 43_200, NOON + 43_200, NOON + 80_000)


def test_an_account_bill_of_alipay() -> None:
    (row,) = alipay_funds.rows_of(_alipay("退款", -100), "2088000000000001", DAY)
    assert (row.kind, row.no, row.amount, row.balance) == ("refund", "T1", -100, 5_000)
    with pytest.raises(BadBill, match="another seller"):
        alipay_funds.rows_of(_alipay("退款", -100), "2088000000000002", DAY)
    with pytest.raises(BadBill, match="not a zip"):
        alipay_funds.rows_of(b"garbage", "2088000000000001", DAY)


def _account(*rows: FundRow, day: str = DAY) -> FundDay:
    return FundDay("BASIC", day, rows)


def test_a_day_begins_with_the_balance_the_last_one_ended_with() -> None:
    first = _account(FundRow("recharge", "", NOON, 100, 100, name="充值"))
    none = _account(day="2026-11-22")
    last = _account(FundRow("withdrawal", "", NOON + 2 * 86_400, -50, 40, name="提现"), day="2026-11-23")
    fund = FundBook("wechat", (first, none, last), Span(NOON - 43_200, NOON + 3 * 86_400))
    found = list(check_funds(StoreView({}, {}, NOON), (), (fund,), frozenset()))
    assert [one.kind for one in found] == ["fund_balance"]
    for told in ("2026-11-23", "0.50", "0.40"):
        assert told in found[0].text
