"""What taking a folder's configuration would mean: what changes, for money too, what stays pinned, what forbids it. The
same for `engine plan`, `engine apply` and the console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.config.problems import Problem, failing
from engine.runtime.reload import first_of
from engine.runtime.versions import NoSuchVersion, files_of, since, turn_of
from engine.site.changes import Change, changes
from engine.site.files import bytes_of, hash_of
from engine.site.load import load, load_again, load_pinned
from engine.site.notices import notices, restarts
from engine.site.site import Site
from engine.store.contract import Connection
from engine.store.site_versions import Turn, pins, site_files

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store says a folder is compared with. `turn`: in force, `files`: its. `base`: the version the folder was
    made from, "" when nothing says it; `base_files`: its, None when this node never had it in force; `turns`: what came
    into force since. `pinned`: (content hash, channel, settlements in flight); `kept`: their files."""

    turn: Turn
    files: Files
    base: str
    base_files: Files | None
    turns: list[Turn]
    pinned: list[tuple[str, str, int]]
    kept: dict[str, dict[str, str] | None]


@dataclass(slots=True)
class Outlook:
    """Everything about one folder's configuration against the one in force. `theirs`: what others changed since `base`,
    when that is no longer in force, and `turns` how; without any the node does not know the base. `pinned`: (content
    hash, channel, settlements)."""

    turn: Turn
    files: Files
    version: str
    base: str
    site: Site | None = None
    problems: list[Problem] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    theirs: list[Change] | None = None
    turns: list[Turn] = field(default_factory=list)
    advice: list[Problem] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)
    pinned: list[tuple[str, str, int]] = field(default_factory=list)
    stranded: dict[str, list[Problem]] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether the engine would not take it."""
        return bool(self.why[0])

    @property
    def why(self) -> tuple[str, str]:
        """The code of what the engine would refuse it for, and its detail; ("", "") when it would take it."""
        if failing(self.problems) or self.site is None:
            return "E-SITE-WRONG", first_of(failing(self.problems))
        if self.theirs is not None:
            return "E-SITE-MOVED", f"{self.turn.version[:12]} ({self.turn.by})"
        if self.restarts:
            return "E-SITE-RESTART", ", ".join(self.restarts)
        for content, problems in self.stranded.items():
            return "E-SITE-IN-USE", f"{content[:12]}: {first_of(problems)}"
        return "", ""


def standing(conn: Connection, turn: Turn, base: str) -> Standing:
    """Read what a folder made from `base` is compared with. NoSuchVersion when the files in force are gone."""
    files = files_of(conn, turn)
    try:
        was = turn_of(conn, base) if base else None
        same = was is not None and was.version == turn.version  # as nearly always: large tables are not read twice
        base_files = None if was is None else files if same else files_of(conn, was)
    except NoSuchVersion:
        was, base_files = None, None
    whole = base if was is None else was.version  # one that nobody knows stays as it is
    pinned = pins(conn)
    turns = since(conn, whole) if whole and whole != turn.version else []
    kept = {content: site_files(conn, content) for content, _, _ in pinned}
    return Standing(turn, files, whole, base_files, turns, pinned, kept)


def outlook(files: Files, now: Standing) -> Outlook:
    """Compare the folder's files with what is in force. Compiles both: it takes as long as a start of the engine."""
    made = load(files)
    look = Outlook(now.turn, files, hash_of(files), now.base, pinned=now.pinned)
    if look.version == now.turn.version:
        look.base = now.turn.version  # there is nothing of anybody's that it could take back
    if look.base and look.base != now.turn.version:
        look.theirs = [] if now.base_files is None else changes(now.base_files, now.files)
        look.turns = now.turns
    look.changed = changes(now.files, files)
    if not isinstance(made, Site):
        look.problems = made
        return look
    look.site, look.problems = made, list(made.advice)
    before = load_again(now.files)
    look.restarts = restarts(before, made) if isinstance(before, Site) else []
    look.advice = notices(before if isinstance(before, Site) else None, made, look.changed, now.turn.version)
    for content, texts in now.kept.items():
        pinned = load_pinned(bytes_of(texts or {}), made.engine)
        if not isinstance(pinned, Site):
            look.stranded[content] = pinned
    return look
