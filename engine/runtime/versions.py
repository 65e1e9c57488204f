"""Versions of the configuration as people name them, and what a folder's files were made from. For the commands and the
console."""

from __future__ import annotations

import re
from pathlib import Path

from engine.site.files import bytes_of
from engine.store.contract import Connection
from engine.store.site_versions import Turn, history, version_files

BASE = ".engine-base"
"""The file in a folder that says which version its files were made from."""
LINES_MAX = 1000
_PREFIX = re.compile(r"[0-9a-f]{6,64}", re.ASCII)


class NoSuchVersion(Exception):
    """No version has this name, several have, or its files are gone; the text says so in both languages."""


def base_of(folder: Path) -> str:
    """The version a folder's files were made from; "" when nothing says it."""
    try:
        with (folder / BASE).open(encoding="ascii") as file:
            return file.read(200).strip()
    except (OSError, UnicodeDecodeError):
        return ""


def turn_of(conn: Connection, word: str) -> Turn:
    """The newest line of the history that a word names: a hash's beginning (6 or more characters; of the version or of
    its content) or a line's number. NoSuchVersion when none or several do."""
    lines = history(conn, limit=LINES_MAX)
    if word.isascii() and word.isdigit() and len(word) < 6:
        found = [turn for turn in lines if turn.seq == int(word)]
    elif _PREFIX.fullmatch(word):
        found = [turn for turn in lines if turn.version.startswith(word) or turn.content.startswith(word)]
    else:
        told = "active, 版本号前 6 位 · the first 6 characters of a version, 行号 · a line's number"
        raise NoSuchVersion(f"{word}: {told}")
    several = {turn.version[:16] for turn in found if turn.version.startswith(word)}
    if len(several) > 1:
        raise NoSuchVersion(f"{word}: 不止一个版本 · more than one version: {', '.join(sorted(several))}")
    if not found:
        raise NoSuchVersion(f"没有版本 {word} · there is no version {word} (engine history)")
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
    """All files of a version; NoSuchVersion when they are gone."""
    files = version_files(conn, turn)
    if files is None:
        raise NoSuchVersion(f"版本 {turn.version[:12]} 的文件已不在 · the files of {turn.version[:12]} are gone")
    return bytes_of(files)
