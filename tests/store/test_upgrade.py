"""A store written by an earlier program: what a migration does with rows that are there."""

from __future__ import annotations

import pysqlite3

from engine.store.migrations import STEPS, migrate, statements


def test_tasks_told_again_and_again_become_one_that_counts() -> None:
    conn = pysqlite3.connect(":memory:")
    for step in STEPS[: STEPS.index("0005_tasks_once")]:
        for statement in statements(step, "sqlite"):
            conn.execute(statement)
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
    for number, step in enumerate(STEPS[: STEPS.index("0005_tasks_once")], 1):
        conn.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, step TEXT)")
        conn.execute("INSERT INTO schema_version VALUES (?, ?)", (number, step))
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
