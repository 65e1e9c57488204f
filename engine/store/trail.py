"""A settlement's history, line by line; and clients' one-time words."""

from __future__ import annotations

from typing import Any

from engine.store.codec import encode
from engine.store.contract import Write


def add_trail(id: int, no: str, at: float, kind: str, detail: dict[str, Any] | None = None) -> Write:
    """A line of history. `detail` is small and never holds a person's data."""
    text = encode(detail or {}).decode("utf-8", "surrogatepass")
    return Write("trail_add", {"id": id, "settlement_no": no, "at": at, "kind": kind, "detail": text}, rows=1)


def use_nonce(client: str, nonce: str, at: float) -> Write:
    """Use a client's one-time word. Guard: it was never used."""
    return Write("nonce_use", {"client": client, "nonce": nonce, "at": at}, rows=1)
