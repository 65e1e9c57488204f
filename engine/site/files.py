"""The files of a configuration folder: which are read, and the hash of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

ENGINE_FILE = "engine.yaml"
FOLDERS = ("channels", "mappings", "schemas")
FILE_BYTES_MAX = 64 << 20


def read_files(root: Path) -> dict[str, bytes]:
    """engine.yaml and everything under channels, mappings and schemas, by path with `/`; hidden files are left out.
    A file larger than 64 MiB is cut there, so that its reader refuses it. OSError when one cannot be read."""
    found: dict[str, bytes] = {}
    engine = root / ENGINE_FILE
    if engine.is_file():
        found[ENGINE_FILE] = _read(engine)
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and not any(part.startswith((".", "~")) for part in path.relative_to(root).parts):
                found[path.relative_to(root).as_posix()] = _read(path)
    return found


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(FILE_BYTES_MAX + 1)


def pinned_part(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that a settlement in flight keeps: all but engine.yaml and the channels' own tests."""
    return {
        name: data
        for name, data in sorted(files.items())
        if name.startswith(tuple(f"{folder}/" for folder in FOLDERS)) and not name.endswith(".test.yaml")
    }


def hash_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents, in hexadecimal; the order of the mapping does not matter."""
    whole = hashlib.sha256()
    for name, data in sorted(files.items()):
        whole.update(f"{len(name.encode())}:{name}:{len(data)}:".encode())
        whole.update(data)
    return whole.hexdigest()


def whole_part(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that make a version: engine.yaml, what is pinned, and the channels' own tests."""
    wanted = tuple(f"{folder}/" for folder in FOLDERS)
    return {name: data for name, data in sorted(files.items()) if name == ENGINE_FILE or name.startswith(wanted)}


def texts_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """Files as texts, as the store keeps them; bytes that are no UTF-8 come back unchanged from `bytes_of`."""
    return {name: data.decode("utf-8", "surrogateescape") for name, data in files.items()}


def bytes_of(texts: Mapping[str, str]) -> dict[str, bytes]:
    """Files again, of what the store kept."""
    return {name: text.encode("utf-8", "surrogateescape") for name, text in texts.items()}
