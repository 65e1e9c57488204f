"""Code table files that timed channels keep in `var/tables`: rows merged by their code, with the days they hold.

A file there is in force nowhere: an administrator takes it into `mappings/tables` (`engine tables take`) and applies
the change like any other. Work of this module may take seconds and belongs on a thread.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

FOLDER = Path("var") / "tables"
VERSION = "note"  # the column that holds a row's version
_SPAN = ("valid_from", "valid_to")
Row = dict[str, str]


class NotARow(Exception):
    """A row that no code table may hold; the text says why."""


def path_of(root: Path, name: str) -> Path:
    """Where a table of this name is kept."""
    return root / FOLDER / f"{name}.csv"


def read_rows(path: Path) -> list[Row]:
    """The rows of a file; none when there is no file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return []
    return list(csv.DictReader(io.StringIO(text, newline="")))


def version_of(root: Path, name: str) -> str:
    """The newest version among the rows, "0" when there are none: what to ask for from."""
    return max((row.get(VERSION) or "" for row in read_rows(path_of(root, name))), default="") or "0"


def keep(root: Path, name: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """Merge rows into the file of that name; the number of rows it has now. A row takes the place of the one with the
    same code and first day; with a later first day it ends the earlier one the day before. Nothing is deleted.
    Errors: NotARow, OSError."""
    path = path_of(root, name)
    kept: dict[tuple[str, ...], list[Row]] = {}
    columns: list[str] = []
    for row in read_rows(path):
        columns = columns or list(row)
        kept.setdefault(_key(row), []).append(row)
    for given in rows:
        new = {column: _cell(value) for column, value in given.items()}
        columns += [column for column in new if column not in columns]
        _merge(kept.setdefault(_key(new), []), new)
    listed = [row for key in sorted(kept) for row in kept[key]]
    if listed:
        _write(path, columns, listed)
    return len(listed)


def _key(row: Mapping[str, str]) -> tuple[str, ...]:
    key = tuple(value for column, value in row.items() if column.startswith("from_"))
    if not any(key):
        raise NotARow("a row has no from_… column")
    return key


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    text = " ".join(text.split())
    return f" {text}" if text.startswith(("=", "+", "@")) else text  # a spreadsheet must not run it


def _merge(rows: list[Row], new: Row) -> None:
    begins = new.get("valid_from", "")
    for place, row in enumerate(rows):
        if row.get("valid_from", "") == begins:
            rows[place] = new
            return
        if begins and row.get("valid_from", "") < begins and (not row.get("valid_to") or row["valid_to"] >= begins):
            row["valid_to"] = (date.fromisoformat(begins) - timedelta(days=1)).isoformat()
    rows.append(new)
    rows.sort(key=lambda row: row.get("valid_from", ""))


def _write(path: Path, columns: list[str], rows: list[Row]) -> None:
    """All of it or nothing: a reader never sees half a table."""
    ordered = [c for c in columns if c.startswith(("from_", "to_"))]
    ordered += [VERSION, *(c for c in _SPAN if c in columns)]
    made = io.StringIO(newline="")
    writer = csv.DictWriter(made, ordered, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="utf-8", newline="") as file:
        file.write(made.getvalue())
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
