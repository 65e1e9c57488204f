"""Versions of the configuration as commands name them: by the beginning of a hash, a line of the history, `active`, or
a folder; and what a folder's files were made from."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from engine.cli.say import CannotRun, WrongUse
from engine.runtime import versions
from engine.runtime.versions import BASE, NoSuchVersion
from engine.site.files import read_files, whole_part
from engine.store.contract import Connection
from engine.store.site_versions import Turn, in_force


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
    try:
        return versions.turn_of(conn, word)
    except NoSuchVersion as no:
        raise WrongUse(str(no)) from None


def files_of(conn: Connection, turn: Turn) -> dict[str, bytes]:
    """All files of a version; CannotRun when they are gone."""
    try:
        return versions.files_of(conn, turn)
    except NoSuchVersion as no:
        raise CannotRun(str(no)) from None


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
