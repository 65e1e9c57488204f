"""The e-invoice platform as an HTTP server: `POST /medical-web/api/medical/{service}`."""

from __future__ import annotations

import base64
import json
from typing import Any

from simulators.base.faults import CALLBACKS
from simulators.base.menu import Section
from simulators.base.party import ActRefused, SimParty
from simulators.base.wire import Req, Resp, json_resp, text_resp
from simulators.base.world import SimWorld
from simulators.einvoice import said
from simulators.einvoice.envelope import FORM, GOOD, Failure, opened, plain, sealed
from simulators.einvoice.fields import SERVICES, checked, fen
from simulators.einvoice.lists import yuan
from simulators.einvoice.paper import PAPER_BATCH, Stock
from simulators.einvoice.register import ALREADY_FLUSHED, BATCH, VOUCHER_BATCH, EBill, Register
from simulators.einvoice.services import Services

APP_ID = "EBILLAPP01"
PREFIX = "/medical-web/api/medical/"
PLACE = "P01"  # of what the platform's own people issue
_REFUSALS = {
    "refuse_business": ("E9001", "开票点未启用，业务受理失败"),
    "not_enough_balance": ("E0012", "无可用票据号，请先领用票据"),
    "token_expired": ("E9003", "应用授权已过期"),
}
# What is answered to something done as if it had been done before.
_BEFORE = {
    **dict.fromkeys(said.ISSUES, ("E0008", "业务流水号重复，已开票")),
    **dict.fromkeys(said.WRITE_OFFS, ("E0010", ALREADY_FLUSHED)),
    **dict.fromkeys(said.EXCHANGES, ("E0011", "该票据已换开纸质票据")),
    "invalidPaper": ("E0009", "该纸质票据已作废"),
    "invalidBlankBillNo": ("E0011", "纸质票据号已使用或已作废"),
}


class EinvoiceSim(SimParty):
    """Issues, flushes, exchanges and counts e-invoices and deposit vouchers of one hospital.

    Settings (act set): state_query_500: a state query on a flushed bill answers HTTP 500, as seen in
    the field; paper_void_flushes: voiding a paper writes off its e-invoice too (some installations leave that to
    writeOffEBill); paper_left: how many paper numbers the desk still has. A repeated noise is accepted:
    nothing tells that the real platform refuses one, and busNo keeps a repeat harmless.
    """

    name = "einvoice"
    default_port = 8731
    own_faults = frozenset({"state_500"})
    own_breaks = frozenset({"plain_message", "plain_words", "done_before"})
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
        self.stock = Stock(self.register)
        self.services = Services(self.register, self.stock, self._breaks_down)
        self.state_query_500 = False
        self._by_hand = 0

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
            message = self.services.work[op](checked(op, opened(req.json, APP_ID, self._key)))
        except Failure as failure:
            self.objected(failure.objection(failure.code, failure.text))
            return self._reply(req, failure.code, failure.text)
        if message is None:
            return text_resp("Internal Server Error", 500)
        return self._reply(req, GOOD, message)

    def _breaks_down(self, bill: EBill) -> bool:
        ordered = self.take_fault("getEBillStatesByBillInfo", "state_500", no=bill.no) is not None
        return ordered or (bill.red is not None and self.state_query_500)

    def _reply(self, req: Req, result: str, message: dict[str, Any] | str) -> Resp:
        return json_resp(sealed(result, message, _noise(req), APP_ID, self._key))

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        """Refusals in the wrapper; bad_signature spoils `sign`; wrong_amount adds 0.01 to amounts told; plain_message
        leaves the Base64 of `message` away; plain_words tells a success in words; done_before tells what was done as
        if it had been done before."""
        if resp is None:
            return self._reply(req, *_REFUSALS[kind])
        if resp.status != 200:
            return resp
        outer = json.loads(resp.body)
        if kind == "bad_signature":
            return json_resp({**outer, "sign": "0" * 32})
        inner = json.loads(base64.b64decode(outer["data"]))
        result, text = inner["result"], base64.b64decode(inner["message"]).decode("utf-8")
        if kind == "plain_message":
            return json_resp(plain(result, text, _noise(req), APP_ID, self._key))
        if result != GOOD:
            return resp
        if kind == "plain_words":
            return self._reply(req, GOOD, "操作成功")
        if kind == "done_before":
            return self._reply(req, *_BEFORE[op]) if op in _BEFORE else resp
        return self._reply(req, GOOD, _one_more(json.loads(text)))

    def card(self, base_url: str) -> dict[str, Any]:
        return {
            "base_url": base_url, "path": PREFIX + "{service}", "app_id": APP_ID, "key": self._key,
            "sign": FORM,
            "bill_batch": BATCH, "voucher_batch": VOUCHER_BATCH, "paper_batch": PAPER_BATCH, "services": list(SERVICES),
        }

    def sections(self) -> list[Section]:
        return said.sections(self)

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        """set {state_query_500, paper_void_flushes: bool, paper_left: number}; flush {no}: the platform's people write
        a bill off; exchange {no}: they print it on the next paper; issue {amount, payer, place}: they issue one the
        hospital does not know."""
        match body.get("act"):
            case "set":
                return self._set({name: value for name, value in body.items() if name != "act"})
            case "flush":
                return {"eScarletBillNo": self._acted(lambda bill: self.register.flush(bill, "平台冲红"), body).no}
            case "exchange":
                no = self.stock.next_paper(PAPER_BATCH)
                turn = self.stock.exchange
                self._acted(lambda bill: turn(bill, PAPER_BATCH, no, PLACE, again=bool(bill.paper)), body)
                return {"pBillNo": no}
            case "issue":
                return self._issued(body)
            case other:
                raise ValueError(f"unknown act {other!r}; there are set, flush, exchange, issue")

    def _acted(self, work: Any, body: dict[str, Any]) -> Any:
        bill = self.register.by_bus_no.get(str(body.get("no")))
        if bill is None:
            raise ActRefused("no such business number")
        try:
            return work(bill)
        except Failure as failure:
            raise ActRefused(failure.text) from None

    def _issued(self, body: dict[str, Any]) -> dict[str, Any]:
        amount = body.get("amount")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount <= 0:
            raise ValueError("amount: fen above 0")
        self._by_hand += 1
        bill = self.register.issue(
            {
                "busNo": f"HAND{self._by_hand:06d}", "busType": "02", "busDateTime": self.register.now17(),
                "placeCode": str(body.get("place") or PLACE), "payer": str(body.get("payer") or "测试甲"),
                "cardNo": "0",
            },
            amount,
        )  # fmt: skip
        return {"busNo": bill.bus_no, "billNo": bill.no}

    def _set(self, values: dict[str, Any]) -> dict[str, Any]:
        switches = {"state_query_500", "paper_void_flushes"}
        if unknown := values.keys() - switches - {"paper_left"}:
            raise ValueError(f"no such setting {', '.join(sorted(unknown))}")
        for name in switches:
            if not isinstance(values.get(name, False), bool):
                raise ValueError(f"{name} is true or false")
        left = values.get("paper_left")
        if left is not None:
            if not isinstance(left, int) or isinstance(left, bool) or not 0 <= left <= 99999:
                raise ValueError("paper_left: 0 to 99999")
            self.stock.last_no = self.stock.next_no - 1 + left
        self.state_query_500 = values.get("state_query_500", self.state_query_500)
        self.stock.flushes = values.get("paper_void_flushes", self.stock.flushes)
        return {
            "state_query_500": self.state_query_500, "paper_void_flushes": self.stock.flushes,
            "paper_last": self.stock.last_no,
        }  # fmt: skip


def _noise(req: Req) -> str:
    noise = req.json.get("noise") if isinstance(req.json, dict) else ""
    return noise if isinstance(noise, str) else ""


def _one_more(message: dict[str, Any]) -> dict[str, Any]:
    """The same with one fen more wherever an amount is told."""
    for place in [message, *message.get("billList", [])]:
        for name in ("totalAmt", "allTotalAmt"):
            if name in place:
                place[name] = yuan(fen(place[name]) + 1)
    return message
