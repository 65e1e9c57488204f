"""Ordered misfortune: which request of a party goes wrong, how, and how often."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

# Not executed; the connection or the reply is wrong.
NOT_EXECUTED = frozenset({
    "refuse_connection", "reset_before_commit", "timeout_before_commit", "html", "http_500", "http_502", "http_503",
})
# Not executed; the party answers in its own words (`break_reply` with resp None).
REFUSALS = frozenset({"refuse_business", "not_enough_balance", "token_expired"})
# Executed; the caller does not hear the truth.
EXECUTED = frozenset({
    "reset_after_commit", "timeout_after_commit", "half_reply", "duplicate_reply", "http_504", "drip",
})
# Executed; `break_reply` spoils the true reply.
BREAKS = frozenset({"bad_signature", "wrong_amount"})
TIMED = frozenset({"slow", "late_commit"})
# Taken where a callback is posted (`outbound.post`): one try of it.
POSTED = frozenset({"callback_dead", "callback_odd_type"})
# Taken by the party itself when it makes a callback, but for the posted ones.
CALLBACKS = POSTED | {
    "callback_never", "callback_late", "callback_twice", "callback_before_reply", "callback_more_fields",
    "callback_gbk",
}
COMMON = NOT_EXECUTED | REFUSALS | EXECUTED | BREAKS | TIMED | CALLBACKS


@dataclass
class Fault:
    """One order; `times` None: for ever. `seconds` are business seconds."""

    op: str  # the operation's public name, "*" for all
    fault: str
    times: int | None = 1
    rate: float = 1.0
    seed: int = 1
    match: dict[str, str] = field(default_factory=dict)
    seconds: float = 30.0
    used: int = 0
    id: int = 0  # of this party's orders

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def draw(self) -> bool:
        """Whether this request is hit, from the order's own seeded dice."""
        return self.rate >= 1.0 or self._dice.random() < self.rate

    def public(self) -> dict[str, Any]:
        return {
            "op": self.op, "fault": self.fault, "times": self.times, "rate": self.rate,
                "seed": self.seed,
            "match": self.match, "seconds": self.seconds, "used": self.used,
        }


class Faults:
    """The orders in force, oldest first; a used-up order is gone."""

    def __init__(self, known: Collection[str] = COMMON) -> None:
        self.known = frozenset(known)
        self.orders: list[Fault] = []
        self._count = 0

    def add(self, spec: Mapping[str, Any]) -> Fault:
        """Take an order in contract form; ValueError names the wrong field."""
        if unknown := spec.keys() - {"op", "fault", "times", "rate", "seed", "match", "seconds"}:
            raise ValueError(f"unknown field: {', '.join(sorted(unknown))}")
        kind = spec.get("fault")
        if not isinstance(kind, str) or kind not in self.known:
            raise ValueError(f"fault: {kind!r} is not one of {', '.join(sorted(self.known))}")
        times, match = spec.get("times", 1), spec.get("match") or {}
        if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
            raise ValueError("times: a whole number above 0, or null for ever")
        if not isinstance(spec.get("op", "*"), str):
            raise ValueError("op: the name of an operation, or * for all")
        if not isinstance(match, dict) or any(isinstance(value, dict | list) for value in match.values()):
            raise ValueError("match: an object of field and value")
        try:
            rate, seconds = float(spec.get("rate", 1.0)), float(spec.get("seconds", 30))
            seed = int(spec.get("seed", 1))
        except (TypeError, ValueError, OverflowError):
            raise ValueError("rate, seconds, seed: numbers") from None
        if not 0.0 <= rate <= 1.0 or not 0.0 <= seconds <= 864000.0:
            raise ValueError("rate is 0 to 1, seconds 0 to 864000")
        fields = {str(k): str(v) for k, v in match.items()}
        order = Fault(str(spec.get("op", "*")), str(kind), times, rate, seed, fields, seconds)
        self._count += 1
        order.id = self._count
        self.orders.append(order)
        return order

    def remove(self, number: int) -> Fault:
        """Take one order back by its id; ValueError when it is not in force."""
        found = next((order for order in self.orders if order.id == number), None)
        if found is None:
            raise ValueError(f"no order {number} in force")
        self.orders.remove(found)
        return found

    def take(self, op: str, kinds: Collection[str], fields: Callable[[], Mapping[str, str]]) -> Fault | None:
        """The first order that hits this request, counted as used; `fields` is asked only when needed."""
        for order in self.orders:
            if order.fault not in kinds or order.op not in (op, "*"):
                continue
            if order.match and not order.match.items() <= fields().items():
                continue
            if not order.draw():
                continue
            order.used += 1
            if order.times is not None and order.used >= order.times:
                self.orders.remove(order)
            return order
        return None

    def clear(self) -> None:
        self.orders.clear()
