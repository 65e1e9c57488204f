"""`engine plan`: what taking the folder's configuration would change, before anybody takes it."""

from __future__ import annotations

from pathlib import Path

from engine.cli.outlook import outlook, outlook_json, tell
from engine.cli.say import FOUND, GOOD, document, language


def plan(root: Path, folder: Path, base: str, as_json: bool, lang: str = "zh") -> int:
    """Print it. Exit code 1 when the engine would refuse it, 3 when nothing is in force yet."""
    language(lang)
    look = outlook(root, folder, base)
    if as_json:
        document(outlook_json(look))
    else:
        tell(look, lang, root, folder)
    return FOUND if look.refused else GOOD
