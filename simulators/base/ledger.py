"""The party's own books: what it believes happened, whatever was or was not answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulators.base.world import SimWorld

KINDS = frozenset({
    "order", "charge", "close", "reverse", "refund", "freeze", "unfreeze", "register", "upload", "settle",
    "cancel", "book", "void", "lock", "issue", "write_off", "message", "notice", "deposit", "deposit_back",
})


@dataclass(slots=True)
class Row:
    """One entry; `amount` in fen, `no` the caller's number, `party_no` the party's own."""

    seq: int
    at: float
    kind: str
    no: str
    party_no: str
    amount: int
    state: str
    bill: str
    ref: str
    changed: int


class Ledger:
    """Append-only rows whose state may change; a change makes the row visible again to a reader's `since`.

    Numbers never go back, not even at a reset, so that a reader's `since` stays good.
    """

    def __init__(self, world: SimWorld) -> None:
        self._world = world
        self._seq = 0
        self.rows: list[Row] = []

    def add(
        self, kind: str, *, no: str = "", party_no: str = "", amount: int = 0, state: str = "done",
        bill: str = "", ref: str = "",
    ) -> Row:
        """Enter a row now; `kind` is one of KINDS (ValueError otherwise)."""
        if kind not in KINDS:
            raise ValueError(f"unknown ledger kind {kind}")
        self._seq += 1
        row = Row(self._seq, self._world.now(), kind, no, party_no, amount, state, bill, ref, self._seq)
        self.rows.append(row)
        return row

    def change(self, row: Row, **fields: Any) -> Row:
        """Change state (or party_no, amount, bill, ref) of a row; it keeps its seq and is reported again."""
        if unknown := fields.keys() - {"state", "party_no", "amount", "bill", "ref"}:
            raise ValueError(f"not changeable: {', '.join(sorted(unknown))}")
        for name, value in fields.items():
            setattr(row, name, value)
        self._seq += 1
        row.changed = self._seq
        return row

    def since(self, seq: int = 0) -> dict[str, Any]:
        """Rows created or changed after `seq`, in order of creation; `last` is the next `since`."""
        rows = [self._public(row) for row in self.rows if row.changed > seq]
        return {"rows": rows, "last": self._seq}

    def _public(self, row: Row) -> dict[str, Any]:
        return {
            "seq": row.seq, "at": self._world.rfc3339(row.at), "kind": row.kind, "no": row.no,
            "party_no": row.party_no, "amount": row.amount, "state": row.state, "bill": row.bill,
            "ref": row.ref, "changed": row.changed,
        }

    def clear(self) -> None:
        self.rows.clear()
