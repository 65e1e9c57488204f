"""What commands print: coloured in a terminal, plain lines when piped, one JSON document with `--json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

GOOD, FOUND, WRONG_USE, CANNOT, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes: good · it found what it looks for · wrong use · cannot run (port, store, keys) · interrupted."""


class CannotRun(Exception):
    """The command cannot do its work; the text says why, in both languages. Exit code 3."""


class WrongUse(Exception):
    """The command was asked for something that does not exist. Exit code 2."""


def language(word: str) -> str:
    """The language asked for with `--lang`; WrongUse for another."""
    if word not in ("zh", "en"):
        raise WrongUse("--lang: zh, en")
    return word


def line(text: str = "") -> None:
    """One line to standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def trouble(text: str) -> None:
    """One line to standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def document(tree: Any) -> None:
    """One JSON document."""
    line(json.dumps(tree, ensure_ascii=False, default=str))


def documents(rows: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line."""
    for row in rows:
        document(row)


def in_terminal() -> bool:
    """Whether a person is looking."""
    return sys.stdout.isatty()


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], styles: Mapping[str, str] | None = None
) -> None:
    """A table: drawn in a terminal, tab-separated with a head line when piped. `styles`: cell text → colour. Columns
    without a name have no head line."""
    if not in_terminal():
        if any(columns):
            line("\t".join(columns))
        for row in rows:
            line("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_header=any(columns)
    )  # fmt: skip
    for name in columns:
        drawn.add_column(name, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell, style=(styles or {}).get(cell, "")) for cell in row))
    Console(highlight=False).print(drawn)


STATE_STYLES: Mapping[str, str] = {
    "settled": "green", "good": "green", "ok": "green", "accepted": "green", "there": "green",
    "undone": "cyan", "rejected": "yellow", "warning": "yellow", "waiting": "yellow", "paying": "yellow",
    "quoted": "yellow", "unsure": "yellow", "unknown": "yellow", "dead": "yellow", "pending": "yellow",
    "undelivered": "yellow",
    "manual": "bold red", "problem": "bold red", "refused": "red", "no": "red",
}  # fmt: skip


def yuan(fen: int | None) -> str:
    """An amount in fen as people read it; "" when unknown."""
    if fen is None:
        return ""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"
