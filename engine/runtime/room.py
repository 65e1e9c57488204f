"""One open settlement in memory: its case, the queue of what it has yet to hear, and who waits for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from engine.core.world import DelayedCall
from engine.runtime.handing import Handed
from engine.runtime.judge import SiteJudge
from engine.saga.case import Case, CaseState
from engine.saga.events import Command, Event, Send
from engine.saga.legs import Leg
from engine.saga.moving import cannot_move
from engine.saga.plan import Plan
from engine.store.contract import Unit, Write
from engine.store.sealing import Sealer


@dataclass(slots=True)
class Letter:
    """An event on its way to a settlement. `once`: (event name, key, body hash) of a repeatable request; `first`:
    writes to be stored in one unit with what it leads to."""

    event: Event
    done: Deferred[Case] | None = None  # None: nobody waits, failures are reported where they happen
    once: tuple[str, str, str] | None = None
    talk: object = None
    first: tuple[Write, ...] = ()
    onto: SiteJudge | None = None  # the settlement goes on under this version, if it can

    def fail(self, problem: Exception | Failure | None) -> None:
        """Tell who waits that it came to nothing, and why; nothing when None."""
        if self.done is not None and problem is not None:
            self.done.errback(problem)


@dataclass(slots=True)
class Turn:
    """One event on its way to the store: what is to be kept (`unit`), and what may be done once it is. `call_ids` maps
    the id() of each Send to its call's id."""

    before: CaseState
    now: float
    commands: list[Command]
    sends: list[Send]
    call_ids: dict[int, int]
    told: list[Handed] = field(default_factory=list)
    unit: Unit = field(default_factory=lambda: Unit("", ()))
    label: str = ""
    stored: bool = False


ASKED_MAX = 100  # different requests of one kind that a settlement hears: each is kept with it, a refund asks a party


class RepeatDiffers(Exception):
    """The same number came again with other content."""


class AskedTooOften(Exception):
    """The settlement has heard ASKED_MAX requests of this kind, each under another number; the text is the kind."""


class CannotMove(Exception):
    """The settlement cannot go on under the other version; the text says why."""


@dataclass(slots=True)
class Room:
    """All events of one settlement pass through here, one at a time: that is the lock of its bills."""

    case: Case
    plan: Plan
    judge: SiteJudge
    queue: deque[Letter] = field(default_factory=deque)
    busy: bool = False
    timer: DelayedCall | None = None
    stored: dict[int, tuple[object, ...]] = field(default_factory=dict)
    standing: dict[int, tuple[object, ...]] = field(default_factory=dict)  # what a turn on its way there will store
    waiting: list[Deferred[None]] = field(default_factory=list)
    looking: list[Deferred[Case | None]] = field(default_factory=list)  # who looks while a turn is not yet stored
    sealer: Sealer | None = None
    word: str = ""  # what the API said of it after the last stored change

    def move(self, onto: SiteJudge | None) -> None:
        """Go on under another version from this turn on, if one is given. CannotMove when what was done differs."""
        if onto is None:
            return
        why = cannot_move(self.case, self.plan, onto.plan)
        if why:
            raise CannotMove(why)
        self.case.site_hash = onto.site.content_hash
        self.judge, self.plan = onto, onto.plan

    def repeated(self, once: tuple[str, str, str] | None) -> bool:
        """Whether this request was heard before; from now on it was. Errors: RepeatDiffers, AskedTooOften."""
        if once is None:
            return False
        name, key, digest = once
        heard = self.case.data.setdefault("_once", {}).setdefault(name, {})
        if key in heard:
            if heard[key] != digest:
                raise RepeatDiffers(key)
            return True
        if len(heard) >= ASKED_MAX:
            raise AskedTooOften(name)
        heard[key] = digest
        return False

    def changed_legs(self) -> list[Leg]:
        """Legs that differ from what the store has; it has them once the turn is stored (`remember`)."""
        stored = self.stored
        self.standing = standing = {leg.id: _row(leg) for leg in self.case.legs}
        return [leg for leg in self.case.legs if stored.get(leg.id) != standing[leg.id]]

    def remember(self) -> None:
        """The turn is stored: the legs are there as `changed_legs` saw them."""
        self.stored = self.standing

    def may_ask_early(self, send: Send) -> bool:
        """Whether a call need not wait for the disk: a pure question of a settlement that is stored already. Its answer
        is heard after the turn is stored, as any other; if the turn is lost, so is the question, and is asked anew."""
        return send.purpose == "do" and self.plan.calls[send.call].question and self.case.version > 1

    def made(self, send: Send) -> float:
        """When what is sent was first there, 0 for what is of this moment: a repeat says the same."""
        return self.case.leg(send.leg_id).created_at if send.purpose == "do" else 0.0

    def loaded(self) -> None:
        """The case was just read from the store."""
        self.changed_legs()
        self.remember()

    def show(self) -> None:
        """The turn is stored: whoever wanted to look sees the settlement as it now stands."""
        looking, self.looking = self.looking, []
        for one in looking:
            one.callback(self.case)

    def wake(self) -> None:
        """Tell everybody who waits for a change."""
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            if not one.called:
                one.callback(None)


_row: Callable[[Leg], tuple[object, ...]] = attrgetter(*(f for f in Leg.__dataclass_fields__ if f != "in_flight"))
"""A leg's stored values; all are plain and immutable."""
