"""Why a party would not have it: the rule that was broken, the field, and what it should have looked like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Objection:
    """One broken rule of a request, as the page and `GET /sim/exchanges` tell it.

    `rule`: its name in the party's own words (an error code, a named check); `said`: the sentence the real platform
    answers with; `field`: where; `expected`: the form it should have; `got`: what stood there.
    """

    rule: str
    said: str
    field: str = ""
    expected: str = ""
    got: str = ""

    def public(self) -> dict[str, str]:
        return {
            "rule": self.rule, "said": self.said, "field": self.field, "expected": self.expected, "got": self.got,
        }


class Objecting(Exception):
    """Base of a party's own refusal: `raise Refusal(…).at("amount.total", "a whole number of fen", value)`."""

    field = ""
    expected = ""
    got = ""

    def at(self, field: str, expected: str = "", got: Any = "") -> Self:
        """Where the mistake is, what was wanted, what was there (cut to 200 characters)."""
        self.field, self.expected = field, expected
        self.got = "" if got is None else str(got)[:200]
        return self

    def objection(self, rule: str, said: str) -> Objection:
        """For the exchange it happened in."""
        return Objection(rule, said, self.field, self.expected, self.got)
