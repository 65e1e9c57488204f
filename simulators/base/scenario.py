"""Scenario files: what outside persons did, when, and which misfortunes were ordered; recorded from a run and replayed.

    scenario: late_callback
    zh: 支付通知第二天才到
    en: the payment callback comes the next day
    steps:
      - {at: 0,  party: wechat, fault: {op: paid, fault: callback_late, seconds: "86400"}}
      - {at: 5,  party: wechat, act: {act: pay, no: $order.1.no}}      # of the first order since the scenario began
      - {at: 60, clock: 86400}
      - {at: 61, signing: wall}

`at`: business seconds since the scenario began, not counting what `clock` skipped. `$KIND.N.FIELD` is a field of the
N-th row of that kind in the party's ledger since then (-1: the newest); a step waits until it is there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from simulators.base import deeds
from simulators.base.deeds import Deed
from simulators.base.faults import Faults
from simulators.base.ledger import KINDS, Row

if TYPE_CHECKING:
    from simulators.base.party import SimParty
    from simulators.base.world import SimWorld

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
OVER = "the scenario is over"
PATIENCE = 3600.0  # business seconds a step waits for the row it speaks of
_LOOK = 1.0
_ROW = re.compile(r"\$([a-z_]+)\.(-?\d+)\.(no|party_no|bill|ref)")
_FIELDS = ("no", "party_no")
_DEEDS = ("act", "fault", "take_back", "reset", "clock", "signing")


class _Loader(yaml.SafeLoader):
    """Safe, and `no`, `on`, `yes` are words: only true and false are truth values."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in rows if tag not in ("tag:yaml.org,2002:bool",
        "tag:yaml.org,2002:timestamp")]
    for letter, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|false"), list("tf"))


class BadScenario(ValueError):
    """A file that is no scenario; the text says where."""


@dataclass(frozen=True, slots=True)
class Step:
    """One deed. `party` is empty for the clock, and for what is signed by which."""

    at: float
    party: str
    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole file."""

    name: str
    zh: str
    en: str
    steps: tuple[Step, ...]


def shipped() -> list[str]:
    """The scenarios that come with the simulators."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read(place: str | Path) -> Scenario:
    """A shipped scenario by its name, or a file; BadScenario, or OSError when there is none."""
    path = FOLDER / f"{place}.yaml" if str(place) in shipped() else Path(place)
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader, see above
    except (yaml.YAMLError, UnicodeDecodeError) as wrong:
        raise BadScenario(f"{path.name}: {wrong}") from None
    if not isinstance(tree, dict) or not isinstance(tree.get("steps"), list):
        raise BadScenario(f"{path.name}: scenario, zh, en, steps are needed")
    steps = tuple(_step(one, f"{path.name} step {at}") for at, one in enumerate(tree["steps"], 1))
    return Scenario(str(tree.get("scenario", path.stem)), str(tree.get("zh", "")), str(tree.get("en", "")), steps)


def _step(one: Any, where: str) -> Step:
    if not isinstance(one, dict) or not _is_time(one.get("at", 0)):
        raise BadScenario(f"{where}: at (seconds, not negative), party and a deed are needed")
    kinds = [kind for kind in _DEEDS if kind in one]
    if len(kinds) != 1 or one.keys() - {"at", "party", kinds[0]}:
        raise BadScenario(f"{where}: one of {', '.join(_DEEDS)}, with at and party")
    kind, body = kinds[0], one[kinds[0]]
    if kind == "clock":
        if not _is_time(body):
            raise BadScenario(f"{where}: clock is seconds to move on by, not negative")
        return Step(float(one.get("at", 0)), "", kind, {"advance": float(body)})
    if kind == "signing":
        if body not in ("wall", "clock"):
            raise BadScenario(f"{where}: signing is clock or wall")
        return Step(float(one.get("at", 0)), "", kind, {"by": body})
    if not isinstance(one.get("party"), str):
        raise BadScenario(f"{where}: whose? write party")
    if body is not None and not isinstance(body, dict):
        raise BadScenario(f"{where}: {kind} is an object")
    return Step(float(one.get("at", 0)), one["party"], kind, body or {})


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 10**9


class Player:
    """Replays a scenario on the parties of one process; `said` hears each step and how it went."""

    def __init__(
        self, scenario: Scenario, world: SimWorld, parties: Mapping[str, SimParty],
        said: Callable[[str], None] = lambda text: None,
    ) -> None:
        if strange := {step.party for step in scenario.steps if step.party} - parties.keys():
            raise BadScenario(f"{scenario.name}: not there: {', '.join(sorted(strange))}; {', '.join(parties)} are")
        for at, step in enumerate(scenario.steps, 1):
            if why := _hopeless(step, parties.get(step.party)):
                raise BadScenario(f"{scenario.name} step {at}: {why}")
        self._steps, self._world, self._parties, self._said = list(scenario.steps), world, parties, said
        self._first = {name: len(party.ledger.rows) for name, party in parties.items()}
        self._began = self._skipped = 0.0
        self.failures: list[str] = []
        self.over = not self._steps

    def start(self) -> None:
        """From now on."""
        self._began = self._world.now()
        self._plan()

    def _plan(self) -> None:
        if not self._steps:
            self.over = True
            self._said(f"{OVER}, {len(self.failures)} failed" if self.failures else OVER)
            return
        due = max(self._began + self._skipped + self._steps[0].at, self._world.now())
        self._world.later(due - self._world.now(), self._next, due + PATIENCE)

    def _next(self, patience: float) -> None:
        step = self._steps[0]
        try:
            body = {name: self._filled(step.party, value) for name, value in step.body.items()}
        except _NotYet as missing:
            if self._world.now() < patience:
                self._world.later(_LOOK, self._next, patience)
                return
            self._failed(step, f"no {missing.args[0]}")
        else:
            self._do(step, body)
        self._steps.pop(0)
        self._plan()

    def _do(self, step: Step, body: dict[str, Any]) -> None:
        from simulators.base.party import ActRefused

        party = self._parties[step.party] if step.party else next(iter(self._parties.values()))
        try:
            match step.kind:
                case "act":
                    deeds.act(party, body)
                case "fault":
                    deeds.order(party, body)
                case "take_back":
                    deeds.take_back_all(party, body)
                case "reset":
                    deeds.reset(party)
                    self._first[party.name] = 0  # the books begin anew
                case "signing":
                    deeds.sign_by(party, body["by"])
                case "clock":
                    self._skipped += body["advance"]
                    deeds.advance(party, body["advance"])
        except (ActRefused, ValueError, KeyError) as no:
            self._failed(step, str(no))
        else:
            self._said(f"{step.at:8.1f}  {f'{step.party} {step.kind}'.strip()} {json.dumps(body, ensure_ascii=False)}")

    def _failed(self, step: Step, why: str) -> None:
        what = f"{step.party} {step.kind}".strip() + f" {json.dumps(dict(step.body), ensure_ascii=False)}"
        self.failures.append(f"{what}: {why}")
        self._said(f"{step.at:8.1f}  {what} FAILED: {why}")

    def _filled(self, party: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._filled(party, one) for name, one in value.items()}
        found = _ROW.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return value
        rows = [row for row in self._parties[party].ledger.rows[self._first[party] :] if row.kind == found[1]]
        at = int(found[2]) - 1 if int(found[2]) > 0 else int(found[2])
        try:
            return getattr(rows[at], found[3])
        except IndexError:
            raise _NotYet(value) from None


def _hopeless(step: Step, party: SimParty | None) -> str:
    """Why a step can never be done; "" where only its time will tell."""
    if party is None:
        return ""
    if step.kind == "act" and step.body.get("act") not in (known := [one.name for one in party.acts_said]):
        return f"{party.name} has no act {step.body.get('act')!r}; there are {', '.join(known)}"
    if step.kind == "fault":
        try:
            Faults(party.faults.known).add(dict(step.body))
        except ValueError as wrong:
            return str(wrong)
    return ""


class _NotYet(Exception):
    """The row a step speaks of is not in the ledger yet."""


class Recorder:
    """Hears every deed of a world and writes them as a scenario that can be replayed with other numbers.

    `place`: written after every deed, so that nothing is lost however the process ends; OSError when it cannot be."""

    def __init__(self, world: SimWorld, parties: Mapping[str, SimParty], place: Path | None = None) -> None:
        self._world, self._parties, self._place = world, parties, place
        self._first = {name: len(party.ledger.rows) for name, party in parties.items()}
        self._began, self._skipped = world.journal_time(), 0.0
        self.steps: list[dict[str, Any]] = []
        if place is not None:
            self.write(place)
        world.journal = self._hear

    def _hear(self, deed: Deed) -> None:
        self.steps.append(self._step(deed, round(deed.at - self._began - self._skipped, 1)))
        if self._place is not None:
            self.write(self._place)

    def _step(self, deed: Deed, at: float) -> dict[str, Any]:
        if deed.kind == "clock":
            self._skipped += deed.body["advance"]
            return {"at": at, "clock": deed.body["advance"]}
        if deed.kind == "signing":
            return {"at": at, "signing": deed.body["by"]}
        body = {name: self._named(deed.party, value) for name, value in deed.body.items()}
        if deed.kind == "reset":
            self._first[deed.party] = 0  # the books begin anew
        return {"at": at, "party": deed.party, deed.kind: body}

    def _named(self, party: str, value: Any) -> Any:
        """The row of the books that a number comes from, so that another run's number fits."""
        if isinstance(value, dict):
            return {name: self._named(party, one) for name, one in value.items()}
        if not isinstance(value, str) or not value:
            return value
        counts = dict.fromkeys(KINDS, 0)
        for row in self._parties[party].ledger.rows[self._first[party] :]:
            counts[row.kind] += 1
            if name := _holds(row, value):
                return f"${row.kind}.{counts[row.kind]}.{name}"
        return value

    def write(self, path: Path, zh: str = "录制的场景", en: str = "recorded") -> None:
        """The file; YAML with one line a step."""
        head = yaml.safe_dump({"scenario": path.stem, "zh": zh, "en": en}, allow_unicode=True, sort_keys=False)
        path.write_text(head + "steps:\n" + "".join(_line(step) for step in self.steps), encoding="utf-8")


def _holds(row: Row, value: str) -> str:
    return next((name for name in _FIELDS if getattr(row, name) == value), "")


def _line(step: Mapping[str, Any]) -> str:
    text = yaml.safe_dump(dict(step), allow_unicode=True, sort_keys=False, default_flow_style=True, width=10**6)
    return f"  - {text}"


def names(scenarios: Sequence[str] | None = None) -> str:
    """For help texts."""
    return ", ".join(scenarios if scenarios is not None else shipped())
