"""A settlement channel's steps, compiled: what to do in which order, and how each is asked, stopped and undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.saga.case import End


class StepKind(StrEnum):
    """What a step is.

    DO talks with a party, CHECK tests rules, WORK runs a map, AWAIT waits for an event, OBSERVE notes a leg that
    another party carried (HIS-led settlement), TELL hands a message to a deliver channel."""

    DO = "do"
    CHECK = "check"
    WORK = "work"
    AWAIT = "await"
    OBSERVE = "observe"
    TELL = "tell"


class Repeats(StrEnum):
    """Whether a call may be sent again when its answer did not come."""

    FREELY = "freely"  # nothing changes outside
    SAME_NUMBER = "same_number"  # the party recognises the number
    NEVER = "never"  # only an inquiry tells


@dataclass(frozen=True, slots=True)
class CallRule:
    """What the saga needs to know of a call. `number`: kind of our number it carries, "" for none. `question`:
    it only asks. `late_max`: seconds after which a request already sent can no longer take effect, as agreed with the
    party."""

    name: str
    party: str
    op: str
    repeats: Repeats = Repeats.NEVER
    ask: str = ""
    number: str = ""
    changes: bool = False
    money: bool = False
    question: bool = False
    late_max: float = 120.0


@dataclass(frozen=True, slots=True)
class Step:
    """One row of `settle.steps` or `settle.final`.

    `key` is unique in the plan. `condition` is the text of `if:` ("" = always). `each` is the data path of the list
    that `for_each` walks, `each_as` the name of the item, `gather` the name of the list of what its items' calls made.
    `maps` are the maps of a check, work or observe step.
    `within`: seconds a leg may stay unsure before it is given up, or an await may last (0: the default).
    `go_on`: what is known not to have happened does not end the settlement; it goes on without it.
    `undo_first`: when a settlement that stood goes back, it is undone before all others; its party may refuse.
    An observe step says who carried the leg (`party`) and inside which of our own calls (`by`).
    """

    key: str
    kind: StepKind
    final: bool = False
    call: str = ""
    ask: str = ""
    stop: str = ""
    undo: str = ""
    undo_first: bool = False
    again: str = ""
    go_on: bool = False
    answer: str = ""
    condition: str = ""
    each: str = ""
    each_as: str = ""
    gather: str = ""
    maps: tuple[str, ...] = ()
    must_equal: str = ""
    within: float = 0.0
    by: str = ""
    party: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """One row of `settle.ends`: the deliver channel that is told, and of which ends."""

    tell: str
    at: frozenset[End]


@dataclass(frozen=True, slots=True)
class Plan:
    """The compiled `settle:` of a channel."""

    channel: str
    steps: tuple[Step, ...]
    calls: Mapping[str, CallRule]
    attempts_max: int = 5  # ways of paying a patient may try in one settlement
    ends: tuple[Ending, ...] = ()

    def index(self, key: str) -> int:
        """Where the step with this key stands; ValueError when there is none."""
        for i, step in enumerate(self.steps):
            if step.key == key:
                return i
        raise ValueError(f"no step {key!r} in {self.channel!r}")
