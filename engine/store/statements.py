"""Every statement the engine runs on the hot path, by name: plain SQL that SQLite and PostgreSQL both read.

`:name` marks a parameter. `seals` names the parameters that may be `Sealed`, with the place (`table.column`) and the
parameters that make the row id they are bound to. Nothing here is built from input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.store import statements_messages, statements_more, statements_settlement


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `about` says what it is for. `seals`: parameter → (place, parameters of the row id)."""

    name: str
    sql: str
    about: str
    seals: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)


def _collect() -> dict[str, Statement]:
    found: dict[str, Statement] = {}
    for name, about, sql, seals in (*statements_settlement.ROWS, *statements_more.ROWS, *statements_messages.ROWS):
        assert name not in found, f"two statements named {name}"
        found[name] = Statement(name, " ".join(sql.split()), about, seals)
    return found


STATEMENTS: Mapping[str, Statement] = _collect()
"""The registry: name → statement."""
