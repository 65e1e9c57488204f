"""The conversations of the folder, played when somebody presses the button: `engine test` in a process of its own that
can reach nothing of ours (engine/cli/aside.py). One run at a time; what the last one found is kept in memory only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from twisted.internet.defer import Deferred

from engine.core.world import World
from engine.runtime.aside import Aside, AsideFailed, Limits, packed
from engine.runtime.logs import Log, trouble_of

LIMITS = Limits(seconds=600.0, memory=2 << 30, answer=32 << 20)
KEPT_FOR = 12 * 3600.0
ROWS_MAX, TEXT_MAX, NAME_MAX = 2000, 4000, 200  # conversations kept, characters of each


class CannotStart(Exception):
    """Why none was begun: a key of texts/config.py."""


class Row(BaseModel):
    """How one conversation went, as `engine test --json` has it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    name: str
    passed: bool
    text: str


class Begun(BaseModel):
    """How many there are, and the version of the files they are of."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    count: int
    version: str


@dataclass(slots=True)
class Rehearsal:
    """One run. `by` who asked ("": nobody logs in), `at` when; `wrong`: why it did not come to its end ("" it did, or
    is under way): a word of AsideFailed."""

    by: str
    at: float
    begun: Begun | None = None
    played: int = 0
    failed: int = 0
    rows: list[Row] = field(default_factory=list)
    ended_at: float | None = None
    wrong: str = ""

    @property
    def under_way(self) -> bool:
        return self.ended_at is None

    @property
    def passed(self) -> int:
        return self.played - self.failed


class Rehearsals:
    """Begins them and keeps the last."""

    def __init__(self, world: World, root: Path, log: Log) -> None:
        self._world, self._root, self._log = world, root, log
        self.aside = Aside(world, LIMITS)
        self._last: Rehearsal | None = None
        self._stopped = False

    def last(self) -> Rehearsal | None:
        """The one under way, or else the last one, for half a day."""
        one = self._last
        if one is not None and one.ended_at is not None and one.ended_at < self._world.now() - KEPT_FOR:
            self._last = None
        return self._last

    def begin(self, by: str) -> Rehearsal:
        """Start one. Errors: CannotStart."""
        if self._stopped:
            raise CannotStart("stopping")
        if self._last is not None and self._last.under_way:
            raise CannotStart("busy")
        one = self._last = Rehearsal(by, self._world.now())
        self._log.info("console_test", user=by)
        Deferred.fromCoroutine(self._carried(one))
        return one

    def stop(self) -> None:
        """The engine leaves: no more are begun, and the one under way ends now."""
        self._stopped = True
        self.aside.leave()

    async def _carried(self, one: Rehearsal) -> None:
        try:
            await self.aside.run("rehearse", self._root, packed({}, {}), lambda line: self._heard(one, line))
            if not one.wrong and (one.begun is None or one.played != one.begun.count):
                one.wrong = "nonsense"
        except AsideFailed as no:
            one.wrong = one.wrong or str(no)
        except Exception as problem:  # noqa: BLE001 whatever is wrong with it, the engine goes on and the page says so
            one.wrong = "died"
            self._log.error("console_test_failed", why=trouble_of(problem))
        one.ended_at = self._world.now()
        self._log.info("console_test_ended", passed=one.passed, failed=one.failed, wrong=one.wrong)

    def _heard(self, one: Rehearsal, line: bytes) -> None:
        if one.wrong:
            return
        try:
            if one.begun is None:
                one.begun = Begun.model_validate_json(line)
                return
            row = Row.model_validate_json(line)
        except ValidationError:
            one.wrong = "nonsense"
            self.aside.stop("nonsense")
            return
        one.played += 1
        one.failed += not row.passed
        if len(one.rows) < ROWS_MAX:
            one.rows.append(_cut(row))


def _cut(row: Row) -> Row:
    text = row.text if len(row.text) <= TEXT_MAX else f"{row.text[:TEXT_MAX]}…"
    return Row(name=row.name[:NAME_MAX], passed=row.passed, text=text)
