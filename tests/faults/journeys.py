"""A patient on his way while a party misbehaves, and what the whole run came to."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.logger import LogLevel, globalLogPublisher

from engine.runtime.books import check_books, simulator_ledgers
from simulators.base.party import ActRefused
from tests.edge.town import REST, Town
from tests.faults.judge import PAY, judge, judge_cash, judge_claims, judge_messages, judge_notices
from tests.faults.receivers import NoticeLab
from tests.faults.sites import layout
from tests.faults.ways import COMMERCIAL, EVENTS, MOBILE, REGISTRATION, SIGN_INS, STAY, Journey
from tests.legacy.hospital import FormerLab

PATIENCE = 7200.0  # business seconds until everything must be at rest
AFTER = 900.0  # and then what is late may still come
LATE_MESSAGES = 7200.0  # a short message that was refused for now is tried again half an hour later at most
SECONDS = 40.0  # of a fault: longer than a call waits, shorter than any party's late_max
TRIES = 3  # ways of paying a patient tries before he gives up


@dataclass
class Outcome:
    """What a run came to. `used`: how often the misfortune happened; `state`: where the settlement rests; `flaws`:
    everything that is wrong, [] when end and books are right; `met`: (party,
        operation) → phase it was first seen in."""

    used: int = 0
    state: str = ""
    tasks: tuple[str, ...] = ()
    flaws: list[str] = field(default_factory=list)
    met: dict[tuple[str, str], int] = field(default_factory=dict)
    seconds: float = 0.0
    waited: bool = False  # it came to rest only when the platform's own people ended a refund that hung


def play(journey: Journey, party: str = "", order: Mapping[str, Any] | None = None, *, back: bool = True) -> Outcome:
    """One patient's way with (or without) one misfortune at one party; `back`: go on to the refund. Raises nothing."""
    folder = Path(tempfile.mkdtemp(prefix="fault"))
    out = Outcome()
    try:
        with _listening(out.flaws):
            run_of(journey)(journey, folder, out).go(party, order, back)
    except Exception as wrong:  # noqa: BLE001 - whatever it is, it is this run's failure
        out.flaws.append(f"{type(wrong).__name__}: {str(wrong)[:300]}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return out


@contextmanager
def _listening(flaws: list[str]) -> Iterator[None]:
    """What is raised into the reactor, or into a Deferred nobody looks at, is a flaw."""

    def observe(event: Any) -> None:
        failure = event.get("log_failure")
        if failure is not None or event.get("log_level") in (LogLevel.error, LogLevel.critical):
            flaws.append(f"unhandled: {failure.getErrorMessage() if failure is not None else event.get('log_format')}")

    observer: Any = observe
    globalLogPublisher.addObserver(observer)
    try:
        yield
    finally:
        gc.collect(0)
        globalLogPublisher.removeObserver(observer)


def run_of(journey: Journey) -> type[Run]:
    """Who goes this way."""
    from tests.faults.events import EventsRun  # they are made of what is here
    from tests.faults.registrations import RegistrationRun
    from tests.faults.stays import StayRun

    return {STAY: StayRun, REGISTRATION: RegistrationRun, EVENTS: EventsRun}.get(journey.start, Run)


class Run:
    """One patient of one town."""

    def __init__(self, journey: Journey, folder: Path, out: Outcome) -> None:
        self.journey, self.out = journey, out
        self.town = Town(folder, lab=journey.lab, **layout(journey.example))
        self.client = "C01"
        self.no = ""
        self.order: Mapping[str, Any] = {}
        self.fault: Any = None  # the misfortune, once it lies in wait
        self.before: dict[str, int] = {}  # by party: the last exchange before that

    def go(self, party: str, order: Mapping[str, Any] | None, back: bool) -> None:
        town, began = self.town, self.town.now
        self.order = {"party": party, **order} if order else {}
        if "sms" in town.lab.parties:
            town.lab.act("sms", "set", report_url=town.lab.url("/callback/sms"))
        self._begin()
        self._forward()
        self._seen(1)
        if back and self.state == "settled" and self.journey.back == "refund":
            self._back()
        self.out.seconds = town.now - began
        town.pass_time(AFTER if "sms" not in town.lab.parties else LATE_MESSAGES)
        self._seen(2)
        self.out.state = self.state
        self.out.used = self.fault.used if self.fault else 0
        self._judge()
        town.do(town.lab.close(), 200.0)

    def _begin(self) -> None:
        """From here on the misfortune lies in wait, and what is called counts as met."""
        lab, order = self.town.lab, self.order
        for name, first in self.journey.first:
            lab.parties[name].faults.add({"times": 1, "seconds": SECONDS, **first})
        if order:
            kept = {name: value for name, value in order.items() if name != "party"}
            self.fault = lab.parties[order["party"]].faults.add({"times": 1, "seconds": SECONDS, **kept})
            if SIGN_INS.get(order["party"]) == order["op"]:
                lab.act(order["party"], "expire_signin")  # the morning's sign-in is over: the next call signs in again
        self.before = {name: one.exchanges.rows[-1].seq for name, one in lab.parties.items() if one.exchanges.rows}

    def _back(self) -> None:
        """Ask it back; while its last steps are still under way, again a minute later."""
        body = {"request_no": "BACK1", "reason_code": "patient"}
        until = self.town.now + PATIENCE
        while self.town.ask("POST", f"/v1/settlements/{self.no}/refunds", body, client=self.client).status == 409:
            if self.town.now > until:
                return
            self.town.pass_time(60.0)
        self._until_rest()

    @property
    def state(self) -> str:
        return str(self.town.show(self.no, client=self.client).json["state"]) if self.no else ""

    def _request(self) -> dict[str, Any]:
        body = self.town.bill_request()
        if self.journey.start == COMMERCIAL:
            body["commercial"] = {"consent": "yes"}
        if self.journey.start == MOBILE:
            self.town.lab.act("mobile_pay", "set", notify_url=self.town.lab.url("/callback/mobile_pay"))
            auth = self.town.lab.act("mobile_pay", "authorize", person=body["patient"]["id"])
            body["terminal"] = {"kind": "phone", "id": "WX01"}
            body["patient"]["credential"] = {"kind": "insurance_qr", "value": auth["pay_auth_no"]}
        return body

    def _forward(self) -> None:
        body = self._request()
        for _ in range(TRIES):
            reply = self.town.ask("POST", self.journey.start, body, client=self.client)
            if reply.status in (200, 202):
                break
            self.town.pass_time(20.0)
        self.no = str(reply.json["settlement_no"])
        if self.journey.start == MOBILE:
            self._by_phone()
            return
        for attempt in range(1, TRIES + 1):
            if self._until("quoted", *REST) != "quoted":
                return
            if not self.journey.choice or attempt == TRIES or (attempt > 1 and self.journey.back == "cancel"):
                self._cancel()
                return
            self._pay(attempt)

    def _by_phone(self) -> None:
        """The order is on the phone: he gives the password, or cancels. An order never shown is never paid."""
        if self._until("paying", *REST) != "paying":
            return
        until = self.town.now + 60.0
        while self.journey.payer and self.town.now < until and self.state == "paying":
            with suppress(ActRefused):
                self.town.lab.act("mobile_pay", "pay", no=f"{self.no}P1")
                break
            self.town.pass_time(5.0)
        if not self.journey.payer:
            self._cancel()
        self._until_rest()

    def _pay(self, attempt: int) -> None:
        choice = {**self.journey.choice, "choice_no": str(attempt)}
        if "auth_code" in choice:
            choice["auth_code"] = f"{choice['auth_code'][:9]}{attempt}{choice['auth_code'][10:]}"
        reply = self.town.choose(self.no, choice, client=self.client)
        if reply.state in ("working", "paying"):
            self._until("paying", "quoted", *REST)
        if self.state == "paying":
            self._at_the_code()
        self._until("quoted", *REST)

    def _at_the_code(self) -> None:
        """A QR is on the screen: he pays it, or goes away and cancels."""
        self.town.pass_time(3.0)
        qr = self.town.show(self.no, client=self.client).json.get("pay", {}).get("qr", "")
        if self.journey.payer and qr:
            with suppress(ActRefused):
                self.town.lab.act(self.journey.payer, "pay", qr=qr)
            self.town.pass_time(5.0)
        elif not self.journey.payer:
            self._cancel()

    def _cancel(self) -> None:
        body = {"request_no": "CANCEL1", "reason_code": "PATIENT"}
        self.town.ask("POST", f"/v1/settlements/{self.no}/cancel", body, client=self.client)
        self._until_rest()

    def _until(self, *states: str) -> str:
        until = self.town.now + PATIENCE
        while (state := self.state) not in states:
            if self.town.now > until:
                if self.out.waited or not self._open_tasks() or not self._finish_refunds():
                    raise AssertionError(f"still {state} after two hours, tasks: {self._open_tasks()}")
                self.out.waited, until = True, self.town.now + PATIENCE
            self.town.pass_time(5.0 if self.town.now < until - PATIENCE + 600 else 60.0)
        return state

    def _open_tasks(self) -> tuple[str, ...]:
        return tuple(sorted({str(row["kind"]) for row in self.town.tasks() if row["closed_at"] is None}))

    def _finish_refunds(self) -> bool:
        """What the platform's people do at last about a refund that hangs; True when there was one."""
        for name in PAY:
            for row in self.town.ledger(name, "refund"):
                if row["state"] == "processing":
                    self.town.lab.act(name, "finish_refund", no=row["no"])
                    return True
        return False

    def _until_rest(self) -> None:
        self.town.pass_time(1.0)
        self._until(*REST)

    def _seen(self, phase: int) -> None:
        for name, party in self.town.lab.parties.items():
            for row in party.exchanges.rows:
                if row.seq > self.before.get(name, 0):
                    self.out.met.setdefault((name, row.op), phase)

    def _wrong(self) -> list[str]:
        lab, out = self.town.lab, self.out
        if isinstance(lab, FormerLab):
            return judge_cash(lab, self.journey.start.split("/")[2], out.state, out.tasks)
        claims = "commercial" in lab.parties
        found = judge_claims(lab, out.state, out.tasks) if claims else judge(lab, self.no, out.state, out.tasks)
        if isinstance(lab, NoticeLab):
            dead = len(self.town.select("SELECT 1 FROM outbox WHERE state = 'dead'"))
            found += judge_notices(lab, self.no, self.order, dead)
        return found + (judge_messages(lab, out.state, self.order) if "sms" in lab.parties else [])

    def _judge(self) -> None:
        town, out = self.town, self.out
        engine = town.lab.engine
        assert engine is not None
        out.tasks = self._open_tasks()
        out.flaws += self._wrong()
        parties = {name: (one.kind, one.url) for name, one in engine.sites.current.engine.parties.items()}
        books = town.do(check_books(engine.world, engine.store, simulator_ledgers(engine.world, parties)))
        if out.state != "manual":
            out.flaws += [f"books: {one.kind} {one.en}" for one in books.differences]
        for row in town.logged("error"):
            if row["event"] != "answer_not_read":  # amounts that do not add up are worth a line
                out.flaws.append(f"logged: {row['event']}")
