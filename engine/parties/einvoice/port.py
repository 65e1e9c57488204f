"""The e-invoice port: what the engine asks of any platform for medical e-invoices, and where another one plugs in.

The operations (`OPS`) are the same whatever the platform; a platform is a table (`Platform`) and two functions:

    wrap(settings, service, body, nonce) -> HttpRequest     the bytes of one call
    unwrap(settings, reply) -> Answer                       its code, text and body; not intact when it proves nothing

What every platform's table must promise, so that channels may rely on it:

* an operation with a number issues once: the same number and content again is the same bill, whatever else it answers;
* "written off already" is accepted for a write-off, "voided already" for the voiding of a paper;
* "issued already", "exchanged already" and words of trouble are unknown: the inquiry decides;
* only an explicit no in an intact reply is refused.

Field names are the platform's own and live in the maps. What channels hand on is the same for all: the read maps make
`code`, `number`, `check`, `url` of an invoice. docs/einvoice.md tells the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from engine.core.http import HttpReply, HttpRequest
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing

Tree = Any
Wrap = Callable[[Any, str, Mapping[str, Tree], str], HttpRequest]
Unwrap = Callable[[Any, HttpReply], Answer]


def _issue(name: str, zh: str, en: str) -> Op:
    return Op(name, zh, en, changes=True, money=True, number="bus")


_TABLE: Final = (
    _issue("issue", "开具门诊票据", "issue an outpatient invoice"),
    _issue("issue_registration", "开具挂号票据", "issue a registration invoice"),
    _issue("issue_inpatient", "开具住院票据", "issue an inpatient invoice"),
    _issue("issue_checkup", "开具体检票据", "issue an invoice of a physical examination"),
    _issue("voucher", "开具预交金凭证", "issue a deposit voucher"),
    Op("write_off", "冲红票据", "write off an invoice", changes=True, money=True),
    Op("voucher_back", "预交金凭证冲红", "write off a deposit voucher", changes=True, money=True),
    Op("find", "按业务号查询票据", "find an invoice by our number"),
    Op("state", "查询票据状态", "ask for an invoice's state"),
    Op("day_list", "按业务时间查询票据", "list the invoices of a period"),
    Op("totals", "总笔数核对", "a day's number and sum of invoices"),
    Op("write_off_totals", "退费数据核对", "a day's number and sum of write-offs"),
    Op("paper_batches", "可用纸质票据代码", "paper batches at hand"),
    Op("paper_next", "下一纸质票号", "the next paper number"),
    Op("paper_exchange", "换开纸质票据", "exchange an invoice for paper", changes=True),
    Op("paper_again", "重新换开纸质票据", "exchange for another paper", changes=True),
    Op("paper_void", "作废换开的纸质票据", "void an exchanged paper", changes=True),
    Op("paper_void_blank", "作废空白纸质票据", "void blank papers", changes=True),
)
OPS: Final[Mapping[str, Op]] = {op.name: op for op in _TABLE}
CHANGES: Final = frozenset(op.name for op in _TABLE if op.changes)
WRITE_OFFS: Final = frozenset({"write_off", "voucher_back"})


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform's table. `services`: our operation → its service (those it lacks are left out); `number`: the field
    of a request that carries our number; `outcomes`: what its codes and texts mean."""

    kind: str
    about: About
    settings: type[BaseModel]
    services: Mapping[str, str]
    number: str
    outcomes: tuple[OutcomeRow, ...]
    wrap: Wrap
    unwrap: Unwrap

    def __post_init__(self) -> None:
        if strange := self.services.keys() - OPS.keys():
            raise ValueError(f"{self.kind}: no operations of the port: {', '.join(sorted(strange))}")


class EInvoice:
    """A platform of the port as a party."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.kind, self.about, self.settings = platform.kind, platform.about, platform.settings
        self.ops: Mapping[str, Op] = {name: op for name, op in OPS.items() if name in platform.services}
        known = frozenset(self.ops)
        self.outcomes = tuple(
            OutcomeRow(row.code, row.outcome, row.ops & known, row.text, because=row.because) if row.ops else row
            for row in platform.outcomes if not row.ops or row.ops & known
        )  # fmt: skip

    def open(self, settings: Any) -> Any:
        return settings

    def build(self, call: Outgoing) -> HttpRequest:
        if self.ops[call.op].number:
            wire.own_number(call, self._platform.number)
        return self._platform.wrap(call.settings, self._platform.services[call.op], wire.body_of(call), call.nonce)

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        if reply.status != 200:
            return wire.not_intact(f"HTTP {reply.status}")
        return self._platform.unwrap(call.settings, reply)

    def verify(self, settings: Any, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)
