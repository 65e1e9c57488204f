"""A HIS behind a signed JSON gateway: `POST /gateway/{operation}`.

The request is signed with HMAC-SHA256 over timestamp, nonce and body; the reply is signed the same way over the
request's nonce. Replies are
`{"success", "code", "msg", "data"}` as kiosk gateways really send them: `success` as bool, digit or text, an
empty list as null or absent, amounts in fen or yuan, as number or text. Maps see one form: amounts are int
fen, lists are lists; an item has its unit price also as `priceYuan`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.core.money import BadAmount, fen_of, fen_of_yuan, yuan_of_fen
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing

_TRUE: Final = (True, "1", "true", "True", "TRUE")
_FALSE: Final = (False, "0", "false", "False", "FALSE")
AMOUNTS: Final = frozenset({"amount", "cash", "fund", "account", "balance", "relief", "otherFund"})
_UNIT_PRICE: Final = "price"  # in fen too, but may have decimals: four of a yuan
# The gateway says these before it knows who asks: such a refusal cannot be signed.
_AT_THE_DOOR: Final = frozenset(
    {"APP_UNKNOWN", "TIMESTAMP_INVALID", "NONCE_INVALID", "SIGN_INVALID", "SIGN_ERROR", "NONCE_REPLAYED",
     "OPERATION_UNKNOWN"}
)  # fmt: skip
_PRICE: Final = re.compile(r"(0|[1-9][0-9]{0,10})(\.[0-9]{1,6})?", re.ASCII)
_LISTS: Final = {
    "query.wait.balance.bill.list": ("bills",),
    "query.wait.balance.bill.item.list": ("items", "diagnoses"),
}
_NUMBER_FIELD: Final = {"lock": "lockNo", "settlement": "settleNo", "void": "voidNo", "quote": "preNo"}


class Settings(BaseModel):
    """The connection to the HIS gateway. `amounts` is the unit on the wire; `signed_replies`: the gateway signs its
    replies, and one that is not signed well proves nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    app_id: str = Field(min_length=1, max_length=64)
    secret: str = Field(min_length=8, repr=False)
    amounts: Literal["fen", "yuan"] = "fen"
    signed_replies: bool = True
    path: str = Field(default="/gateway", pattern=r"^(/[A-Za-z0-9._-]+)*$")


def _op(name: str, zh: str, en: str, *, changes: bool = False, money: bool = False, number: str = "") -> Op:
    return Op(name, zh, en, changes=changes, money=money, number=number)


_OPS: Final = (
    _op("query.patient.info", "查询患者", "find a patient"),
    _op("query.wait.balance.bill.list", "待缴费列表", "list unpaid bills"),
    _op("query.wait.balance.bill.item.list", "待缴费明细", "read one unpaid bill with its lines"),
    _op("lock.bill", "锁定单据", "lock a bill until its expiry", changes=True, number="lock"),
    _op("unlock.bill", "解锁单据", "release the lock", changes=True),
    _op("balance.and.pay.bill", "结算入账", "book the settlement", changes=True, money=True, number="settlement"),
    _op("query.pay.bill", "查询结算", "ask for a settlement by our number"),
    _op("void.pay.bill", "作废结算", "void a booked settlement", changes=True, money=True, number="void"),
    _op("pre.balance.bill", "预结算（医保由 HIS 办理）", "quote, the HIS asks the insurance",
        changes=True, number="quote"),
    _op("query.ebill", "查询电子票据（HIS 开具）", "ask for the invoice the HIS issued"),
    _op("cancel.pre.balance.bill", "撤销预结算", "take a quote back", changes=True),
)

_OPS_BY_NAME: Final = {op.name: op for op in _OPS}


def _rows() -> tuple[OutcomeRow, ...]:
    """DUPLICATE says that our number is already taken: what stands there must be asked for. A refusal at the
    door says nothing about an earlier try, so what changes something stays unknown. A void of a number the HIS
    does not know (NOT_FOUND) buries that number: it can no longer be booked; likewise a quote (PRE_NOT_FOUND).
    Where the HIS leads, a refusal to book says nothing once the insurance has settled inside (BOOK_FAILED,
    INSIDE_UNKNOWN): it is asked for by our number."""
    no, yes = Outcome.REFUSED, Outcome.ACCEPTED
    changes = frozenset(op.name for op in _OPS if op.changes)
    unlock, void = frozenset({"unlock.bill"}), frozenset({"void.pay.bill"})
    unquote = frozenset({"cancel.pre.balance.bill"})
    return (
        OutcomeRow("OK", yes),
        OutcomeRow("NOT_LOCKED", yes, unlock, because="no lock stands: that is what was wanted"),
        OutcomeRow("LOCK_CLOSED", yes, unlock, because="the lock is already closed"),
        OutcomeRow("LOCK_LOST", yes, unlock, because="the lock has ended by itself"),
        OutcomeRow("ALREADY_VOID", yes, void, because="it is already void"),
        OutcomeRow("NOT_FOUND", yes, void, because="the number is buried"),
        OutcomeRow("PRE_NOT_FOUND", yes, unquote, because="the number is buried"),
        OutcomeRow("PRE_CLOSED", yes, unquote, because="it is already taken back"),
        *(OutcomeRow(code, Outcome.UNKNOWN) for code in (
            "DUPLICATE", "DUPLICATE_DIFFERENT", "PROCESSING", "BOOK_FAILED", "INSIDE_UNKNOWN", "VOID_PENDING",
            "CLOSE_PENDING", "INVOICE_PENDING",
        )),
        *(OutcomeRow(code, Outcome.UNKNOWN, changes) for code in sorted(_AT_THE_DOOR)),
        *(OutcomeRow(code, no) for code in (
            "PATIENT_NOT_FOUND", "BILL_NOT_FOUND", "BILL_LOCKED", "BILL_PAID", "BILL_VOID", "BILL_CHANGED",
            "LOCK_CLOSED", "NOT_LOCKED", "LOCK_LOST", "EXPIRED", "SETTLE_VOID", "AMOUNT_MISMATCH", "ALREADY_VOID",
            "NOT_FOUND", "PARAM_ERROR", "PARAM_INVALID", "BUSINESS_REFUSED", "NOT_ENOUGH_BALANCE", "TOKEN_EXPIRED",
            "WINDOW_ONLY", "PRE_NOT_FOUND", "PRE_CLOSED", "PRE_USED", "INSURANCE_UNAVAILABLE", "INSURANCE_REFUSED",
            "INSURANCE_CHANGED", "INSURANCE_KEPT", *sorted(_AT_THE_DOOR),
        )),
    )  # fmt: skip


def _converted(tree: Any, change: Callable[[str, Any], Any]) -> Any:
    if isinstance(tree, dict):
        return {
            name: _amount(name, value, change)
            if (name in AMOUNTS or name == _UNIT_PRICE) and value is not None
            else _converted(value, change)
            for name, value in tree.items()
        }
    if isinstance(tree, list):
        return [_converted(item, change) for item in tree]
    return tree


def _amount(name: str, value: Any, change: Callable[[str, Any], Any]) -> Any:
    """One amount converted; the refusal names the field and quotes nothing."""
    try:
        return change(name, value)
    except BadAmount:
        raise BadAmount(f"{name}: no amount in the agreed form") from None


def _out(name: str, fen: Any) -> str:
    """An amount in fen as text, as the gateway takes it."""
    return str(fen_of(fen))


def _out_yuan(name: str, fen: Any) -> str:
    return yuan_of_fen(fen_of(fen))


def _in(name: str, value: Any) -> int | Decimal:
    return _price(value, 0) if name == _UNIT_PRICE else fen_of(value)


def _in_yuan(name: str, value: Any) -> int | Decimal:
    return _price(value, 2) if name == _UNIT_PRICE else fen_of_yuan(value)


def _price(value: Any, shift: int) -> int | Decimal:
    """A unit price in fen, whole where it is whole; BadAmount when it is none."""
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, bool) or _PRICE.fullmatch(text) is None:
        raise BadAmount(f"not a unit price: {text[:40]!r}")
    fen = Decimal(text).scaleb(shift)
    return int(fen) if fen == fen.to_integral_value() else fen


class HisGateway:
    """The HIS as a party."""

    kind = "his"
    about = About("his", "医院收费系统", "the hospital's system", role="his", simulator="his")
    settings: type[BaseModel] = Settings
    ops = _OPS_BY_NAME
    outcomes = _rows()

    def open(self, settings: Settings) -> Settings:
        return settings

    def build(self, call: Outgoing) -> HttpRequest:
        op, settings = self.ops[call.op], call.settings
        if op.number:
            wire.own_number(call, _NUMBER_FIELD[op.number])
        tree = _converted(wire.body_of(call), _out_yuan if settings.amounts == "yuan" else _out)
        body = json_text.print_json(tree)
        stamp = str(int(call.now))
        return HttpRequest(
            "POST",
            f"{settings.path}/{op.name}",
            (
                ("Content-Type", wire.JSON),
                ("X-App-Id", settings.app_id),
                ("X-Timestamp", stamp),
                ("X-Nonce", call.nonce),
                ("X-Sign", signature(settings.secret, stamp, call.nonce, body)),
            ),
            body,
        )

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        if reply.status >= 500:
            return wire.not_intact(f"HTTP {reply.status}")
        tree = wire.object_of(reply.body)
        if isinstance(tree, str):
            return wire.not_intact(tree)
        signed = self._signed(call, reply)
        success = tree.get("success")
        code, text = tree.get("code"), tree.get("msg")
        text = text if isinstance(text, str) else ""
        if success in _FALSE:
            code = str(code) if isinstance(code, str | int) else ""
            if not signed and code not in _AT_THE_DOOR:
                return wire.not_intact("the refusal is not signed well")
            return Answer(intact=True, code="" if code == "OK" else code, text=text, body=tree.get("data"))
        if success not in _TRUE:
            return wire.not_intact("no success flag")
        if not signed:
            return wire.not_intact("the reply is not signed well")
        try:
            body = self._body(call, tree.get("data"))
        except BadAmount as error:
            return wire.not_intact(str(error))
        return Answer(intact=True, code="OK", text=text, body=body)

    def _signed(self, call: Outgoing, reply: HttpReply) -> bool:
        """Over the request's own nonce, so that an old reply cannot be played again."""
        if not call.settings.signed_replies:
            return True
        wanted = signature(call.settings.secret, reply.header("X-Timestamp"), call.nonce, reply.body)
        return hmac.compare_digest(wanted.encode(), reply.header("X-Sign").encode())

    def _body(self, call: Outgoing, data: Any) -> Any:
        """The payload in the one form maps know; BadAmount for an amount that is none."""
        fields = _LISTS.get(call.op, ())
        if len(fields) == 1 and (data is None or isinstance(data, list)):
            data = {fields[0]: data}
        data = _converted({} if data is None else data, _in_yuan if call.settings.amounts == "yuan" else _in)
        if isinstance(data, dict):
            for field in fields:
                data[field] = data.get(field) or []
            for item in data.get("items", ()):
                # A price of 0.0356 yuan is no whole number of fen.
                if isinstance(item, dict) and item.get(_UNIT_PRICE) is not None:
                    item["priceYuan"] = format(Decimal(item[_UNIT_PRICE]).scaleb(-2), "f")
        return data

    def verify(self, settings: Settings, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


def signature(secret: str, stamp: str, nonce: str, body: bytes) -> str:
    """`X-Sign`: lower hex HMAC-SHA256 over `stamp \\n nonce \\n` and the body's bytes."""
    return hmac.new(secret.encode(), f"{stamp}\n{nonce}\n".encode() + body, hashlib.sha256).hexdigest()


PARTY: Final = HisGateway()
