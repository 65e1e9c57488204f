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
    """Put the matrices between the page's marks; parties that were not played keep theirs."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    before, _, tail = rest.partition(END)
    parts = []
    for party in MET:
        own = [one for one in ended if one.meeting.party == party]
        part = matrix(party, own) if own else kept(party, before)
        parts += [part] if part else []
    PAGE.write_text(f"{head}{BEGIN}\n{chr(10).join(f'{part}{chr(10)}' for part in parts)}{END}{tail}", encoding="utf-8")


def kept(party: str, before: str) -> str:
    """The party's matrix as the page has it, "" when it has none."""
    title = _title(party)
    start = before.find(title)
    return "" if start < 0 else title + before[start + len(title) :].partition("\n### ")[0].rstrip()


def _title(party: str) -> str:
    words = party_class(party).title
    return f"### {words.zh} · {words.en}\n"


def matrix(party: str, ended: Sequence[Ended]) -> str:
    """One party: an empty cell is a misfortune that cannot happen at that operation."""
    ops = list(dict.fromkeys(one.meeting.op for one in ended))
    cells = {(one.meeting.fault, one.meeting.op): one.cell for one in ended}
    lines = [
        _title(party),
        "| 故障 · fault | " + " | ".join(f"`{op}`" for op in ops) + " |", "|---|" + "---|" * len(ops),
    ]  # fmt: skip
    for fault, told in menu(party).items():
        row = [cells.get((fault, op), "") for op in ops]
        if any(row):
            lines.append(f"| `{fault}` {told.words.zh} · {told.words.en} | " + " | ".join(row) + " |")
    return "\n".join(lines)
