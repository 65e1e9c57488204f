"""Group commit: all units that wait become one transaction with one wait for the disk.

Runs in the writer's thread (or, in an inline world, where it is called). Knows nothing of Deferreds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from engine.store.backend import Backend, Meaning, pack, sealed_params
from engine.store.bulk import GATHERED, ORDER
from engine.store.contract import BadUnit, Crash, Done, Fault, StoreFull, Unit, Write
from engine.store.many import ManyRows, write_many
from engine.store.sealing import Sealer

TRIES = 5  # a batch rolled back for another transaction's sake is done again so many times
PAUSE = 0.02  # seconds before the second try; twice as long before each further one

Result = Done | Exception
Gathering = dict[str, list[Mapping[str, object]]]
"""Rows still to be written, by statement."""


class Fatal(Exception):
    """The store can no longer be trusted; the text says why."""


class GroupWriter:
    """Commits batches of units on a backend."""

    def __init__(self, backend: Backend, sealer: Sealer) -> None:
        self._backend, self._sealer = backend, sealer
        self.fail: Fault | None = None
        self.pause: Callable[[float], object] = threading.Event().wait
        self.batches = 0
        self.units = 0

    def write(self, units: Sequence[Unit], staged: list[Result] | None = None) -> list[Result]:
        """Commit the units; one result each. `staged`: what `stage` gave for them. Raises Fatal when nobody knows what
        was stored, StoreFull when there is no room (nothing was stored), Crash when a test's hook says the process
        died."""
        for left in range(TRIES - 1, -1, -1):
            try:
                results, staged = staged or self._written(units), None
                self._commit(units)
            except Exception as error:  # noqa: BLE001 every error is judged; what is not known is fatal
                self._judge(error, left)
            else:
                self.batches += 1
                self.units += len(units)
                return results
        raise AssertionError("unreachable")

    def stage(self, units: Sequence[Unit]) -> list[Result] | None:
        """Begin a transaction with these units, for `write` to commit. None, and nothing begun, when somebody else is
        writing or one of them cannot be kept: `write` then does them all, and says why."""
        backend = self._backend
        if not backend.gathers or not backend.begin_now():
            return None
        with suppress(Exception):  # whatever it is happens again to `write`, which judges it
            pack(self._sealer, units)
            results = self._gathered(units)
            if _kept(results[-1]):
                return results
        with suppress(Exception):
            backend.rollback()
        return None

    def probe(self) -> bool:
        """Whether there is room for a small transaction again. Raises like `write`."""
        try:
            self.write([Unit("probe", (Write("probe", {}),))])
        except StoreFull:
            return False
        return True

    def _judge(self, error: Exception, left: int) -> None:
        """Return to try again; else raise."""
        if isinstance(error, Crash | Fatal):
            raise error
        meaning = self._backend.judge(error)
        if meaning is Meaning.AGAIN and left:
            self._undo()
            self.pause(PAUSE * 2 ** (TRIES - 1 - left))  # let the other finish
            return
        if meaning is Meaning.FULL:
            self._undo()
            raise StoreFull(_words(error)) from error
        raise Fatal(self._why(error)) from error

    def _undo(self) -> None:
        try:
            self._backend.rollback()
        except Exception as error:
            raise Fatal(f"rollback failed: {self._why(error)}") from error

    def _why(self, error: Exception) -> str:
        return self._backend.because(error) or _words(error)

    def _written(self, units: Sequence[Unit]) -> list[Result]:
        """Guards seldom fail: the units are first tried together, and only when one fails each in a savepoint of its
        own, which costs two statements a unit."""
        backend = self._backend
        pack(self._sealer, units)
        backend.begin()
        results = self._gathered(units) if backend.gathers else self._together(units)
        if not _kept(results[-1]):
            backend.rollback()
            backend.begin()
            if len(units) == 1 and not backend.gathers:
                return results
            results = [self._apart(unit) for unit in units]
        return results

    def _commit(self, units: Sequence[Unit]) -> None:
        backend = self._backend
        if self.fail is not None:
            self.fail("before_commit", units)
        try:
            backend.commit()
        except Exception as error:
            if backend.judge(error) in (Meaning.FULL, Meaning.AGAIN):
                raise  # both say for certain that nothing was committed
            raise Fatal(f"commit failed, its outcome is unknown: {self._why(error)}") from error
        if self.fail is not None:
            try:
                self.fail("after_commit", units)
            except Crash:
                raise
            except Exception as error:
                raise Fatal(f"commit failed, its outcome is unknown: {_words(error)}") from error

    def _gathered(self, units: Sequence[Unit]) -> list[Result]:
        """As `_together`, with one statement for all rows of a kind (see `bulk`)."""
        gathered: Gathering = {}
        results = self._together(units, gathered)
        if not _kept(results[-1]):
            return results
        if gathered:  # a batch of messages brings its rows as statements of their own
            for name in ORDER:
                if name in gathered and not self._many(name, gathered[name]):
                    return [Done(False, -1, name)]
        return results

    def _many(self, name: str, rows: Sequence[Mapping[str, object]]) -> bool:
        """Write the rows of one kind; False when one of them cannot be kept."""
        backend = self._backend
        try:
            for count, text, params in GATHERED[name].cut(rows):
                if backend.execute(text, params).rowcount != count:
                    return False
        except KeyError:
            return False  # a parameter is missing: told when each unit is tried by itself
        except Exception as error:
            if backend.judge(error) in (Meaning.GUARD, Meaning.BAD_UNIT):
                return False
            raise
        return True

    def _together(self, units: Sequence[Unit], gathered: Gathering | None = None) -> list[Result]:
        """Results up to the first unit that is not kept. With `gathered`, what can be written later goes there."""
        results: list[Result] = []
        for unit in units:
            results.append(self._unit(unit, gathered))
            if not _kept(results[-1]):
                break
        return results

    def _apart(self, unit: Unit) -> Result:
        backend = self._backend
        backend.execute("SAVEPOINT unit")
        result = self._unit(unit)
        if not _kept(result):
            backend.execute("ROLLBACK TO SAVEPOINT unit")
        backend.execute("RELEASE SAVEPOINT unit")
        return result

    def _unit(self, unit: Unit, gathered: Gathering | None = None) -> Result:
        counts: list[int] = []
        backend = self._backend
        for index, write in enumerate(unit.writes):
            try:
                if isinstance(write, ManyRows):
                    counts.append(write_many(backend, write))
                    if write.rows is not None and counts[-1] != write.rows:
                        return Done(False, index, write.sql, tuple(counts))
                    continue
                params = sealed_params(self._sealer, write.sql, write.params)
                if gathered is not None and write.rows == 1 and write.sql in GATHERED:
                    gathered.setdefault(write.sql, []).append(params)
                    counts.append(1)
                    continue
                count = backend.execute(backend.sql(write.sql), params).rowcount
            except (BadUnit, KeyError, AttributeError, TypeError) as error:
                return _bad(unit, write.sql, error)
            except Exception as error:
                meaning = backend.judge(error)
                if meaning is Meaning.GUARD:
                    return Done(False, index, write.sql)
                if meaning is Meaning.BAD_UNIT:
                    return _bad(unit, write.sql, error)
                raise
            counts.append(count)
            if write.rows is not None and count != write.rows:
                return Done(False, index, write.sql, tuple(counts))
        return Done(True, -1, "", tuple(counts))


def _kept(result: Result) -> bool:
    return isinstance(result, Done) and result.committed


def _bad(unit: Unit, sql: str, error: Exception) -> BadUnit:
    return BadUnit(f"unit {unit.name}, statement {sql}: {type(error).__name__} {_words(error)}")


def _words(error: BaseException) -> str:
    """The error's first line; a database's further lines may quote a row's content."""
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
