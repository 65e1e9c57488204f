"""What a terminal tells of one of our numbers: that it gave money back which it had taken itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.outcome import Fact
from engine.pipeline.rejected import MapRejected
from engine.runtime.judge import SiteJudge, found_fact
from engine.runtime.once import NotGiven, key_of
from engine.saga.case import Case
from engine.saga.events import FactHeard
from engine.site.site import Hears

Tree = Any


class NoSuchNumber(Exception):
    """The body names no number of this settlement, or says what the map cannot read; `path` is where to look."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def told_of_leg(judge: SiteJudge, case: Case, hears: Hears, body: Mapping[str, Tree]) -> FactHeard:
    """The fact that a terminal's request is for its settlement. Errors: NoSuchNumber."""
    fact_map = judge.site.maps[hears.fact]
    names = {"answer": body, "code": hears.event, "text": "", "hospital": judge.site.engine.hospital}
    try:
        number = fact_map.run(names)["number"]
        leg = next(one for one in case.legs if one.number and one.number == number)
        made, fact, differs = found_fact(fact_map, {**names, "of": leg.facts()})
    except StopIteration:
        raise NoSuchNumber(next((name for name, value in body.items() if value == number), "")) from None
    except MapRejected as no:
        judge.rejected(no)
        raise NoSuchNumber(no.path.removeprefix("answer.")) from None
    return FactHeard(leg.id, Fact(fact), made, differs, "TERMINAL")


def voucher_of(hears: Hears, body: Mapping[str, Tree]) -> str:
    """The key of what counts once in all settlements, such as the slip of a card terminal; "" when none is named."""
    if not hears.used_once:
        return ""
    try:
        return key_of(hears.used_once, body)
    except NotGiven:
        return ""
