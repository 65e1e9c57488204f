"""`engine resolve`: a person's decision, handed to the running engine through its own signed door."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.cli.control import ask, reason_line, signed_by
from engine.cli.folder import reading
from engine.cli.say import FOUND, GOOD, WrongUse, document, line, trouble
from engine.cli.versions import there, turn_of
from engine.core.digest import digest_of
from engine.core.world import World
from engine.saga.byhand import OFF

WORDS = ("done", "not_done", "again", OFF)


def resolve(root: Path, no: str, by: str, reason: str, legs: Sequence[str], as_json: bool, world: World) -> int:
    """Send the decision and print the settlement as it goes on. `legs`: `7=done` for each leg that needs a person.

    Exit code 1 when the engine refuses it, 3 when it cannot be reached or no client may operate.
    """
    words = _words(legs)
    signed_by(by, reason)
    body: dict[str, Any] = {"by": by, "reason": reason, "legs": words}
    body["request_no"] = digest_of([no, body])[:32]  # the same decision again is the same request
    status, answer = ask(root, "operate", f"/v1/settlements/{no}/resolve", body, world)
    if as_json or status >= 300:
        return _told(status, answer, as_json)
    line(f"{answer.get('settlement_no', no)}  {answer.get('state', '')}")
    return _shown(root, no)


def move(root: Path, no: str, by: str, reason: str, onto: str, as_json: bool, world: World) -> int:
    """Let a settlement in flight go on under another version, named by the beginning of its hash; exit codes as above.
    The engine refuses it when what was done already differs there."""
    signed_by(by, reason)
    with reading(root) as conn:
        turn = turn_of(conn, onto)
    body = {"by": by, "reason": reason, "onto": turn.content}
    status, answer = ask(root, "operate", f"/v1/settlements/{no}/move", body, world)
    if as_json or status >= 300:
        return _told(status, answer, as_json)
    before, after = answer["from"][:12], answer["onto"][:12]
    if before == after:
        line(f"{no}  {answer['state']}  本来就按这个版本 · it is pinned to that one already: {after}")
        return GOOD
    line(f"{no}  {answer['state']}  {before} → {after}  ({turn.seq}  {turn.version[:12]})")
    return _shown(root, no)


def _told(status: int, answer: dict[str, Any], as_json: bool) -> int:
    """The answer as it came, or why not."""
    if as_json:
        document(answer)
    elif status >= 300:
        trouble(reason_line(answer, status))
    return GOOD if status < 300 else FOUND


def _shown(root: Path, no: str) -> int:
    """Where who and why can be read."""
    line(f"  engine show {no}{there(root)}")
    return GOOD


def _words(legs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in legs:
        leg, _, word = text.partition("=")
        if not leg.isascii() or not leg.isdigit() or word not in WORDS:
            raise WrongUse(f"--leg {text}: {', '.join(f'7={word}' for word in WORDS)}")
        found[leg] = word
    return found
