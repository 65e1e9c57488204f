"""The demo's books: what the patients were told against what each party has in its own ledger, bill by bill.

Nothing here asks the engine: the judges are the parties.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.cli.demo_play import Played
from engine.cli.demo_stage import Stage


def compare(stage: Stage, played: Sequence[Played]) -> dict[str, Any]:
    """`{"checked": bills, "differences": [{"kind", "settlement_no", "bill", "text"}]}`; amounts in fen."""
    told: dict[str, dict[str, Any]] = {}
    for one in played:
        for bill in one.bills:
            settled = [story.last for story in one.stories if story.state == "settled"]
            told[bill] = settled[-1] if settled else {}
    books = _Books(stage)
    found = [difference for bill, answer in told.items() for difference in books.check(bill, answer)]
    return {"checked": len(told), "differences": [*found, *books.strangers(told)]}


class _Books:
    """All ledgers, read once."""

    def __init__(self, stage: Stage) -> None:
        self._rows = {party: stage.ledger(party)[0] for party in ("his", "insurance", "wechat", "einvoice")}

    def _sum(self, party: str, kind: str, **where: str) -> int:
        """Fen of the rows that stand."""
        rows = [row for row in self._rows[party] if row["kind"] == kind and row["state"] == "done"]
        return sum(row["amount"] for row in rows if all(row[name] == value for name, value in where.items()))

    def check(self, bill: str, answer: dict[str, Any]) -> list[dict[str, str]]:
        """One bill: booked, paid, settled with insurance and invoiced as the patient was told; or nothing at all."""
        amounts, numbers = answer.get("amounts", {}), answer.get("numbers", {})
        total, cash = amounts.get("total", 0), amounts.get("cash", 0)
        paid = self._sum("wechat", "charge", bill=bill)
        paid -= self._sum("wechat", "refund", bill=bill) + self._sum("wechat", "reverse", bill=bill)
        insured = total if numbers.get("insurance") else 0
        seen = {
            "his": (self._sum("his", "book", bill=bill), total),
            "payment": (paid, cash),
            "insurance": (self._sum("insurance", "settle", party_no=numbers.get("insurance", "")), insured),
            "einvoice": (self._sum("einvoice", "issue", party_no=numbers.get("invoice", "")), total),
        }
        return [
            {"kind": kind, "settlement_no": answer.get("settlement_no", ""), "bill": bill, "text": f"{has} ≠ {said}"}
            for kind, (has, said) in seen.items()
            if has != said
        ]

    def strangers(self, told: dict[str, dict[str, Any]]) -> list[dict[str, str]]:
        """What stands in a ledger and belongs to no patient's answer."""
        numbers = [answer.get("numbers", {}) for answer in told.values()]
        known = {
            "insurance": {one.get("insurance") for one in numbers},
            "einvoice": {one.get("invoice") for one in numbers},
        }
        found = []
        for party, kind in (("insurance", "settle"), ("einvoice", "issue")):
            for row in self._rows[party]:
                if row["kind"] == kind and row["state"] == "done" and row["party_no"] not in known[party]:
                    text = f"{kind} {row['party_no']} {row['amount']}"
                    found.append({"kind": party, "settlement_no": "", "bill": row["bill"], "text": text})
        for party, kind in (("his", "book"), ("wechat", "charge")):
            for row in self._rows[party]:
                if row["kind"] == kind and row["bill"] not in told:
                    text = f"{kind} {row['no']} {row['amount']}"
                    found.append({"kind": party, "settlement_no": "", "bill": row["bill"], "text": text})
        return found
