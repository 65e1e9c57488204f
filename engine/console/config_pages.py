"""Pages of the configuration: the folder as it lies there, one turn of the history, and what a code or a word means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.console.asked import Asked, NoSuchPage
from engine.console.differences import Difference
from engine.console.folder import Judged, turn_and_before
from engine.console.next_words import apply_command, rollback_command
from engine.core.errors import said
from engine.runtime.aside import AsideFailed
from engine.runtime.versions import NoSuchVersion
from engine.site.explained import explained, nearest_explained

Values = Mapping[str, Any]
WHAT_MAX = 100  # characters of a question
EXAMPLES = ("E402", "E-UNMAPPED", "listener", "filters")
SEQ_MAX = 1 << 60


async def config(asked: Asked) -> Values:
    """What lint says of the folder, what taking it would change, and what to type."""
    judged = await asked.folder.judged()
    played = asked.rehearsals.last()
    values = {
        "judged": judged, "root": str(asked.node.root), "kinds": asked.kind, "played": played, "problem": "",
        "refresh": 2 if played is not None and played.under_way else 0 if judged else 3,
    }  # fmt: skip
    if judged is None:
        return values
    code, detail = judged.refused
    return {
        **values,
        "refused": None if not code or judged.errors else (code, *_said(code, detail, asked.language)),
        "typed": () if judged.unreadable[0] else _typed(judged),
        "flying": sum(count for _, _, count in judged.pinned),
    }


def _said(code: str, detail: str, language: str) -> tuple[str, str]:
    """(what a code says, what to do)."""
    _, zh, en, next_zh, next_en = said(code, detail)
    return (zh, next_zh) if language == "zh" else (en, next_en)


def _typed(judged: Judged) -> tuple[str, ...]:
    """The commands in their order; none while there are mistakes or nothing changes."""
    assert judged.turn is not None, "what was read was compared"
    if judged.errors or not judged.changed.parts:
        return ()
    if judged.theirs is not None:
        first = "engine pull" if judged.turns else "engine diff active ."
        return first, apply_command(judged.turn.version)
    if judged.restarts:
        return ("engine run --folder",)
    return (apply_command("" if judged.base else judged.turn.version),)


async def turn(asked: Asked) -> Values:
    """One turn of the history: what it changed of the one before, and what to type to go back to it."""
    seq = asked.parts["seq"]
    if not (seq.isascii() and seq.isdigit() and len(seq) < 19):
        raise NoSuchPage(seq)
    found, before, now = await asked.store.read(lambda conn: turn_and_before(conn, int(seq)))
    if found is None or now is None:
        raise NoSuchPage(seq)
    changed: Difference | None = None
    gone, failed = False, ""
    if before is not None:
        try:
            changed = await asked.folder.difference(found, before)
        except NoSuchVersion:
            gone = True
        except AsideFailed as no:
            failed = str(no)
    back = () if found.version == now.version else (rollback_command(found.seq, found.version),)
    return {
        "one": found, "before": before, "changed": changed, "gone": gone, "failed": failed, "typed": back, "refresh": 0,
    }  # fmt: skip


async def explain(asked: Asked) -> Values:
    """What `engine explain` says, of the configuration in force."""
    what = asked.query.get("what", "").strip()[:WHAT_MAX]
    site = asked.node.site()
    text = explained(what, site, asked.language) if what else None
    near = nearest_explained(what, site) if what and text is None else ""
    return {"what": what, "text": text, "near": near, "examples": EXAMPLES, "refresh": 0}
