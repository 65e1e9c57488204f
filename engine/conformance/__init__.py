"""A party's interface list run against a simulator or a real test platform, and the pass sheet for 逐一联调.

`lists/PARTY.yaml` holds the list: what is sent, and field by field what must come back. `run` plays it through the
party's own code (signing, envelope, outcome table), so what passes here is what the engine will do in production.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

LISTS: Final = Path(__file__).resolve().parent / "lists"


def names() -> list[str]:
    """The parties that have a list."""
    return sorted(path.stem for path in LISTS.glob("*.yaml"))
