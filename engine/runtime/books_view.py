"""What the books are checked on: rows of the parties' own ledgers, and what the store keeps of each settlement.

Plain values; nothing here reads a network, a store or a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from engine.saga.case import CaseState
from engine.saga.legs import OPEN, LegState
from engine.store.statement_rows import StatementRow

RESTED = frozenset({CaseState.SETTLED, CaseState.UNDONE, CaseState.REJECTED})


class Role(StrEnum):
    """What a party's ledger tells about."""

    HIS = "his"
    INSURANCE = "insurance"
    COMMERCIAL = "commercial"
    PAYMENT = "payment"
    INVOICE = "invoice"


def within(at: float, since: float | None, until: float | None) -> bool:
    """Whether an instant lies in the time that is compared; None: no end on that side."""
    return (since is None or at >= since) and (until is None or at < until)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One entry of a party's ledger or bill. `at` unix seconds, `amount` fen, `no` our number, `party_no` theirs.

    `kind`: order, charge, close, reverse, refund, register, upload, settle, cancel, book, void, lock, issue, write_off.
    `cash` and `account` (fen) are given for settlements of the insurance; HIS writes the cash part into `ref`. `fee`
    (fen) stands in bills only.
    """

    kind: str
    no: str
    at: float = 0.0
    amount: int = 0
    state: str = "done"
    bill: str = ""
    ref: str = ""
    party_no: str = ""
    cash: int | None = None
    account: int | None = None
    fee: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """What bills cover: from when to when, unix seconds; `slack`: how far the ends may lie elsewhere. `fee_bp`: the fee
    agreed, in 1/10000 of a charge, None where the bill tells none."""

    start: float
    end: float
    slack: float = 0.0
    fee_bp: int | None = None

    def holds(self, begun: float, known: float | None) -> bool:
        """Whether something that happened between these two instants must stand in the bills."""
        return known is not None and begun >= self.start + self.slack and known <= self.end - self.slack


@dataclass(frozen=True, slots=True)
class PartyBook:
    """One party's ledger. `party` is its name in engine.yaml. `span`: of bills, which hold some days only; None: the
    ledger holds everything. `also`: other connections to the same party (HL7), whose doings this ledger holds."""

    party: str
    role: Role
    rows: Sequence[LedgerRow]
    span: Span | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LegRow:
    """A leg as stored. Instants unix seconds, amount fen or None."""

    id: int
    step: str
    call: str
    party: str
    number: str
    state: LegState
    undo: bool = False
    of: int = 0
    attempt: int = 1
    amount: int | None = None
    created_at: float = 0.0
    next_at: float | None = None
    fence_at: float | None = None
    stopped: bool = False
    evidence: int = 0
    because: str = ""


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call as stored. `outcome` "" while it runs."""

    id: int
    leg_id: int
    purpose: str
    party: str
    op: str
    number: str
    started_at: float
    param_hash: str = ""
    outcome: str = "accepted"
    fact: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A change of state from the trail; `leg_id` 0: of the settlement."""

    at: float
    leg_id: int
    before: str
    after: str


@dataclass(slots=True)
class Kept:
    """One settlement as the store has it. Amounts in fen, None while unknown. `moves` in the trail's own order.
    `tasks`: kinds of its open tasks, each with its leg (0: none). `calls` is empty when they were purged."""

    no: str
    state: CaseState
    version: int = 0
    channel: str = ""
    created_at: float = 0.0
    amounts: Mapping[str, int | None] = field(default_factory=dict)
    bills: Sequence[tuple[str, bool]] = ()
    legs: Sequence[LegRow] = ()
    calls: Sequence[CallRow] = ()
    moves: Sequence[Move] = ()
    tasks: Sequence[tuple[str, int]] = ()

    @property
    def bill(self) -> str:
        """Its first bill, for showing."""
        return self.bills[0][0] if self.bills else ""

    @property
    def cash(self) -> int:
        """The patient's part in fen; 0 where no amounts are kept."""
        return self.amounts.get("cash") or 0

    @property
    def total(self) -> int:
        """The whole bill in fen; 0 where no amounts are kept."""
        return self.amounts.get("total") or 0

    def has_amounts(self) -> bool:
        """Whether it is about money: an admission or an upload of fees is not."""
        return self.amounts.get("total") is not None

    def is_return(self, leg: LegRow) -> bool:
        """Whether a leg gives back money of an earlier payment, as a step of its own (engine/runtime/numbers.py): it
        takes nothing and is never taken back."""
        return not leg.undo and leg.number == f"{self.no}B{leg.id}"

    def at_rest(self) -> bool:
        """Nothing of it is under way any more, so that all parties must agree."""
        return self.state in RESTED and not any(leg.state in OPEN for leg in self.legs)

    def leg_of(self, number: str) -> LegRow | None:
        """The first leg that carries this number."""
        return next((leg for leg in self.legs if leg.number == number), None)

    def definite_at(self, leg_id: int) -> float | None:
        """When the leg first was known as ok or no; None when that never happened."""
        place = self.definite(leg_id)
        return None if place is None else self.moves[place].at

    def begun(self, leg: LegRow) -> float:
        """Where in the trail the leg began. Its own order tells that of two things in one instant, and of what came
        before and after the clock was set. A leg the trail says nothing of lies by its time."""
        moved = next((at for at, move in enumerate(self.moves) if move.leg_id == leg.id), None)
        if moved is not None:
            return moved
        return next((at for at, move in enumerate(self.moves) if move.at > leg.created_at), len(self.moves)) - 0.5

    def definite(self, leg_id: int) -> int | None:
        """Where in the trail the leg first was known as ok or no; None when that never happened."""
        return next(self._places(leg_id, ("ok", "no")), None)

    def gone_well(self, leg_id: int) -> int | None:
        """Where in the trail the leg first was known as ok."""
        return next(self._places(leg_id, ("ok",)), None)

    def _places(self, leg_id: int, states: tuple[str, ...]) -> Iterator[int]:
        return (at for at, move in enumerate(self.moves) if move.leg_id == leg_id and move.after in states)

    def ok_after_person(self, leg_id: int) -> bool:
        """Whether the leg needed a person before it was known as ok."""
        mine = [move for move in self.moves if move.leg_id == leg_id]
        called = next((at for at, move in enumerate(mine) if move.after == "manual"), len(mine))
        return any(move.after == "ok" for move in mine[called:])


@dataclass(slots=True)
class StoreView:
    """The store at one instant. `settlements`: those to be checked; `numbers`: our number → settlement, also of
    settlements that are not in the view; `now` unix seconds; `statements`: what the daily comparisons left over."""

    settlements: dict[str, Kept]
    numbers: Mapping[str, str]
    now: float
    statements: Sequence[StatementRow] = ()

    def owner(self, number: str) -> str | None:
        """The settlement a number belongs to."""
        if number in self.settlements:
            return number
        return self.numbers.get(number)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is still in order. Seconds. `open_s`: a settlement may be on its way without a person; `call_s`: a call may
    run; `skew_s`: a party's clock may be behind ours."""

    open_s: float = 7200.0
    call_s: float = 600.0
    skew_s: float = 2.0
