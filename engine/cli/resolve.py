"""`engine resolve`: a person's decision, handed to the running engine through its own signed door."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.cli.control import ask
from engine.cli.folder import reading
from engine.cli.say import FOUND, GOOD, WrongUse, document
from engine.cli.versions import turn_of
from engine.core.digest import digest_of
from engine.core.world import World

WORDS = ("done", "not_done", "again")


def resolve(root: Path, no: str, by: str, reason: str, legs: Sequence[str], world: World) -> int:
    """Send the decision and print the settlement as it goes on. `legs`: `7=done` for each leg that needs a person.

    Exit code 1 when the engine refuses it, 3 when it cannot be reached or no client may operate.
    """
    words = _words(legs)
    body: dict[str, Any] = {"by": by, "reason": reason, "legs": words}
    body["request_no"] = digest_of([no, body])[:32]  # the same decision again is the same request
    return _told(ask(root, "operate", f"/v1/settlements/{no}/resolve", body, world))


def move(root: Path, no: str, by: str, reason: str, onto: str, world: World) -> int:
    """Let a settlement in flight go on under another version, named by the beginning of its hash; exit codes as above.
    The engine refuses it when what was done already differs there."""
    with reading(root) as conn:
        turn = turn_of(conn, onto)
    body = {"by": by, "reason": reason, "onto": turn.content}
    return _told(ask(root, "operate", f"/v1/settlements/{no}/move", body, world))


def _told(answer: tuple[int, dict[str, Any]]) -> int:
    document(answer[1])
    return GOOD if answer[0] < 300 else FOUND


def _words(legs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in legs:
        leg, _, word = text.partition("=")
        if not leg.isascii() or not leg.isdigit() or word not in WORDS:
            raise WrongUse(f"--leg {text}: {', '.join(f'7={word}' for word in WORDS)}")
        found[leg] = word
    return found
