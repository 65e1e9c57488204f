"""What the subscribers have received: each message once, everything that came again counted."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

from simulators.base.ledger import Ledger


@dataclass(frozen=True)
class Receipt:
    """`how`: done, duplicate (the same again), conflict (its number was used for other content)."""

    no: str
    how: str


class Inbox:
    """The books of all subscribers. Ledger: kind `message`, `no` our message number (control id), `party_no` the
    receipt (`emr-000001`), `ref` the patient, `bill` the visit, `state` done, duplicate or conflict."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.clear()

    def clear(self) -> None:
        """Nothing was ever received."""
        self._known: dict[tuple[str, str], tuple[bytes, str]] = {}
        self._receipts: Counter[str] = Counter()
        self._how: dict[str, Counter[str]] = {}
        self._events: dict[str, Counter[str]] = {}

    def take(self, subscriber: str, number: str, content: bytes, *, patient: str, visit: str, event: str) -> Receipt:
        """Book one message; without a number nothing can be known again, so each counts as new."""
        digest = hashlib.sha256(content).digest()
        known = self._known.get((subscriber, number)) if number else None
        if known is None:
            self._receipts[subscriber] += 1
            receipt = Receipt(f"{subscriber}-{self._receipts[subscriber]:06d}", "done")
            if number:
                self._known[subscriber, number] = (digest, receipt.no)
            self._events.setdefault(subscriber, Counter())[event] += 1
        else:
            receipt = Receipt(known[1], "duplicate" if known[0] == digest else "conflict")
        self._how.setdefault(subscriber, Counter())[receipt.how] += 1
        self._ledger.add("message", no=number, party_no=receipt.no, state=receipt.how, bill=visit, ref=patient)
        return receipt

    def counts(self) -> dict[str, Any]:
        """By subscriber: messages, duplicates, conflicts, and the messages by event."""
        return {
            name: {
                "messages": how["done"], "duplicates": how["duplicate"], "conflicts": how["conflict"],
                "events": dict(self._events.get(name, {})),
            }
            for name, how in self._how.items()
        }  # fmt: skip
