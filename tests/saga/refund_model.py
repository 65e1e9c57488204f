"""An explicit-state model of giving money back: engine, channel, HIS, a cashier, a network that loses and delays.

One payment of two units stands, one unit is to be returned (so that a channel which only counts cannot save us from a
second refund). The refund leg moves by the product's own undo table (`engine.saga.legs.UNDO`); what that table has no
state for, the way to the window, is the procedure people follow: dead, fence, a new inquiry, then cash. Breadth first
over every interleaving; each request may be lost, executed without an answer, or executed late. Judged by the parties.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from engine.saga.legs import LegEvent, LegState, row

L, E = LegState, LegEvent
Message = tuple[str, ...]
WIRE_MAX = 3


class Rules(NamedTuple):
    """The engine's and the desk's rules; each may be taken away."""

    refund_number_fixed: bool = True  # a retry carries the number it had
    window_only_when_no: bool = True  # cash only after the online refund is definitely no
    not_enough_needs_fence: bool = True  # "balance too small" is not a definite no while a request is on its way
    not_there_needs_fence: bool = True  # nor is "no such refund"
    pending_is_not_done: bool = True  # accepted is not returned
    his_first: bool = True  # HIS cancels before money goes back
    bill_locked: bool = True  # the cashier cannot collect what is being paid online
    his_refuses_second: bool = True  # HIS books one bill once


class State(NamedTuple):
    """Everything durable, plus what is on the wire.

    `leg`: the refund by the undo table, None before it begins; `dead`: never sent again; `fenced`: nothing on its way
    can take effect; `asked`: an inquiry begun after the fence said no. `channel`: the refund under each number: "-"
    none, "p" processing, "d" done, "a" abnormal. `his`: "s" settled, "c" cancelled. `cash`: units paid at the window.
    """

    leg: LegState | None = None
    dead: bool = False
    fenced: bool = False
    asked: bool = False
    tries: int = 0
    channel: tuple[str, str] = ("-", "-")
    his: str = "s"
    his_known: str = "s"
    cash: int = 0
    wire: tuple[Message, ...] = ()
    told: bool = False  # a person has the case: the patient goes to the window
    poor: bool = True  # the merchant's balance is too small for now


def _send(s: State, message: Message) -> Iterator[State]:
    if len(s.wire) < WIRE_MAX and message not in s.wire:
        yield s._replace(wire=tuple(sorted((*s.wire, message))))


def _hears(s: State, event: LegEvent) -> State:
    """The product's undo table decides."""
    assert s.leg is not None
    return s._replace(leg=row(True, s.leg, event)[0])


class Refunding:
    """The transition relation under a set of rules."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def next(self, s: State) -> Iterator[tuple[str, State]]:
        yield from self._engine(s)
        yield from self._desk(s)
        yield from self._network(s)
        if s.poor:
            yield "the merchant's balance is filled", s._replace(poor=False)
        for k, state in enumerate(s.channel):
            if state == "p":
                yield f"refund {k} is returned", s._replace(channel=_set(s.channel, k, "d"))
                yield f"refund {k} bounces", s._replace(channel=_set(s.channel, k, "a"))

    def _engine(self, s: State) -> Iterator[tuple[str, State]]:
        if s.his_known == "s":
            for after in _send(s, ("void",)):
                yield "HIS is asked to cancel", after
        if s.leg is None and (s.his_known == "c" or not self.rules.his_first):
            ready, _ = row(True, L.READY, E.COMMITTED)
            for after in _send(s._replace(leg=ready, tries=1), ("refund", "0")):
                yield "refund is sent", after
        if s.leg is L.SENT:
            yield "silence", _hears(s, E.UNKNOWN)
        if s.leg is L.UNSURE and not s.dead:
            again = "0" if self.rules.refund_number_fixed else "1"
            for after in _send(s._replace(tries=2), ("refund", again)):
                yield "refund is sent again", after
            yield "the patient is sent to the window: never sent again", s._replace(dead=True)
        if s.leg in (L.UNSURE, L.MANUAL):
            for after in _send(s, ("ask", "late" if s.fenced else "early")):
                yield "asks", after
        if s.dead and not s.fenced and not any(m[0] == "refund" for m in s.wire):
            yield "the fence", s._replace(fenced=True)

    def _desk(self, s: State) -> Iterator[tuple[str, State]]:
        """The cashier pays cash: only what is definitely not coming online, and only once."""
        if s.cash or s.leg in (None, L.OK):
            return
        proven = s.dead and s.fenced and s.asked
        if proven or s.told or (not self.rules.window_only_when_no and s.leg is L.UNSURE):
            yield "cash at the window", s._replace(cash=1, dead=True)

    def _network(self, s: State) -> Iterator[tuple[str, State]]:
        for message in dict.fromkeys(s.wire):
            at = s.wire.index(message)
            rest = s._replace(wire=s.wire[:at] + s.wire[at + 1 :])
            yield f"lost {message}", rest
            if message[0] in ("refund", "ask", "void"):
                after, reply = self._execute(rest, message)
                yield f"{message} executed, no answer", after
                for heard in _send(after, reply):
                    yield f"{message} executed: {reply[1]}", heard
            else:
                yield f"heard {message}", self._hear(rest, message)

    def _execute(self, s: State, m: Message) -> tuple[State, Message]:
        if m[0] == "void":
            return s._replace(his="c"), ("voided", "yes")
        if m[0] == "ask":
            fact = {"-": "not_there", "p": "waiting", "d": "there", "a": "closed"}[s.channel[0]]
            return s, ("fact", fact, m[1])
        k = int(m[1])
        if s.channel[k] == "-":
            if s.poor:
                return s, ("refunded", "not_enough")
            return s._replace(channel=_set(s.channel, k, "p")), ("refunded", "processing")
        return s, ("refunded", {"p": "processing", "d": "yes", "a": "processing"}[s.channel[k]])

    def _hear(self, s: State, m: Message) -> State:
        if m[0] == "voided":
            return s._replace(his_known="c")
        if s.leg is None:
            return s
        if m[0] == "refunded":
            return self._answered(s, m[1])
        if m[1] == "not_there" and s.fenced and m[2] == "late":
            return s._replace(asked=True)
        if m[1] == "not_there" and not self.rules.not_there_needs_fence and s.dead:
            return s._replace(told=True)
        if m[1] == "closed":
            after = _hears(s, E.CLOSED)
            return after._replace(told=True, dead=True) if after.leg is L.MANUAL else after
        return _hears(s, LegEvent(m[1]))

    def _answered(self, s: State, said: str) -> State:
        if said == "not_enough":
            told = not self.rules.not_enough_needs_fence
            return _hears(s, E.UNKNOWN)._replace(told=s.told or told, dead=s.dead or told)
        if said == "processing":
            return _hears(s, E.PENDING if self.rules.pending_is_not_done else E.ACCEPTED)
        return _hears(s, E.ACCEPTED)


def _set(pair: tuple[str, str], k: int, value: str) -> tuple[str, str]:
    return (value, pair[1]) if k == 0 else (pair[0], value)


def wrong(s: State) -> str:
    """What must never be, in one line; or ""."""
    online = sum(1 for state in s.channel if state in "pd")
    if online + s.cash > 1:
        return "returned twice"
    if online and s.his == "s":
        return "money back, HIS active"
    if s.leg is L.OK and "a" in s.channel and not s.cash and not online:
        return "booked as returned, the patient has nothing"
    return ""


def reaches_rest(s: State) -> bool:
    """Done well: the patient has the unit once, and we know."""
    return (s.leg is L.OK and "d" in s.channel) or bool(s.cash)


class Collecting(NamedTuple):
    """The other race: the bill is paid online while a cashier may take cash for it. `online`: "-" none, "l" locked and
    being paid, "p" paid, "b" booked at HIS, "r" given back; `cash`: collected at the window."""

    online: str = "-"
    cash: bool = False
    booked: int = 0


def collecting_next(s: Collecting, rules: Rules) -> Iterator[tuple[str, Collecting]]:
    """Lock, pay, book, or give back when HIS refuses; and a cashier at any moment."""
    if s.online == "-" and not (s.cash and rules.bill_locked):
        yield "locks the bill", s._replace(online="l")
    if s.online == "l":
        yield "paid online", s._replace(online="p")
        yield "abandoned", s._replace(online="-")
    if s.online == "p":
        if s.booked and rules.his_refuses_second:
            yield "HIS refuses, the money goes back", s._replace(online="r")
        else:
            yield "HIS books the online payment", s._replace(online="b", booked=s.booked + 1)
    held = rules.bill_locked and s.online in "lp"
    if not s.cash and not held and not (s.booked and rules.his_refuses_second):
        yield "the cashier collects", s._replace(cash=True, booked=s.booked + 1)


def collecting_wrong(s: Collecting) -> str:
    """Cash and online both kept for one bill."""
    return "cash and online both booked" if s.booked > 1 else ""


def search(rules: Rules) -> tuple[int, str, list[str], int]:
    """(states seen, what went wrong or "", the shortest way there, states from which no good end can be reached)."""
    model = Refunding(rules)
    came: dict[State, tuple[State | None, str]] = {State(): (None, "")}
    before: dict[State, list[State]] = {}
    queue = deque(came)
    while queue:
        state = queue.popleft()
        if bad := wrong(state):
            return len(came), bad, _way(came, state), 0
        for label, after in model.next(state):
            before.setdefault(after, []).append(state)
            if after not in came:
                came[after] = (state, label)
                queue.append(after)
    return len(came), "", [], len(came) - len(_can_rest(came, before))


def _can_rest(came: dict[State, tuple[State | None, str]], before: dict[State, list[State]]) -> set[State]:
    good = {state for state in came if reaches_rest(state)}
    queue = deque(good)
    while queue:
        for earlier in before.get(queue.popleft(), ()):
            if earlier not in good:
                good.add(earlier)
                queue.append(earlier)
    return good


def _way(came: dict[State, tuple[State | None, str]], state: State) -> list[str]:
    labels: list[str] = []
    at: State | None = state
    while at is not None:
        before, label = came[at]
        labels.append(label)
        at = before
    return labels[-2::-1]


def search_collecting(rules: Rules) -> tuple[int, str]:
    """(states seen, what went wrong or "") of the race with the cashier."""
    seen, queue = {Collecting()}, deque([Collecting()])
    while queue:
        state = queue.popleft()
        if bad := collecting_wrong(state):
            return len(seen), bad
        for _, after in collecting_next(state, rules):
            if after not in seen:
                seen.add(after)
                queue.append(after)
    return len(seen), ""
