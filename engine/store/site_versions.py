"""Versions of the configuration: kept by hash as long as a settlement may need the one it began with, and the history
of what was in force when, by whom and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.store.codec import decode, encode
from engine.store.contract import Connection, Sealed, Write

OVERTAKEN = "site_turn"
"""`Done.failed_sql` when another version came into force meanwhile."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One line of the history. `version` is the hash over all files, `content` the one over what settlements are pinned
    to, `base` the version it was made from ("" for the first). `kind`: start, apply or rollback."""

    seq: int
    version: str
    content: str
    base: str
    kind: str
    by: str
    reason: str
    at: float


def keep_site(hash: str, files: Mapping[str, str], at: float) -> Write:
    """Keep the files (path → text) of a configuration; nothing happens when its hash is known."""
    return Write("site_keep", {"hash": hash, "at": at, "files": Sealed(encode(dict(files)))})


def site_files(conn: Connection, hash: str) -> dict[str, str] | None:
    """The files of a configuration; None when it is unknown."""
    row = conn.row("site_get", hash=hash)
    if row is None:
        return None
    files: dict[str, str] = decode(conn.unseal("site_versions.files", hash, row[0]))
    return files


def sites_in_use(conn: Connection) -> list[str]:
    """Hashes that settlements not yet at rest began with."""
    return [row[0] for row in conn.rows("sites_in_use")]


def pins(conn: Connection) -> list[tuple[str, str, int]]:
    """(content hash, channel, how many settlements not yet at rest began with it)."""
    return [(row[0], row[1], int(row[2])) for row in conn.rows("site_pins")]


def take_turn(turn: Turn, files: Mapping[str, str], pinned: Mapping[str, str]) -> tuple[Write, ...]:
    """This version is in force from now on. `files`: all of it; `pinned`: what settlements are pinned to, under
    its own hash. Guard (`OVERTAKEN`): the history ended at the line before."""
    beside = {path: text for path, text in files.items() if path not in pinned}
    row = {
        "seq": turn.seq, "version": turn.version, "content": turn.content, "base": turn.base, "kind": turn.kind,
        "by": turn.by, "reason": Sealed(turn.reason.encode()), "at": turn.at,
    }  # fmt: skip
    return (
        Write(OVERTAKEN, row, rows=1),
        keep_site(turn.content, pinned, turn.at),
        keep_site(turn.version, beside, turn.at),
    )


def history(conn: Connection, *, before: int | None = None, limit: int = 50) -> list[Turn]:
    """What was in force, newest first; the next page is `before` = the last one's `seq`."""
    rows = conn.rows("site_turns", before=1 << 62 if before is None else before, limit=limit)
    return [
        Turn(row[0], row[1], row[2], row[3], row[4], row[5],
             conn.unseal("site_history.reason", row[0], row[6]).decode(), row[7])
        for row in rows
    ]  # fmt: skip


def in_flight_of(turns: Sequence[Turn], pinned: Sequence[tuple[str, str, int]]) -> dict[int, int]:
    """Line → settlements in flight: each is counted once, beside the newest line with what it is pinned to."""
    newest = {turn.content: turn.seq for turn in reversed(turns)}
    found: dict[int, int] = {}
    for content, _, count in pinned:
        if content in newest:
            found[newest[content]] = found.get(newest[content], 0) + count
    return found


def in_force(conn: Connection) -> Turn | None:
    """The version in force; None before the first start."""
    return next(iter(history(conn, limit=1)), None)


def version_files(conn: Connection, turn: Turn) -> dict[str, str] | None:
    """All files of a version (path → text); None when they are gone."""
    pinned, beside = site_files(conn, turn.content), site_files(conn, turn.version)
    return None if pinned is None or beside is None else {**pinned, **beside}
