"""docs/faults.md: one matrix a party, misfortunes down, operations across."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simulators.registry import party_class
from tests.faults.journeys import MET
from tests.faults.table import Ended, menu

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
BEGIN, END = "<!-- generated: faults -->", "<!-- end: faults -->"


def write(ended: Sequence[Ended]) -> None:
    """Put the matrices between the page's marks."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    PAGE.write_text(f"{head}{BEGIN}\n{matrices(ended)}\n{END}{tail}", encoding="utf-8")


def matrices(ended: Sequence[Ended]) -> str:
    """All parties."""
    parts = []
    for party in MET:
        own = [one for one in ended if one.meeting.party == party]
        if own:
            parts.append(matrix(party, own))
    return "\n\n".join(parts)


def matrix(party: str, ended: Sequence[Ended]) -> str:
    """One party: an empty cell is a misfortune that cannot happen at that operation."""
    title, ops = party_class(party).title, list(dict.fromkeys(one.meeting.op for one in ended))
    cells = {(one.meeting.fault, one.meeting.op): one.cell for one in ended}
    lines = [
        f"### {title.zh} · {title.en}", "",
        "| 故障 · fault | " + " | ".join(f"`{op}`" for op in ops) + " |", "|---|" + "---|" * len(ops),
    ]  # fmt: skip
    for fault, told in menu(party).items():
        row = [cells.get((fault, op), "") for op in ops]
        if any(row):
            lines.append(f"| `{fault}` {told.words.zh} · {told.words.en} | " + " | ".join(row) + " |")
    return "\n".join(lines)
