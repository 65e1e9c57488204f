"""The e-invoice platform as an HTTP server: `POST /medical-web/api/medical/{service}`."""

from __future__ import annotations

import base64
import json
from typing import Any

from simulators.base.faults import CALLBACKS
from simulators.base.menu import Section
from simulators.base.party import SimParty
from simulators.base.wire import Req, Resp, json_resp, text_resp
from simulators.base.world import SimWorld
from simulators.einvoice import said
from simulators.einvoice.envelope import GOOD, Failure, opened, sealed
from simulators.einvoice.fields import SERVICES, check_sums, checked, fen
from simulators.einvoice.register import BATCH, PAPER_BATCH, EBill, Red, Register

APP_ID = "EBILLAPP01"
PREFIX = "/medical-web/api/medical/"
_REFUSALS = {
    "refuse_business": ("E9001", "开票点未启用，业务受理失败"),
    "not_enough_balance": ("E0012", "无可用票据号，请先领用票据"),
    "token_expired": ("E9003", "应用授权已过期"),
}


def _yuan(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02d}"


class EinvoiceSim(SimParty):
    """Issues, flushes, exchanges and counts e-invoices of one hospital.

    Settings (act set): state_query_500: a state query on a flushed bill answers HTTP 500, as seen in
    the field; paper_left: how many paper numbers the desk still has. A repeated noise is accepted:
    nothing tells that the real platform refuses one, and busNo keeps a repeat harmless.
    """

    name = "einvoice"
    default_port = 8731
    own_faults = frozenset({"state_500"})
    title = said.TITLE
    ops_said = said.OPS
    faults_said = said.FAULTS
    acts_said = said.ACTS
    meaningless = CALLBACKS

    def __init__(self, world: SimWorld) -> None:
        super().__init__(world)
        self._key = world.keys.secret("einvoice")
        self.reset()

    def reset(self) -> None:
        self.register = Register(self)
        self.state_query_500 = False

    def op_of(self, req: Req) -> str:
        return req.path.removeprefix(PREFIX)

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        try:
            body = json.loads(base64.b64decode(req.json["data"]))
            texts = {name: value for name, value in body.items() if isinstance(value, str)}
        except (ValueError, TypeError, KeyError, AttributeError):
            return {}
        return {**texts, "no": texts.get("busNo") or texts.get("billNo", ""), "bill": texts.get("billNo", "")}

    def serve(self, op: str, req: Req) -> Resp:
        if not req.path.startswith(PREFIX) or op not in SERVICES:
            return json_resp({"status": 404, "error": "Not Found", "path": req.path}, 404)
        if req.method != "POST":
            return json_resp({"status": 405, "error": "Method Not Allowed", "path": req.path}, 405)
        try:
            body = checked(op, opened(req.json, APP_ID, self._key))
            message = _WORK[op](self, body)
        except Failure as failure:
            self.objected(failure.objection(failure.code, failure.text))
            return self._reply(req, failure.code, failure.text)
        if message is None:
            return text_resp("Internal Server Error", 500)
        return self._reply(req, GOOD, message)

    def _reply(self, req: Req, result: str, message: dict[str, Any] | str) -> Resp:
        noise = req.json.get("noise") if isinstance(req.json, dict) else ""
        noise = noise if isinstance(noise, str) else ""
        return json_resp(sealed(result, message, noise, APP_ID, self._key))

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        """Refusals in the wrapper; bad_signature spoils `sign`; wrong_amount adds 0.01 to amounts told."""
        if resp is None:
            return self._reply(req, *_REFUSALS[kind])
        outer = json.loads(resp.body)
        if kind == "bad_signature":
            return json_resp({**outer, "sign": "0" * 32})
        inner = json.loads(base64.b64decode(outer["data"]))
        text = base64.b64decode(inner["message"]).decode("utf-8")
        if inner["result"] != GOOD:
            return resp
        message = json.loads(text)
        for place in [message, *message.get("billList", [])]:
            if "totalAmt" in place:
                place["totalAmt"] = _yuan(fen(place["totalAmt"]) + 1)
        return self._reply(req, GOOD, message)

    def card(self, base_url: str) -> dict[str, Any]:
        return {
            "base_url": base_url, "path": PREFIX + "{service}", "app_id": APP_ID, "key": self._key,
            "bill_batch": BATCH, "paper_batch": PAPER_BATCH, "services": list(SERVICES),
        }

    def sections(self) -> list[Section]:
        return said.sections(self)

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        """set {state_query_500: bool, paper_left: number}."""
        if body.get("act") != "set":
            raise ValueError(f"unknown act {body.get('act')!r}; there is set")
        values = {name: value for name, value in body.items() if name != "act"}
        if unknown := values.keys() - {"state_query_500", "paper_left"}:
            raise ValueError(f"no such setting {', '.join(sorted(unknown))}")
        if not isinstance(values.get("state_query_500", False), bool):
            raise ValueError("state_query_500 is true or false")
        left = values.get("paper_left")
        if left is not None:
            if not isinstance(left, int) or isinstance(left, bool) or not 0 <= left <= 99999:
                raise ValueError("paper_left: 0 to 99999")
            self.register.paper_last = self.register.paper_next - 1 + left
        self.state_query_500 = values.get("state_query_500", self.state_query_500)
        return {"state_query_500": self.state_query_500, "paper_last": self.register.paper_last}

    # The services

    def issue(self, body: dict[str, Any]) -> dict[str, Any]:
        bill = self.register.issue(body, check_sums(body))
        return {
            "billBatchCode": bill.batch, "billNo": bill.no, "random": bill.check, "createTime": bill.created,
            **self._pictures(bill.no, bill.check), "billBusDate": bill.bus_time[:8],
        }

    def _pictures(self, no: str, check: str) -> dict[str, str]:
        """Addresses of the bill's picture; the QR field carries the address it would show."""
        address = f"https://ebill.example/m/{no}/{check}"
        return {
            "billQRCode": base64.b64encode(address.encode()).decode("ascii"),
            "pictureUrl": address, "pictureNetUrl": f"{address}?net=1",
        }

    def _scarlet(self, red: Red) -> dict[str, str]:
        return {
            "eScarletBillBatchCode": red.batch, "eScarletBillNo": red.no, "eScarletRandom": red.check,
            "createTime": red.created, **self._pictures(red.no, red.check),
        }

    def write_off(self, body: dict[str, Any]) -> dict[str, Any]:
        bill = self.register.found(body["billBatchCode"], body["billNo"])
        return self._scarlet(self.register.flush(bill, body["reason"]))

    def _told(self, bill: EBill) -> dict[str, Any]:
        red = bill.red
        return {
            "busNo": bill.bus_no, "busType": bill.bus_type, "busDateTime": bill.bus_time,
            "placeCode": bill.place, "billBatchCode": bill.batch, "billNo": bill.no, "random": bill.check,
            "createTime": bill.created, "totalAmt": _yuan(bill.amount), "state": "2" if red else "1",
            "isScarlet": "1" if red else "0", "isPrtPaper": "1" if bill.paper else "0",
            "pBillBatchCode": PAPER_BATCH if bill.paper else "", "pBillNo": bill.paper,
            "eScarletBillBatchCode": red.batch if red else "", "eScarletBillNo": red.no if red else "",
        }

    def states(self, body: dict[str, Any]) -> dict[str, Any] | None:
        bill = self.register.found(body["billBatchCode"], body["billNo"])
        ordered = self.take_fault("getEBillStatesByBillInfo", "state_500", no=bill.no) is not None
        return None if ordered or (bill.red and self.state_query_500) else self._told(bill)

    def by_bus_no(self, body: dict[str, Any]) -> dict[str, Any]:
        """Our own addition: real platforms offer only the day list for a lost issue reply."""
        bill = self.register.by_bus_no.get(body["busNo"])
        if bill is None:
            raise Failure("E0009", "票据不存在")
        return {**self._told(bill), **self._pictures(bill.no, bill.check), "billBusDate": bill.bus_time[:8]}

    def _chosen(self, body: dict[str, Any], first: str, last: str, *, red: bool = False) -> list[EBill]:
        return [
            bill for bill in self.register.by_bus_no.values()
            if first <= (bill.red.created if red and bill.red else bill.bus_time) <= last
            and body.get("placeCode") in (None, "", bill.place)
            and (not red or bill.red is not None)
        ]

    def by_date(self, body: dict[str, Any]) -> dict[str, Any]:
        """The list of a period by business time; dataType 1 all e-bills, 2 those exchanged for paper."""
        page, size = int(str(body["pageNo"])), int(str(body["pageSize"]))
        if page < 1 or not 1 <= size <= 1000:
            raise Failure("E0006", "参数pageNo从1起，pageSize为1至1000")
        bills = self._chosen(body, body["busBgnDate"], body["busEndDate"])
        if body.get("dataType") == "2":
            bills = [bill for bill in bills if bill.paper]
        part = bills[(page - 1) * size : page * size]
        return {"total": len(bills), "pageNo": page, "billList": [self._told(bill) for bill in part]}

    def check_total(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._compared(body, red=False)

    def check_write_off(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._compared(body, red=True)

    def _compared(self, body: dict[str, Any], *, red: bool) -> dict[str, Any]:
        """Count and sum of a day (issued by business date, flushed by flush date) against the hospital's."""
        day = body["busDate"]
        bills = self._chosen(body, day + "0" * 9, day + "9" * 9, red=red)
        count, total = len(bills), sum(bill.amount for bill in bills)
        same = str(count) == str(body["copyNum"]) and total == fen(body["allTotalAmt"])
        return {"busDate": day, "copyNum": count, "allTotalAmt": _yuan(total), "isSame": "1" if same else "0"}

    def batches(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"billBatchList": [{"pBillBatchCode": PAPER_BATCH, "pBillName": "医疗门诊收费票据"}]}

    def paper_no(self, body: dict[str, Any]) -> dict[str, Any]:
        batch = body["pBillBatchCode"]
        return {"pBillBatchCode": batch, "pBillNo": self.register.next_paper(batch)}

    def turn(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._exchanged(body, again=False)

    def turn_again(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._exchanged(body, again=True)

    def _exchanged(self, body: dict[str, Any], *, again: bool) -> dict[str, Any]:
        bill = self.register.found(body["billBatchCode"], body["billNo"])
        self.register.exchange(bill, body["pBillBatchCode"], body["pBillNo"], again=again)
        return {"pBillBatchCode": body["pBillBatchCode"], "pBillNo": bill.paper}

    def void_paper(self, body: dict[str, Any]) -> dict[str, Any]:
        _, red = self.register.void_paper(body["pBillBatchCode"], body["pBillNo"], body["reason"])
        return self._scarlet(red)

    def void_blank(self, body: dict[str, Any]) -> dict[str, Any]:
        self.register.void_blank(body["pBillBatchCode"], body["pBillNoStart"], body["pBillNoEnd"])
        return {"pBillBatchCode": body["pBillBatchCode"]}


_WORK = {
    "invoiceEBillOutpatient": EinvoiceSim.issue,
    "invEBillRegistration": EinvoiceSim.issue,
    "writeOffEBill": EinvoiceSim.write_off,
    "getEBillStatesByBillInfo": EinvoiceSim.states,
    "getBillByBusNo": EinvoiceSim.by_bus_no,
    "getBillByBusDate": EinvoiceSim.by_date,
    "checkTotalData": EinvoiceSim.check_total,
    "checkWriteOffData": EinvoiceSim.check_write_off,
    "getValidBillBatchCode": EinvoiceSim.batches,
    "getPaperBillNo": EinvoiceSim.paper_no,
    "turnPaper": EinvoiceSim.turn,
    "reTurnPaper": EinvoiceSim.turn_again,
    "invalidPaper": EinvoiceSim.void_paper,
    "invalidBlankBillNo": EinvoiceSim.void_blank,
}
