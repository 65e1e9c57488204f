"""`engine diff A B`: what differs between two versions, part by part and row by row; no secret is shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.cli.folder import reading
from engine.cli.outlook import tell_changes
from engine.cli.say import FOUND, GOOD, document, line
from engine.cli.versions import files_of, folder_files, turn_of
from engine.site.changes import as_json as change_json
from engine.site.changes import changes


def diff(root: Path, one: str, other: str, as_json: bool) -> int:
    """Print it. A version is a hash's beginning, a line of the history, `active`, or a folder. Exit code 1 when the two
    differ."""
    with reading(root) as conn:
        old, new = _files(conn, one), _files(conn, other)
    found = changes(old, new)
    if as_json:
        document([change_json(change) for change in found])
    elif found:
        tell_changes(found)
    else:
        line("没有不同 · no difference")
    return FOUND if found else GOOD


def _files(conn: Any, word: str) -> Mapping[str, bytes]:
    folder = Path(word)
    if (folder / "engine.yaml").is_file():
        return folder_files(folder)
    return files_of(conn, turn_of(conn, word))
