"""The store as the reactor sees it: units in, Deferreds out, one writer thread and a few readers behind.

Life: new → open ⇄ refusing (no room on the disk) → stopped, or → dead (a commit failed; the process must stop).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed

from engine.core.world import World
from engine.store.asks import QUIT, STOP, Ask, left
from engine.store.backend import Backend
from engine.store.beat import Beat
from engine.store.contract import Connection, Done, Fault, StoreFull, StoreStopped, Unit, Write
from engine.store.keys import open_backend, rotate_keys
from engine.store.mover import Mover
from engine.store.readers import Readers
from engine.store.sealing import Sealer
from engine.store.writer import GroupWriter
from engine.store.writing import Writing, ignore

T = TypeVar("T")

PROBE_EVERY = 3.0
TICK = 5.0
IDLE_OFTEN = 12  # ticks without a commit after which housekeeping is done once in so many
SURE = 15.0
"""Real seconds for which the database's last word that it is ours holds: half of what its server waits before it lets
go of who stands still (`postgres.STANDS_STILL`), and three questions long."""
CLOSE_LIMIT = 10.0  # real seconds a database elsewhere has for closing
RESERVE = 64 << 20


class SqlStore(Writing):
    """A `Store` on a backend. `reserve`: free bytes below which `room_for_new_work` is False.

    `deliver` carries a result to its Deferred in an inline world (a simulation delays it); `fail` is a test's fault
    hook. `sealer` opens what was sealed.
    """

    def __init__(self, backend: Backend, world: World, sealer: Sealer, *, reserve: int = RESERVE) -> None:
        super().__init__(backend, world, GroupWriter(backend, sealer))
        self.sealer = sealer
        self.on_fatal: Callable[[str], None] = lambda reason: None
        self.on_word: Callable[[str, float], None] = lambda word, seconds: None
        self.state = "new"
        self.room_for_new_work = True
        self._reserve = reserve
        self._why = "the store is not open"
        self._readers = Readers(backend, world, sealer)
        self._readers.deliver = lambda fire: self.deliver(fire)
        self._readers.on_idle = self._stop_when_idle
        self._readers.on_damage = self._damaged
        self._mover = Mover(backend, world, self._not_moved, self._stop_when_idle)
        self._beat = Beat(world, lambda: self._in_writer(self._alive), self._hear_beat)
        self._tick: Any = None
        self._probe: Any = None
        self._seen_batches = self._idle = 0
        self._full_at = 0.0
        self._stopping: Deferred[None] | None = None

    # What tests and operators look at

    @property
    def fail(self) -> Fault | None:
        """A test's fault hook, see `contract.Fault`."""
        return self._writer.fail

    @fail.setter
    def fail(self, hook: Fault | None) -> None:
        self._writer.fail = hook

    @property
    def batches(self) -> int:
        """Transactions committed since the start."""
        return self._writer.batches

    @property
    def units(self) -> int:
        """Units in them."""
        return self._writer.units

    @property
    def silent(self) -> bool:
        """Whether the database stopped answering. `on_word` hears of it and of more (see `Beat`), and of `store_full`
        and `store_has_room` (with the seconds it was full)."""
        return self._beat.silent

    @property
    def ours(self) -> bool:
        """Whether nobody else can have taken the database over, see `contract.Store`."""
        return not self.backend.remote or self.world.elapsed() - self._sure_at <= SURE

    # Start and stop

    def start(self) -> Deferred[None]:
        """Open, migrate, unlock the keys, begin. Errors: CannotStart."""
        assert self.state == "new", f"a store starts once, this one is {self.state}"
        self.state = "starting"
        started: Deferred[None] = Deferred()
        self.world.in_thread(self._writer_thread, started)
        return started

    def _writer_thread(self, started: Deferred[None]) -> None:
        try:
            open_backend(self.backend, self.sealer, self.world.now())
        except BaseException as no:  # noqa: BLE001 it is handed on to who started the store
            self.world.from_thread(self._not_started, started, no)
            return
        self._sure_at = self.world.elapsed()
        self._readers.prepare()
        self.world.from_thread(self._started, started)
        if not self.world.inline:
            self._write_on()

    def _not_started(self, started: Deferred[None], no: BaseException) -> None:
        self.state, self._why = "stopped", f"the store did not start: {no}"
        started.errback(no)

    def _started(self, started: Deferred[None]) -> None:
        self.state = "open"
        self._look_at_room()
        self._tick = self.world.later(TICK, self._on_tick)
        if self.backend.remote:
            self._beat.start()
        started.callback(None)

    def stop(self) -> Deferred[None]:
        """Write what is queued, close, release the lock. Fires at once when there is nothing (more) to close."""
        if self.state not in ("open", "refusing"):
            return succeed(None)
        self.state, self._why = "stopped", "the store is stopped"
        self._stopping = Deferred()
        self._cancel_timers()
        self._readers.drop(StoreStopped(self._why))
        if self.backend.remote:
            why = "the database did not answer while the store was closed"
            self._tick = self.world.later(CLOSE_LIMIT * self.world.rate, self._die, why, [])
        self._stop_when_idle()
        return self._stopping

    def _stop_when_idle(self) -> None:
        if self._stopping is None or self._readers.running or self._mover.busy:
            return
        self._readers.close()
        if self.world.inline:
            self._close()
        else:
            self._behind_all().put(STOP)

    def _close(self) -> None:
        problem: BaseException | None = None
        try:
            self.backend.close()
        except BaseException as no:  # noqa: BLE001 it is handed on to who stops the store
            problem = no
        self.world.from_thread(self._closed, problem)

    def _closed(self, problem: BaseException | None) -> None:
        assert self._stopping is not None
        self._cancel_timers()
        for done in left(self._queue):  # what was asked of the writer behind the end, such as whether a result is fresh
            done.errback(StoreStopped(self._why))
        if problem is None:
            self._stopping.callback(None)
        else:
            self._stopping.errback(StoreStopped(f"not closed cleanly: {problem}"))

    def _cancel_timers(self) -> None:
        self._beat.stop()
        for timer in (self._tick, self._probe):
            if timer is not None and timer.active():
                timer.cancel()
        self._tick = self._probe = None

    # Units

    def submit(self, unit: Unit) -> Deferred[Done]:
        """Store a unit; fires after its commit is on the disk. Errors: StoreStopped, StoreFull, BadUnit."""
        if self.state == "refusing":
            return fail(StoreFull("no room on the disk of the store"))
        if self.state == "crashed":
            return Deferred()
        if self.state != "open":
            return fail(StoreStopped(self._why))
        done: Deferred[Done] = Deferred()
        if self.world.inline:
            self._write_batch([(unit, done)])
        else:
            self._line.add(unit, done)
        return done

    def write(self, name: str, *writes: Write) -> Deferred[Done]:
        """`submit` of a unit of these writes."""
        return self.submit(Unit(name, writes))

    # When it goes wrong

    def _die(self, why: str, batch: list[Ask]) -> None:
        """Nobody knows what is on the disk: answer nobody with a result, have the process stopped."""
        self.state, self._why = "dead", why
        self._cancel_timers()
        self.on_fatal(why)  # first: the process ends here, and nobody is told anything more
        waiting = [done for _, done in [*batch, *self._line.leave()]] + left(self._queue)
        if self.world.inline:
            self.backend.abandon()
        else:
            self._queue.put(QUIT)
        for done in waiting:
            done.errback(StoreStopped(why))
        self._readers.drop(StoreStopped(self._why))
        if self._stopping is not None:
            self._stopping.errback(StoreStopped(why))
        self._readers.close()

    def _lose(self) -> None:
        """A test's crash: everything in memory is gone, nobody is told."""
        self.backend.rollback()
        self.backend.close()
        self.state = "crashed"
        self.world.from_thread(self._cancel_timers)
        self._readers.close()

    def _refuse(self) -> None:
        if self.state == "open":
            self.state = "refusing"
            self.room_for_new_work = False
            self._full_at = self.world.passed()
            self.on_word("store_full", 0.0)
            self._probe = self.world.later(PROBE_EVERY, self._try_again)

    def _try_again(self) -> None:
        self._probe = None
        if self.state == "refusing":
            self._in_writer(self._probe_disk).addCallbacks(self._probed, ignore)

    def _probe_disk(self) -> bool:
        self._full = not self._writer.probe()
        return not self._full

    def _probed(self, room: bool) -> None:
        if self.state != "refusing":
            return
        if room:
            self.state = "open"
            self._look_at_room()
            self.on_word("store_has_room", (self.world.passed() - self._full_at) / self.world.rate)
        else:
            self._probe = self.world.later(PROBE_EVERY, self._try_again)

    # Housekeeping

    def _on_tick(self) -> None:
        self._tick = self.world.later(TICK, self._on_tick)
        self._look_at_room()
        if self._writer.batches != self._seen_batches:
            self._seen_batches, self._idle = self._writer.batches, 0
            return
        self._idle += 1
        often = self._idle <= IDLE_OFTEN or self._idle % IDLE_OFTEN == 0
        if often and self.state == "open" and not self._mover.busy:
            self._move()
            self.tidy().addCallbacks(self._tidied, ignore)  # no room, or the store died: both are told elsewhere

    def _tidied(self, more: bool) -> None:
        if more:
            self._idle = 0

    def _look_at_room(self) -> None:
        free = self.backend.room()
        enough = free is None or free >= self._reserve
        self.room_for_new_work = self.state == "open" and enough and not self.silent

    def _hear_beat(self, word: str, seconds: float) -> None:
        self._look_at_room()
        self.on_word(word, seconds)

    def _move(self) -> None:
        if self.state == "open":
            self._mover.move()

    def _not_moved(self, why: str) -> None:
        if self.state != "dead":
            self._die(why, [])

    def rotate(self) -> Deferred[int]:
        """A new data key from now on; what older keys sealed stays readable. Fires with the new key's id."""
        return self._in_writer(lambda: rotate_keys(self.backend, self.sealer, self.world.now()))

    def tidy(self) -> Deferred[bool]:
        """Give pages freed by a purge back to the disk, a few at a time; whether there are more."""
        return self._in_writer(self.backend.tidy)

    # Reading

    def read(self, fn: Callable[[Connection], T]) -> Deferred[T]:
        """Run `fn` in a reader thread on a consistent view. Errors: whatever `fn` raises, StoreStopped."""
        if self.state == "crashed":
            return Deferred()
        if self.state not in ("open", "refusing"):
            return fail(StoreStopped(self._why))
        return self._readers.read(fn)

    def look(self, fn: Callable[[Connection], T]) -> Deferred[T]:
        """`read`, for a few rows found by their keys: in the reactor's thread, where and while that is quick."""
        seen = self._readers.seen(fn) if self.state in ("open", "refusing") else None
        return self.read(fn) if seen is None else succeed(seen[0])

    def _damaged(self, why: str) -> None:
        if self.state in ("open", "refusing"):
            self._die(why, [])
