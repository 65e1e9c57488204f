"""An explicit-state model of the settlement leg of a HIS that leads: two effects inside one answer.

The patient has paid. The engine of the model decides by the product's own leg tables (`engine.saga.legs`) and by the
machine's rules around a stop that takes back what it finds. The HIS settles with the insurance, then books; it may stop
between the two, and may go on by itself. Requests are lost, late, repeated; the process may die. Breadth first over
every interleaving; what is checked is what the parties hold, never the engine's opinion.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from engine.saga.legs import LegEvent, LegState, row

L, E = LegState, LegEvent
OPEN = (L.SENT, L.UNSURE, L.DEAD, L.FENCED)
WIRE_MAX = 3


class Rules(NamedTuple):
    """What keeps it safe; each may be taken away."""

    half_is_waiting: bool = True  # settled inside but not booked: neither done nor not done
    failed_booking_is_unknown: bool = True  # a booking that fails inside is no refusal
    refusal_of_a_repeat_is_unknown: bool = True
    silence_is_unknown: bool = True
    not_there_waits_for_the_fence: bool = True
    only_after_the_fence: bool = True  # an inquiry that began before it tells nothing
    stop_may_take_back: bool = True  # being there is no ground to go on while a void may still arrive
    new_stop_moves_the_fence: bool = True
    void_reverses_the_half: bool = True  # the HIS's part of the contract
    refused_number_is_buried: bool = True  # likewise
    number_is_once: bool = True  # likewise


class State(NamedTuple):
    """`his`: of our number, - nothing, h half (insurance settled, not booked), s settled and booked, v void. `insured`:
    settlements standing at the insurance; `booked` at the HIS. `tries`: how often the request left; `stopped`: a stop
    was sent since the last fence; `money`: kept by the channel. `wire` sorted; `dies` left."""

    leg: LegState = L.SENT
    his: str = "-"
    insured: int = 0
    booked: int = 0
    money: int = 1
    tries: int = 1
    voiding: bool = False  # the leg is known as done and is being taken back
    wire: tuple[tuple[str, ...], ...] = (("settle",),)
    phase: str = "fore"  # fore, back, settled, undone, person
    dies: int = 1


class Model:
    """The transition relation under a set of rules."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def next(self, s: State) -> Iterator[tuple[str, State]]:
        """Everything that may happen now."""
        yield from self._his_alone(s)
        for m in dict.fromkeys(s.wire):
            rest = s._replace(wire=_without(s.wire, m))
            if m[0] in ("settle", "ask", "void"):
                yield f"{m[0]} is lost", rest
                for said, after, reply in self._execute(rest, m):
                    yield f"{m[0]} → {said}, no answer", after
                    yield from _sent(f"{m[0]} → {said}", after, reply)
            else:
                yield f"{m} is lost", rest
                yield f"{m} is heard", self._hear(rest, m)
        yield from self._engine(s)
        if s.dies and s.phase in ("fore", "back"):
            wire = tuple(m for m in s.wire if m[0] in ("settle", "void"))
            leg = row(False, s.leg, E.CRASH)[0] if s.leg in OPEN else s.leg
            yield "the engine dies", s._replace(leg=leg, wire=wire, dies=0)

    # The HIS

    def _his_alone(self, s: State) -> Iterator[tuple[str, State]]:
        if s.his == "h":
            yield "the HIS books by itself", s._replace(his="s", booked=s.booked + 1)

    def _execute(self, s: State, m: tuple[str, ...]) -> Iterator[tuple[str, State, tuple[str, ...]]]:
        if m[0] == "settle":
            yield from self._settle(s)
        elif m[0] == "ask":
            half = "waiting" if self.rules.half_is_waiting else "not_there"
            fact = {"-": "not_there", "h": half, "s": "there", "v": "closed"}[s.his]
            yield fact, s, ("fact", fact, m[1])
        else:
            yield from self._void(s)

    def _settle(self, s: State) -> Iterator[tuple[str, State, tuple[str, ...]]]:
        failed = "unknown" if self.rules.failed_booking_is_unknown else "refused"
        if s.his == "-" or (s.his == "s" and not self.rules.number_is_once and s.insured < 2):
            buried = "v" if self.rules.refused_number_is_buried else s.his
            yield "refused", s._replace(his=buried), ("settled", "refused")
            half = s._replace(his="h", insured=s.insured + 1)
            yield "settled inside, not booked", half, ("settled", failed)
            yield "settled and booked", half._replace(his="s", booked=s.booked + 1), ("settled", "accepted")
        else:
            yield "as before", s, ("settled", {"h": failed, "s": "accepted", "v": "refused"}[s.his])

    def _void(self, s: State) -> Iterator[tuple[str, State, tuple[str, ...]]]:
        half_left = s.his == "h" and not self.rules.void_reverses_the_half
        gone = s._replace(his="v", insured=s.insured if half_left else 0, booked=0)
        yield "void", gone, ("voided", "yes")
        if s.his in ("h", "s"):
            yield "the insurance is silent", s, ("voided", "no")

    # The engine

    def _engine(self, s: State) -> Iterator[tuple[str, State]]:
        if s.phase not in ("fore", "back"):
            return
        if s.leg is L.SENT:
            silence = E.UNKNOWN if self.rules.silence_is_unknown else E.REFUSED
            yield "silence", self._becomes(s, silence)
        if s.leg is L.UNSURE:
            yield from _sent("asks", s, ("ask", "early"))
            if s.tries < 2:
                yield from _sent("repeats", s._replace(tries=2), ("settle", "again"))
            yield "gives up", self._becomes(s, E.GIVE_UP)
            yield "goes back", self._becomes(s._replace(phase="back"), E.GIVE_UP)
        if s.leg is L.DEAD:
            yield from _sent("voids", s, ("void",))
            if not any(m[0] in ("settle", "void") for m in s.wire):
                yield "the fence", self._becomes(s, E.FENCE_REACHED)
        if s.leg is L.FENCED:
            yield from _sent("asks after the fence", s, ("ask", "early" if ("void",) in s.wire else "late"))
            yield from _sent("voids again", self._fence_moved(s), ("void",))
        yield from self._at_rest(s)

    def _fence_moved(self, s: State) -> State:
        """What was asked before a new stop was asked before the new fence."""
        if not self.rules.new_stop_moves_the_fence:
            return s
        return s._replace(wire=tuple(sorted({(*m[:-1], "early") if m[0] in ("ask", "fact") else m for m in s.wire})))

    def _at_rest(self, s: State) -> Iterator[tuple[str, State]]:
        if s.leg is L.OK and s.phase == "fore":
            yield "settled", s._replace(phase="settled")
        if s.leg is L.OK and s.phase == "back":
            yield from _sent("takes it back", s._replace(voiding=True), ("void",))
        if s.leg is L.NO:
            yield "money goes back", s._replace(money=0, phase="undone")

    def _becomes(self, s: State, event: LegEvent) -> State:
        return s._replace(leg=row(False, s.leg, event)[0])

    def _hear(self, s: State, m: tuple[str, ...]) -> State:
        if s.phase not in ("fore", "back"):
            return s
        if m[0] == "voided":
            if s.voiding:
                return s._replace(leg=L.NO) if m[1] == "yes" else s
            if s.leg not in (L.DEAD, L.FENCED):
                return s
            return self._becomes(s, E.STOP_ACCEPTED if m[1] == "yes" else E.STOP_FAILED)
        if s.leg not in OPEN:
            return s
        event = LegEvent(m[1])
        under_way = s.leg in (L.DEAD, L.FENCED)
        if m[0] == "settled":
            if event is E.REFUSED and s.tries > 1 and self.rules.refusal_of_a_repeat_is_unknown:
                event = E.UNKNOWN
            if event is E.ACCEPTED and under_way and self.rules.stop_may_take_back:
                event = E.UNKNOWN
            if event is E.REFUSED and under_way:
                event = E.UNKNOWN
            return self._becomes(s, event)
        if s.leg is L.FENCED and m[2] == "early" and self.rules.only_after_the_fence:
            event = E.FACT_UNKNOWN
        if s.leg is L.FENCED and event is E.THERE and ("void",) in s.wire and self.rules.stop_may_take_back:
            event = E.FACT_UNKNOWN
        if s.leg is L.DEAD and event is E.THERE and self.rules.stop_may_take_back:
            event = E.FACT_UNKNOWN
        if s.leg is L.UNSURE and event is E.NOT_THERE and not self.rules.not_there_waits_for_the_fence:
            event = E.CLOSED
        return self._becomes(s, event)


def _sent(label: str, s: State, message: tuple[str, ...]) -> Iterator[tuple[str, State]]:
    """Put a message on the wire, where there is room and it is not there already."""
    if len(s.wire) < WIRE_MAX and message not in s.wire:
        yield label, s._replace(wire=tuple(sorted((*s.wire, message))))


def _without(wire: tuple[tuple[str, ...], ...], message: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    at = wire.index(message)
    return wire[:at] + wire[at + 1 :]


def wrong(s: State) -> str:
    """What must never be, in one line; "" for nothing. At rest with nothing of ours on the way any more."""
    if s.insured > 1:
        return "settled twice at the insurance"
    if s.wire or s.phase not in ("settled", "undone"):
        return ""
    if s.phase == "settled" and (s.his, s.insured, s.booked) != ("s", 1, 1):
        return f"settled, and {s.insured} stands at the insurance, {s.booked} at the HIS"
    if s.phase == "undone" and s.insured:
        return "the money went back, and the insurance's settlement stands"
    if s.phase == "undone" and s.booked:
        return "the money went back, and the HIS has booked"
    return ""


def search(rules: Rules) -> tuple[int, str, list[str]]:
    """(states seen, what went wrong or "", the shortest way there)."""
    model, start = Model(rules), State()
    came: dict[State, tuple[State | None, str]] = {start: (None, "")}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        if bad := wrong(state):
            return len(came), bad, _way(came, state)
        for label, after in model.next(state):
            if after not in came:
                came[after] = (state, label)
                queue.append(after)
    return len(came), "", []


def endings(rules: Rules) -> set[str]:
    """Which phases some run reaches with nothing on the way: a model that never ends proves nothing."""
    model, seen, queue = Model(rules), {State()}, deque([State()])
    found: set[str] = set()
    while queue:
        state = queue.popleft()
        if not state.wire:
            found.add(state.phase)
        for _, after in model.next(state):
            if after not in seen:
                seen.add(after)
                queue.append(after)
    return found


def _way(came: dict[State, tuple[State | None, str]], state: State) -> list[str]:
    labels: list[str] = []
    at: State | None = state
    while at is not None:
        before, label = came[at]
        labels.append(label)
        at = before
    return labels[-2::-1]
