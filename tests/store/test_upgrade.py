"""A store written by an earlier program: what a migration does with rows that are there."""

from __future__ import annotations

from typing import Any

import pysqlite3

from engine.store.migrations import STEPS, migrate, statements


def before(step: str) -> Any:
    """A database as it was before this step."""
    conn = pysqlite3.connect(":memory:")
    conn.execute("CREATE TABLE schema_version (version INTEGER PRIMARY KEY, step TEXT)")
    for number, earlier in enumerate(STEPS[: STEPS.index(step)], 1):
        for statement in statements(earlier, "sqlite"):
            conn.execute(statement)
        conn.execute("INSERT INTO schema_version VALUES (?, ?)", (number, earlier))
    return conn


def test_tasks_told_again_and_again_become_one_that_counts() -> None:
    conn = before("0005_tasks_once")
    rows = [
        (1, "S1", 3, "cannot_ask", 100.0, None),
        (2, "S1", 3, "cannot_ask", 160.0, None),
        (3, "S1", 3, "cannot_ask", 220.0, None),
        (4, "S1", 3, "cannot_ask", 40.0, 50.0),
        (5, "S2", 3, "cannot_ask", 230.0, None),
        (6, None, 0, "key_missing", 240.0, None),
        (7, None, 0, "key_missing", 250.0, None),
    ]
    for id, no, leg, kind, opened, closed in rows:
        conn.execute(
            "INSERT INTO tasks VALUES (?, ?, ?, ?, 'nhsa', x'00', ?, ?, '', NULL)", (id, no, leg, kind, opened, closed)
        )
    migrate(conn.execute, "sqlite")
    found = conn.execute("SELECT id, times, last_at, closed_at, closed_by FROM tasks ORDER BY id").fetchall()
    assert found == [
        (1, 3, 220.0, None, ""),
        (2, 3, 220.0, 160.0, "engine"),
        (3, 3, 220.0, 220.0, "engine"),
        (4, 1, 40.0, 50.0, ""),
        (5, 1, 230.0, None, ""),
        (6, 1, 240.0, None, ""),
        (7, 1, 250.0, None, ""),
    ]


def test_history_stays_and_a_refund_still_on_its_way_is_found_by_a_restart() -> None:
    conn = before("0010_fewer_pages")
    plain = {"INTEGER": 0, "SMALLINT": 0, "BIGINT": 0, "DOUBLE": 9.0, "BLOB": b"", "TEXT": ""}

    def put(table: str, **known: Any) -> None:
        columns = {name: plain[kind] for _, name, kind, *_ in conn.execute(f"PRAGMA table_info({table})")} | known
        places = ", ".join("?" * len(columns))
        conn.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", list(columns.values()))  # noqa: S608

    for number, (no, rest, leg) in enumerate([("S1", 8.0, "sent"), ("S2", 8.0, "ok"), ("S3", None, "unsure")]):
        put("settlements", no=no, id=number, request_no=no, rest_at=rest, next_at=None)
        put("legs", settlement_no=no, id=1, state=leg)
        put("trail", id=number, settlement_no=no, kind="Started", detail="{}")
    put("trail", id=7, settlement_no="S1", kind="Answered", detail='{"leg":1}')
    migrate(conn.execute, "sqlite")
    assert conn.execute("SELECT * FROM trail WHERE settlement_no = 'S1' ORDER BY id").fetchall() == [
        ("S1", 0, 9.0, "Started", "{}"), ("S1", 7, 9.0, "Answered", '{"leg":1}'),
    ]  # fmt: skip
    assert conn.execute("SELECT no, next_at FROM settlements").fetchall() == [("S1", 9.0), ("S2", None), ("S3", None)]
