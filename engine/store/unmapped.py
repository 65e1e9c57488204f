"""Codes that had no row in a code table when a map looked them up: what the interface admin completes tables by."""

from __future__ import annotations

from dataclasses import dataclass

from engine.store.contract import Connection, Sealed, Write
from engine.store.sealing import Sealer

MOST = 5000  # codes kept: whoever sends nonsense fills the list and not the disk
LONGEST = 100  # characters of a code kept


@dataclass(frozen=True, slots=True)
class UnmappedCode:
    """A code (`a + b` where the table has several `from_` columns) and the table without a row for it. `place` is the
    row of the map that last looked it up, `times` how often it was looked up in vain; instants are unix seconds."""

    table: str
    code: str
    place: str
    times: int
    first_at: float
    last_at: float


def kept_of(code: str) -> str:
    """As much of a code as is kept: two that begin alike so far are one."""
    return code[:LONGEST]


def count_unmapped(one: UnmappedCode, sealer: Sealer) -> Write:
    """So many more times, from `first_at` to `last_at`. A code beyond the first MOST is not kept. It is sealed: a
    sender may write anything where a code belongs."""
    code = kept_of(one.code).encode("utf-8", "surrogatepass")
    return Write("unmapped_count", {
        "code_table": one.table, "mark": sealer.person_index("unmapped", code.hex()), "code": Sealed(code),
        "place": one.place, "times": one.times, "first": one.first_at, "last": one.last_at, "most": MOST,
    })  # fmt: skip


def unmapped_codes(conn: Connection, limit: int = MOST) -> list[UnmappedCode]:
    """The most frequent first."""
    return [
        UnmappedCode(table, conn.unseal("unmapped.code", f"{table}/{mark}", bytes(code)).decode("utf-8", "replace"),
                     *rest)
        for table, mark, code, *rest in conn.rows("unmapped_all", limit=limit)
    ]  # fmt: skip
