"""A settlement's history, line by line; and clients' one-time words."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.store.codec import encode
from engine.store.contract import Connection, Write
from engine.store.schema import nonces

NONCE_TAKEN = "nonce_use"
"""`Done.failed_sql` when a one-time word was used before."""


def add_trail(id: int, no: str, at: float, kind: str, detail: dict[str, Any] | None = None) -> Write:
    """A line of history. `detail` is small and never holds a person's data."""
    text = encode(detail or {}).decode("utf-8", "surrogatepass")
    return Write("trail_add", {"id": id, "settlement_no": no, "at": at, "kind": kind, "detail": text}, rows=1)


def use_nonce(client: str, nonce: str, at: float) -> Write:
    """Use a client's one-time word. Guard: it was never used."""
    return Write(NONCE_TAKEN, {"client": client, "nonce": nonce, "at": at}, rows=1)


def used_nonces(conn: Connection, since: float) -> list[tuple[str, str]]:
    """(client, one-time word) of all that were used since an instant, for an engine that starts."""
    query = sa.select(nonces.c.client, nonces.c.nonce).where(nonces.c.at >= since)
    return [(str(row["client"]), str(row["nonce"])) for row in conn.select(query)]
