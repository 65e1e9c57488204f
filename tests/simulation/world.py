"""Play one seed: the whole engine, four parties and their patients in one simulated world, then judge the books.

Chaos first: faults, deaths, bad weather, until everybody has gone home. Then everything heals, and within two hours
each settlement must have come to rest. `play(seed)` always ends in a Verdict; it raises nothing.
"""

from __future__ import annotations

import gc
import hashlib
import json
import random
import shutil
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, globalLogPublisher

from engine.core import failpoints
from engine.saga.rules import RULES, Rules
from engine.store.contract import Connection, Crash, Unit
from engine.store.lists import list_legs, list_settlements, list_tasks
from engine.store.settlements import bills_of, load_case
from engine.store.store import SqlStore
from simulators.base.party import ActRefused
from tests.rig.agreement import compared
from tests.rig.lab import PARTIES, Lab
from tests.simulation.judge import Books, Claim, judge
from tests.simulation.keys import TownKeys
from tests.simulation.people import Patient
from tests.simulation.plan import Death, Plan, draw
from tests.simulation.reactor import CALM, SimReactor

CHAOS = 1500.0  # virtual seconds at most
HEAL = 7200.0
LOOK = 20.0
QUIET = 400.0  # seconds that must pass at rest: what is late comes now
REST = frozenset({"settled", "undone", "rejected", "manual"})
OPEN = frozenset({"ready", "sent", "unsure", "dead", "fenced"})


@dataclass
class Verdict:
    """How a seed ended. `flaws` [] means well; `digest` covers every byte and instant, `ledgers` the parties' books."""

    seed: int
    flaws: list[str] = field(default_factory=list)
    digest: str = ""
    ledgers: str = ""
    ends: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.flaws


def play(seed: int, *, plan: Plan | None = None, rules: Rules = RULES) -> Verdict:
    """Play a seed (or the given plan) and judge it. `rules`: the saga's, to prove that the judge sees one missing."""
    verdict = Verdict(seed)
    folder = Path(tempfile.mkdtemp(prefix="seed"))

    def observe(event: Any) -> None:
        failure = event.get("log_failure")
        if failure is not None or event.get("log_level") in (LogLevel.error, LogLevel.critical):
            text = failure.getTraceback() if failure is not None else str(event.get("log_format"))
            verdict.flaws.append(f"unhandled: {text}")

    before = failpoints.hit
    observer: Any = observe
    globalLogPublisher.addObserver(observer)
    _freeze()
    gc.disable()  # a dead engine's leftovers must not be swept at an instant that depends on other seeds
    try:
        _run(plan or draw(seed), folder, verdict, rules)
    finally:
        gc.enable()
        gc.collect()  # failed Deferreds nobody looked at speak up now
        failpoints.hit = before
        globalLogPublisher.removeObserver(observer)
        shutil.rmtree(folder, ignore_errors=True)
    return verdict


def _freeze() -> None:
    """What is loaded once, by an earlier seed too, is not swept after every seed."""
    gc.collect()
    gc.freeze()


def _run(plan: Plan, folder: Path, verdict: Verdict, rules: Rules) -> None:
    stage = Stage(plan, folder, verdict, rules)
    failpoints.hit = stage.passing
    try:
        stage.run()
    except Exception:  # noqa: BLE001 whatever it is, it is this seed's failure
        stage.flaw(traceback.format_exc())
    stage.let_go()


class Stage:
    """One seed while it runs."""

    def __init__(self, plan: Plan, folder: Path, verdict: Verdict, rules: Rules) -> None:
        self.plan, self.verdict = plan, verdict
        self.sim = SimReactor(plan.seed, CALM, plan.start)
        self.dice = random.Random(f"store {plan.seed}")
        town, engine = self.sim.node("town"), self.sim.node("engine")
        self.lab = Lab(
            town, folder, engine_reactor=engine, seed=plan.seed, rules=rules, inline=True, keys=TownKeys(),
            on_store=self._new_store,
        )  # fmt: skip
        self.patients: list[Patient] = []
        self.deaths = list(plan.deaths)
        self.passed = self.commits = 0
        self.starting = False
        self.armed = False  # deaths wait until the first start is over
        self.healed = False

    # What is written down

    def say(self, text: str) -> None:
        self.verdict.trace.append(f"{self.sim.seconds() - self.plan.start:9.2f}  {text}")

    def flaw(self, text: str) -> None:
        self.verdict.flaws.append(text)

    # The two phases

    def run(self) -> None:
        self._do(self.lab.open(), 60.0)
        self._set_the_scene()
        self.sim.weather = self.plan.weather
        self.sim.run(lambda: all(p.over for p in self.patients) and not self.deaths, CHAOS)
        self._heal()
        self._come_to_rest()
        self.verdict.digest = self.sim.digest()
        self._judge()
        self._do(self.lab.close(), 120.0)

    def _do(self, coroutine: Any, seconds: float) -> Any:
        """Let the world go on until the coroutine has ended."""
        ended: list[Any] = []
        Deferred.fromCoroutine(coroutine).addBoth(ended.append)
        if not self.sim.run(lambda: bool(ended), seconds):
            raise AssertionError(f"{coroutine.__qualname__} did not end in {seconds} s")
        if hasattr(ended[0], "raiseException"):
            ended[0].raiseException()
        return ended[0]

    def _set_the_scene(self) -> None:
        plan, lab = self.plan, self.lab
        for other in plan.habits:
            lab.parties[other.party].act(dict(other.act))
        for person, bill, template in plan.bills:
            lab.act("his", "new_bill", patient=person.id, bill=bill, template=template)
        for fault in plan.faults:
            lab.parties[fault.party].faults.add(fault.order)
        for other in plan.others:
            self.sim.schedule(other.at, self._other, other.party, other.act)
        for party, at, seconds in plan.outages:
            self.sim.schedule(at, self._outage, party, seconds)
        self.patients = [Patient(lab, visit, i, self.say) for i, visit in enumerate(plan.visits)]
        for patient in self.patients:
            patient.start()
        self._arm()

    def _other(self, party: str, act: dict[str, Any]) -> None:
        if self.healed:
            return
        try:
            self.lab.parties[party].act(dict(act))
            self.say(f"{party}: {act}")
            self.verdict.counts[str(act["act"])] += 1
        except ActRefused as no:
            self.say(f"{party}: {act} refused: {no}")

    def _outage(self, party: str, seconds: float) -> None:
        if not self.healed:
            self.say(f"{party} is down for {seconds:.0f} s")
            self.verdict.counts["outage"] += 1
            self.lab.ports[party].stopListening()
            self.sim.schedule(seconds, self._back, party)

    def _back(self, party: str) -> None:
        self.lab.ports[party].startListening()

    # Death and life of the engine

    def passing(self, name: str) -> None:
        """The engine passes a named place."""
        if self.lab.engine is None or not self.armed:
            return
        self.passed += 1
        if self.deaths and self.deaths[0].kind == "hit" and self.passed >= self.deaths[0].n:
            self._die(name)

    def _new_store(self, store: SqlStore) -> None:
        store.deliver = self._deliver
        store.fail = self._committing

    def _deliver(self, fire: Any) -> None:
        """An answer of the store takes a moment, like a thread's; it dies with the engine."""
        if self.plan.store_delay and not self.healed:
            self.lab.engine_reactor.callLater(self.dice.uniform(0, self.plan.store_delay), fire)
        else:
            fire()

    def _committing(self, moment: str, units: Sequence[Unit]) -> None:
        if self.lab.engine is None:
            raise Crash(moment)
        if moment == "before_commit":
            self.commits += 1
        death = self.deaths[0] if self.deaths and self.armed else None
        if death is not None and f"{death.kind}_commit" == moment and self.commits >= death.n:
            self._die(f"{moment} of {units[0].name}", in_store=True)
            raise Crash(moment)

    def _arm(self) -> None:
        self.armed = True
        self.passed = self.commits = 0
        if self.deaths and self.deaths[0].kind == "time":
            self.sim.schedule(self.deaths[0].n, self._time_is_up, self.deaths[0])

    def _time_is_up(self, death: Death) -> None:
        if self.deaths and self.deaths[0] is death and self.lab.engine is not None:
            self._die("its time")

    def _die(self, where: str, *, in_store: bool = False) -> None:
        death = self.deaths.pop(0)
        self.say(f"the engine dies at {where}, back in {death.down} s")
        self.verdict.counts["death"] += 1
        self.starting = False
        self.lab.crash(in_store=in_store)
        self.sim.schedule(death.down, self._rise)

    def _rise(self) -> None:
        if self.lab.engine is not None or self.starting:
            return
        self.starting = True
        self._arm()
        self.say("the engine starts")
        Deferred.fromCoroutine(self.lab.start_engine()).addCallbacks(self._risen, self._not_risen)

    def _risen(self, engine: Any) -> None:
        self.starting = False

    def _not_risen(self, failure: Any) -> None:
        self.starting = False
        self.flaw(f"the engine does not start: {failure.getTraceback()}")

    # The end

    def _heal(self) -> None:
        self.say("-- everything heals --")
        self.healed = True
        self.deaths.clear()
        self.sim.weather = CALM
        for name in PARTIES:
            self.verdict.counts[f"{name}_exchanges"] += len(self.lab.parties[name].exchanges.rows)
            self.lab.parties[name].faults.clear()
            self.lab.ports[name].startListening()
        self._rise()

    def _come_to_rest(self) -> None:
        """At rest, and again when what is late has had its time to come."""
        end = self.sim.seconds() + HEAL
        while self.sim.seconds() < end:
            self.sim.advance(LOOK)
            if self._at_rest():
                self.sim.advance(QUIET)
                if self._at_rest():
                    self.say("at rest")
                    return
        self.flaw("did not come to rest in two hours")

    def _read(self, look: Any) -> Any:
        assert self.lab.engine is not None, "the engine is dead"
        found: list[Any] = []
        self.lab.engine.store.read(look).addBoth(found.append)
        assert found, "the store does not answer"
        if hasattr(found[0], "raiseException"):
            found[0].raiseException()
        return found[0]

    def _at_rest(self) -> bool:
        if self.lab.engine is None or self.starting or not all(p.over for p in self.patients):
            return False
        return bool(self._read(_no_open_legs))

    def _judge(self) -> None:
        books = Books.of(self.lab)
        rows = json.dumps([books.his, books.insurance, books.wechat, books.einvoice], ensure_ascii=False)
        self.verdict.ledgers = hashlib.sha256(rows.encode()).hexdigest()
        claims = self._read(_claims)
        self.verdict.ends.update(claim.state for claim in claims)
        self.verdict.flaws += judge(books, claims, excused=self.plan.excused)
        known = {claim.no: claim for claim in claims}
        self._second_judge(known)
        for patient in self.patients:
            self._patient(patient, known)
        for line in self.lab.log.getvalue().splitlines():
            said = json.loads(line)
            ordered = self.plan.excused and said["event"] == "answer_not_read"  # amounts that do not add up
            if said["level"] == "error" and not ordered:
                self.flaw(f"logged: {line}")

    def _second_judge(self, known: dict[str, Claim]) -> None:
        """The product's own books must agree with ours: silent about all that is not with a person."""
        books = self._do(compared(self.lab.engine), 60.0)
        for one in books.differences:
            claim = known.get(one.settlement_no)
            if claim is None or claim.state != "manual":
                self.flaw(f"books: {one.kind} {one.settlement_no} {one.bill}: {one.en}")

    def _patient(self, patient: Patient, known: dict[str, Claim]) -> None:
        """What a patient was told for certain holds for ever; and nobody is answered with a defect."""
        for status, answer in patient.answers:
            if status not in (200, 202, 409):
                self.flaw(f"patient {patient.index} was answered {status} {answer}")
        if patient.no and patient.no not in known:
            self.flaw(f"patient {patient.index} was told of {patient.no}, which is not stored")
        elif patient.no and patient.state in REST:
            now = known[patient.no].state
            refunded = patient.state == "settled" and patient.visit.refund_after >= 0
            if now != patient.state and not (refunded and now in ("undone", "manual")) and patient.state != "manual":
                self.flaw(f"patient {patient.index} was told {patient.state}, now it is {now}")

    def let_go(self) -> None:
        """Close what a failed run left open."""
        if self.lab.engine is not None:
            self.lab.engine.store.stop().addErrback(lambda _: None)
        if self.verdict.flaws:
            self.verdict.trace += self.lab.log.getvalue().splitlines()


def _no_open_legs(conn: Connection) -> bool:
    rows = list_settlements(conn, limit=1000)
    if not all(row["state"] in REST for row in rows):
        return False
    calm = [leg for row in rows if row["state"] != "manual" for leg in list_legs(conn, row["no"])]
    return not any(leg["state"] in OPEN for leg in calm)


def _claims(conn: Connection) -> list[Claim]:
    claims = []
    for row in list_settlements(conn, limit=1000):
        case = load_case(conn, row["no"])
        assert case is not None
        kinds = frozenset(str(task["kind"]) for task in list_tasks(conn, is_open=True, no=case.no))
        claims.append(Claim(
            case.no, str(case.state), tuple(bills_of(conn, case.no)),
            case.data["request"]["pay_identity"] == "insured",
            str(case.data.get("pay_choice", {}).get("kind", "")), row["total"], row["cash"], kinds,
        ))  # fmt: skip
    return claims
