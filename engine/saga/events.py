"""What a settlement hears, and what it wants done. Both are plain values; the driver brings and carries them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.core.outcome import Fact, Outcome
from engine.saga.case import Case, End, Reason
from engine.saga.legs import Leg

Tree = Any


@dataclass(frozen=True, slots=True)
class Started:
    """The settlement was just created."""


@dataclass(slots=True)
class Answered:
    """A call of a leg ended. `purpose`: do, ask or stop. `outcome` None: no byte of it was sent. `fact` for inquiries.
    `made`: the read map's output; `differs`: names of values that must equal ours and do not."""

    leg_id: int
    purpose: str
    outcome: Outcome | None
    fact: Fact | None = None
    made: Tree = None
    differs: tuple[str, ...] = ()
    code: str = ""
    text: str = ""
    call_id: int = 0
    started_at: float = 0.0


@dataclass(frozen=True, slots=True)
class FactHeard:
    """A party told by itself (callback) what became of a leg's number."""

    leg_id: int
    fact: Fact
    made: Tree = None
    differs: tuple[str, ...] = ()
    code: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """An awaited event arrived, such as the patient's way of paying."""

    event: str
    body: Tree


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The terminal or the patient gave up. `by`: the client that said so."""

    reason: Reason
    by: str = ""


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """A settled bill is to be taken back, whole: invoice, HIS, insurance, and the money last. `by`: the client."""

    reason: Reason
    by: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """Read from the store again, after a restart or a rest: whatever was on the wire is lost."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A person decided about a settlement that needed one: go back, with a reason. `verdicts`: leg id → `done` (it took
    effect, or for an undo: a person did it), `not_done`, `again` (try the undo once more), or `off`
    (it is not undone and shall not be: the settlement stands, where `may_still_stand`)."""

    reason: Reason
    verdicts: Mapping[int, str] = field(default_factory=dict)


Event = Started | Answered | FactHeard | Heard | Cancelled | RefundAsked | Tick | Recovered | Resolved


@dataclass(slots=True)
class Send:
    """Send this call for this leg, once the new state is stored. `number` is the call's own number; `body` what the
    send map made."""

    leg_id: int
    purpose: str
    call: str
    number: str
    body: Tree


@dataclass(frozen=True, slots=True)
class Task:
    """A person must look. `kind` is stable: differs, undo_refused, undo_unknown, undo_slow, fence_unknown,
    late_payment, undone_outside, final_refused, cannot_send, cannot_ask. `again`: somebody was told already, and it has
    happened once more."""

    kind: str
    leg_id: int
    text: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class TaskOver:
    """What a person was told of has ended by itself, or became another task: close it."""

    kind: str
    leg_id: int


@dataclass(slots=True)
class Moved:
    """For the trail: the settlement or a leg changed state."""

    what: str
    before: str
    after: str
    why: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Hand a message about the settlement to this deliver channel, in the unit that stores the new state. `end`: what
    it tells of, None of a step; `leg_id`: the undo that gave late money back, else 0."""

    channel: str
    end: End | None = None
    leg_id: int = 0


Command = Send | Task | TaskOver | Moved | Tell


class Refused(Exception):
    """A map or a rule says no while a step is being prepared; nothing of it was sent."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


class Judge(Protocol):
    """What only the site can tell: conditions, maps, numbers. Pure; numbers come from a stored counter."""

    def holds(self, condition: str, case: Case) -> bool:
        """Whether a condition holds. Refused when it cannot be decided."""

    def checks(self, maps: Sequence[str], case: Case) -> None:
        """Raises Refused when a rule does not hold."""

    def work(self, name: str, case: Case) -> Tree:
        """What a map of this name makes of the case's data. Refused when it cannot."""

    def items(self, path: str, case: Case) -> Sequence[Tree]:
        """The list at a path of the case's data. Refused when there is none."""

    def number(self, kind: str, case: Case, leg: Leg) -> str:
        """A number of this kind: the leg's own, always the same, or for a message (msgid) a new one."""

    def amount(self, call: str, case: Case, leg: Leg) -> int | None:
        """What the call moves, in fen; None for one that moves nothing."""

    def body(self, call: str, case: Case, leg: Leg, purpose: str, number: str) -> Tree:
        """The send map's output; raises Refused when the map cannot make it."""

    def drift(self, must_equal: str, call: str, case: Case) -> Reason | None:
        """Why two calls' outputs differ in an amount that both have; None when they do not."""

    def reason(self, leg: Leg, case: Case) -> Reason:
        """Why this leg is `no`, in words for the patient and the desk."""
