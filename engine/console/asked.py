"""One question to the console, and what every page may ask back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.console.comparing import Comparisons
from engine.console.folder import FolderOnDisk
from engine.console.node import Node
from engine.console.rehearsing import Rehearsals
from engine.console.versions import Versions
from engine.store.contract import Store


class NoSuchPage(Exception):
    """The address names something that is not there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: when, in which language, the query's fields, the path's parts, and who can answer."""

    now: float
    language: str
    query: Mapping[str, str]
    parts: Mapping[str, str]
    node: Node
    store: Store
    versions: Versions
    folder: FolderOnDisk
    comparisons: Comparisons
    rehearsals: Rehearsals

    def place(self, name: str) -> int | None:
        """A number of the query, such as where a page begins; None when it is none."""
        text = self.query.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    def kind(self, party: str) -> str:
        """A party's kind, for its word; its own name when engine.yaml no longer has it."""
        entry = self.node.site().engine.parties.get(party)
        return party if entry is None else entry.kind

    def title(self, party: str, op: str) -> str:
        """What an operation is called."""
        found = self.node.ops(party).get(op)
        return "" if found is None else (found.zh if self.language == "zh" else found.en)
