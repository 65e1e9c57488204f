"""The days that `engine books` compares."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.cli.books import DAY, compared, span_of
from engine.cli.say import WrongUse
from engine.core.times import instant_of
from tests.books.test_bills import Morning
from tests.cli.shell import here, new_site

NOON = instant_of("2026-11-22 12:00", "%Y-%m-%d %H:%M")
DAY_20 = instant_of("2026-11-20", "%Y-%m-%d")


def test_a_last_day_counts() -> None:
    assert span_of(None, "", False, NOON) == (None, None)
    assert span_of(None, "2026-11-20", False, NOON) == (None, DAY_20 + DAY)
    assert span_of(DAY_20 + 60.0, "2026-11-20", False, NOON) == (DAY_20 + 60.0, DAY_20 + DAY)
    assert span_of(None, "2026-11-20", True, NOON) == (DAY_20, DAY_20 + DAY), "by bills that one day"
    assert span_of(None, "2026-11-22", False, NOON) == (None, DAY_20 + 3 * DAY)


@pytest.mark.parametrize(("since", "until", "bills", "said"), [
    (None, "2026-11-31", False, "write 2026-11-22"),
    (None, "yesterday", False, "write 2026-11-22"),
    (DAY_20 + DAY, "2026-11-20", False, "before --since"),
    (None, "2026-11-22", True, "by bills up to yesterday"),
])  # fmt: skip
def test_a_last_day_that_cannot_be(since: float | None, until: str, bills: bool, said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        span_of(since, until, bills, NOON)


def test_the_command_takes_it(tmp_path: Path) -> None:
    assert "--until" in here("books", "--help").stdout
    site = new_site(tmp_path / "site")
    told = here("books", "--root", str(site), "--until", "2026-13-01")
    assert told.returncode == 2
    assert "--until 2026-13-01" in told.stderr


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Morning]:
    town = Morning(tmp_path)
    town.do(town.lab.open)
    yield town
    town.do(town.lab.close)


def test_the_bills_end_with_that_day(town: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days, one payment each, the second taken twice: only who compares that day sees it."""
    engine = town.lab.engine
    assert engine is not None
    store = engine.store
    monkeypatch.setattr("engine.runtime.books.Beside", lambda url: store)
    monkeypatch.setattr("engine.runtime.books_sources.line_of", _line_of(engine))
    town.until(12.0, days=1)
    assert town.do(lambda: town.paid_by("wechat", "B20261122001"))["state"] == "settled"
    first = town.now()
    town.until(12.0, days=1)
    answer = town.do(lambda: town.paid_by("wechat", "B20261122002"))
    town.lab.act("wechat", "pay_twice", no=answer["numbers"]["trade"])
    town.until(11.0, days=1)

    def of(since: float, until: float) -> dict[str, Any]:
        midnight = [instant - (instant + 8 * 3600.0) % DAY for instant in (since, until)]
        root, file = town.lab.folder, engine.sites.current.engine
        return dict(town.do(lambda: compared(engine.world, root, file, midnight[0], midnight[1] + DAY, bills=True)))

    only_first, both = of(first, first), of(first, first + DAY)
    assert (only_first["checked"], [one["kind"] for one in only_first["differences"]]) == (1, [])
    assert both["checked"] == 2
    assert "paid_twice" in {one["kind"] for one in both["differences"]}
    assert {day["day"] for day in only_first["funds"]} < {day["day"] for day in both["funds"]}


def _line_of(engine: Any) -> Any:
    """The command reads the site's files from its folder; the laboratory has them in memory."""
    from engine.runtime.single_call import line_of

    return lambda world, entry, root, files: line_of(world, entry, root, engine.sites.current.files)


def test_the_workbook_says_which_days(tmp_path: Path) -> None:
    from engine.cli.books import _write

    found = {"checked": 0, "open": 0, "expected": 0, "differences": [], "funds": []}
    for since, until, said in (
        ("", "", "全部 · all"), ("2026-11-20", "", "2026-11-20"), ("", "2026-11-21", "– 2026-11-21"),
        ("2026-11-20", "2026-11-21", "2026-11-20 – 2026-11-21"),
    ):  # fmt: skip
        _write(tmp_path / "books.xlsx", found, "2026-11-22 10:00:00", since, until)
        with zipfile.ZipFile(tmp_path / "books.xlsx") as book:
            assert said in book.read("xl/worksheets/sheet3.xml").decode()
