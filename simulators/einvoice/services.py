"""What each service does with a checked request."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from simulators.einvoice.envelope import Failure
from simulators.einvoice.fields import check_sums
from simulators.einvoice.lists import Lists, state_of, told
from simulators.einvoice.paper import PAPER_BATCH, Stock
from simulators.einvoice.register import VOUCHER_BATCH, EBill, Red, Register

Body = dict[str, Any]


def _pictures(no: str, check: str) -> dict[str, str]:
    """Addresses of the bill's picture; the QR field carries the address it would show."""
    address = f"https://ebill.example/m/{no}/{check}"
    return {
        "billQRCode": base64.b64encode(address.encode()).decode("ascii"),
        "pictureUrl": address, "pictureNetUrl": f"{address}?net=1",
    }


def _scarlet(red: Red) -> Body:
    return {
        "eScarletBillBatchCode": red.batch, "eScarletBillNo": red.no, "eScarletRandom": red.check,
        "createTime": red.created, **_pictures(red.no, red.check),
    }


def _issued(bill: EBill) -> Body:
    return {
        "billBatchCode": bill.batch, "billNo": bill.no, "random": bill.check, "createTime": bill.created,
        **_pictures(bill.no, bill.check), "billBusDate": bill.bus_time[:8],
    }


class Services:
    """The desk behind the wrapper; `work` maps a service to what it does, None where it breaks down."""

    def __init__(self, register: Register, stock: Stock, breaks: Callable[[EBill], bool]) -> None:
        self.register, self.stock, self.lists = register, stock, Lists(register, stock)
        self._breaks = breaks
        self.work: dict[str, Callable[[Body], Body | None]] = {
            "invoiceEBillOutpatient": self.issue,
            "invEBillRegistration": self.issue,
            "invEBillHospitalized": self.issue,
            "invEBillCheckUp": self.issue,
            "invoicePayMentVoucher": self.voucher,
            "writeOffEBill": self.write_off,
            "writeOffPayMentVoucher": lambda body: _scarlet(self.register.flush_voucher(body)),
            "getEBillStatesByBillInfo": self.state,
            "getBillByBusNo": self.by_bus_no,
            "getBillByBusDate": self.lists.period,
            "checkTotalData": self.lists.issued,
            "checkWriteOffData": self.lists.flushed,
            "getValidBillBatchCode": self.batches,
            "getPaperBillNo": self.paper_no,
            "turnPaper": lambda body: self.exchange(body, again=False),
            "reTurnPaper": lambda body: self.exchange(body, again=True),
            "invalidPaper": self.void_paper,
            "invalidBlankBillNo": self.void_blank,
        }

    def issue(self, body: Body) -> Body:
        return _issued(self.register.issue(body, check_sums(body)))

    def voucher(self, body: Body) -> Body:
        bill = self.register.issue(body, check_sums(body))
        voucher = {"voucherBatchCode": VOUCHER_BATCH, "voucherNo": bill.voucher, "voucherRandom": bill.check}
        return {**voucher, **_issued(bill)}

    def write_off(self, body: Body) -> Body:
        bill = self.register.found(body["billBatchCode"], body["billNo"])
        if bill.voucher:
            raise Failure("E0011", "预交金凭证请使用预交金退款接口冲销")
        return _scarlet(self.register.flush(bill, body["reason"]))

    def state(self, body: Body) -> Body | None:
        bill = self.register.found(body["billBatchCode"], body["billNo"])
        return None if self._breaks(bill) else state_of(bill)

    def by_bus_no(self, body: Body) -> Body:
        """In no public document: ask the platform whether it has such a service; else the list of the day tells."""
        bill = self.register.by_bus_no.get(body["busNo"])
        if bill is None:
            raise Failure("E0009", "票据不存在")
        voucher = {"voucherBatchCode": VOUCHER_BATCH, "voucherNo": bill.voucher} if bill.voucher else {}
        return {**told(bill), **_issued(bill), **voucher}

    def batches(self, body: Body) -> Body:
        return {"billBatchList": [{"pBillBatchCode": PAPER_BATCH, "pBillName": "医疗门诊收费票据"}]}

    def paper_no(self, body: Body) -> Body:
        batch = body["pBillBatchCode"]
        return {"pBillBatchCode": batch, "pBillNo": self.stock.next_paper(batch)}

    def exchange(self, body: Body, *, again: bool) -> Body:
        bill = self.register.found(body["billBatchCode"], body["billNo"])
        self.stock.exchange(bill, body["pBillBatchCode"], body["pBillNo"], body["placeCode"], again=again)
        return {"pBillBatchCode": body["pBillBatchCode"], "pBillNo": bill.paper}

    def void_paper(self, body: Body) -> Body:
        red = self.stock.void(body["pBillBatchCode"], body["pBillNo"], body["reason"])
        return {} if red is None else _scarlet(red)

    def void_blank(self, body: Body) -> Body:
        first, last = body["pBillNoStart"], body["pBillNoEnd"]
        self.stock.void_blank(body["pBillBatchCode"], first, last, body["placeCode"], body["reason"])
        return {"pBillBatchCode": body["pBillBatchCode"]}
