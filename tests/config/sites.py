"""The good small site, patched copies of it, and how a problem is written down in a golden case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.config.problems import Problem
from engine.site.files import read_files

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
GOOD: Mapping[str, bytes] = read_files(HERE / "site")


def patched(*patches: Mapping[str, str]) -> dict[str, bytes]:
    """The good site with texts replaced once (`old` → `new`), whole files written (`new` alone) or taken away."""
    files = dict(GOOD)
    for patch in patches:
        file = patch["file"]
        if "old" in patch:
            text = files[file].decode()
            assert patch["old"] in text, f"{file} no longer has {patch['old']!r}"
            files[file] = text.replace(patch["old"], patch.get("new", ""), 1).encode()
        elif "new" in patch:
            files[file] = patch["new"].encode()
        else:
            del files[file]
    return files


def told(item: Problem) -> str:
    """`file:line:col CODE [the word probably meant]`."""
    return f"{item.file}:{item.line}:{item.col} {item.code} {item.hint}".rstrip()
