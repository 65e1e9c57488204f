"""A settlement at a desk of the town, from the first question to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.edge.town import Town

LONGEST = 100  # looks, five seconds apart, until the amounts are there


def at_the_desk(town: Town, start: str, asked: Mapping[str, Any], choice: Mapping[str, Any]) -> dict[str, Any]:
    """The clerk begins it at the address `start`, waits for the amounts and pays so; its last answer."""
    reply = town.ask("POST", start, dict(asked), client="C01")
    assert reply.status in (200, 202), reply.body.decode()
    no = str(reply.json["settlement_no"])
    for _ in range(LONGEST):
        state = town.show(no, client="C01").state
        if state != "working":
            break
        town.pass_time(5.0)
    if state == "quoted":
        town.choose(no, choice, client="C01")
    return town.rest(no, client="C01")
