"""`engine history`: which configuration was in force when, who made it so, and why."""

from __future__ import annotations

from pathlib import Path

from engine.cli.folder import reading
from engine.cli.say import GOOD, documents, table
from engine.core.times import beijing
from engine.runtime.reload import turn_json
from engine.store.site_versions import history as lines_of
from engine.store.site_versions import pins


def history(root: Path, limit: int, as_json: bool) -> int:
    """Print it, newest first; settlements in flight are counted beside the version they began with."""
    with reading(root) as conn:
        turns = lines_of(conn, limit=limit)
        in_flight: dict[str, int] = {}
        for content, _, count in pins(conn):
            in_flight[content] = in_flight.get(content, 0) + count
    if as_json:
        documents({**turn_json(turn), "in_flight": in_flight.get(turn.content, 0)} for turn in turns)
        return GOOD
    rows = [
        (
            str(turn.seq), beijing(turn.at), turn.kind, turn.version[:12], turn.base[:12], turn.by, turn.reason,
            str(in_flight.get(turn.content, "")),
        )
        for turn in turns
    ]  # fmt: skip
    columns = ("seq", "at", "kind", "version", "base", "by", "reason", "in flight")
    table("配置历史 · history of the configuration", columns, rows)
    return GOOD
