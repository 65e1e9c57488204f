"""The page for closing the day: start a comparison of everybody's books, and what the last ones found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, NamedTuple

from engine.console.asked import Asked
from engine.console.comparing import DAYS_MAX, SETTLEMENTS_MAX, Comparison, Days
from engine.console.tables_page import FILES_MAX, hands, room
from engine.core.times import beijing, instant_of
from engine.runtime.books import ACCOUNT
from engine.runtime.books_columns import Mistake
from engine.runtime.books_workbook import apart, sheets_of
from engine.runtime.spreadsheet import write_workbook

SHOWN = 300  # differences on the page; the workbook has all
MISSING = "source_missing"
TRIAL = ("demo", "test")  # profiles under which the parties are simulated, with ledgers that can be read
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Refused(NamedTuple):
    """Why no comparison was begun: a key of texts/books.py ("" nothing is wrong), and what is wrong with the tables."""

    problem: str = ""
    mistakes: Sequence[Mistake] = ()


NOTHING = Refused()


async def books(asked: Asked) -> Mapping[str, Any]:
    """The form, and the comparison that was asked for, or else the newest."""
    return page_values(asked)


def page_values(asked: Asked, refused: Refused = NOTHING, form: Mapping[str, str] | None = None) -> dict[str, Any]:
    """All values of the page. `refused`: why none was begun; `form`: what had been filled in."""
    kept = asked.comparisons.kept()
    name = asked.query.get("of", "")
    newest = kept[0] if kept and not refused.mistakes else None  # an older result would look like that of these tables
    shown = asked.comparisons.get(name) if name else newest
    return {
        "form": form or (_usual(asked) if shown is None else _asked_for(shown)), "problem": refused.problem,
        "mistakes": refused.mistakes, "room": room(asked.node.site()), "files_max": FILES_MAX,
        "names": [f"{name}.csv" for name, _ in hands(asked.node.site())],
        "days_max": DAYS_MAX, "today": beijing(asked.now, "%Y-%m-%d"),
        "kept": kept, "shown": shown, "gone": bool(name) and shown is None, "most": SETTLEMENTS_MAX,
        "result": _result(shown) if shown is not None and shown.found is not None else None,
        "kind_of": asked.kind, "refresh": 2 if shown is not None and shown.under_way else 0,
    }  # fmt: skip


def _asked_for(one: Comparison) -> dict[str, str]:
    return {"first": one.of.first, "last": one.of.last, "by": "bills" if one.of.bills else "ledgers"}


def _usual(asked: Asked) -> dict[str, str]:
    """What is wanted most: yesterday, by the bills, which come in the morning; where all are simulated today, by their
    ledgers."""
    trial = asked.node.site().engine.profile in TRIAL
    day = beijing(asked.now - (0.0 if trial else 86_400.0), "%Y-%m-%d")
    return {"first": day, "last": day, "by": "ledgers" if trial else "bills"}


def _result(one: Comparison) -> dict[str, Any]:
    found = one.found
    assert found is not None
    told = [row for row in found["differences"] if row["kind"] != MISSING]
    return {
        "found": found, "count": len(told), "rows": told[:SHOWN], "apart": apart,
        "missing": [(*_party(name), why) for name, why in one.missing.items()],
    }  # fmt: skip


def _party(name: str) -> tuple[str, bool]:
    """A missing book's party, and whether it is that of the account there."""
    return name.removesuffix(ACCOUNT), name.endswith(ACCOUNT)


def days_of(form: Mapping[str, str]) -> Days | None:
    """What a form asks for; None for days that are none."""
    first, last = (form.get(name, "").strip() for name in ("first", "last"))
    last = last or first
    try:
        for day in (first, last):
            if beijing(instant_of(day, "%Y-%m-%d"), "%Y-%m-%d") != day:
                return None
    except (ValueError, OverflowError):
        return None
    return Days(first, last, form.get("by") == "bills")


def workbook(one: Comparison) -> bytes:
    """The result as a workbook, the same as `engine books --excel`."""
    assert one.found is not None
    made, days = BytesIO(), " – ".join(dict.fromkeys((one.of.first, one.of.last)))
    write_workbook(made, sheets_of(one.found, beijing(one.at), days=days, by=one.by, tables=one.tables))
    return made.getvalue()


def file_name(one: Comparison) -> str:
    """`books-2026-11-21.xlsx`, or of several days."""
    days = dict.fromkeys((one.of.first, one.of.last))
    return f"books-{'-to-'.join(days)}.xlsx"
