"""A row of a view whose mark lies in the future: it comes once, and no later row is hidden behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from engine.connectors.sql.ahead import DAY, later_than, time_like
from engine.connectors.sql.poller import EARLY_MAX
from engine.connectors.sql.values import mark_text
from tests.connectors.test_sql import VIEW, Desk, Theirs

pytestmark = pytest.mark.filterwarnings("ignore:Dialect sqlite")
NOW = 1_790_000_000.0  # 2026-09-21 22:13:20 in Beijing, when a desk begins
TABLE = "CREATE TABLE v_orders (id INTEGER PRIMARY KEY, upd {type}, pat_name VARCHAR(40), amt NUMERIC(10,2))"
LAGGING = replace(VIEW, lag_s=2)


@pytest.fixture(params=["TIMESTAMP", "VARCHAR(30)"])
def theirs(request: pytest.FixtureRequest, their_address: str) -> Theirs:
    made = Theirs(their_address)
    made.do(TABLE.format(type=request.param))
    return made


def add(theirs: Theirs, number: int, at: str) -> None:
    theirs.do(f"INSERT INTO v_orders VALUES ({number}, '{at}', '测试甲', 1.00)")  # noqa: S608 - the test's own words


@pytest.mark.parametrize("view", [VIEW, LAGGING])
def test_a_year_somebody_typed_wrong_hides_no_later_row(theirs: Theirs, view: Any) -> None:
    desk = Desk(theirs.address, view)
    add(theirs, 1, "2026-09-21 22:10:00")
    desk.go(5)
    add(theirs, 2, "2062-09-21 22:13:25")
    desk.go(5)
    add(theirs, 3, "2026-09-21 22:13:30")
    desk.go(5)
    add(theirs, 4, "2026-09-21 22:13:40")
    desk.go(5)
    assert desk.keys() == ["1", "2", "3", "4"]
    (told,) = desk.troubles
    assert told[0] == "ahead"
    assert told[1].startswith("rows with a mark of the future, up to 2062-09-21")
    desk.poller.stop()
    again = Desk(theirs.address, view, desk.stored)
    again.go(5)
    add(theirs, 5, "2026-09-21 22:14:00")
    again.go(5)
    assert again.keys() == ["5"]


def test_a_mark_that_is_put_right_brings_the_row_as_it_is_now(theirs: Theirs) -> None:
    desk = Desk(theirs.address, VIEW)
    add(theirs, 1, "2062-09-21 22:13:21")
    desk.go(5)
    theirs.do("UPDATE v_orders SET upd = '2026-09-21 22:13:21'")
    desk.go(5)
    add(theirs, 2, "2026-09-21 22:13:40")
    desk.go(5)
    assert [(row.key, row.mark[:4]) for page in desk.pages for row in page.rows] == [
        ("1", "2062"), ("1", "2026"), ("2", "2026"),
    ]  # fmt: skip
    assert (desk.well, list(desk.poller.wrong)) == (["ahead"], [])


def test_a_row_of_tomorrow_does_not_come_again_when_its_time_has_come(theirs: Theirs) -> None:
    desk = Desk(theirs.address, LAGGING)
    add(theirs, 1, "2026-09-21 23:00:00")
    add(theirs, 2, "2026-09-21 22:13:20")
    desk.go(10)
    assert desk.keys() == ["1", "2"]
    desk.go(3600)
    add(theirs, 3, "2026-09-21 23:10:00")
    desk.go(10)
    assert desk.keys() == ["1", "2", "3"]
    assert '"2026-09-21' not in (desk.stored or "").partition("]")[2].partition("]")[2], "nothing is left to remember"
    assert desk.well == ["ahead"]


def test_a_row_nobody_took_comes_again(theirs: Theirs) -> None:
    desk = Desk(theirs.address, VIEW)
    desk.go(1)
    desk.fails = [ConnectionError("store")]
    add(theirs, 1, "2062-09-21 22:13:25")
    desk.go(10)
    assert desk.keys() == ["1", "1"]


def test_what_was_there_at_the_very_first_start_is_history_wherever_its_mark_lies(theirs: Theirs) -> None:
    add(theirs, 1, "2062-09-21 22:13:25")
    add(theirs, 2, "2026-09-21 22:13:00")
    desk = Desk(theirs.address, replace(VIEW, everything=False))
    desk.go(5)
    assert desk.keys() == []
    add(theirs, 3, "2026-09-21 22:13:30")
    add(theirs, 4, "2062-09-21 22:13:26")
    desk.go(5)
    assert sorted(desk.keys()) == ["3", "4"]


def test_a_node_that_had_read_up_to_the_future_reads_again_what_it_missed(theirs: Theirs) -> None:
    for number, at in enumerate(("2026-09-19 10:00:00", "2026-09-21 09:00:00", "2062-01-01 00:00:00"), start=1):
        add(theirs, number, at)
    made = Desk(theirs.address, VIEW)
    made.go(1)
    marks = [row.mark for page in made.pages for row in page.rows]
    stored = max(marks)
    is_time = "T" in stored
    desk = Desk(theirs.address, VIEW, mark_text(datetime.fromisoformat(stored) if is_time else stored, 3))
    add(theirs, 4, "2026-09-21 22:10:00")
    desk.go(5)
    assert desk.keys() == ["3", "2", "4"], "the receiver knows 2 and 3 by key and mark"
    assert [kind for kind, _ in desk.troubles] == ["ahead", "ahead"]


def test_more_rows_of_the_future_than_are_remembered_wait(their_address: str) -> None:
    theirs = Theirs(their_address)
    theirs.do(TABLE.format(type="TIMESTAMP"))
    rows = ", ".join(f"({n}, '2030-01-01 00:00:00', 'x', 1)" for n in range(EARLY_MAX + 5))
    theirs.do(f"INSERT INTO v_orders VALUES {rows}")  # noqa: S608 - the test's own words
    desk = Desk(their_address, VIEW)
    desk.go(10)
    assert len(desk.keys()) == EARLY_MAX
    assert "more than" in desk.troubles[-1][1]
    theirs.do("DELETE FROM v_orders WHERE id < 10")
    desk.go(10)
    assert sorted(map(int, desk.keys())) == list(range(EARLY_MAX + 5))


@pytest.mark.parametrize(
    ("mark", "like"),
    [
        (datetime(2062, 1, 1), datetime(2026, 9, 21, 22, 13, 20)),  # noqa: DTZ001 - as a driver gives it
        (datetime(2062, 1, 1, tzinfo=UTC), datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        (date(2062, 1, 1), date(2026, 9, 21)),
        ("2062-01-01 00:00:00.000", "2026-09-21 22:13:20.000"),
        ("2062/01/01", "2026/09/21"),
        ("2062-01-01T00:00:00+08:00", "2026-09-21T22:13:20+08:00"),
        ("20620101000000", "20260922221320"),
        (20620101000000, 20260922221320),
        (Decimal("20620101000000123"), Decimal("20260922221320000")),
    ],
)
def test_a_mark_that_is_a_time_is_held_against_now(mark: Any, like: Any) -> None:
    assert time_like(mark, NOW) == like
    assert later_than(mark, NOW)
    assert not later_than(like, NOW + DAY)


@pytest.mark.parametrize(
    "mark", [None, 2062, 20620101, 99991231999999, Decimal("1.5"), Decimal("NaN"), "2062", "A20620101000000", b"\x01",
             True, "20261399000000", 1.5],
)  # fmt: skip
def test_a_mark_that_is_no_time_is_never_of_the_future(mark: Any) -> None:
    assert time_like(mark, NOW) is None
    assert not later_than(mark, NOW)
