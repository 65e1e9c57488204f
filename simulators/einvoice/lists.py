"""What the platform tells of a period: its list of bills and papers, a day's number and sum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from simulators.einvoice.envelope import Failure
from simulators.einvoice.paper import PAPER_BATCH, Paper, Stock
from simulators.einvoice.register import EBill, Red, Register

Row = dict[str, Any]
MOST = 1000  # rows of a page


def yuan(amount: int) -> str:
    """Fen as yuan with two decimals."""
    return f"{amount // 100}.{amount % 100:02d}"


def state_of(bill: EBill) -> Row:
    """What a state query tells of a bill: state 1 normal, 2 void."""
    red = bill.red
    return {
        "billName": bill.kind_name, "billBatchCode": bill.batch, "billNo": bill.no, "random": bill.check,
        "ivcDateTime": bill.created, "totalAmt": yuan(bill.amount), "state": "2" if red else "1",
        "isPrtPaper": "1" if bill.paper else "0", "pBillBatchCode": PAPER_BATCH if bill.paper else "",
        "pBillNo": bill.paper, "isScarlet": "1" if red else "0",
        "scarletBillBatchCode": red.batch if red else "", "scarletBillNo": red.no if red else "",
        "scarletRandom": red.check if red else "",
    }


def told(bill: EBill) -> Row:
    """A bill as the lists tell it."""
    return {
        "busNo": bill.bus_no, "busType": bill.bus_type, "busDate": bill.bus_time, "placeCode": bill.place,
        "payer": bill.content.get("payer", ""), "remark": bill.content.get("remark", ""), **state_of(bill),
    }


def _red_row(bill: EBill, red: Red) -> Row:
    """A red bill; state 3."""
    return {
        **told(bill), "billBatchCode": red.batch, "billNo": red.no, "random": red.check, "ivcDateTime": red.created,
        "state": "3", "isScarlet": "0", "scarletBillBatchCode": "", "scarletBillNo": "", "scarletRandom": "",
        "relatedBillBatchCode": bill.batch, "relatedBillNo": bill.no, "remark": red.reason,
    }  # fmt: skip


def _paper_row(paper: Paper) -> Row:
    return {
        "pBillBatchCode": PAPER_BATCH, "pBillNo": paper.no, "placeCode": paper.place, "busDate": paper.at,
        "state": "2" if paper.voided else "1", "remark": paper.reason,
    }


class Lists:
    """Reads the register and the stock; changes nothing."""

    def __init__(self, register: Register, stock: Stock) -> None:
        self._register, self._stock = register, stock

    def period(self, body: dict[str, Any]) -> Row:
        """One page of a period. dataType: 1 e-bills, 2 red e-bills, 3 e-bills on paper, 4 red ones of voided paper,
        5 papers voided blank; without it all e-bills, red ones too. A bill counts by its business time, a red one by
        the time it was made."""
        rows = [row for row in self._rows(body) if self._asked(row, body)]
        page, size = _page(body)
        return {"total": len(rows), "pageNo": page, "billList": rows[(page - 1) * size : page * size]}

    def _asked(self, row: Row, body: dict[str, Any]) -> bool:
        at = row["ivcDateTime"] if row["state"] == "3" else row["busDate"]
        return (
            body["busBgnDate"] <= at <= body["busEndDate"]
            and body.get("placeCode") in (None, "", row["placeCode"])
            and body.get("busType") in (None, "", row.get("busType"))
        )

    def _rows(self, body: dict[str, Any]) -> Iterator[Row]:
        kind = body.get("dataType") or ""
        if kind == "5":
            yield from (_paper_row(paper) for paper in self._stock.papers.values() if paper.bill is None)
            return
        for bill in self._register.by_bus_no.values():
            if kind in ("", "1", "3") and (not kind or bool(bill.paper) == (kind == "3")):
                yield told(bill)
            if bill.red is not None and kind in ("", "2", "4") and (not kind or bool(bill.red.paper) == (kind == "4")):
                yield _red_row(bill, bill.red)

    def issued(self, body: dict[str, Any]) -> Row:
        """Number and sum of the bills of a business day, whatever became of them."""
        return self._counted(body, lambda bill: bill.bus_time)

    def flushed(self, body: dict[str, Any]) -> Row:
        """Number and sum of the bills red-flushed on a day."""
        return self._counted(body, lambda bill: bill.red.created if bill.red is not None else "")

    def _counted(self, body: dict[str, Any], at: Callable[[EBill], str]) -> Row:
        day = body["busDate"].replace("-", "")
        place, kind = body.get("placeCode") or "", body.get("busType") or ""
        bills = [
            bill for bill in self._register.by_bus_no.values()
            if at(bill)[:8] == day and place in ("", bill.place) and kind in ("", bill.bus_type)
        ]  # fmt: skip
        page, size = _page(body)
        shown, total = bills[(page - 1) * size : page * size], sum(bill.amount for bill in bills)
        ranges = [{"billBatchCode": bill.batch, "bgnNo": bill.no, "endNo": bill.no, "copyNum": 1} for bill in shown]
        return {
            "busDate": day, "copyNum": len(shown), "totalAmt": yuan(sum(bill.amount for bill in shown)),
            "totalNum": len(shown), "allTotalNum": len(bills), "allTotalAmt": yuan(total), "billNoList": ranges,
        }


def _page(body: dict[str, Any]) -> tuple[int, int]:
    page, size = int(str(body["pageNo"])), int(str(body["pageSize"]))
    if page < 1 or not 1 <= size <= MOST:
        raise Failure("E0006", f"参数pageNo从1起，pageSize为1至{MOST}")
    return page, size
