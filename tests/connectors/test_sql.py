"""A view of somebody else's database as it is read, a table as it is written: in order, exactly, whatever breaks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pysqlite3.dbapi2 as sqlite3
import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection
from twisted.internet import reactor  # noqa: TID251 - a query that hangs needs real threads
from twisted.internet.defer import Deferred

from engine.connectors.contract import CallFailed, Clash, NotSent, Silent, Unfit
from engine.connectors.sql.database import Database, DatabaseTrouble
from engine.connectors.sql.poller import Page, SqlPoller, View
from engine.connectors.sql.sender import Into, SqlSender
from engine.connectors.sql.values import BadValue, mark_of, mark_text, text_of
from engine.core.retry import Backoff
from engine.core.world import World
from tests.simulation.reactor import SimReactor

pytestmark = pytest.mark.filterwarnings("ignore:Dialect sqlite")  # it has no decimals; nobody's HIS runs on it
REAL = World(reactor)


class Theirs:
    """The other side: its tables, written by its own connection."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.sqlite = address.startswith("sqlite:")

    def do(self, *statements: str, **values: Any) -> list[Any]:
        rows: list[Any] = []
        line: Any = sqlite3.connect(self.address[7:]) if self.sqlite else psycopg.connect(self.address)
        with line:
            for statement in statements:
                found = line.execute(statement, values or None) if values else line.execute(statement)
                rows = found.fetchall() if found.description else []
        line.close()
        return rows


class Desk:
    """A poller on a virtual clock and a real database, and all it handed over."""

    def __init__(self, address: str, view: View, stored: str | None = None, **more: Any) -> None:
        self.sim = SimReactor()
        self.world = World(self.sim.node("engine"), inline=True)
        self.pages: list[Page] = []
        self.stored, self.stored_at = stored, self.world.now()
        self.troubles: list[tuple[str, str]] = []
        self.well: list[str] = []
        self.fails: list[Exception] = []
        self.database = Database(self.world, address, **more.pop("database", {}))
        self.poller = SqlPoller(
            self.world,
            "orders",
            self.database,
            view,
            self._load,
            self._receive,
            every_s=1.0,
            on_trouble=lambda kind, text: self.troubles.append((kind, text)),
            on_well=lambda kind, was: self.well.append(kind),
            retry=Backoff(first=2, factor=2, cap=60, spread=0),
            **more,
        )

    async def _load(self) -> tuple[str, float] | None:
        return None if self.stored is None else (self.stored, self.stored_at)

    async def _receive(self, page: Page) -> None:
        self.pages.append(page)
        if self.fails:
            raise self.fails.pop(0)
        self.stored, self.stored_at = page.mark, page.at

    def go(self, seconds: float) -> None:
        if self.poller._round is None and self.poller._timer is None:
            self.poller.start()
        self.sim.advance(seconds)

    def keys(self, page: int | None = None) -> list[str]:
        pages = self.pages if page is None else [self.pages[page]]
        return [row.key for found in pages for row in found.rows]


VIEW = View("v_orders", "upd", "id", ("pat_name", "amt"), yuan=frozenset({"amt"}), lag_s=0, everything=True)
TABLE = (
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, upd BIGINT, pat_name VARCHAR(40), amt NUMERIC(10,2))",
    "CREATE VIEW v_orders AS SELECT * FROM orders",
)


def order(number: int, mark: int, name: str = "测试甲", amount: str = "12.50") -> str:
    return f"INSERT INTO orders VALUES ({number}, {mark}, '{name}', {amount})"  # noqa: S608 - the test's own words


def test_rows_come_in_order_page_by_page_and_a_restart_goes_on_where_it_was(their_address: str) -> None:
    theirs = Theirs(their_address)
    theirs.do(*TABLE)
    marks = [7, 3, 3, 3, 3, 3, 9, 1, 7]
    theirs.do(*(order(n, mark) for n, mark in enumerate(marks)))
    expected = [str(n) for n in sorted(range(len(marks)), key=lambda n: (marks[n], n))]
    desk = Desk(their_address, VIEW, page=2)
    desk.go(0.5)
    assert [len(page.rows) for page in desk.pages] == [0, 2, 2, 2, 2, 1]
    assert desk.keys() == expected
    assert desk.pages[1].rows[0].values == {"pat_name": "测试甲", "amt": 1250}
    desk.poller.stop()
    theirs.do(order(20, 9), order(21, 8), order(22, 10))
    again = Desk(their_address, VIEW, desk.stored)
    again.go(5)
    assert again.keys() == ["20", "22"]  # 21 came too late: its mark is below what was read, and lag_s is 0
    assert (again.poller.rows, again.troubles) == (2, [])


def test_a_row_committed_late_under_a_lower_mark_is_read_within_the_lag(their_address: str) -> None:
    theirs = Theirs(their_address)
    theirs.do(*TABLE)
    desk = Desk(their_address, View(**{**_fields(VIEW), "lag_s": 5}))
    desk.go(0.5)
    theirs.do(order(2, 10))
    desk.go(3)
    assert desk.keys() == []
    theirs.do(order(1, 9))
    desk.go(4)
    assert desk.keys() == ["1", "2"]


def _fields(view: View) -> dict[str, Any]:
    return {name: getattr(view, name) for name in View.__slots__}


def test_what_was_there_at_the_very_first_start_is_history(their_address: str) -> None:
    theirs = Theirs(their_address)
    theirs.do(*TABLE, order(1, 5), order(2, 5))
    view = View(**{**_fields(VIEW), "everything": False})
    desk = Desk(their_address, view)
    desk.go(3)
    assert (desk.keys(), desk.stored) == ([], mark_text(5, None))
    theirs.do(order(3, 5), order(4, 6))
    desk.go(3)
    assert desk.keys() == ["4"]
    empty = Desk(their_address, View(**{**_fields(view), "name": "nothing_yet"}))
    theirs.do("CREATE TABLE nothing_yet (id INTEGER, upd BIGINT, pat_name VARCHAR(9), amt NUMERIC)")
    empty.go(1)
    theirs.do("INSERT INTO nothing_yet VALUES (1, 1, 'x', 1)")
    empty.poller.stop()
    later = Desk(their_address, View(**{**_fields(view), "name": "nothing_yet"}), empty.stored)
    later.go(2)
    assert later.keys() == ["1"]  # it came after the first start, though while we were down


def test_marks_that_have_fallen_back_are_pointed_out_once(their_address: str) -> None:
    """The other side has restored its database, or begun its sequence anew: nothing of it would be read, in silence."""
    theirs = Theirs(their_address)
    theirs.do(*TABLE, order(1, 10))
    desk = Desk(their_address, VIEW, mark_text(50, 1))
    desk.go(5)
    assert desk.keys() == []
    assert [kind for kind, _ in desk.troubles] == ["behind"]
    theirs.do(order(2, 51))
    desk.go(3)
    theirs.do("DELETE FROM orders WHERE id = 2")
    desk.go(3)
    assert desk.keys() == ["2"]
    assert [kind for kind, _ in desk.troubles] == ["behind", "behind"]


def test_a_page_nobody_took_comes_again_ever_less_often(their_address: str) -> None:
    Theirs(their_address).do(*TABLE, order(1, 1), order(2, 2))
    desk = Desk(their_address, VIEW, mark_text(None, None))
    desk.fails = [ConnectionError("store"), ConnectionError("store"), RuntimeError("bug")]
    began = desk.sim.seconds()
    desk.go(60)
    assert desk.keys() == ["1", "2"] * 4
    assert [round(page.at - began) for page in desk.pages] == [0, 2, 6, 14]
    assert desk.troubles == [("receiver", "ConnectionError"), ("receiver", "RuntimeError")]
    assert desk.stored == mark_text(2, 2)
    assert desk.poller.failing == ""


def test_what_cannot_be_carried_exactly_is_named_and_holds_nothing_up(their_address: str) -> None:
    theirs = Theirs(their_address)
    blob = "BLOB" if theirs.sqlite else "BYTEA"
    real = "REAL" if theirs.sqlite else "DOUBLE PRECISION"
    hexed = (lambda text: f"x'{text}'") if theirs.sqlite else (lambda text: f"'\\x{text}'")
    theirs.do(
        f"CREATE TABLE t (id VARCHAR(9), upd TIMESTAMP, raw {blob}, amt {real}, note {real}, flag VARCHAR(9))",
        f"INSERT INTO t VALUES ('a', '2026-11-22 10:20:00', {hexed('83f2a5ac')}, 12.1, 0.1, NULL)",  # noqa: S608 - the test's own words
        f"INSERT INTO t VALUES ('b', '2026-11-22 10:20:01', {hexed('83')}, 0.125, 3, 'x')",  # noqa: S608 - the test's own words
        f"INSERT INTO t VALUES ('c', '2026-11-22 10:20:02', {hexed('')}, NULL, 1e25, 'x')",  # noqa: S608 - the test's own words
        "INSERT INTO t VALUES (NULL, '2026-11-22 10:20:03', NULL, NULL, NULL, 'no key')",
    )
    view = View("t", "upd", "id", ("raw", "amt", "note", "flag", "upd"), yuan=frozenset({"amt"}), lag_s=0)
    desk = Desk(their_address, View(**{**_fields(view), "charset": "gbk", "everything": True}))
    desk.go(2)
    first, second, third = desk.pages[1].rows
    when = "2026-11-22 10:20:00" if theirs.sqlite else "2026-11-22T10:20:00"
    expected = bytes.fromhex("83f2a5ac").decode("gb18030")
    assert first.values == {"raw": expected, "amt": 1210, "note": "0.1", "flag": None, "upd": when}
    assert first.wrong == ""
    assert second.wrong == "raw: not a gb18030 character (byte 0); amt: not an exact amount in yuan"
    assert set(second.values) == {"note", "flag", "upd"}
    assert (third.values["amt"], third.values["note"]) == (None, "10000000000000000000000000")
    assert len(desk.pages) == 2
    desk.go(5)
    assert len(desk.pages) == 2


def test_text_the_driver_took_for_latin_1_is_read_as_what_it_is() -> None:
    mangled = "億東瑋魚".encode("gb18030").decode("latin-1")
    assert text_of(mangled, "gbk", mangled=True) == "億東瑋魚"
    assert text_of("億東瑋魚") == "億東瑋魚"
    for wrong in ("億", mangled[:1]):
        with pytest.raises(BadValue):
            text_of(wrong, "gbk", mangled=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "1"),
        (7, "7"),
        (Decimal("12.50"), "12.50"),
        (Decimal("1E+3"), "1000"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (date(2026, 11, 22), "2026-11-22"),
        (datetime(2026, 11, 22, 10, 20, tzinfo=UTC), "2026-11-22T10:20:00+00:00"),
        (memoryview("魚".encode()), "魚"),
        (None, None),
    ],
)
def test_values_as_text(value: object, text: str | None) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), [1], {"a": 1}, "x" * (1024 * 1024 + 1)])
def test_values_that_are_none(value: object) -> None:
    with pytest.raises(BadValue):
        text_of(value)


MARKS = st.one_of(
    st.none(),
    st.text(),
    st.integers(),
    st.binary(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.uuids(),
)


@given(MARKS, MARKS)
def test_a_stored_mark_is_the_same_mark_again(mark: object, key: object) -> None:
    again = mark_of(mark_text(mark, key))
    assert again == (mark, key)
    assert [type(value) for value in again] == [type(mark), type(key)]


@pytest.mark.parametrize("text", ["", "{}", "[]", '[["int", "x"], null]', '[["odd", "x"], null]', '[["int", 5], null]'])
def test_a_text_that_is_no_mark_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        mark_of(text)
    assert isinstance(mark_of(mark_text(UUID(int=5), b"\x00"))[0], UUID)


def test_names_are_quoted_whatever_they_are(their_address: str) -> None:
    theirs = Theirs(their_address)
    theirs.do(*TABLE, order(1, 1))
    evil = 'orders"; DROP TABLE orders; --'
    views = [View(**{**_fields(VIEW), "name": evil})]
    if not theirs.sqlite:  # which takes a quoted name it does not know for a text
        views.append(View(**{**_fields(VIEW), "columns": (evil,)}))
    for view in views:
        desk = Desk(their_address, view)
        desk.go(3)
        assert [kind for kind, _ in desk.troubles] == ["database"]
        assert "DROP" not in desk.troubles[0][1]
    assert theirs.do("SELECT count(*) FROM orders") == [(1,)]


def test_a_database_that_is_away_is_told_once_and_tried_again(tmp_path: Path) -> None:
    desk = Desk("postgresql://his@127.0.0.1:1/his", VIEW, database={"connect_timeout": 1, "password": "s3cret"})
    desk.go(100)
    assert len(desk.troubles) == 1
    assert desk.troubles[0] == ("database", "OperationalError")
    assert desk.poller.failing == "OperationalError"


def test_an_address_says_what_is_wrong_with_it() -> None:
    for address, what in (
        ("postgresql://his:pw@host/his", "password"),
        ("nonsense", "address"),
        ("oracle://his@host/his", "oracledb is not installed"),
        ("nosuch://host/his", "not installed"),
    ):
        with pytest.raises(ValueError, match=what) as wrong:
            Database(REAL, address)
        assert "pw" not in str(wrong.value).replace("password", "")


def test_a_connection_cut_by_the_server_is_opened_anew(postgres_address: str) -> None:
    theirs = Theirs(postgres_address)
    theirs.do(*TABLE, order(1, 1))
    desk = Desk(postgres_address, VIEW)
    desk.go(1.5)
    theirs.do(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    theirs.do(order(2, 2))
    desk.go(30)
    assert desk.keys() == ["1", "2"]
    assert desk.database.opened == 2


async def until(true: Callable[[], bool], seconds: float = 10) -> None:
    for _ in range(round(seconds / 0.02)):
        if true():
            return
        waited: Deferred[None] = Deferred()
        REAL.later(0.02, waited.callback, None)
        await waited
    raise AssertionError("it never came")


@pytest_twisted.ensureDeferred
async def test_a_query_that_hangs_is_broken_off_and_the_next_one_is_asked(postgres_address: str) -> None:
    theirs = Theirs(postgres_address)
    theirs.do(*TABLE, order(1, 1), "CREATE TABLE slow (s INTEGER)", "INSERT INTO slow VALUES (600)")
    theirs.do("CREATE VIEW v_slow AS SELECT o.*, pg_sleep((SELECT max(s) FROM slow))::text AS slept FROM orders o")
    pages: list[Page] = []
    troubles: list[str] = []

    async def load() -> tuple[str, float]:
        return mark_text(None, None), 0.0

    async def receive(page: Page) -> None:
        pages.append(page)

    database = Database(REAL, postgres_address, op_s=0.3)
    view = View("v_slow", "upd", "id", ("pat_name", "slept"), lag_s=0)
    poller = SqlPoller(
        REAL, "slow", database, view, load, receive, every_s=0.05, retry=Backoff(first=0.1, cap=0.2),
        on_trouble=lambda kind, text: troubles.append(text),
    )  # fmt: skip
    poller.start()
    await until(lambda: troubles == ["the database does not answer: no answer in time"])
    theirs.do("UPDATE slow SET s = 0")
    await until(lambda: bool(pages))
    assert pages[0].rows[0].values["pat_name"] == "测试甲"
    await poller.stop(5)


# --- out ------------------------------------------------------------------------------------------


class Out:
    """A sender into their table, and how each row ended."""

    def __init__(self, address: str, into: Into) -> None:
        self.sim = SimReactor()
        self.world = World(self.sim.node("engine"), inline=True)
        self.sender = SqlSender(self.world, Database(self.world, address), into, queue_max=5)
        self.ended: list[Any] = []

    def send(self, **row: Any) -> Any:
        ended = self.sender.send(row, 10)
        ended.addCallbacks(self.ended.append, lambda failure: self.ended.append(failure.value))
        self.sim.advance(0.1)
        return self.ended[-1]

    def why(self, **row: Any) -> tuple[type, str]:
        end = self.send(**row)
        assert isinstance(end, CallFailed), end
        return type(end), end.why


NOTICE = (
    "CREATE TABLE notice (no VARCHAR(20) NOT NULL, amt NUMERIC(10,2), at TIMESTAMP, day DATE, name CHAR(12), n INTEGER,"
    " state VARCHAR(9) DEFAULT 'new', CHECK (n IS NULL OR n < 100))"
)
INTO = Into("notice", "no", yuan=frozenset({"amt"}))
ROW = {"no": "S1", "amt": 107500, "at": "2026-11-22T10:20:00", "day": "2026-11-22", "name": "测试甲", "n": "7"}


def test_a_row_is_written_once_under_our_number(their_address: str) -> None:
    theirs = Theirs(their_address)
    theirs.do(NOTICE)
    out = Out(their_address, INTO)
    assert out.send(**ROW) is True
    assert theirs.do("SELECT no, CAST(amt AS VARCHAR(20)), n, trim(name), state FROM notice") == [
        ("S1", "1075" if theirs.sqlite else "1075.00", 7, "测试甲", "new")
    ]
    theirs.do("UPDATE notice SET state = 'read'")  # they may
    assert out.send(**ROW) is False
    assert out.why(**{**ROW, "amt": 107501}) == (Clash, "our number is there with another amt")
    assert out.why(**{**ROW, "name": "测试乙", "n": None}) == (Clash, "our number is there with another n, name")
    assert theirs.do("SELECT count(*) FROM notice") == [(1,)]
    assert (out.sender.written, out.sender.repeated) == (1, 1)


def test_only_our_own_columns_are_compared_where_they_are_named(their_address: str) -> None:
    theirs = Theirs(their_address)
    theirs.do(NOTICE)
    out = Out(their_address, Into("notice", "no", yuan=frozenset({"amt"}), ours=frozenset({"amt"})))
    assert out.send(**ROW, state="new") is True
    theirs.do("UPDATE notice SET state = 'read', n = 8")
    assert out.send(**ROW, state="new") is False


def test_a_row_that_does_not_fit_is_refused_for_good_and_says_why(their_address: str) -> None:
    theirs = Theirs(their_address)
    theirs.do(NOTICE)
    out = Out(their_address, INTO)
    assert out.why(**{**ROW, "no": ""}) == (NotSent, "a row without its number")
    assert out.why(**ROW, fee="1") == (NotSent, "the table has no column fee")
    assert out.why(**{**ROW, "n": "七"}) == (Unfit, "n: no value of the type int")
    assert out.why(**{**ROW, "at": "yesterday"}) == (Unfit, "at: no value of the type datetime")
    assert out.why(**{**ROW, "amt": "1075.00"}) == (Unfit, "amt: an amount must be int fen")
    kind, why = out.why(**{**ROW, "n": "100"})
    assert (kind, why[:28]) == (
        Unfit,
        "the table refuses the row: I" if theirs.sqlite else "the table refuses the row: 2",
    )
    assert theirs.do("SELECT count(*) FROM notice") == [(0,)]
    assert out.send(**ROW) is True
    nowhere = Out(their_address, Into("nowhere", "no"))
    assert nowhere.why(no="1") == (NotSent, "there is no such table")


def test_a_commit_nobody_confirmed_is_silence_and_the_repeat_asks(postgres_address: str) -> None:
    theirs = Theirs(postgres_address)
    theirs.do(
        NOTICE,
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'",
        "CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON notice DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION die()",
    )
    out = Out(postgres_address, INTO)
    assert out.why(**ROW)[0] is Silent
    theirs.do("DROP TRIGGER dies ON notice")
    assert out.send(**ROW) is True
    assert theirs.do("SELECT count(*) FROM notice") == [(1,)]


def test_a_lost_answer_to_a_commit_that_was_made(postgres_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Theirs(postgres_address).do(NOTICE)
    out = Out(postgres_address, INTO)
    commit = Connection.commit

    def lost(self: Connection) -> None:
        commit(self)
        raise DatabaseTrouble("lost")

    monkeypatch.setattr(Connection, "commit", lost)
    assert out.why(**ROW) == (Silent, "lost")
    monkeypatch.undo()
    assert out.send(**ROW) is False


def test_two_writers_of_one_number_leave_one_row(their_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = Theirs(their_address)
    theirs.do(NOTICE, "CREATE UNIQUE INDEX one ON notice (no)")
    one, two = Out(their_address, INTO), Out(their_address, INTO)
    there = two.sender._there
    looks: list[bool] = []

    def late(*args: Any) -> bool:
        found = there(*args)
        if not looks:
            args[0].commit()  # SQLite holds its readers' lock otherwise
            one.send(**ROW)  # between the look and the insert
        looks.append(found)
        return found

    monkeypatch.setattr(two.sender, "_there", late)
    assert two.send(**ROW) is False
    assert looks == [False, True]
    assert theirs.do("SELECT count(*) FROM notice") == [(1,)]


def test_a_table_that_was_altered_is_looked_at_again(their_address: str) -> None:
    theirs = Theirs(their_address)
    theirs.do(NOTICE)
    out = Out(their_address, INTO)
    assert out.send(**ROW) is True
    theirs.do("DROP TABLE notice", NOTICE.replace("n INTEGER", "n VARCHAR(9)").replace("n < 100", "n < '9'"))
    ended = [out.send(**ROW), out.send(**ROW)]
    assert ended[-1] is True or ended[0] is True
