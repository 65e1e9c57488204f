"""The bureau's ledger: the base rows, and for settlements also who paid (fen): fund, account, cash."""

from __future__ import annotations

from typing import Any

from simulators.base.ledger import Ledger, Row
from simulators.insurance.rules import Amounts


class InsuranceLedger(Ledger):
    """Rows of kind settle and cancel carry the extra keys fund, account and cash; a cancel's are negative."""

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self._parts: dict[int, dict[str, int]] = {}

    def add_settlement(self, kind: str, amounts: Amounts, *, no: str, party_no: str, bill: str, ref: str) -> Row:
        """A settlement (`settle`) or its negative (`cancel`).

        no = sender msgid, party_no = setl_id, ref = mdtrt_id.
        """
        row = self.add(kind, no=no, party_no=party_no, amount=amounts.split.total, bill=bill, ref=ref)
        self._parts[row.seq] = {"fund": amounts.pool, "account": amounts.account, "cash": amounts.cash}
        return row

    def _public(self, row: Row) -> dict[str, Any]:
        return {**super()._public(row), **self._parts.get(row.seq, {})}

    def clear(self) -> None:
        super().clear()
        self._parts.clear()
