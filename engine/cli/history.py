"""`engine history`: which configuration was in force when, who made it so, and why."""

from __future__ import annotations

from pathlib import Path

from engine.cli.folder import reading
from engine.cli.say import GOOD, documents, table
from engine.core.times import beijing
from engine.runtime.reload import turn_json
from engine.store.site_versions import history as lines_of
from engine.store.site_versions import in_flight_of, pins


def history(root: Path, limit: int, as_json: bool) -> int:
    """Print it, newest first; settlements in flight are counted beside the version they began with."""
    with reading(root) as conn:
        turns = lines_of(conn, limit=limit)
        in_flight = in_flight_of(turns, pins(conn))
    if as_json:
        documents({**turn_json(turn), "in_flight": in_flight.get(turn.seq, 0)} for turn in turns)
        return GOOD
    rows = [
        (
            str(turn.seq), beijing(turn.at), turn.kind, turn.version[:12], turn.base[:12], turn.content[:12], turn.by,
            turn.reason, str(in_flight.get(turn.seq, "")),
        )
        for turn in turns
    ]  # fmt: skip
    columns = ("seq", "at", "kind", "version", "base", "content", "by", "reason", "in flight")
    table("配置历史 · history of the configuration", columns, rows)
    return GOOD
