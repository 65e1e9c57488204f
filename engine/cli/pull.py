"""`engine pull`: bring what others have put in force into a folder, beside what was changed there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.cli.folder import reading
from engine.cli.outlook import apply_words
from engine.cli.say import FOUND, GOOD, CannotRun, document, line
from engine.cli.versions import active, files_of, folder_files, note_base, there, turn_of, write_files
from engine.runtime.versions import base_of


def pull(root: Path, folder: Path, as_json: bool) -> int:
    """Take over every file that only others changed. Where both changed one, nothing is written and those files are
    named: exit code 1. An empty folder gets all of it."""
    mine: Mapping[str, bytes] = folder_files(folder) if folder.is_dir() else {}
    base = base_of(folder)
    with reading(root) as conn:
        turn = active(conn)
        now = files_of(conn, turn)
        if mine and not base:
            raise CannotRun(f"{folder}: 不知道它依据哪个版本 · nothing says what it was made from (.engine-base)")
        was = files_of(conn, turn_of(conn, base)) if mine else {}
    theirs = {name for name in {*was, *now} if was.get(name) != now.get(name)}
    ours = {name for name in {*was, *mine} if was.get(name) != mine.get(name)}
    both = sorted(name for name in theirs & ours if now.get(name) != mine.get(name))
    if not both:
        _take(folder, {name: now.get(name) for name in theirs - ours})
        note_base(folder, turn.version)
    if as_json:
        document({"version": turn.version, "taken": [] if both else sorted(theirs - ours), "both": both})
    elif both:
        line("双方都改了，未写入任何文件 · both changed these, nothing was written:")
        for name in both:
            line(f"  {name}")
        line(f"对方改了什么 · what they changed:\n  engine diff {base[:12]} active{there(root)}")
        line(f"在目录里并入之后 · when it is merged in the folder:\n  {apply_words(root, folder, turn.version)}")
    else:
        for name in sorted(theirs - ours):
            line(f"  {name}")
        line(f"{folder} ← {turn.version[:12]}")
    return FOUND if both else GOOD


def _take(folder: Path, files: Mapping[str, bytes | None]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_files(folder, {name: data for name, data in files.items() if data is not None})
        for name, data in files.items():
            if data is None:
                (folder / name).unlink(missing_ok=True)
    except OSError as no:
        raise CannotRun(f"无法写入 · cannot write: {no}") from None
