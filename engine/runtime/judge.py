"""What only the site can tell the saga: conditions, maps and numbers of the channel a settlement began with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.core.outcome import Fact
from engine.parties.contract import Answer
from engine.pipeline.condition import ConditionFailed
from engine.pipeline.field_map import FieldMap
from engine.pipeline.rejected import MapRejected
from engine.runtime.numbers import Numbers
from engine.runtime.reasons import of_leg, of_map
from engine.saga.case import Case, Reason
from engine.saga.events import Refused
from engine.saga.legs import Leg
from engine.saga.plan import Plan
from engine.site.site import Channel, Site

Tree = Any


class SiteJudge:
    """A Judge (see engine.saga.events) for one channel of one version of the site."""

    def __init__(self, site: Site, channel: Channel, numbers: Numbers) -> None:
        assert channel.plan is not None, f"{channel.name} is no settle channel"
        assert channel.listen is not None
        self.site, self.channel, self._numbers = site, channel, numbers
        self.plan: Plan = channel.plan
        self.answer_within: float = channel.listen.answer_within

    def names(self, case: Case) -> dict[str, Tree]:
        """All that a map may read: outputs, heard events, the request, the settlement, the hospital."""
        names = dict(case.data)
        names["settlement"] = {
            "no": case.no,
            "channel": case.channel,
            "client": case.client,
            "created_at": int(case.created_at),
            "attempt": case.attempt,
        }
        names["hospital"] = self.site.engine.hospital
        for name, condition in self.channel.lets.items():
            try:
                names[name] = condition.test(names)
            except ConditionFailed:  # it reads what is not known yet
                continue
        return names

    def holds(self, condition: str, case: Case) -> bool:
        try:
            return self.channel.conditions[condition].test(self.names(case))
        except ConditionFailed as no:
            raise Refused(of_map("E-CONDITION", str(no))) from None

    def checks(self, maps: Sequence[str], case: Case) -> None:
        names = self.names(case)
        for name in maps:
            self._run(self.site.maps[name], names)

    def work(self, name: str, case: Case) -> Tree:
        return self._run(self.site.maps[name], self.names(case))

    def items(self, path: str, case: Case) -> Sequence[Tree]:
        at: Tree = case.data
        for part in path.split("."):
            at = at.get(part) if isinstance(at, Mapping) else None
        if not isinstance(at, list):
            raise Refused(of_map("E-MAP-MISSING", path))
        return at

    def number(self, kind: str, case: Case, leg: Leg) -> str:
        if kind == "msgid":
            party = self.channel.calls[leg.call].party
            settings = self.site.engine.parties[party].settings
            return self._numbers.message_id(str(settings["fixmedins_code"]))
        return self._numbers.of_leg(kind, case, leg)

    def amount(self, call: str, case: Case, leg: Leg) -> int | None:
        path = self.channel.calls[call].amount
        if not path:
            return None
        names = self.names(case)
        if leg.of:
            names["of"] = case.leg(leg.of).facts()
        at: Tree = names
        for part in path.split("."):
            at = at.get(part) if isinstance(at, Mapping) else None
        return at if isinstance(at, int) and not isinstance(at, bool) else None

    def body(self, call: str, case: Case, leg: Leg, purpose: str, number: str) -> Tree:
        spec = self.channel.calls[call]
        if spec.send is None:
            return {}
        return self._run(spec.send, self._call_names(case, leg, purpose, number))

    def _call_names(self, case: Case, leg: Leg, purpose: str, number: str) -> dict[str, Tree]:
        names = self.names(case)
        own = leg.facts()
        if purpose == "do":
            names["own"] = {**own, "number": number}
            names["now"] = own["at"]  # a repeat carries the same content
            if leg.of:
                names["of"] = case.leg(leg.of).facts()
        else:
            names["own"] = {**own, "number": number}
            names["of"] = own
        return names

    def read(
        self, call: str, case: Case, leg: Leg, purpose: str, answer: Answer
    ) -> tuple[Tree, Any, tuple[str, ...]]:
        """What an answer means: (the read or fact map's output, the fact or None, names that differ from ours)."""
        spec = self.channel.calls[call]
        names = self._call_names(case, leg, purpose, leg.number)
        names.update(answer=answer.body, code=answer.code, text=answer.text)
        if purpose == "ask" and spec.fact is not None:
            return found_fact(spec.fact, names)
        if spec.read is None:
            return None, None, ()
        return self._run(spec.read, names), None, ()

    def drift(self, must_equal: str, call: str, case: Case) -> Reason | None:
        """A reason when the two calls' outputs differ in an amount that both have."""
        ours, theirs = _at(case.data, must_equal), _at(case.data, call)
        for key in ("total", "fund", "account", "relief", "other", "cash"):
            if key in ours and key in theirs and ours[key] != theirs[key]:
                return of_map("E-DRIFT", key)
        return None

    def reason(self, leg: Leg, case: Case) -> Reason:
        party = self.channel.calls[leg.call].party
        paying = bool(self.plan.steps[self.plan.index(leg.step)].again)
        return of_leg(leg, self.site.engine.parties[party].kind, paying)

    def _run(self, field_map: FieldMap, names: Mapping[str, Tree]) -> Tree:
        try:
            return field_map.run(names)
        except MapRejected as no:
            raise Refused(of_map(no.code, no.path or no.detail, field_map.texts.get(no.code))) from None


def found_fact(fact_map: FieldMap, names: Mapping[str, Tree]) -> tuple[Tree, Any, tuple[str, ...]]:
    """A fact map's output, its fact, and the names of values that must equal ours and do not."""
    found = fact_map.find_fact(names)
    made = fact_map.run(names) if found.fact is Fact.THERE else None
    return made, found.fact, tuple(one.name for one in found.differs)


def _at(data: Mapping[str, Tree], path: str) -> Mapping[str, Tree]:
    at: Tree = data
    for part in path.split("."):
        at = at.get(part) if isinstance(at, Mapping) else None
    return at if isinstance(at, Mapping) else {}
