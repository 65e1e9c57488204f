"""Versions of the configuration as commands name them: by the beginning of a hash, a line of the history, `active`, or
a folder; and what a folder's files were made from."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from engine.cli.say import CannotRun, WrongUse
from engine.site.files import bytes_of, read_files, whole_part
from engine.store.contract import Connection
from engine.store.site_versions import Turn, history, in_force, version_files

BASE = ".engine-base"
"""The file in a folder that says which version its files were made from."""
LINES_MAX = 1000
_PREFIX = re.compile(r"[0-9a-f]{6,64}", re.ASCII)


def base_of(folder: Path) -> str:
    """The version a folder's files were made from; "" when nothing says it."""
    try:
        return (folder / BASE).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def note_base(folder: Path, version: str) -> None:
    """The folder's files are this version now. A folder that cannot be written is left alone: `--base` says it then."""
    try:
        (folder / BASE).write_text(f"{version}\n", encoding="ascii")
    except OSError:
        return


def active(conn: Connection) -> Turn:
    """What is in force; CannotRun before the first start."""
    turn = in_force(conn)
    if turn is None:
        raise CannotRun("尚无启用的配置，先运行 engine run · nothing is in force yet: engine run takes the folder")
    return turn


def turn_of(conn: Connection, word: str) -> Turn:
    """The newest line of the history that a word names: a hash's beginning (6 or more characters; of the version or of
    its content), a line's number, or `active`. WrongUse when none or several do."""
    if word == "active":
        return active(conn)
    lines = history(conn, limit=LINES_MAX)
    if word.isascii() and word.isdigit() and len(word) < 6:
        found = [turn for turn in lines if turn.seq == int(word)]
    elif _PREFIX.fullmatch(word):
        found = [turn for turn in lines if turn.version.startswith(word) or turn.content.startswith(word)]
    else:
        raise WrongUse(f"{word}: active, 版本号前 6 位 · the first 6 characters of a version, 行号 · a line's number")
    several = {turn.version[:16] for turn in found if turn.version.startswith(word)}
    if len(several) > 1:
        raise WrongUse(f"{word}: 不止一个版本 · more than one version: {', '.join(sorted(several))}")
    if not found:
        raise WrongUse(f"没有版本 {word} · there is no version {word} (engine history)")
    return found[0]


def since(conn: Connection, version: str) -> list[Turn]:
    """What came into force after this version was, oldest first; [] for one that never was."""
    found: list[Turn] = []
    for turn in history(conn, limit=LINES_MAX):
        if turn.version == version:
            return found[::-1]
        found.append(turn)
    return []


def files_of(conn: Connection, turn: Turn) -> dict[str, bytes]:
    """All files of a version; CannotRun when they are gone."""
    files = version_files(conn, turn)
    if files is None:
        raise CannotRun(f"版本 {turn.version[:12]} 的文件已不在 · the files of {turn.version[:12]} are gone")
    return bytes_of(files)


def folder_files(folder: Path) -> Mapping[str, bytes]:
    """The files of a folder as a version has them; CannotRun when it cannot be read."""
    try:
        return whole_part(read_files(folder))
    except OSError as no:
        raise CannotRun(f"配置目录无法读取 · cannot read the configuration: {no}") from None


def there(root: Path, option: str = "--root") -> str:
    """` --root DIR` as a command that is shown to a person needs it; "" for the folder he stands in. `option` "": only
    ` DIR`."""
    place = Path(os.path.normpath(root))
    if place == Path.cwd():
        return ""
    return f" {option} {shlex.quote(str(place))}" if option else f" {shlex.quote(str(place))}"


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put files into a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
