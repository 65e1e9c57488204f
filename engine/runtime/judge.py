"""What only the site can tell the saga: conditions, maps and numbers of the channel a settlement began with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from engine.core.money import AMOUNTS, yuan_of_fen
from engine.core.outcome import Fact
from engine.parties.contract import Answer
from engine.pipeline.condition import ConditionFailed
from engine.pipeline.field_map import FieldMap
from engine.pipeline.rejected import MapRejected
from engine.runtime.numbers import Numbers, sender_of
from engine.runtime.reasons import left_out, of_leg, of_map
from engine.saga.case import Case, Reason, found
from engine.saga.events import Refused
from engine.saga.legs import Leg
from engine.saga.plan import Plan
from engine.site.site import Channel, Site

Tree = Any


class SiteJudge:
    """A Judge (see engine.saga.events) for one channel of one version of the site. `rejected` hears of its maps that
    refused."""

    def __init__(
        self, site: Site, channel: Channel, numbers: Numbers, rejected: Callable[[MapRejected], None] = lambda no: None
    ) -> None:
        assert channel.plan is not None, f"{channel.name} is no settle channel"
        assert channel.listen is not None
        self.site, self.channel, self._numbers, self.rejected = site, channel, numbers, rejected
        self.plan: Plan = channel.plan
        self.answer_within: float = channel.listen.answer_within
        self._wanted: dict[str, tuple[str, ...]] = {}  # of a map or a condition: the `let` names it reads

    def party_of(self, leg: Leg) -> str:
        """Whose books the leg stands in: its call's party, or who carried one that was only observed."""
        call = self.channel.calls.get(leg.call)
        return call.party if call is not None else self.plan.steps[self.plan.index(leg.step)].party

    def names(self, case: Case, lets: Iterable[str] | None = None) -> dict[str, Tree]:
        """All that a map may read: outputs, heard events, the request, the settlement, the hospital. `lets`: only these
        of the channel's `let` names (None: all)."""
        names = dict(case.data)
        names["settlement"] = {
            "no": case.no,
            "channel": case.channel,
            "client": case.client,
            "created_at": int(case.created_at),
            "attempt": case.attempt,
        }
        names["hospital"] = self.site.engine.hospital
        for name in self.channel.lets if lets is None else lets:
            try:
                names[name] = self.channel.lets[name].test(names)
            except ConditionFailed:  # it reads what is not known yet
                continue
        return names

    def _lets(self, reader: str, roots: Iterable[str]) -> tuple[str, ...]:
        """Which `let` names something reads, in the channel's order, with those that these read in turn."""
        found = self._wanted.get(reader)
        if found is None:
            wanted = set(roots)
            for name, condition in reversed(list(self.channel.lets.items())):
                if name in wanted:
                    wanted |= condition.roots
            found = self._wanted[reader] = tuple(name for name in self.channel.lets if name in wanted)
        return found

    def _lets_of(self, field_map: FieldMap) -> tuple[str, ...]:
        found = self._wanted.get(field_map.name)
        return self._lets(field_map.name, map(_root, field_map.reads)) if found is None else found

    def holds(self, condition: str, case: Case) -> bool:
        test = self.channel.conditions[condition]
        try:
            return test.test(self.names(case, self._lets(f"if {condition}", test.roots)))
        except ConditionFailed as no:
            raise Refused(of_map("E-CONDITION", str(no))) from None

    def checks(self, maps: Sequence[str], case: Case) -> None:
        for name in maps:
            self.work(name, case)

    def work(self, name: str, case: Case) -> Tree:
        field_map = self.site.maps[name]
        made = self._run(field_map, self.names(case, self._lets_of(field_map)))
        self._plausible(made)
        return made

    def _plausible(self, made: Tree) -> None:
        """Refuses amounts beyond the site's limit before anybody is shown them: a HIS that writes one unit for another
        is wrong everywhere alike, and no sum shows it."""
        most = self.site.engine.limits.bill_max
        if most is not None and isinstance(made, Mapping) and all(name in made for name in AMOUNTS):
            total = made["total"]
            if isinstance(total, int) and total > most:
                raise Refused(of_map("E-BILL-MAX", yuan_of_fen(total)))

    def items(self, path: str, case: Case) -> Sequence[Tree]:
        at = found(case.data, path)
        if not isinstance(at, list):
            raise Refused(of_map("E-MAP-MISSING", path))
        return at

    def number(self, kind: str, case: Case, leg: Leg) -> str:
        if kind == "msgid":
            party = self.channel.calls[leg.call].party
            return self._numbers.message_id(sender_of(self.site.engine.parties[party].settings))
        return self._numbers.of_leg(kind, case, leg)

    def amount(self, call: str, case: Case, leg: Leg) -> int | None:
        path = self.channel.calls[call].amount
        if not path:
            return None
        names = self.names(case, self._lets(f"amount {path}", (_root(path),)))
        if leg.of:
            names["of"] = case.leg(leg.of).facts()
        at = found(names, path)
        return at if isinstance(at, int) and not isinstance(at, bool) else None

    def body(self, call: str, case: Case, leg: Leg, purpose: str, number: str) -> Tree:
        spec = self.channel.calls[call]
        if spec.send is None:
            return {}
        return self._run(spec.send, self._call_names(case, leg, purpose, number, self._lets_of(spec.send)))

    def _call_names(
        self, case: Case, leg: Leg, purpose: str, number: str, lets: tuple[str, ...]
    ) -> dict[str, Tree]:
        names = self.names(case, lets)
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
        asked = purpose == "ask" and spec.fact is not None
        field_map = spec.fact if asked else spec.read
        if field_map is None:
            return None, None, ()
        names = self._call_names(case, leg, purpose, leg.number, self._lets_of(field_map))
        names.update(answer=answer.body, code=answer.code, text=answer.text)
        return self.fact(field_map, names) if asked else (self._run(field_map, names), None, ())

    def fact(self, fact_map: FieldMap, names: Mapping[str, Tree]) -> tuple[Tree, Any, tuple[str, ...]]:
        """As `found_fact`. Errors: MapRejected, of which `rejected` has heard."""
        try:
            return found_fact(fact_map, names)
        except MapRejected as no:
            self.rejected(no)
            raise

    def drift(self, must_equal: str, call: str, case: Case) -> Reason | None:
        """A reason when the two calls' outputs differ in an amount that both have."""
        ours, theirs = _at(case.data, must_equal), _at(case.data, call)
        for key in AMOUNTS:
            if key in ours and key in theirs and ours[key] != theirs[key]:
                return of_map("E-DRIFT", key)
        return None

    def reason(self, leg: Leg, case: Case) -> Reason:
        kind = self.site.engine.parties[self.channel.calls[leg.call].party].kind
        step = self.plan.steps[self.plan.index(leg.step)]
        return left_out(leg, kind) if step.go_on and not leg.undo else of_leg(leg, kind, bool(step.again))

    def _run(self, field_map: FieldMap, names: Mapping[str, Tree]) -> Tree:
        try:
            return field_map.run(names)
        except MapRejected as no:
            self.rejected(no)
            about = no.path or ": ".join(filter(None, (no.target, no.detail)))
            raise Refused(of_map(no.code, about, field_map.texts.get(no.code))) from None


def found_fact(fact_map: FieldMap, names: Mapping[str, Tree]) -> tuple[Tree, Any, tuple[str, ...]]:
    """A fact map's output, its fact, and the names of values that must equal ours and do not."""
    found = fact_map.find_fact(names)
    made = fact_map.run(names) if found.fact is Fact.THERE else None
    return made, found.fact, tuple(one.name for one in found.differs)


def _root(path: str) -> str:
    """The first name of a path."""
    return path.partition(".")[0].partition("[")[0]


def _at(data: Mapping[str, Tree], path: str) -> Mapping[str, Tree]:
    at = found(data, path)
    return at if isinstance(at, Mapping) else {}
