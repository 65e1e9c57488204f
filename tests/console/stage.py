"""A store filled as the engine fills it: the real machine and the shipped channel, parties that say what a script tells
them to, rows written through the store's own functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from engine.console.node import Door, Node
from engine.core.errors import said
from engine.core.outcome import Fact, Outcome
from engine.core.world import World
from engine.parties.registry import PARTIES
from engine.pipeline.condition import ConditionFailed
from engine.saga.case import RELEASES_BILLS, Case, Reason
from engine.saga.events import Answered, Event, FactHeard, Heard, Judge, Moved, Refused, Send, Started, Task, Tick
from engine.saga.legs import Leg
from engine.saga.machine import advance
from engine.site.load import load
from engine.site.site import Channel, Site
from engine.store.calls import complete_call, insert_body, insert_call
from engine.store.contract import Unit, Write
from engine.store.ids import Ids
from engine.store.legs import upsert_leg
from engine.store.numbers import claim_number
from engine.store.open import open_store
from engine.store.settlements import Columns, insert_case, release_bills, update_case
from engine.store.tasks import open_task
from engine.store.trail import add_trail

from .town import Patient, bytes_of, request_of

ROOT = Path(__file__).resolve().parents[2]
START = 1795312800.0  # 2026-11-22 10:00 in Beijing
MASTER = bytes(range(32))


@dataclass(frozen=True)
class Says:
    """How a party answers a call: after `seconds`, with `code` and `text`; only `cut` bytes of the reply arrive."""

    outcome: Outcome | None = Outcome.ACCEPTED
    seconds: float = 0.18
    fact: Fact | None = None
    code: str = ""
    text: str = ""
    made: Any = None
    cut: int | None = None


GOOD = Says()
SLOW = {"his": 0.09, "nhsa": 0.62, "wechat": 0.31, "einvoice": 0.44}


@cache
def site_of_project() -> Site:
    """The shipped configuration."""
    site = load(ROOT)
    assert isinstance(site, Site), site
    return site


class StageJudge(Judge):
    """Conditions are the channel's own; maps are replaced by the amounts of the script."""

    def __init__(self, channel: Channel, amounts: Mapping[str, int], refuse: Mapping[str, str]) -> None:
        self.channel, self.amounts, self.refuse = channel, amounts, refuse

    def names(self, case: Case) -> dict[str, Any]:
        names = dict(case.data)
        for name, condition in self.channel.lets.items():
            try:
                names[name] = condition.test(names)
            except ConditionFailed:
                continue
        return names

    def holds(self, condition: str, case: Case) -> bool:
        return self.channel.conditions[condition].test(self.names(case))

    def checks(self, maps: Sequence[str], case: Case) -> None:
        for name in maps:
            if name in self.refuse:
                raise Refused(reason_of(self.refuse[name]))

    def work(self, name: str, case: Case) -> Any:
        return {"rows": [{"no": 1}]} if name == "nhsa_batches" else dict(self.amounts)

    def items(self, path: str, case: Case) -> Sequence[Any]:
        return [{"no": 1}]

    def number(self, kind: str, case: Case, leg: Leg) -> str:
        marks = {"trade": f"P{leg.attempt}", "refund": f"R{leg.of}", "void": f"V{leg.of}", "bus": "E", "lock": "L"}
        return case.no + (f"M{leg.id:02d}" if kind == "msgid" else marks.get(kind, ""))

    def amount(self, call: str, case: Case, leg: Leg) -> int | None:
        path = self.channel.calls[call].amount
        if path == "of.amount":
            return case.leg(leg.of).amount
        return self.amounts.get(path.rpartition(".")[2]) if path else None

    def body(self, call: str, case: Case, leg: Leg, purpose: str, number: str) -> Any:
        return {}

    def drift(self, must_equal: str, call: str, case: Case) -> Reason | None:
        return None

    def reason(self, leg: Leg, case: Case) -> Reason:
        return reason_of("E-PAY-NOT-PAID" if leg.call.startswith("pay.") else "E-REFUSED", leg.text or leg.code)


def reason_of(code: str, detail: str = "") -> Reason:
    side, zh, en, next_zh, next_en = said(code, detail)
    return Reason(code, zh, en, side, next_zh, next_en)


@dataclass
class Play:
    """One settlement's script. `says`: call → answers in order, the last one again and again; `events`: (seconds after
    the start, event)."""

    says: Mapping[str, Sequence[Says]] = field(default_factory=dict)
    events: Sequence[tuple[float, Event]] = ()
    insured: bool = True
    patient: Patient = field(default_factory=Patient)
    terminal: tuple[str, str] = ("kiosk", "K01")
    refuse: Mapping[str, str] = field(default_factory=dict)
    amounts: Mapping[str, int] = field(
        default_factory=lambda: {"total": 120000, "fund": 12500, "account": 0, "relief": 0, "other": 0, "cash": 107500}
    )


def pay(kind: str = "wechat_code") -> Heard:
    return Heard("pay_choice", {"choice_no": "1", "kind": kind})


class Stage:
    """A running node without a network: the clock is moved by hand, the store is a file in `folder`."""

    def __init__(self, folder: Path, start: float = START) -> None:
        self.clock = Clock()
        self.clock.rightNow = start
        self.world = World(self.clock, seed=7, inline=True)
        self.path = str(folder / "stage.db")
        self.store = open_store(self.path, self.world, MASTER, durable=False)
        self.site = site_of_project()
        self.ids = Ids(self.world, self.store)
        self.refused: list[Unit] = []
        self._count = 0
        result(self.store.start())
        result(self.ids.start())

    def node(self, site: Site | None = None) -> Node:
        """What the console is told of this node."""
        used = site or self.site

        def kind(party: str) -> Any:
            entry = used.engine.parties.get(party)
            return None if entry is None else PARTIES[entry.kind]

        return Node(
            version="0.1.0",
            root=ROOT,
            started_at=self.world.now() - 7265,
            site=lambda: used,
            ops=lambda party: getattr(kind(party), "ops", {}),
            outcomes=lambda party: getattr(kind(party), "outcomes", ()),
            in_flight=lambda: {"nhsa": (1, 0)},
            doors=lambda: [
                Door("api", "127.0.0.1:8600", "POST", "/v1/outpatient/settlements", "outpatient_settlement"),
                Door("api", "127.0.0.1:8600", "GET", "/healthz", "healthz"),
                Door("api", "127.0.0.1:8600", "POST", "/v1/settlements/{no}/pay", "pay_choice"),
                Door("api", "127.0.0.1:8600", "POST", "/v1/settlements/{no}/pay", "pay_choice"),
                Door("api", "127.0.0.1:8600", "POST", "/callback/wechat", "callback_wechat"),
                Door("api", "127.0.0.1:8600", "GET", "/console/", "console_overview"),
                Door("api", "127.0.0.1:8600", "GET", "/console/settlements", "console_settlements"),
            ],
            state=lambda: "running",
            store_state=lambda: "",
        )

    def begin(self, play: Play, at: float) -> str:
        """Schedule a settlement for an instant; returns its number."""
        self._count += 1
        no = f"S26112210{self._count:06d}"
        running = _Running(self, play, no, self._count)
        self.world.later(at - self.world.now(), running.start)
        return no

    def run_until(self, instant: float) -> None:
        """Move the clock, from one timer to the next."""
        while True:
            due = [call.getTime() for call in self.clock.getDelayedCalls()]
            if not due or min(due) > instant:
                break
            self.clock.advance(max(0.0, min(due) - self.clock.seconds()))
        self.clock.advance(instant - self.clock.seconds())

    def keep(self, unit: Unit) -> None:
        done = result(self.store.submit(unit))
        assert done.committed, (unit.name, done)


class _Running:
    def __init__(self, stage: Stage, play: Play, no: str, count: int) -> None:
        self.stage, self.play, self.no, self.count = stage, play, no, count
        self.channel = stage.site.channels["outpatient_settlement"]
        assert self.channel.plan is not None
        self.plan = self.channel.plan
        self.judge = StageJudge(self.channel, play.amounts, play.refuse)
        self.said: dict[str, int] = {}
        self.claimed: set[str] = set()
        self.timer: Any = None

    def start(self) -> None:
        kind, terminal = self.play.terminal
        request = request_of(self.play.patient, self.count, insured=self.play.insured, kind=kind, terminal=terminal)
        now = self.stage.world.now()
        self.request = request
        self.case = Case(
            self.no,
            self.channel.name,
            self.stage.site.content_hash,
            "K01",
            request["request_no"],
            now,
            {"request": request},
        )
        for after, event in self.play.events:
            self.stage.world.later(after, self.hear, event)
        self.hear(Started())

    def hear(self, event: Event, talk: tuple[bytes, bytes] = (b"", b"")) -> None:
        world, ids, case = self.stage.world, self.stage.ids, self.case
        now = world.now()
        commands = advance(self.plan, case, event, now, self.judge)
        sends = [(command, ids.new()) for command in commands if isinstance(command, Send)]
        writes = self._settlement(now)
        if isinstance(event, Answered):
            writes += self._ended(event, talk, now)
        for leg in case.legs:
            writes.append(upsert_leg(case.no, leg, self.channel.calls[leg.call].party))
            if leg.number and leg.number not in self.claimed:
                self.claimed.add(leg.number)
                writes.append(claim_number(leg.number, self.plan.calls[leg.call].number, case.no, leg.id))
        for send, call_id in sends:
            spec = self.channel.calls[send.call]
            writes.append(
                insert_call(
                    call_id,
                    no=case.no,
                    leg_id=send.leg_id,
                    purpose=send.purpose,
                    call=send.call,
                    party=spec.party,
                    op=spec.op,
                    number=send.number,
                    started_at=now,
                )
            )
        for command in commands:
            if isinstance(command, Task):
                side = self.channel.calls[case.leg(command.leg_id).call].party if command.leg_id else ""
                task = open_task(
                    ids.new(),
                    no=case.no,
                    leg_id=command.leg_id,
                    kind=command.kind,
                    side=side,
                    text=command.text,
                    at=now,
                )
                writes.append(task)
        if case.state in RELEASES_BILLS:
            writes.append(release_bills(case.no))
        writes.append(add_trail(ids.new(), case.no, now, type(event).__name__, _detail(event, commands)))
        self.stage.keep(Unit(type(event).__name__, tuple(writes)))
        for send, call_id in sends:
            self._answer(send, call_id)
        self._set_timer()

    def _settlement(self, now: float) -> list[Write]:
        case, request = self.case, self.request
        due = case.data.get("due") or {}
        columns = Columns(
            at=now,
            id=self.stage.ids.new() if case.version == 1 else 0,
            answer=str(case.state),
            campus=request["campus"],
            terminal_kind=request["terminal"]["kind"],
            terminal_id=request["terminal"]["id"],
            operator=request["operator"],
            reason_code=case.cause.code if case.cause else "",
            **due,
        )
        return insert_case(case, request["bills"], columns) if case.version == 1 else update_case(case, columns)

    def _ended(self, event: Answered, talk: tuple[bytes, bytes], now: float) -> list[Write]:
        writes: list[Write] = []
        kept: list[int | None] = []
        for data in talk:
            body_id = self.stage.ids.new() if data else None
            kept.append(body_id)
            if body_id is not None:
                writes.append(insert_body(body_id, data, self.case.no))
        ended = complete_call(
            event.call_id,
            ended_at=now,
            outcome=str(event.outcome or "not_sent"),
            fact=str(event.fact or ""),
            code=event.code,
            text=event.text,
            request_body=kept[0],
            reply_body=kept[1],
        )
        return [*writes, ended]

    def _answer(self, send: Send, call_id: int) -> None:
        spec = self.channel.calls[send.call]
        script = self.play.says.get(send.call, (GOOD,))
        turn = self.said.get(send.call, 0)
        self.said[send.call] = turn + 1
        says = script[min(turn, len(script) - 1)]
        if says is GOOD:
            jitter = 0.6 + 0.8 * self.stage.world.jitter()
            says = Says(seconds=SLOW[spec.party] * jitter, fact=Fact.THERE if send.purpose == "ask" else None)
        patient = self.play.patient
        total = self.play.amounts["cash" if spec.party == "wechat" else "total"]
        request, reply = bytes_of(spec.party, spec.op, send.number, patient, says.code, says.text, total)
        if says.outcome is None:
            request = b""
        reply = b"" if says.outcome is None or says.code == "SILENT" else reply[: says.cut]
        made = says.made
        if made is None and send.call == "his.bill":
            made = {"name": patient.name, "id_no": patient.id_no, "bill_no": self.request["bills"][0]}
        fact = says.fact if send.purpose == "ask" else None
        event = Answered(
            send.leg_id,
            send.purpose,
            says.outcome,
            fact,
            made,
            (),
            says.code,
            says.text,
            call_id,
            self.stage.world.now(),
        )
        self.stage.world.later(says.seconds, self.hear, event, (request, reply))

    def _set_timer(self) -> None:
        if self.timer is not None and self.timer.active():
            self.timer.cancel()
        due = self.case.next_at()
        if due is not None:
            self.timer = self.stage.world.later(max(0.001, due - self.stage.world.now()), self.hear, Tick())


def _detail(event: Event, commands: Sequence[Any]) -> dict[str, Any]:
    detail: dict[str, Any] = {"heard": type(event).__name__}
    if isinstance(event, Answered):
        detail |= {"leg": event.leg_id, "purpose": event.purpose, "outcome": str(event.outcome or "not_sent")}
        detail |= {"fact": str(event.fact)} if event.fact else {}
        detail |= {"code": event.code} if event.code else {}
    elif isinstance(event, FactHeard):
        detail |= {"leg": event.leg_id, "fact": str(event.fact)}
    elif isinstance(event, Heard):
        detail |= {"event": event.event}
    moved = [[c.what, c.before, c.after, c.why] for c in commands if isinstance(c, Moved)]
    sent = [[c.call, c.purpose, c.number] for c in commands if isinstance(c, Send)]
    return {**detail, "moved": moved, "sent": sent}


def result(waiting: Any) -> Any:
    """The result of a Deferred or coroutine that has ended (inline world); its failure is raised."""
    deferred = waiting if isinstance(waiting, Deferred) else Deferred.fromCoroutine(waiting)
    found: list[Any] = []
    failed: list[Any] = []
    deferred.addCallbacks(found.append, failed.append)
    if failed:
        failed[0].raiseException()
    assert found, "it has not fired"
    return found[0]
