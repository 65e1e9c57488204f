"""`engine rollback HASH`: have the running engine go back to a version that was in force before."""

from __future__ import annotations

from pathlib import Path

from engine.cli.control import ask, reason_line, signed_by
from engine.cli.folder import reading
from engine.cli.outlook import tell_changes
from engine.cli.say import FOUND, GOOD, document, line, trouble
from engine.cli.versions import active, files_of, turn_of
from engine.core.world import World
from engine.site.changes import changes


def rollback(root: Path, word: str, by: str, reason: str, as_json: bool, world: World) -> int:
    """Go back. The folder's files stay as they are. Exit code 1 when the engine refuses it."""
    signed_by(by, reason)
    with reading(root) as conn:
        wanted, now = turn_of(conn, word), active(conn)
        found = changes(files_of(conn, now), files_of(conn, wanted))
    body = {"version": wanted.version, "base": now.version, "by": by, "reason": reason}
    status, answer = ask(root, "admin", "/v1/site/rollback", body, world)
    if as_json:
        document({**answer, "applied": status < 300})
    elif status < 300:
        tell_changes(found)
        told = "已退回 · in force again" if answer.get("changed") else "本来就是现行版本 · it was in force already"
        line(f"{told}: {wanted.version[:12]}")
    else:
        trouble(reason_line(answer, status))
    return GOOD if status < 300 else FOUND
