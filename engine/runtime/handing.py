"""What a settlement hands to a deliver channel: writes for its own unit, and what happens once they are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.store.contract import Write
from engine.store.many import ManyRows


@dataclass(frozen=True, slots=True)
class Handed:
    """A message about to be stored with the settlement; `stored` is called after the commit. `wanted`: somebody gets it
    (the channel's `when` did not leave it out)."""

    writes: Sequence[Write | ManyRows]
    stored: Callable[[], None]
    wanted: bool = False


TOLD_SOURCE = "settlement "
"""Before the channel's name: the `source` of a message that a settlement handed over, whose `control` is its number."""

Teller = Callable[[str, str, Mapping[str, Any]], Handed]
"""(channel, settlement, all its names) → what is handed over."""


def nobody_told(channel: str, no: str, names: Mapping[str, Any]) -> Handed:
    """For a settlement driver without deliver channels."""
    return Handed((), lambda: None)
