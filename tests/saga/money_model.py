"""An explicit-state model of one settlement: engine, payment channel, patient, HIS, a network that loses and delays.

The engine of the model decides by the product's own leg tables (`engine.saga.legs`). Breadth first over every
interleaving: each request may be lost, executed without an answer, or executed late; the patient may pay whenever an
order is open; the process may crash. What is checked is the parties' truth, never the engine's opinion.

A state is a tuple; `Model.next` yields (label, state). Rules switched off are the mutations.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from engine.saga.legs import LegEvent, LegState, Then, row

L, E, T = LegState, LegEvent, Then
NONE = None

# Orders at the channel: "-" none, "o" open, "p" paid, "c" closed, "r" given back.
# HIS: "-" nothing, "s" settled, "x" refuses for good (tombstone).


class State(NamedTuple):
    """Everything durable, plus what is on the wire.

    `pay`: (leg state, asked after the fence) of two attempts; `his` likewise; `back`: refund leg of each attempt;
    `orders`, `booked`: the parties; `wire`: sorted messages; `phase`: fore, back, done, undone, stuck.
    `bookings` counts what HIS booked; `crashes` left; `old`: whether any query on the wire began before its fence.
    """

    pay: tuple[tuple[LegState | None, bool], tuple[LegState | None, bool]]
    his: tuple[LegState | None, bool]
    back: tuple[LegState | None, LegState | None]
    orders: tuple[str, str]
    booked: str
    bookings: int
    wire: tuple[tuple[str, ...], ...]
    phase: str
    crashes: int
    returned: tuple[int, int]
    voided: bool = False
    late: tuple[bool, bool] = (False, False)  # known as no, then somebody said it is paid: being asked about


START = State(((NONE, False), (NONE, False)), (NONE, False), (NONE, NONE), ("-", "-"), "-", 0, (), "fore", 1, (0, 0))


class Rules(NamedTuple):
    """The engine's rules; each may be taken away."""

    timeout_is_unknown: bool = True
    fence: bool = True
    ask_after_fence: bool = True
    number_saved_first: bool = True
    one_attempt_live: bool = True
    callback_once: bool = True
    his_same_number: bool = True
    definite_before_back: bool = True
    his_fence: bool = True
    paid_before_settle: bool = True


WIRE_MAX = 3


class Model:
    """The transition relation under a set of rules."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    # What may happen next

    def next(self, s: State) -> Iterator[tuple[str, State]]:
        yield from self._engine(s)
        yield from self._patient(s)
        yield from self._network(s)
        if s.crashes and s.phase in ("fore", "back"):
            yield "crash", self._crash(s)

    def _patient(self, s: State) -> Iterator[tuple[str, State]]:
        for k in (0, 1):
            if s.orders[k] == "o":
                paid = s._replace(orders=_set(s.orders, k, "p"))
                yield f"patient pays {k + 1}", _send(paid, ("callback", str(k))) or paid

    def _network(self, s: State) -> Iterator[tuple[str, State]]:
        for message in dict.fromkeys(s.wire):
            rest = s._replace(wire=_without(s.wire, message))
            yield f"lost {message}", rest
            yield from self._arrive(rest, message)

    def _arrive(self, s: State, m: tuple[str, ...]) -> Iterator[tuple[str, State]]:
        kind = m[0]
        if kind in ("order", "query", "close", "refund", "book", "ask", "stop", "void"):
            for said, after, reply in self._execute(s, m):
                heard = _send(after, reply)
                yield f"{kind} executed: {said}, no answer", after
                if heard is not None:
                    yield f"{kind} executed: {said}", heard
            return
        yield f"heard {m}", self._hear(s, m)

    # The parties

    def _execute(self, s: State, m: tuple[str, ...]) -> Iterator[tuple[str, State, tuple[str, ...]]]:
        kind, k = m[0], int(m[1])
        match kind:
            case "order":
                if s.orders[k] == "-":
                    yield "open", s._replace(orders=_set(s.orders, k, "o")), ("ordered", m[1], "pending")
                    yield "refused", s._replace(orders=_set(s.orders, k, "c")), ("ordered", m[1], "refused")
                else:
                    yield "again", s, ("ordered", m[1], "refused" if s.orders[k] == "c" else "pending")
            case "query":
                fact = {"-": "not_there", "o": "waiting", "p": "there", "c": "closed", "r": "there"}[s.orders[k]]
                yield fact, s, ("fact", m[1], fact, m[2])
            case "close":
                if s.orders[k] == "o":
                    yield "closed", s._replace(orders=_set(s.orders, k, "c")), ("closed", m[1], "yes")
                else:
                    yield "not open", s, ("closed", m[1], "yes" if s.orders[k] == "c" else "no")
            case "refund":
                if s.orders[k] == "p":
                    given = s._replace(orders=_set(s.orders, k, "r"), returned=_add(s.returned, k))
                    yield "given back", given, ("refunded", m[1], "yes")
                else:
                    yield "already", s, ("refunded", m[1], "yes")
            case _:
                yield from self._execute_his(s, m)

    def _execute_his(self, s: State, m: tuple[str, ...]) -> Iterator[tuple[str, State, tuple[str, ...]]]:
        kind, number = m[0], m[1]
        if kind == "book":
            if s.booked == "-" or (s.booked == "s" and number != "0"):
                yield "booked", s._replace(booked="s", bookings=s.bookings + 1), ("booked", number, "yes")
                if s.booked == "-":
                    yield "refused", s._replace(booked="x"), ("booked", number, "no")
            else:
                yield "as before", s, ("booked", number, "yes" if s.booked == "s" else "no")
        elif kind == "ask":
            fact = {"-": "not_there", "s": "there", "x": "closed"}[s.booked]
            yield fact, s, ("his", "0", fact, m[2])
        elif kind == "stop":
            if s.booked == "s":
                yield "is booked", s, ("stopped", "0", "no")
            else:
                yield "stopped", s._replace(booked="x"), ("stopped", "0", "yes")
        if kind == "cashier":
            raise AssertionError("the cashier is not a message")

    # The engine

    def _engine(self, s: State) -> Iterator[tuple[str, State]]:
        if s.phase == "fore":
            yield from self._forward(s)
        elif s.phase == "back":
            yield from self._backward(s)
        for k in (0, 1):
            yield from self._drive_pay(s, k)
            yield from self._drive_refund(s, k)
        yield from self._drive_his(s)

    def _forward(self, s: State) -> Iterator[tuple[str, State]]:
        first, second = s.pay[0][0], s.pay[1][0]
        if first is None:
            yield from self._begin_pay(s, 0)
            yield "cancelled", s._replace(phase="back")
            return
        if second is None and (first is L.NO or (not self.rules.one_attempt_live and first is L.UNSURE)):
            yield from self._begin_pay(s, 1)
            if first is L.NO:
                yield "gives up", s._replace(phase="back")
        if first is L.NO and second is L.NO:
            yield "no way left", s._replace(phase="back")
        paid = L.OK in (first, second)
        if (paid or (not self.rules.paid_before_settle and L.UNSURE in (first, second))) and s.his[0] is None:
            sent = _send(s._replace(his=(L.SENT, False)), ("book", "0"))
            if sent is not None:
                yield "HIS is asked to settle", sent
        if s.his[0] is L.OK and paid:
            yield "done", s._replace(phase="done")
        if s.his[0] is L.NO:
            yield "HIS said no", s._replace(phase="back")
        if first is L.UNSURE or second is L.UNSURE:
            yield "patient cancels", s._replace(phase="back")

    def _begin_pay(self, s: State, k: int) -> Iterator[tuple[str, State]]:
        state, then = row(False, L.READY, E.COMMITTED)
        assert then is T.SEND
        saved = s._replace(pay=_set(s.pay, k, (state, False)))
        sent = _send(saved, ("order", str(k)))
        if sent is not None:
            yield f"attempt {k + 1}", sent
            if not self.rules.number_saved_first and s.crashes:
                lost = _send(s, ("order", str(k)))
                assert lost is not None
                # sent before it was stored, then the process died: the engine knows nothing of it
                yield "sent, not stored, died", lost._replace(crashes=0)

    def _drive_pay(self, s: State, k: int) -> Iterator[tuple[str, State]]:
        state, fresh = s.pay[k]
        if state is L.SENT and ("order", str(k)) not in s.wire and not _waits(s, "ordered", k):
            yield f"silence {k + 1}", self._pay_hears(s, k, E.UNKNOWN if self.rules.timeout_is_unknown else E.REFUSED)
        if state is L.SENT and ("order", str(k)) in s.wire:
            yield f"time-out {k + 1}", self._pay_hears(s, k, E.UNKNOWN if self.rules.timeout_is_unknown else E.REFUSED)
        if state is L.UNSURE:
            yield from _maybe(f"asks {k + 1}", _send(s, ("query", str(k), "early")))
            yield f"gives up waiting {k + 1}", self._pay_hears(s, k, E.GIVE_UP)
        if state is L.DEAD:
            yield from _maybe(f"closes {k + 1}", _send(s, ("close", str(k))))
            if ("order", str(k)) not in s.wire:  # the expiry we put into the request has passed: what is open closes
                expired = s._replace(orders=_set(s.orders, k, "c")) if s.orders[k] == "o" else s
                yield f"fence {k + 1}", self._pay_hears(expired, k, E.FENCE_REACHED)
            yield from _maybe(f"asks {k + 1}", _send(s, ("query", str(k), "early")))
        if state is L.FENCED and not fresh:
            when = "anew" if s.late[k] else "late"
            yield from _maybe(f"asks after the fence {k + 1}", _send(s, ("query", str(k), when)))

    def _pay_hears(self, s: State, k: int, event: LegEvent) -> State:
        state = s.pay[k][0]
        assert state is not None
        if state is L.NO and event is E.THERE:
            if s.back[k] is not None:
                return s  # it is being given back already
            s = s._replace(late=_set(s.late, k, True))
        elif s.late[k] and event is E.THERE:
            event = E.FACT_UNKNOWN  # only our own new inquiry tells (`_hear_fact`)
        after, then = row(False, state, event)
        s = s._replace(pay=_set(s.pay, k, (after, False)))
        if after is not L.FENCED:
            s = s._replace(late=_set(s.late, k, False))
        if then is T.LATE and s.back[k] is None:
            s = s._replace(back=_set(s.back, k, L.READY))
        return s

    def _hear(self, s: State, m: tuple[str, ...]) -> State:
        kind = m[0]
        if s.phase == "stuck":
            return s
        if kind in ("booked", "his", "stopped"):
            return self._hear_his(s, m)
        k = int(m[1])
        if kind == "refunded":
            return s._replace(back=_set(s.back, k, L.OK)) if s.back[k] in (L.SENT, L.UNSURE) else s
        if s.pay[k][0] is None:
            return s  # a number nobody remembers
        if kind == "ordered":
            return self._pay_hears(s, k, E.PENDING if m[2] == "pending" else E.REFUSED)
        if kind == "callback":
            if s.pay[k][0] is L.OK and not self.rules.callback_once and s.phase == "fore":
                return _send(s._replace(his=(L.SENT, False)), ("book", "1")) or s
            return self._pay_hears(s, k, E.THERE)
        if kind == "closed":
            return self._pay_hears(s, k, E.STOP_ACCEPTED if m[2] == "yes" else E.STOP_FAILED) if (
                s.pay[k][0] in (L.DEAD, L.FENCED)
            ) else s
        return self._hear_fact(s, k, m)

    def _hear_fact(self, s: State, k: int, m: tuple[str, ...]) -> State:
        state = s.pay[k][0]
        fact = LegEvent(m[2])
        if s.late[k]:
            anew = m[3] == "anew"
            fact = {True: E.CONFIRMED if fact is E.THERE else fact, False: E.FACT_UNKNOWN}[anew]
        if state is L.OK and fact in (E.CLOSED, E.NOT_THERE, E.WAITING):
            return s
        if state is L.UNSURE and fact is E.NOT_THERE and not self.rules.fence:
            fact = E.CLOSED  # believed at once
        if state is L.FENCED and m[3] == "early" and fact is not E.THERE and self.rules.ask_after_fence:
            fact = E.FACT_UNKNOWN
        return self._pay_hears(s, k, fact)

    def _backward(self, s: State) -> Iterator[tuple[str, State]]:
        legs = [one for one, _ in s.pay if one is not None]
        open_pay = any(one in (L.READY, L.SENT, L.UNSURE, L.DEAD, L.FENCED) for one in legs)
        open_his = s.his[0] in (L.READY, L.SENT, L.UNSURE, L.DEAD, L.FENCED)
        for k in (0, 1):
            if s.pay[k][0] is L.UNSURE:
                yield f"closes the door {k + 1}", self._pay_hears(s, k, E.GIVE_UP)
        if s.his[0] is L.UNSURE:
            yield "closes the HIS door", self._his_hears(s, E.GIVE_UP)
        if self.rules.definite_before_back and (open_pay or open_his):
            return
        if s.his[0] is L.OK:
            yield "done after all", s._replace(phase="done")
            return
        for k in (0, 1):
            if s.pay[k][0] is L.OK and s.back[k] is None:
                yield f"begins the refund {k + 1}", s._replace(back=_set(s.back, k, L.READY))
        given = all(s.back[k] is L.OK for k in (0, 1) if s.pay[k][0] is L.OK)
        if not open_pay and given and (not open_his or not self.rules.definite_before_back):
            yield "undone", s._replace(phase="undone")

    def _drive_refund(self, s: State, k: int) -> Iterator[tuple[str, State]]:
        if s.back[k] in (L.READY, L.UNSURE):
            sent = _send(s._replace(back=_set(s.back, k, L.SENT)), ("refund", str(k)))
            yield from _maybe(f"refund {k + 1}", sent)
        if s.back[k] is L.SENT:
            yield f"refund silent {k + 1}", s._replace(back=_set(s.back, k, row(True, L.SENT, E.UNKNOWN)[0]))

    def _drive_his(self, s: State) -> Iterator[tuple[str, State]]:
        state, fresh = s.his
        if state is L.SENT:
            yield "HIS silent", self._his_hears(s, E.UNKNOWN)
        if state is L.UNSURE:
            yield from _maybe("asks HIS", _send(s, ("ask", "0", "early")))
            number = "0" if self.rules.his_same_number else "1"
            yield from _maybe("repeats to HIS", _send(s, ("book", number)))
            yield "gives HIS up", self._his_hears(s._replace(phase="back") if s.phase == "fore" else s, E.GIVE_UP)
        if state is L.DEAD:
            yield from _maybe("stops HIS", _send(s, ("stop", "0")))
        if state is L.FENCED and not fresh:
            yield from _maybe("asks HIS after the fence", _send(s, ("ask", "0", "late")))

    def _his_hears(self, s: State, event: LegEvent) -> State:
        state = s.his[0]
        assert state is not None
        return s._replace(his=(row(False, state, event)[0], False))

    def _hear_his(self, s: State, m: tuple[str, ...]) -> State:
        state = s.his[0]
        if state is None or (state in (L.OK, L.NO) and m[0] != "booked"):
            return s
        if m[0] == "booked":
            if state in (L.OK, L.NO):
                return s
            return self._his_hears(s, E.ACCEPTED if m[2] == "yes" else E.REFUSED)
        if m[0] == "stopped":
            if state not in (L.DEAD, L.FENCED):
                return s
            return self._his_hears(s, E.STOP_ACCEPTED if m[2] == "yes" else E.STOP_FAILED)
        fact = LegEvent(m[2])
        if state is L.UNSURE and fact is E.NOT_THERE and not self.rules.his_fence:
            return self._his_hears(s, E.CLOSED)._replace(phase="back" if s.phase == "fore" else s.phase)
        if state is L.FENCED and m[3] == "early" and fact is not E.THERE:
            fact = E.FACT_UNKNOWN
        return self._his_hears(s, fact)

    def _crash(self, s: State) -> State:
        """Answers on the wire are lost; requests still may arrive. What was sent is unsure."""
        wire = tuple(m for m in s.wire if m[0] in ("order", "close", "refund", "book", "stop"))
        pay = tuple(self._after_crash(leg) for leg in s.pay)
        back = tuple(L.UNSURE if one is L.SENT else one for one in s.back)
        his = self._after_crash(s.his)
        return s._replace(wire=wire, pay=pay, back=back, his=his, crashes=s.crashes - 1)

    def _after_crash(self, leg: tuple[LegState | None, bool]) -> tuple[LegState | None, bool]:
        state = leg[0]
        if state in (L.SENT, L.UNSURE, L.DEAD, L.FENCED):
            return (row(False, state, E.CRASH)[0], False)
        return leg


def _maybe(label: str, state: State | None) -> Iterator[tuple[str, State]]:
    if state is not None:
        yield label, state


def _send(s: State, message: tuple[str, ...]) -> State | None:
    """Put a message on the wire; None when the wire is full or carries the same already."""
    if len(s.wire) >= WIRE_MAX or message in s.wire:
        return None
    return s._replace(wire=tuple(sorted((*s.wire, message))))


def _waits(s: State, kind: str, k: int) -> bool:
    return any(m[0] == kind and m[1] == str(k) for m in s.wire)


def _without(wire: tuple[tuple[str, ...], ...], message: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    at = wire.index(message)
    return wire[:at] + wire[at + 1 :]


def _set(pair: tuple, k: int, value: object) -> tuple:  # type: ignore[type-arg]  # pairs of several kinds
    return (value, pair[1]) if k == 0 else (pair[0], value)


def _add(pair: tuple[int, int], k: int) -> tuple[int, int]:
    return (pair[0] + 1, pair[1]) if k == 0 else (pair[0], pair[1] + 1)


def wrong(s: State) -> str:
    """What must never be: said in one line, or ""."""
    if s.bookings > 1:
        return "HIS booked twice"
    paid = sum(1 for order in s.orders if order == "p")
    if s.booked == "s" and s.phase != "undone" and not any(order in "pr" for order in s.orders):
        return "HIS settled without payment"
    if s.phase in ("done", "undone") and not s.wire and not _owes(s):
        if any(order == "o" for order in s.orders):
            return ""
        due = 1 if s.booked == "s" else 0
        if paid != due:
            return f"at rest {paid} payment(s) kept for {due} service(s)"
    return ""


def _owes(s: State) -> bool:
    """Whether the engine still has something under way at rest (a late payment being given back)."""
    return any(one in (L.READY, L.SENT, L.UNSURE) for one in s.back) or any(
        state in (L.SENT, L.UNSURE, L.DEAD, L.FENCED) for state, _ in s.pay
    )


def search(rules: Rules, limit: int = 2_000_000) -> tuple[int, str, list[str]]:
    """(states seen, what went wrong or "", the shortest way there)."""
    model = Model(rules)
    came: dict[State, tuple[State | None, str]] = {START: (None, "")}
    queue = deque([START])
    while queue:
        state = queue.popleft()
        bad = wrong(state)
        if bad:
            return len(came), bad, _way(came, state)
        for label, after in model.next(state):
            if after not in came:
                came[after] = (state, label)
                queue.append(after)
        if len(came) > limit:
            raise AssertionError(f"more than {limit} states")
    return len(came), "", []


def _way(came: dict[State, tuple[State | None, str]], state: State) -> list[str]:
    labels: list[str] = []
    at: State | None = state
    while at is not None:
        before, label = came[at]
        labels.append(label)
        at = before
    return labels[-2::-1]
