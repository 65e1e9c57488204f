"""The configuration folder of this node compared with what is in force, and one version with the one before.

Reading and compiling takes seconds where code tables are large: it is done on a thread, once at a time, and what was
found is kept as long as the folder's files are the same. A page that would wait too long says that it is being read.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock

from engine.config.problems import Problem, failing
from engine.console.differences import (
    NONE,
    PROBLEMS_SHOWN,
    Difference,
    Told,
    told_changes,
    told_problems,
    unknown_words,
)
from engine.core.world import World
from engine.runtime.outlook import Standing, outlook, standing
from engine.runtime.threads import on_a_thread
from engine.runtime.versions import NoSuchVersion, base_of, files_of
from engine.site.changes import changes
from engine.site.files import ENGINE_FILE, FOLDERS, read_files, whole_part
from engine.store.contract import Connection, Store
from engine.store.site_versions import Turn, history, in_force, pins

T = TypeVar("T")
FILES_MAX, BYTES_MAX = 5000, 256 << 20  # of a folder that a page reads; the command line reads any
WAIT = 4.0  # seconds that a page waits for the reading, then it says so
KEPT = 8  # differences between versions
Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found. `unreadable`: why the folder could not be read or is too large to be read here (a word of the
    page's texts and a detail), and then nothing else. `refused`: the code of what `engine apply` would be refused for
    and its detail. `theirs`, `turns`: as in an Outlook."""

    at: float
    unreadable: tuple[str, str] = ("", "")
    files: int = 0
    problems: tuple[Told, ...] = ()
    more_problems: int = 0
    errors: int = 0
    advice: int = 0
    turn: Turn | None = None
    version: str = ""
    base: str = ""
    refused: tuple[str, str] = ("", "")
    changed: Difference = NONE
    theirs: Difference | None = None
    turns: tuple[Turn, ...] = ()
    money: tuple[Problem, ...] = ()
    restarts: tuple[str, ...] = ()
    stranded: tuple[tuple[str, Problem], ...] = ()
    pinned: tuple[tuple[str, str, int], ...] = ()


class TooLarge(Exception):
    """More than a page reads."""


class FolderOnDisk:
    """Judges the folder and compares versions: beside the reactor, one piece of work at a time."""

    def __init__(self, world: World, store: Store, root: Path) -> None:
        self._world, self._store, self._root = world, store, root
        self._one = DeferredLock()
        self._judging: list[Deferred[Judged | None]] | None = None
        self._key: tuple[Any, ...] = ()
        self._kept: Judged | None = None
        self._differences: OrderedDict[tuple[str, str], Difference] = OrderedDict()

    def judged(self) -> Deferred[Judged | None]:
        """The folder as it lies there; None while it is still being read."""
        answer: Deferred[Judged | None] = Deferred()
        late = self._world.later(WAIT * self._world.rate, self._give_up, answer)

        def ended(result: T) -> T:
            if late.active():
                late.cancel()
            return result

        answer.addBoth(ended)
        if self._judging is not None:
            self._judging.append(answer)
            return answer
        self._judging = [answer]
        work: Deferred[Judged] = Deferred.fromCoroutine(self._judge())
        work.addBoth(self._tell)
        return answer

    def _tell(self, result: Any) -> None:
        """To all who wait; a failure nobody waits for any more is met again by the next who asks."""
        waiting, self._judging = self._judging or [], None
        for one in waiting:
            one.callback(result)

    def _give_up(self, answer: Deferred[Judged | None]) -> None:
        if self._judging is not None and answer in self._judging:
            self._judging.remove(answer)
            answer.callback(None)

    async def _judge(self) -> Judged:
        now = self._world.now()
        try:
            stamp, base = await on_a_thread(self._world, lambda: (stamp_of(self._root), base_of(self._root)))
            turn, pinned = await self._store.read(lambda conn: (in_force(conn), tuple(pins(conn))))
            key = (stamp, base, turn and turn.seq, frozenset(content for content, _, _ in pinned))
            if self._kept is None or key != self._key:
                found = await self._afresh(turn, base, now)
                self._key, self._kept = key, found
            return replace(self._kept, pinned=pinned)
        except TooLarge:
            return Judged(now, ("too_large", ""))
        except NoSuchVersion as no:
            return Judged(now, ("gone", str(no)))
        except OSError as no:
            return Judged(now, ("os", _os_words(no, self._root)))

    async def _afresh(self, turn: Turn | None, base: str, now: float) -> Judged:
        def compared_with(conn: Connection) -> Standing | None:
            return None if turn is None else standing(conn, turn, base)

        there = await self._store.read(compared_with)
        return await self._alone(lambda: judge(self._root, there, now))

    async def difference(self, turn: Turn, before: Turn) -> Difference:
        """What a version changed of the one before. NoSuchVersion when the files of one are gone."""
        pair = (before.version, turn.version)
        found = self._differences.get(pair)
        if found is None:
            old, new = await self._store.read(lambda conn: (files_of(conn, before), files_of(conn, turn)))
            found = await self._alone(lambda: told_changes(changes(old, new)))
            self._differences[pair] = found
            while len(self._differences) > KEPT:
                self._differences.popitem(last=False)
        return found

    async def _alone(self, work: Callable[[], T]) -> T:
        await self._one.acquire()
        try:
            return await on_a_thread(self._world, work)
        finally:
            self._one.release()


def stamp_of(root: Path) -> Stamp:
    """Every file that would be read, with its time and size. TooLarge for more than a page reads."""
    found: list[tuple[str, int, int]] = []
    total = 0
    for top in (ENGINE_FILE, *FOLDERS):
        for path in [root / top] if top == ENGINE_FILE else (root / top).rglob("*"):
            try:
                seen = path.stat()
            except FileNotFoundError:
                continue
            found.append((path.relative_to(root).as_posix(), seen.st_mtime_ns, seen.st_size))
            total += seen.st_size
            if len(found) > FILES_MAX or total > BYTES_MAX:
                raise TooLarge
    return tuple(sorted(found))


def judge(root: Path, there: Standing | None, now: float) -> Judged:
    """Read and compile the folder, and compare it. `there`: None before anything was in force."""
    files = whole_part(read_files(root))
    if there is None:
        return Judged(now, ("nothing", ""))
    look = outlook(files, there)
    wrong = len(failing(look.problems))
    unknown = unknown_words(look.problems, files)
    return Judged(
        now,
        files=len(files),
        problems=told_problems(look.problems, files),
        more_problems=max(0, len(look.problems) - PROBLEMS_SHOWN),
        errors=wrong,
        advice=len(look.problems) - wrong,
        turn=look.turn,
        version=look.version,
        base=look.base,
        refused=look.why,
        changed=told_changes(look.changed, unknown),
        theirs=None if look.theirs is None else told_changes(look.theirs),
        turns=tuple(look.turns),
        money=tuple(look.advice),
        restarts=tuple(look.restarts),
        stranded=tuple((content, one) for content, problems in look.stranded.items() for one in problems),
    )


def _os_words(no: OSError, root: Path) -> str:
    """Which file and why, without the folders above it."""
    name = str(no.filename or "")
    return f"{os.path.relpath(name, root) if name.startswith(str(root)) else name}: {no.strerror or no}".lstrip(": ")


def turn_and_before(conn: Connection, seq: int) -> tuple[Turn | None, Turn | None, Turn | None]:
    """(a line of the history, the one before it, the one in force)."""
    two = history(conn, before=seq + 1, limit=2)
    found = two[0] if two and two[0].seq == seq else None
    return found, (two[1] if found is not None and len(two) > 1 else None), in_force(conn)
