"""The good small site, patched copies of it, and how a problem is written down in a golden case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.config.problems import Problem
from engine.site.files import read_files

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
GOOD: Mapping[str, bytes] = read_files(HERE / "site")


def _with_hl7() -> dict[str, bytes]:
    """The good site with a HIS that settles by HL7 as well (site_hl7): a listener more, the end of a channel more."""
    files = {**GOOD, **read_files(HERE / "site_hl7")}
    door = b"  hl7: {mllp: 127.0.0.1:8610, senders: {NHIS: {client: K01}}}\n"
    files["engine.yaml"] = GOOD["engine.yaml"].replace(b"clients:\n", door + b"clients:\n")
    files["channels/visit.yaml"] = GOOD["channels/visit.yaml"] + (HERE / "site_hl7" / "visit.end").read_bytes()
    return files


BASES: Mapping[str, Mapping[str, bytes]] = {"": GOOD, "hl7": _with_hl7()}
"""Good sites that golden cases begin with, by the word of their `site`."""


def patched(*patches: Mapping[str, str], base: str = "") -> dict[str, bytes]:
    """The good site with texts replaced once (`old` → `new`), whole files written (`new` alone) or taken away."""
    files = dict(BASES[base])
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
