"""How the schema came to be, step by step: numbered SQL texts, applied in order in one transaction.

A step, once shipped, never changes; a change is a new step and the same change in `schema.py` (a test compares them).
A database that has seen a later step than this program knows is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

from engine.store.contract import CannotStart

STEPS: tuple[str, ...] = (
    "0001_first", "0002_site_history", "0003_messages", "0004_marks", "0005_tasks_once", "0006_messages_found",
    "0007_statements", "0008_open", "0009_messages_lean", "0010_fewer_pages",
    "0011_unmapped",
)  # fmt: skip
"""Names of the files in `migrations_sql/`; the position (from 1) is the version."""

WORDS: dict[str, dict[str, str]] = {
    "sqlite": {"id": "INTEGER", "blob": "BLOB", "instant": "DOUBLE", "clustered": "\nWITHOUT ROWID"},
    "postgresql": {"id": "BIGINT", "blob": "BYTEA", "instant": "DOUBLE PRECISION", "clustered": ""},
}
"""What each database calls the types that differ."""

_MARK = (
    "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL, step TEXT NOT NULL, PRIMARY KEY (version))"
)


def statements(step: str, dialect: str) -> list[str]:
    """The SQL statements of a step for `sqlite` or `postgresql`."""
    text = resources.files("engine.store").joinpath("migrations_sql", f"{step}.sql").read_text(encoding="utf-8")
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    for word, meaning in WORDS[dialect].items():
        plain = plain.replace("{" + word + "}", meaning)
    return [one.strip() for one in plain.split(";") if one.strip()]


def migrate(execute: Callable[[str], Any], dialect: str) -> int:
    """Bring the database to the newest step; the caller has begun a transaction and commits it. Returns how many steps
    were applied. CannotStart when the database is newer than this program."""
    execute(_MARK)
    found = int(execute("SELECT COALESCE(MAX(version), 0) FROM schema_version").fetchone()[0])
    if found > len(STEPS):
        raise CannotStart(
            f"the database is at schema version {found}, this program knows {len(STEPS)}: run the newer program"
        )
    for number, step in enumerate(STEPS[found:], found + 1):
        for statement in statements(step, dialect):
            execute(statement)
        execute(f"INSERT INTO schema_version (version, step) VALUES ({number}, '{step}')")  # noqa: S608 own constants
    return len(STEPS) - found
