"""When a file is whole: three conventions, as pure decisions over what a listing shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from engine.connectors.files.place import Seen

_TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".filepart", ".writing", ".crdownload", ".swp", "~")


class Whole(StrEnum):
    """How the writer shows that a file is whole."""

    RENAME = "rename"  # it writes under another name and renames: what is visible is whole
    STABLE = "stable"  # it writes in place: whole once nothing has changed for a while
    MARKER = "marker"  # it writes NAME, then an empty NAME.ok beside it


@dataclass(frozen=True, slots=True)
class Convention:
    """Which files (`pattern`, as in a shell), how they show that they are whole, after how many seconds without a
    change (`stable_s`), and after how many a file that is still not whole is worth a word (`overdue_s`)."""

    pattern: str = "*"
    whole: Whole = Whole.RENAME
    stable_s: float = 10.0
    marker: str = ".ok"
    overdue_s: float = 600.0


@dataclass(slots=True)
class _Watched:
    size: int
    changed: float
    since: float  # unchanged since, by our clock
    first: float
    told: bool = False


class Watch:
    """Looks at listings one after the other and says which files may be taken now."""

    def __init__(self, convention: Convention) -> None:
        self._convention = convention
        self._watched: dict[str, _Watched] = {}

    def looked(self, listing: Iterable[Seen], now: float) -> tuple[list[Seen], list[str]]:
        """(files that are whole, oldest first; names of those that have been unfinished for too long, told once)."""
        rule = self._convention
        seen = {entry.name: entry for entry in listing}
        ready: list[Seen] = []
        overdue: list[str] = []
        for name in [name for name in self._watched if name not in seen]:
            del self._watched[name]
        for name, entry in seen.items():
            if not fnmatchcase(name, rule.pattern) and not self._is_marker(name):
                continue
            watched = self._watched.get(name)
            if watched is None:
                watched = self._watched[name] = _Watched(entry.size, entry.changed, now, now)
            elif (watched.size, watched.changed) != (entry.size, entry.changed):
                watched.size, watched.changed, watched.since = entry.size, entry.changed, now
            if entry.plain and self._whole(name, seen, watched, now):
                ready.append(entry)
            elif now - watched.first >= rule.overdue_s and not watched.told and self._missed(name, seen):
                watched.told = True
                overdue.append(name)
        ready.sort(key=lambda entry: (entry.changed, entry.name))
        return ready, sorted(overdue)

    def _is_marker(self, name: str) -> bool:
        return self._convention.whole is Whole.MARKER and name.endswith(self._convention.marker)

    def _whole(self, name: str, seen: dict[str, Seen], watched: _Watched, now: float) -> bool:
        match self._convention.whole:
            case Whole.RENAME:
                return not name.lower().endswith(_TEMPORARY)
            case Whole.STABLE:
                temporary = name.lower().endswith(_TEMPORARY)
                return not temporary and now - watched.since >= self._convention.stable_s
            case Whole.MARKER:
                marker = seen.get(name + self._convention.marker)
                # An older marker is a former file's: this one is still being written.
                return not self._is_marker(name) and marker is not None and marker.changed >= seen[name].changed

    def _missed(self, name: str, seen: dict[str, Seen]) -> bool:
        """A marker is missed only when its file is not there."""
        return not self._is_marker(name) or name.removesuffix(self._convention.marker) not in seen
