"""The configuration folder of this node compared with what is in force, and one version with the one before.

Reading and compiling takes seconds where code tables are large, and would hold the interpreter while calls are in
flight: a process of its own does it, one at a time, and what was found is kept as long as the folder's files are the
same. A page that would wait too long says that it is being read.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
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
from engine.runtime.aside import Aside, AsideFailed, Groups, Limits, packed
from engine.runtime.outlook import Standing, outlook, standing
from engine.runtime.threads import on_a_thread
from engine.runtime.versions import NoSuchVersion, base_of, files_of
from engine.site.changes import changes
from engine.site.files import ENGINE_FILE, FOLDERS, bytes_of, read_files, texts_of, whole_part
from engine.store.contract import Connection, Store
from engine.store.site_versions import Turn, history, in_force, pins

T = TypeVar("T")
FILES_MAX, BYTES_MAX = 5000, 256 << 20  # of a folder that a page reads; the command line reads any
WAIT = 4.0  # seconds that a page waits for the reading, then it says so
TURNS_SHOWN = 200  # that came into force since the base
KEPT = 8  # differences between versions
LIMITS = Limits(seconds=120.0, memory=2 << 30, answer=16 << 20)
"""Of the process that reads: with 300,000 codes it takes some ten seconds and 0.6 GiB."""
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


_JUDGED, _DIFFERENCE = TypeAdapter(Judged), TypeAdapter(Difference)
_STANDING = TypeAdapter(Standing)


class TooLarge(Exception):
    """More than a page reads."""


class FolderOnDisk:
    """Judges the folder and compares versions: beside the reactor, one piece of work at a time."""

    def __init__(self, world: World, store: Store, root: Path) -> None:
        self._world, self._store, self._root = world, store, root
        self._aside = Aside(world, LIMITS)
        self._one = DeferredLock()
        self._judging: list[Deferred[Judged | None]] | None = None
        self._key: tuple[Any, ...] = ()
        self._kept: Judged | None = None
        self._differences: OrderedDict[tuple[str, str], Difference] = OrderedDict()

    def stop(self) -> None:
        """The engine leaves: what is being read is not waited for."""
        self._aside.leave()

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
        except AsideFailed as no:
            return Judged(now, (str(no), ""))

    async def _afresh(self, turn: Turn | None, base: str, now: float) -> Judged:
        def compared_with(conn: Connection) -> Standing | None:
            return None if turn is None else standing(conn, turn, base)

        there = await self._store.read(compared_with)
        if there is None:
            return Judged(now, ("nothing", ""))
        return await self._asked("judge", *parcel(there, now), _JUDGED)

    async def difference(self, turn: Turn, before: Turn) -> Difference:
        """What a version changed of the one before. NoSuchVersion when the files of one are gone, AsideFailed when
        they could not be compared."""
        pair = (before.version, turn.version)
        found = self._differences.get(pair)
        if found is None:
            old, new = await self._store.read(lambda conn: (files_of(conn, before), files_of(conn, turn)))
            found = await self._asked("compare", {}, {"old": old, "new": new}, _DIFFERENCE)
            self._differences[pair] = found
            while len(self._differences) > KEPT:
                self._differences.popitem(last=False)
        return found

    async def _asked(self, work: str, head: Mapping[str, Any], files: Groups, answer: TypeAdapter[T]) -> T:
        """What the process says, read strictly: it has read files of ours, and is believed in nothing else."""
        lines: list[bytes] = []
        await self._one.acquire()
        try:
            await self._aside.run(work, self._root, packed(head, files), lines.append)
            return answer.validate_json(b"".join(lines))
        except ValidationError:
            raise AsideFailed("nonsense") from None
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


# What the process is given and gives back (engine/cli/aside.py)


def parcel(there: Standing, now: float) -> tuple[dict[str, Any], dict[str, Mapping[str, bytes]]]:
    """A standing as a head and the files of the versions it speaks of."""
    head = _STANDING.dump_python(replace(there, files={}, base_files=None, kept={}), mode="json")
    groups: dict[str, Mapping[str, bytes]] = {"files": there.files}
    if there.base_files is not None:
        groups["base"] = there.base_files if there.base_files is not there.files else {}
    kept = {content: None if texts is None else bytes_of(texts) for content, texts in there.kept.items()}
    groups |= {f"kept {content}": files for content, files in kept.items() if files is not None}
    same = there.base_files is there.files
    return {"now": now, "there": head, "same": same, "kept": list(kept)}, groups


def judged_of_parcel(root: Path, head: Mapping[str, Any], groups: Groups) -> Any:
    """The other side of `parcel`: what the page shows, as JSON has it."""
    kept = {one: texts_of(groups[f"kept {one}"]) if f"kept {one}" in groups else None for one in head["kept"]}
    base = groups["files"] if head["same"] else groups.get("base")
    there = replace(_STANDING.validate_python(head["there"]), files=groups["files"], base_files=base, kept=kept)
    try:
        found = judge(root, there, head["now"])
    except OSError as no:
        found = Judged(head["now"], ("os", _os_words(no, root)))
    return _JUDGED.dump_python(found, mode="json")


def difference_of_parcel(groups: Groups) -> Any:
    """What the newer files changed of the older, as JSON has it."""
    return _DIFFERENCE.dump_python(told_changes(changes(groups["old"], groups["new"])), mode="json")


def judge(root: Path, there: Standing, now: float) -> Judged:
    """Read and compile the folder, and compare it."""
    files = whole_part(read_files(root))
    look = outlook(files, there)
    wrong = len(failing(look.problems))
    unknown = unknown_words(look.problems, files)
    stranded = ((content, one) for content, problems in look.stranded.items() for one in problems)
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
        turns=tuple(look.turns[-TURNS_SHOWN:]),
        money=tuple(look.advice[:PROBLEMS_SHOWN]),
        restarts=tuple(look.restarts),
        stranded=tuple(islice(stranded, PROBLEMS_SHOWN)),
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
