"""Reading beside the writer: a few read-only connections, each view consistent in itself.

A look at a few rows is over before a thread would have begun, and costs a tenth of handing it there and back: it is
done in the reactor's thread, on a connection of its own, as long as the rows are in memory or the disk is quick.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred

from engine.core.world import World
from engine.store.backend import Backend, reading
from engine.store.contract import CannotRead, Connection
from engine.store.pace import Pace
from engine.store.sealing import Sealer

T = TypeVar("T")
AT_ONCE = 2
PAUSES = (0.1, 0.4, 1.0)  # seconds before a connection is asked for again


class Readers:
    """Runs reads in threads, a few at once, the others wait. All but `_run` happens on the reactor.

    `on_idle` is called when the last running read ended, `on_damage` when a read found the database broken.
    """

    def __init__(self, backend: Backend, world: World, sealer: Sealer) -> None:
        self._backend, self._world, self._sealer = backend, world, sealer
        self.deliver: Callable[[Callable[[], None]], None] = lambda fire: fire()
        self.on_idle: Callable[[], None] = lambda: None
        self.on_damage: Callable[[str], None] = lambda why: None
        self.running = 0
        self._connections: list[Any] = []
        self._waiting: deque[tuple[Callable[[Connection], Any], Deferred[Any]]] = deque()
        self._closed = False
        self._here: Any = None  # the reactor's own connection
        self._pace = Pace()

    def prepare(self) -> None:
        """Connect to a database elsewhere before anybody reads: later its other users may have taken all connections.
        In the thread that opened the store; what cannot be had now is asked for again when it is needed."""
        with suppress(Exception):
            while self._backend.remote and len(self._connections) < AT_ONCE:
                self._connections.append(self._backend.reader())

    def read(self, fn: Callable[[Connection], T]) -> Deferred[T]:
        """Run `fn` on a consistent view; twice when its connection was lost meanwhile. Errors: what `fn` raises."""
        done: Deferred[T] = Deferred()
        self._waiting.append((fn, cast("Deferred[Any]", done)))
        self._next()
        return done

    def seen(self, fn: Callable[[Connection], T]) -> tuple[T] | None:
        """What `fn` finds, at once. None when a thread is to look: it meets what stood in the way, and judges it."""
        if self._world.inline or not self._pace.quick():
            return None
        began = self._world.wall()
        try:
            if self._here is None:
                self._here = self._backend.hasty()
            if self._here is None:
                return None
            found: T = reading(self._backend, self._here, self._sealer, fn)
        except Exception:  # noqa: BLE001 it happens again to the thread
            self._leave_here()
            return None
        self._pace.took(self._world.wall() - began)
        return (found,)

    def _leave_here(self) -> None:
        here, self._here = self._here, None
        if here is not None:
            here.close()

    def drop(self, why: Exception) -> None:
        """Fail the reads that wait."""
        while self._waiting:
            self._waiting.popleft()[1].errback(why)

    def close(self) -> None:
        """Close the connections; those of running reads when they end."""
        self._closed = True
        self._leave_here()
        while self._connections:
            self._connections.pop().close()

    def _next(self) -> None:
        while self._waiting and self.running < AT_ONCE:
            fn, done = self._waiting.popleft()
            self.running += 1
            self._world.in_thread(self._run, fn, done)

    def _run(self, fn: Callable[[Connection], Any], done: Deferred[Any]) -> None:
        result: Any = None
        problem: Exception | None = None
        raw, fresh = self._idle_connection(), False
        while True:
            try:
                if raw is None:
                    raw, fresh = self._connected(), True
                result, problem = reading(self._backend, raw, self._sealer, fn), None
            except Exception as no:  # noqa: BLE001 it is handed on to the reader
                problem = no
                if raw is not None and type(no).__module__.startswith(("pysqlite3", "sqlite3", "psycopg")):
                    again = not fresh and self._backend.lost(raw)
                    raw.close()  # a connection that failed is not used again
                    raw = None
                    if again:
                        continue
            break
        if self._world.inline:
            self.running -= 1
            self._give_back(raw)
            self.deliver(lambda: _fire(done, result, problem))
        else:
            self._world.from_thread(self._ended, raw, done, result, problem)

    def _connected(self) -> Any:
        """A new connection. A server may have none left, or be starting: asked again for a few seconds."""
        for pause in PAUSES if self._backend.remote else ():
            try:
                return self._backend.reader()
            except Exception:  # noqa: BLE001 - the last one is told
                threading.Event().wait(pause)
        try:
            return self._backend.reader()
        except Exception as no:  # noqa: BLE001 - what is not the database's word is told as it is
            why = self._backend.refusal(no)
            raise (CannotRead(why) if why else no) from None

    def _idle_connection(self) -> Any:
        try:
            return self._connections.pop()
        except IndexError:
            return None

    def _give_back(self, raw: Any) -> None:
        if raw is not None and self._closed:
            raw.close()
        elif raw is not None:
            self._connections.append(raw)

    def _ended(self, raw: Any, done: Deferred[Any], result: Any, problem: Exception | None) -> None:
        self.running -= 1
        self._give_back(raw)
        _fire(done, result, problem)
        damage = "" if problem is None else self._backend.broken(problem)
        if damage:
            self.on_damage(damage)
        self._next()
        if not self.running:
            self.on_idle()


def _fire(done: Deferred[Any], result: Any, problem: Exception | None) -> None:
    if problem is None:
        done.callback(result)
    else:
        done.errback(problem)
