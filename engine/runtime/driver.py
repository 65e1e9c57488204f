"""The settlement driver: load, advance, store, then send. It decides nothing itself.

Every event of a settlement, whoever brings it (reply, callback, timer, terminal, recovery), waits in the settlement's
room and is handled alone. One unit stores the new state, the legs, the numbers, the calls about to be made and the
trail; only after its commit do the calls leave. If a unit cannot be stored the case in memory is thrown away and loaded
again: what was in flight then counts as unknown.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from engine.core import failpoints
from engine.core.digest import digest_of
from engine.core.world import World
from engine.runtime.answers import state_of
from engine.runtime.desk import Desk
from engine.runtime.ended import told_names
from engine.runtime.handing import Teller, nobody_told
from engine.runtime.hearing import heard_of, label_of
from engine.runtime.judge import SiteJudge
from engine.runtime.ledger_rows import rows_of_turn
from engine.runtime.logs import Log, trouble_of
from engine.runtime.meters import Meters
from engine.runtime.outflow import Outflow
from engine.runtime.room import AskedTooOften, CannotMove, Letter, RepeatDiffers, Room, Turn
from engine.runtime.sites import Sites, UnknownSite
from engine.saga.case import AT_REST, Case, CaseEvent, CaseState
from engine.saga.events import Command, Event, Recovered, Send, Started, Task, Tell, Tick
from engine.saga.machine import advance
from engine.saga.rules import RULES, Rules
from engine.store.contract import CannotRead, Crash, Done, Store, StoreFull, StoreStopped, Unit, Write
from engine.store.ids import Ids
from engine.store.sealing import Sealer


class Busy(Exception):
    """The engine has as many open settlements or queued events as it may; nothing was taken."""


class NotKept(Exception):
    """The store did not take the change (full, stopping, or another holds the guard). `failed` names the statement."""

    def __init__(self, failed: str) -> None:
        super().__init__(failed)
        self.failed = failed


class SettlementDriver:
    """Carries all open settlements of this node."""

    def __init__(
        self,
        world: World,
        store: Store,
        sites: Sites,
        outflow: Outflow,
        ids: Ids,
        meters: Meters,
        log: Log,
        *,
        rules: Rules = RULES,
        open_max: int = 20_000,
        queue_max: int = 1000,
        sealer: Sealer,
        desk: Desk,
    ) -> None:
        self._world, self._store, self._sites, self._outflow = world, store, sites, outflow
        self._ids, self._meters, self._log, self._rules = ids, meters, log, rules
        self._rooms: dict[str, Room] = {}
        self._loading: dict[str, list[Letter]] = {}
        self.open_max, self.queue_max, self._sealer = open_max, queue_max, sealer
        self._desk = desk
        self.teller: Teller = nobody_told
        self.in_flight = 0

    # Doors

    async def start(self, case: Case, first: list[Write], bills: list[str]) -> Case:
        """Create a settlement: `first` (inbox, bill holds) and everything it leads to is one unit. NotKept when a
        guard fails, Busy at the limit."""
        if len(self._rooms) >= self.open_max:
            raise Busy("open settlements")
        room = self._room(case)
        room.busy = True
        self._rooms[case.no] = room
        try:
            await self._turn(room, Letter(Started(), Deferred()), first, bills)
        except BaseException:
            self._rooms.pop(case.no, None)
            self._look_again(room)
            raise
        self._meters.open_settlements.set(len(self._rooms))
        room.busy = False
        room.show()
        self._next(room)
        return room.case

    def tell(
        self,
        no: str,
        event: Event,
        once: tuple[str, str, str] | None = None,
        talk: object = None,
        first: tuple[Write, ...] = (),
        onto: SiteJudge | None = None,
    ) -> Deferred[Case]:
        """Queue an event; fires with the case after it was stored, together with `first`. `onto`: go on under this
        version of the site. KeyError: no such settlement. CannotMove: not under that version."""
        done: Deferred[Case] = Deferred()
        letter = Letter(event, done, once, talk, first, onto)
        room = self._rooms.get(no)
        line = room.queue if room is not None else self._loading.setdefault(no, [])
        if len(line) >= self.queue_max:
            done.errback(Busy(no))
            return done
        line.append(letter)
        if room is not None:
            self._next(room)
        elif len(line) == 1:
            self._load(no)
        return done

    def look(self, no: str) -> Deferred[Case | None]:
        """The settlement as it stands in the store: during a turn, as it will stand once the turn is stored."""
        room = self._rooms.get(no)
        if room is not None and room.busy:
            one: Deferred[Case | None] = Deferred()
            room.looking.append(one)
            return one
        if room is not None:
            return succeed(room.case)
        return self._store.read(lambda conn: self._store_load(conn, no))

    def changed(self, no: str) -> Deferred[None] | None:
        """Fires when a stored change makes the API say another state; None when nothing more will change here."""
        room = self._rooms.get(no)
        if room is None:
            return None
        one: Deferred[None] = Deferred(room.waiting.remove)
        room.waiting.append(one)
        return one

    # Rooms

    def rooms(self) -> Collection[Room]:
        """The settlements in memory."""
        return self._rooms.values()

    def _room(self, case: Case) -> Room:
        judge = self._sites.judge(case.site_hash, case.channel)
        return Room(case, judge.plan, judge, sealer=self._sealer)

    def _store_load(self, conn: Any, no: str) -> Case | None:
        return self._sites.load_case(conn, no)

    def _load(self, no: str) -> None:
        reading = self._store.read(lambda conn: self._store_load(conn, no))
        reading.addCallbacks(self._loaded, self._not_loaded, callbackArgs=(no,), errbackArgs=(no,))

    def _loaded(self, case: Case | None, no: str) -> None:
        letters = self._loading.pop(no, [])
        if case is None:
            for letter in letters:
                letter.fail(KeyError(no))
            return
        try:
            room = self._room(case)
        except UnknownSite as problem:
            self._log.error("settlement_not_loaded", no=no, problem=str(problem))
            for letter in letters:
                letter.fail(problem)
            return
        room.loaded()
        self._rooms[no] = room
        room.queue.append(Letter(Recovered()))
        room.queue.extend(letters)
        self._next(room)

    def _not_loaded(self, failure: Any, no: str) -> None:
        for letter in self._loading.pop(no, []):
            letter.fail(failure)

    def _next(self, room: Room) -> None:
        """Handle what waits in the room, one after the other; each may have to be stored before the next."""
        while not room.busy:
            if not room.queue:
                self.set_timer(room)
                return
            room.busy = True
            self._handle(room, room.queue.popleft())

    def _handle(self, room: Room, letter: Letter) -> None:
        try:
            if room.repeated(letter.once):
                self.keep_beside(letter.first)
                self._handled(room, letter)
                return
            room.move(letter.onto)
            turn = self._advance(room, letter, list(letter.first), [])
        except (RepeatDiffers, AskedTooOften, CannotMove) as no:
            self._handled(room, letter, no)
        except Exception as problem:  # noqa: BLE001 whatever it was, the case in memory can no longer be trusted
            self._broken(room, letter, problem)
        else:
            kept = self._store.submit(turn.unit).addCallback(self._stored, room, letter, turn)
            kept.addErrback(self._not_stored, room, letter)

    def _stored(self, done: Done, room: Room, letter: Letter, turn: Turn) -> None:
        self._carry_on(room, turn, done)
        self._handled(room, letter)
        self._next(room)

    def _not_stored(self, failure: Failure, room: Room, letter: Letter) -> None:
        problem = failure.value
        assert isinstance(problem, Exception)
        self._broken(room, letter, NotKept("full") if isinstance(problem, StoreFull) else problem)

    def _handled(self, room: Room, letter: Letter, no: Exception | None = None) -> None:
        if letter.done is not None and no is None:
            letter.done.callback(room.case)
        letter.fail(no)
        room.busy = False
        room.show()

    def _broken(self, room: Room, letter: Letter, problem: Exception) -> None:
        self._throw_away(room, problem)
        letter.fail(problem)

    def _throw_away(self, room: Room, problem: Exception) -> None:
        no = room.case.no
        self._log.error("settlement_reloaded", no=no, problem=type(problem).__name__, detail=trouble_of(problem))
        self._rooms.pop(no, None)
        if room.timer is not None and room.timer.active():
            room.timer.cancel()
        for letter in room.queue:
            letter.fail(problem)
        if isinstance(problem, StoreStopped | Crash):
            return  # the process ends: nobody is told anything more
        self._look_again(room)
        room.wake()
        if not isinstance(problem, NotKept | CannotRead):
            # It cannot go on by itself; told once, however often it is tried again.
            self._desk.call("stuck", no, type(problem).__name__, "engine")
        self._world.later(5.0, self._reopen, no)

    def _look_again(self, room: Room) -> None:
        """The turn came to nothing: what they wanted to see is in the store."""
        looking, room.looking = room.looking, []
        for one in looking:
            self._store.read(lambda conn: self._store_load(conn, room.case.no)).chainDeferred(one)

    def _reopen(self, no: str) -> None:
        self.tell(no, Tick()).addErrback(self._not_reopened, no)

    def _not_reopened(self, failure: Failure, no: str) -> None:
        self._log.error("not_reopened", no=no, detail=trouble_of(failure.value))
        if failure.check(CannotRead) is not None:  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
            self._world.later(5.0, self._reopen, no)

    async def _turn(self, room: Room, letter: Letter, first: list[Write], bills: list[str]) -> None:
        """One event: advance, store, then carry out."""
        turn = self._advance(room, letter, first, bills)
        try:
            done = await self._store.submit(turn.unit)
        except StoreFull:
            raise NotKept("full") from None
        self._carry_on(room, turn, done)

    def _advance(self, room: Room, letter: Letter, first: list[Write], bills: list[str]) -> Turn:
        """Hear the event and write down what it leads to."""
        case, before = room.case, room.case.state
        now = self._world.now()
        commands = advance(room.plan, case, letter.event, now, room.judge, self._rules)
        sends = [c for c in commands if isinstance(c, Send)]
        for send in sends:
            if send.purpose == "do":
                self._same_content(case.leg(send.leg_id), send)
        turn = Turn(before, now, commands, sends, {id(send): self._ids.new() for send in sends})
        self._carry_out(room, turn, early=True)
        tells = [c for c in commands if isinstance(c, Tell)]
        turn.told = [self.teller(one.channel, case.no, told_names(room.judge, case, one)) for one in tells]
        writes = [*rows_of_turn(self._ids, room, letter, commands, turn.call_ids, now, first, bills, before),
                  *(write for handed in turn.told for write in handed.writes)]  # fmt: skip
        turn.unit = Unit(type(letter.event).__name__, tuple(writes), light=True)
        turn.label = label_of(room, letter) if failpoints.armed() else ""
        failpoints.hit(f"commit.before:{turn.label}")
        return turn

    def _carry_on(self, room: Room, turn: Turn, done: Done) -> None:
        """It is stored: now the calls leave, and who waits is told."""
        if not done.committed:
            raise NotKept(done.failed_sql)
        failpoints.hit(f"commit.after:{turn.label}")
        self._meters.commits.inc()
        turn.stored = True
        room.remember()
        self._carry_out(room, turn, early=False)
        self._report(room, turn.before, turn.commands)
        for handed in turn.told:
            handed.stored()
        word = state_of(room.case, room.plan, turn.now)
        if word != room.word:  # who waits looks at nothing else, and thirteen turns of fifteen do not change it
            room.word = word
            room.wake()

    def keep_beside(self, writes: tuple[Write, ...]) -> None:
        """What a repeat leaves behind (its nonce); nobody waits for it."""
        if writes:
            self._store.submit(Unit("repeat", writes)).addErrback(lambda _: None)

    def _same_content(self, leg: Any, send: Send) -> None:
        digest = digest_of(send.body)
        if leg.param_hash and leg.param_hash != digest and self._rules.same_number_on_retry:
            raise AssertionError(f"leg {leg.id}: number {send.number} would go out with other content")
        leg.param_hash = digest

    def _report(self, room: Room, before: CaseState, commands: list[Command]) -> None:
        case = room.case
        for command in commands:
            if isinstance(command, Task) and not command.again:
                self._meters.task_opened(command.kind)
                self._log.warning("task", no=case.no, task=command.kind, leg=command.leg_id)
        if case.state is not before:
            if before is CaseState.FORWARD and case.cause is not None and case.cause.code == "E-BILL-MAX":
                self._desk.call("bill_too_large", None, f"{case.no} {case.cause.zh}", "his")
            again = case.state is CaseState.SETTLED and case.cause_kind == CaseEvent.REFUND_OFF  # it settled long ago
            self._meters.came_to(case.channel, CaseEvent.REFUND_OFF if again else case.state)
            why = case.cause.code if case.cause else ""
            self._log.message(event="settlement", no=case.no, state=case.state, cause=why)

    def set_timer(self, room: Room) -> None:
        if room.timer is not None and room.timer.active():
            room.timer.cancel()
        room.timer = None
        at = room.case.next_at()
        if at is not None:
            room.timer = self._world.later(max(0.0, at - self._world.now()), self._due, room)
        elif room.case.state in AT_REST and not any(leg.in_flight for leg in room.case.legs):
            self._rooms.pop(room.case.no, None)
            self._meters.open_settlements.set(len(self._rooms))
            room.wake()

    def _due(self, room: Room) -> None:
        room.timer = None
        if self._rooms.get(room.case.no) is room:
            room.queue.append(Letter(Tick()))
            self._next(room)

    # Calls

    def _carry_out(self, room: Room, turn: Turn, *, early: bool) -> None:
        for send in turn.sends:
            if (room.may_ask_early(send) or not self._rules.number_saved_first) is early:
                Deferred.fromCoroutine(self._call(room, send, turn))

    async def _call(self, room: Room, send: Send, turn: Turn) -> None:
        spec = room.judge.channel.calls[send.call]
        self.in_flight += 1
        try:
            talk = await self._outflow.talk(
                spec.party, spec.op, send.number, send.body, spec.wait, spec.rows, f"{send.call}.{send.purpose}",
                room.made(send),
            )  # fmt: skip
        finally:
            self.in_flight -= 1
        event = heard_of(room, send, turn.call_ids[id(send)], talk, self._log)
        if self._rooms.get(room.case.no) is room:
            room.queue.append(Letter(event, None, None, talk))
            self._next(room)
        elif turn.stored:
            self.tell(room.case.no, event, None, talk).addErrback(lambda _: None)
