"""A HIS that is asked in HL7 v2 over MLLP: queries with their answers, appointments, deposits and payments.

Where a field stands is the maps' business (`PID_3_1`, `QPD_3`, `FT1_2`: `engine/codecs/hl7_writing.py`); read maps see
the answer as `engine/codecs/hl7_whole.py` lays it out. Amounts are int fen in maps, in the fields the connection names
under `money`; on the wire they are in `amounts`. A question that is answered by a bare acknowledgement is not answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

from pydantic import BaseModel, field_validator

from engine.codecs.errors import Undecodable
from engine.codecs.hl7_ack import AckKind, read_ack
from engine.codecs.hl7_charset import UTF_8, charset_named
from engine.codecs.hl7_fields import place
from engine.codecs.hl7_whole import whole
from engine.codecs.hl7_writing import fill
from engine.codecs.hl7v2 import parse
from engine.core.http import HttpReply, HttpRequest
from engine.core.money import BadAmount, fen_of, fen_of_yuan, yuan_of_fen
from engine.core.outcome import Outcome
from engine.core.times import beijing
from engine.parties import mllp, wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing
from engine.parties.mllp import CONTROL, STAMP, begun

VOID: Final = ".void"
_DUPLICATE: Final = "205"  # of table 0357
_MSH_10: Final = 20  # characters
# name: (zh, en, "" nothing · "c" changes · "m" money, our number, types of a whole answer)
_TABLE: Final = {
    "QBP^Q21": ("查询患者", "find a patient", "", "", ("RSP",)),
    "QRY^Q27": ("待缴费列表", "unpaid bills", "", "", ("RAR", "RSP")),
    "QBP^Z11": ("排班", "schedules", "", "", ("RSP",)),
    "ZHY^ZRN": ("号源", "free slots", "", "", ("ZHY", "RSP")),
    "SRM^S01": ("建档、挂号或预约", "create, register or book", "c", "step", ("SRR",)),
    "SRM^S04": ("取消预约", "cancel an appointment", "c", "void", ("SRR",)),
    "DFT^P03": ("缴费、预交金", "payment or deposit", "m", "settlement", ("ACK",)),
    f"DFT^P03{VOID}": ("预交金作废", "take a deposit back", "m", "void", ("ACK",)),
    "QBP^ZYJ": ("预交金状态", "state of a deposit by its number", "", "", ("RSP",)),
    "QBP^ZDI": ("住院列表", "stays", "", "", ("RSP",)),
    "QBP^ZZL": ("住院日清单", "a stay's daily bill", "", "", ("RSP",)),
    "SQM^ZQ1": ("缴费记录", "payment records", "", "", ("SQR", "RSP")),
    "QBP^ZPI": ("已缴发票", "paid invoices", "", "", ("RSP",)),
    "QBP^ZDL": ("已缴明细", "paid lines", "", "", ("RSP",)),
}  # fmt: skip
_OPS: Final = {
    name: Op(name, zh, en, changes=what != "", money=what == "m", number=number)
    for name, (zh, en, what, number, _) in _TABLE.items()
}
_QUERIES: Final = frozenset(name for name, op in _OPS.items() if not op.changes)


class Settings(mllp.Settings):
    """The connection, as of any HL7 party, and where amounts stand."""

    amounts: Literal["yuan", "fen"] = "yuan"
    """money 各字段金额的单位，收发都按它：yuan 带两位小数的元，fen 整数分；与 HIS 不符，金额差一百倍
    · the unit of the fields of money, both ways: yuan with two places, or whole fen; a wrong one is an error by a
    hundred"""
    money: tuple[str, ...] = ("FT1_11_3", "FT1_15_3", "FT1_22_3")
    """放金额的字段，FT1_11_3 即 FT1-11.3；HIS 把金额放在别处（如 Z 段）时列全
    · the fields with amounts, FT1_11_3 is FT1-11.3; the whole list where a HIS has them elsewhere (Z segments)"""

    @field_validator("money")
    @classmethod
    def _places(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            place(name)
        return names


class HisHl7:
    """The send map makes the fields of the message; read maps see the fields of the answer."""

    kind = "his_hl7"
    about = About("his", "医院收费系统", "the hospital's system", role="his", simulator="his")
    settings: type[BaseModel] = Settings
    ops = _OPS
    outcomes: Final = (
        OutcomeRow("AA", Outcome.ACCEPTED),
        OutcomeRow("CA", Outcome.ACCEPTED),
        OutcomeRow("AR", Outcome.REFUSED),
        OutcomeRow("CR", Outcome.REFUSED),
        # AE says that something went wrong, not that nothing was done.
        OutcomeRow("AE", Outcome.REFUSED, _QUERIES),
        OutcomeRow("CE", Outcome.REFUSED, _QUERIES),
    )

    def open(self, settings: Settings) -> Settings:
        return settings

    def build(self, call: Outgoing) -> HttpRequest:
        settings: Settings = call.settings
        body = wire.body_of(call)
        if self.ops[call.op].number in ("settlement", "step") and call.number not in _texts(body):
            raise ValueError(f"{call.op}: no field holds own.number ({call.number})")
        code, _, event = call.op.removesuffix(VOID).partition("^")
        stamp = beijing(call.made or call.now, STAMP)
        if code == "QRY":  # its own time, which a map of a plain question does not know
            body = {"QRD_1": stamp, **body}
        elif code not in ("SRM", "DFT"):  # the query's tag, by which its answer names it
            body = {"QPD_2": call.nonce[:_MSH_10], **body}
        # The same when it is sent again; a question about a number is a message of its own each time.
        control = (call.number[-_MSH_10:] if self.ops[call.op].number else "") or call.nonce[:_MSH_10]
        message = begun(settings, code, event, control, stamp)
        fill(message, _money(body, settings.money, _written(settings.amounts)))
        return HttpRequest("MLLP", f"/{call.op}", ((CONTROL, control),), message.to_bytes())

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        settings: Settings = call.settings
        default = charset_named(settings.charset) or UTF_8
        verdict = read_ack(reply.body, request.header(CONTROL), default)
        if verdict.kind in (AckKind.MISMATCH, AckKind.UNREADABLE):
            return wire.not_intact(verdict.why)
        if verdict.kind is not AckKind.ACCEPTED:
            code = "DOUBTFUL" if verdict.kind is AckKind.DOUBTFUL else verdict.code
            if any(error.code == _DUPLICATE for error in verdict.errors):
                code = f"{code}-{_DUPLICATE}"  # our number is there already: what stands under it must be asked for
            return Answer(True, code, verdict.text[:200])
        try:
            message = parse(reply.body, default)
            if message.header.code not in _TABLE[call.op][4]:
                return wire.not_intact(f"{message.header.code} where {' or '.join(_TABLE[call.op][4])} was expected")
            body = _money(whole(message), settings.money, fen_of_yuan if settings.amounts == "yuan" else fen_of)
        except (Undecodable, BadAmount) as no:
            return wire.not_intact(str(no))
        state = body.get("QAK_2") or "OK"
        if state not in ("OK", "NF"):  # NF: nothing there, which is an answer
            return Answer(True, f"QAK-{state}"[:20], verdict.text[:200])
        return Answer(True, verdict.code, verdict.text[:200], body)

    def verify(self, settings: Settings, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


def _written(unit: str) -> Callable[[Any], Any]:
    return (lambda fen: yuan_of_fen(fen_of(fen))) if unit == "yuan" else (lambda fen: str(fen_of(fen)))


def _money(tree: Any, names: tuple[str, ...], change: Callable[[Any], Any]) -> Any:
    """The tree with the named fields changed, wherever they stand; BadAmount names the field."""
    if isinstance(tree, list):
        return [_money(one, names, change) for one in tree]
    if not isinstance(tree, dict):
        return tree
    made = {}
    for name, value in tree.items():
        try:
            made[name] = change(value) if name in names and value is not None else _money(value, names, change)
        except BadAmount:
            raise BadAmount(f"{name}: no amount in the agreed form") from None
    return made


def _texts(tree: Any) -> set[str]:
    """All texts in a tree."""
    if isinstance(tree, dict):
        return set().union(*map(_texts, tree.values()))
    if isinstance(tree, list):
        return set().union(*map(_texts, tree))
    return {tree} if isinstance(tree, str) else set()


PARTY: Final = HisHl7()
