"""How much and when a party may be sent by deliver channels: a rate, hours of the day, a breaker."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from engine.config.problems import problem
from engine.config.spec import Field, Found, Record, Spec, text_of
from engine.config.tree import Node
from engine.config.types import Count, Duration


@dataclass(frozen=True, slots=True)
class Breaker:
    """After so many failures in a row (`after`) nothing is sent for `pause` seconds, doubled up to `cap` while the one
    message that is then tried fails too."""

    after: int = 5
    pause: float = 5.0
    cap: float = 60.0

    @staticmethod
    def of(record: Record, found: Found) -> Breaker:
        return Breaker(record["after"], record["pause"], record["cap"])


BREAKER_USUAL = Breaker()
BREAKER = Spec(
    "breaker", "熔断", "the breaker",
    (
        Field("after", Count(1, 1000), "连续失败几次后暂停", "failures in a row that open it", "5", default=5),
        Field("pause", Duration(), "暂停多久后试一条，失败则加倍",
              "the pause before one message is tried; then doubled",
              "5s", default=5.0),
        Field("cap", Duration(), "暂停最长多久", "no pause is longer", "1m", default=60.0),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hours:
    """`HH:MM-HH:MM`, Beijing time; read as (from, to) in seconds after midnight. Over midnight when `to` is less."""

    zh: str = "时段"
    en: str = "hours"

    def read(self, node: Node, what: str, found: Found) -> tuple[int, int] | None:
        scalar = text_of(node, what, found)
        if scalar is None:
            return None
        match = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])", scalar.text, re.ASCII)
        begins, ends = (int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])) if match else (0, 0)
        if begins == ends or ends > 24 * 60:
            found.append(problem("E211", scalar.mark, what=what, detail="HH:MM-HH:MM"))
            return None
        return begins * 60, ends * 60

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"}
