"""docs/faults.md: one matrix a party, misfortunes down, operations across."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simulators.registry import party_class
from tests.faults.table import Ended, menu, party_of
from tests.faults.ways import MET

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
Cells = dict[tuple[str, str], str]  # by fault and operation
PARTS = {
    "admission": ("：入院登记", ": an admission"), "deposit": ("：预交金", ": a deposit"),
    "stay": ("：出院结算", ": a discharge"), "registration": ("：医保挂号", ": a registration"),
}  # fmt: skip
BEGIN, END = "<!-- generated: faults -->", "<!-- end: faults -->"


def write(ended: Sequence[Ended]) -> None:
    """Put what was played between the page's marks; every cell that was not played keeps what it had."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    before, _, tail = rest.partition(END)
    parts = []
    for table in MET:
        cells = kept(table, before) | {
            (one.meeting.fault, one.meeting.op): one.cell
            for one in ended if (one.meeting.table or one.meeting.party) == table
        }  # fmt: skip
        parts += [matrix(table, cells)] if cells else []
    PAGE.write_text(f"{head}{BEGIN}\n{chr(10).join(f'{part}{chr(10)}' for part in parts)}{END}{tail}", encoding="utf-8")


def kept(table: str, before: str) -> Cells:
    """The table's cells as the page has them, {} when it has none."""
    found: Cells = {}
    rows = before.partition(title_of(table))[2].partition("\n### ")[0].strip().split("\n")
    ops = [cell.strip().strip("`") for cell in rows[0].split("|")[2:-1]]
    for row in rows[2:]:
        first, *rest = row.split("|")[1:-1]
        for op, cell in zip(ops, rest, strict=True):
            if cell.strip():
                found[first.split("`")[1], op] = cell.strip()
    return found


def title_of(table: str) -> str:
    """The line above a table."""
    words, part = party_class(party_of(table)).title, PARTS.get(table.partition("/")[2], ("", ""))
    return f"### {words.zh}{part[0]} · {words.en}{part[1]}\n"


def matrix(table: str, cells: Cells) -> str:
    """One table: an empty cell is a misfortune that cannot happen at that operation."""
    ops = list(dict.fromkeys(op for _, op in cells))
    lines = [
        title_of(table),
        "| 故障 · fault | " + " | ".join(f"`{op}`" for op in ops) + " |", "|---|" + "---|" * len(ops),
    ]  # fmt: skip
    for fault, told in menu(party_of(table)).items():
        row = [cells.get((fault, op), "") for op in ops]
        if any(row):
            lines.append(f"| `{fault}` {told.words.zh} · {told.words.en} | " + " | ".join(row) + " |")
    return "\n".join(lines)
