"""How units and jobs get to the database's one connection and their ends back: by the reactor's own thread while units
come one by one or a few at once, else through the writer's thread, as a group.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from engine.core.world import World
from engine.store.ahead import Ahead, Staged
from engine.store.asks import QUIT, STOP, Ask, Job, Line, answer, drain
from engine.store.backend import Backend, Meaning
from engine.store.contract import Crash, StoreFull, StoreStopped, Unit
from engine.store.writer import Fatal, GroupWriter, Result

T = TypeVar("T")

BATCH = 500
FEW = 8  # units of one round that the reactor's thread still writes; more are worth waking another
WAL_MAX = 15 << 20  # bytes: as many pages as one table of SQLite's index holds; each move disturbs whoever comes
STALE = 5.0  # real seconds after which a result of a database elsewhere is told only when that is still ours
_JOB = Unit("job", ())


class Writing:
    """The half of the store that writes; what becomes of the store when that fails is the other half's (`SqlStore`).

    `deliver` carries a result to its Deferred in an inline world.
    """

    def __init__(self, backend: Backend, world: World, writer: GroupWriter) -> None:
        self.backend, self.world, self._writer = backend, world, writer
        self.deliver: Callable[[Callable[[], None]], None] = lambda fire: fire()
        if world.inline:
            writer.pause = lambda seconds: None  # nobody else moves while an inline world waits
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._line = Line(world.soon, self._go)
        self._ahead = Ahead(writer)
        self._full = False  # the writer's own view; while True it refuses all units
        self._sure_at = 0.0  # `World.elapsed` when the database last was ours for certain

    # In the reactor's thread

    def _go(self, asks: list[Ask]) -> bool:
        """Have units written; False when they are few and the writer has something to do."""
        if len(asks) == 1 or (len(asks) <= FEW and all(unit.light for unit, _ in asks)):
            if not self._ahead.idle:
                return False
            if self._written_here(asks):
                return True
        self._to_writer(asks)
        return True

    def _written_here(self, asks: list[Ask]) -> bool:
        """Write units in the reactor's thread, and commit them there too; False when they must go the usual way."""
        staged = self._ahead.stage(asks)
        if staged is None:
            return False
        if not self._ahead.pace.quick():
            self._ahead.count(len(asks))
            self._queue.put((staged, asks))
            return True
        began = self.world.wall()
        results = self._committed(asks, staged.results, _at_once)
        if results is not None:
            self._ahead.pace.took(self.world.wall() - began)
            self._keep_short(here=True)
            self._ahead.hold.release()
            answer(asks, results)
        return True

    def _to_writer(self, asks: list[Ask]) -> None:
        self._ahead.count(len(asks))
        for ask in asks:
            self._queue.put(ask)

    def _behind_all(self) -> SimpleQueue[Any]:
        """The writer's queue, for what is to come after all units handed in so far."""
        self._to_writer(self._line.leave())
        return self._queue

    # In the writer's thread

    def _write_on(self) -> None:
        """The writer thread's life."""
        queue = self._queue
        item = queue.get()
        while item is not STOP:
            if item is QUIT:
                self.backend.abandon()
                return
            if isinstance(item[0], Staged):  # with `hold`, which was taken when it was begun
                alive, item = self._write_batch(item[0].asks, item[0].results), None
                self._ahead.hold.release()
            elif isinstance(item[0], Unit):
                batch, item = drain(queue, item, BATCH)
                with self._ahead.hold:
                    alive = self._write_batch(batch)
            else:
                with self._ahead.hold:
                    alive, item = self._work(item), None
            if not alive:
                return
            if item is None:
                item = queue.get()
        self._close()

    def _write_batch(self, batch: list[Ask], staged: list[Result] | None = None) -> bool:
        """Commit and answer; False when the store died."""
        began = self.world.elapsed()
        if self._full and staged is None:
            self._answer(batch, [StoreFull("no room on the disk of the store")] * len(batch), began)
            return True
        results = self._committed(batch, staged, self.world.from_thread)
        if results is None:
            return False
        self._sure_at = began
        self._answer(batch, results, began)
        return self._keep_short()

    def _committed(
        self, batch: list[Ask], staged: list[Result] | None, tell: Callable[..., object]
    ) -> list[Result] | None:
        """Commit; None when the store died. `tell` calls something in the reactor's thread."""
        try:
            return self._writer.write([unit for unit, _ in batch], staged)
        except StoreFull as full:
            self._full = True
            tell(self._refuse)
            return [full] * len(batch)
        except Crash:
            self._lose()
        except Fatal as why:
            self.backend.abandon()
            tell(self._die, str(why), batch)
        return None

    def _keep_short(self, here: bool = False) -> bool:
        """Keep the write-ahead file bounded: it is moved in another thread, and what that one cannot overtake by the
        writer. False when the store died. `here`: this is the reactor's thread, which does not wait for that."""
        total, unmoved = self.backend.ahead()
        if total <= WAL_MAX:
            return True
        if unmoved > WAL_MAX // 4 and total < 4 * WAL_MAX:
            self.world.from_thread(self._move)
            return True
        if here:
            self._in_writer(self.backend.finish_checkpoint).addErrback(ignore)
            return True
        try:
            self.backend.finish_checkpoint()
        except Exception as no:  # noqa: BLE001 judged like a checkpoint in its own thread
            if self.backend.judge(no) is Meaning.FATAL:
                self.backend.abandon()
                self.world.from_thread(self._die, f"checkpoint failed: {no}", [])
                return False
        return True

    def _answer(self, batch: list[Ask], results: list[Result], began: float) -> None:
        if self.world.inline:
            self.deliver(lambda: answer(batch, results))
        elif self.backend.remote:
            self.world.from_thread(self._over, len(batch), self._fresh, batch, results, began)
        else:
            self.world.from_thread(self._over, len(batch), answer, batch, results)

    def _fresh(self, batch: list[Ask], results: list[Result], began: float) -> None:
        """Answer, if the database cannot have been another engine's meanwhile. A machine that stood still (moved, or
        held up) finds its commit's answer where it lay; what it would send now, another may have given up by then."""
        if self.world.elapsed() - began <= STALE:
            answer(batch, results)
            return

        def unasked(failure: Any) -> None:
            if failure.check(StoreStopped) is None:
                self._fresh(batch, results, began)  # nobody said no: ask again
                return
            for _, done in batch:
                done.errback(failure)

        self._in_writer(self._asked).addCallbacks(lambda asked: self._fresh(batch, results, asked), unasked)

    def _asked(self) -> float:
        """When it was asked whether the database is still ours, which it is. How long the question stood behind other
        batches is no doubt: where each of them takes long, nobody would ever be answered."""
        self._alive()
        return self._sure_at

    def _alive(self) -> float:
        """The database's clock, if it is still ours."""
        sure = self.world.elapsed()
        clock = self.backend.alive()
        self._sure_at = sure
        return clock

    def _over(self, count: int, tell: Callable[..., object], *told: object) -> None:
        self._ahead.over(count)
        tell(*told)
        self._line.free()

    def _work(self, job: Job) -> bool:
        """Run a job in the writer's thread; False when the store died of it."""
        call, done = job
        try:
            result: Any = call()
        except Crash:
            self._lose()
            return False
        except Exception as no:  # noqa: BLE001 judged like an error of a unit
            if self.backend.judge(no) is not Meaning.FATAL:
                self.world.from_thread(self._over, 1, done.errback, no)
                return True
            why = self.backend.because(no) or str(no)
            self.backend.abandon()
            self.world.from_thread(self._die, why, [(_JOB, done)])
            return False
        self.world.from_thread(self._over, 1, done.callback, result)
        return True

    def _in_writer(self, call: Callable[[], T]) -> Deferred[T]:
        done: Deferred[T] = Deferred()
        if self.world.inline:
            self._work((call, done))
        else:
            self._behind_all().put((call, done))
            self._ahead.count(1)
        return done

    # What the other half does about it, in the reactor's thread but for the first two

    def _close(self) -> None:
        """All is written: close the database."""
        raise NotImplementedError

    def _lose(self) -> None:
        """A test's crash."""
        raise NotImplementedError

    def _die(self, why: str, batch: list[Ask]) -> None:
        """Nobody knows what is on the disk, nor what became of these units."""
        raise NotImplementedError

    def _refuse(self) -> None:
        """There is no room on the disk."""
        raise NotImplementedError

    def _move(self) -> None:
        """Move the write-ahead file's pages, beside the writer."""
        raise NotImplementedError


def ignore(failure: Any) -> None:
    """The error is told to somebody else."""


def _at_once(call: Callable[..., object], *args: object) -> None:
    call(*args)
