"""The example sites that patients' ways lead through, as files over the shipped site."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.rig.lab import ROOT

EXAMPLES = ROOT / "docs" / "examples"
MED_TYPE = '  med_type:    "11"'
STAYS = ((MED_TYPE, f'  stay_med_type: "21"\n  check_benefits: "yes"\n{MED_TYPE}'),)
# An example's channel that takes the place of a shipped one, at the same address.
REPLACES = {"outpatient_preauth": "outpatient_settlement"}


@cache
def layout(example: str) -> dict[str, Any]:
    """What a town is made with to hold this example; "" for the shipped site alone."""
    if not example:
        return {}
    files = {}
    for name in ("channels", "mappings", "schemas"):
        for path in sorted((EXAMPLES / example / name).rglob("*")):
            if path.is_file() and not path.name.endswith(".test.yaml"):
                stem = REPLACES.get(path.stem, path.stem)
                content = path.read_bytes().replace(f"channel: {path.stem}\n".encode(), f"channel: {stem}\n".encode())
                files[path.with_stem(stem).relative_to(EXAMPLES / example).as_posix()] = content
    return {"more": files, "edit": STAYS if example == "inpatient" else ()}
