"""The internal order: what a terminal or a HIS asks of a settlement, the same whichever door it came through.

A door reads its own wire (JSON, SOAP, HL7), says who asks (`Caller`), and hands over the order as plain values in the
shape of the channel's JSON Schema. Here it is checked, recognised when it comes again by whichever door, and answered
with what the settlement is now (`Told`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from engine.config.channel_rows import Listen
from engine.core.digest import digest_of
from engine.core.world import World
from engine.runtime.answers import answer_of, reason_json, state_of
from engine.runtime.auth import Client
from engine.runtime.choices import does_not_apply, too_soon
from engine.runtime.driver import Busy, NotKept, SettlementDriver
from engine.runtime.judge import SiteJudge
from engine.runtime.meters import Meters
from engine.runtime.numbers import Numbers
from engine.runtime.once import NotGiven, field_of, held_by, key_of
from engine.runtime.orders_back import (
    SCOPES,
    all_lines,
    back_event,
    can_go_back,
    may_act,
    may_see,
    repeat_key,
    was,
)
from engine.runtime.resolve import cannot_be_off, closing, decision, undecided, waiting
from engine.runtime.room import ASKED_MAX, AskedTooOften, RepeatDiffers
from engine.runtime.sites import Sites
from engine.runtime.terminal_facts import NoSuchNumber, told_of_leg, voucher_of
from engine.runtime.told import MISSING, Told, error, not_allowed, stranger, wrong_fields
from engine.runtime.waiting import first_of
from engine.saga.case import AT_REST, Case, CaseState
from engine.saga.events import Event, Heard
from engine.site.site import Channel, Hears
from engine.store.contract import Store, StoreFull, StoreStopped, Unit, Write
from engine.store.ids import Ids
from engine.store.inbox import FIRST, differing, earlier, hear_again, hear_first
from engine.store.settlements import bill_holder
from engine.store.trail import NONCE_TAKEN

Tree = Any
LOOK_AGAIN = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, already proven. `door` (api, soap, hl7) labels metrics; `used` is what the proof used up (a nonce),
    stored in one unit with what it changes, so that a copy is refused after a restart too."""

    client: Client
    door: str
    used: tuple[Write, ...] = ()


class Orders:
    """Takes the orders of all doors, for all `settle` channels."""

    def __init__(
        self,
        world: World,
        sites: Sites,
        driver: SettlementDriver,
        store: Store,
        numbers: Numbers,
        ids: Ids,
        meters: Meters,
    ) -> None:
        self._world, self._sites, self._driver = world, sites, driver
        self._store, self._numbers, self._ids, self._meters = store, numbers, ids, meters
        self.leave_by = math.inf
        """When the engine stops: the instant (unix seconds) by which all must be answered. Who merely waits for a
        change is answered at once."""

    # What may be asked

    async def start(self, caller: Caller, channel: str, order: Tree) -> Told:
        """A new settlement of a channel, or the repeat of one: `working`, `quoted` and so on as it stands now; `busy`
        with who holds the bill; `conflict` E-REPEAT-DIFFERS when the number came with other content."""
        await self._sites.ready()
        spec = self._sites.current.channels.get(channel)
        if spec is None:  # it went while this one waited
            return error("not_found", "E-NO-ROUTE")
        listen = spec.listen
        assert listen is not None, "a settle channel listens"
        wrong = self._not_for(caller, "start") or self._misshapen(order, str(listen.schema))
        if wrong is not None:
            return wrong
        if caller.client.campuses and order.get("campus") not in caller.client.campuses:
            return self._forbidden(caller, "campus")
        if not self._room_for_new_work():
            return error("later", "E-STORE")
        try:
            return await self._start(spec, caller, order)
        except NotGiven as missing:
            return wrong_fields([(missing.path, *MISSING)])
        except (StoreFull, StoreStopped, Busy):
            return error("later", "E-STORE")

    async def hear(self, caller: Caller, no: str, event: str, body: Tree) -> Told:
        """An awaited event of a settlement, such as `pay_choice`, or the repeat of one."""
        wrong = self._not_for(caller, "hear")
        if wrong is not None:
            return wrong
        case = await self._driver.look(no)
        if case is None or case.client != caller.client.id:
            return error("not_found", "E-NO-SETTLEMENT")
        judge = self._judge(case)
        hears = next((one for one in judge.channel.hears if one.event == event and one.request is not None), None)
        if hears is None:
            return error("not_found", "E-NO-ROUTE")
        problems = judge.site.schemas[hears.schema].check(body)
        if problems:
            return wrong_fields(problems)
        try:
            once = (event, key_of(hears.once_by, body), digest_of(body))
        except NotGiven as missing:
            return wrong_fields([(missing.path, *MISSING)])
        try:
            told: Event = told_of_leg(judge, case, hears, body) if hears.fact else Heard(event, body)
        except NoSuchNumber as none:
            return wrong_fields([(none.path, "没有这个编号", "there is no such number")])
        again = was(case, event, once[1])
        if not again and too_soon(judge.plan, case, event):
            state = self._state(case)
            return error("conflict", "E-STATE", state, settlement_no=no, state=state)
        no_choice = None if again else does_not_apply(judge, case, event, body)
        if no_choice is not None:
            return Told("conflict", {"settlement_no": no, "state": self._state(case), "reason": reason_json(no_choice)})
        return await self._use_once(caller, case, hears, body, told, once)

    async def _use_once(
        self, caller: Caller, case: Case, hears: Hears, body: Tree, told: Event, once: tuple[str, str, str]
    ) -> Told:
        """What the event names as its proof counts for this settlement alone."""
        voucher = voucher_of(hears, body)
        beside: tuple[Write, ...] = ()
        if voucher and not was(case, hears.event, once[1]):
            if not hears.fact and case.state in AT_REST:  # to tell its end would let a terminal keep money for nothing
                return error("conflict", "E-STATE", self._state(case))
            source = f"used:{hears.event}"
            seen = await self._store.look(lambda conn: earlier(conn, source, voucher))
            if seen is not None:
                return error("conflict", "E-PROOF-USED", seen.settlement_no or "", settlement_no=case.no)
            now = self._world.now()
            beside = (hear_first(self._ids.new(), source=source, key=voucher, body_hash=once[2], at=now, no=case.no),)
        return await self._tell(caller, case, told, once, beside, field_of(hears.once_by))

    async def cancel(self, caller: Caller, no: str, body: Tree) -> Told:
        """Give up before money has moved. A client with scope `refund` may, for others of its campus."""
        return await self._ask_back(caller, no, "cancel", body)

    async def refund(self, caller: Caller, no: str, body: Tree) -> Told:
        """Take a settled bill back, whole. A client with scope `refund` may, for others of its campus."""
        return await self._ask_back(caller, no, "refund", body)

    async def resolve(self, caller: Caller, no: str, body: Tree) -> Told:
        """A person says what became of the legs nobody could tell; any settlement, scope `operate`."""
        wrong = self._not_for(caller, "resolve") or self._misshapen(body, "resolve_request")
        if wrong is not None:
            return wrong
        case = await self._driver.look(no)
        if case is None:
            return error("not_found", "E-NO-SETTLEMENT")
        event = decision(body)
        beside: tuple[Write, ...] = ()
        if not was(case, "resolve", str(body["request_no"])):
            left = undecided(case, event.verdicts)
            if case.state is not CaseState.MANUAL and not waiting(case):
                return error("conflict", "E-STATE", self._state(case))
            if left:
                return error("conflict", "E-UNDECIDED", ", ".join(left))
            if stays := cannot_be_off(case, event.verdicts):
                return error("conflict", "E-NOT-OFF", ", ".join(stays))
            beside = await self._store.read(lambda conn: closing(conn, no, body, self._world.now()))
        return await self._tell(caller, case, event, ("resolve", str(body["request_no"]), digest_of(body)), beside)

    async def show(self, caller: Caller, no: str, wait: float = 0.0) -> Told:
        """The settlement as it stands, or as soon as it changes, at most `wait` seconds from now."""
        wrong = self._not_for(caller, "show")
        if wrong is not None:
            return wrong
        case = await self._driver.look(no)
        if case is None or not may_see(caller.client, case):
            return error("not_found", "E-NO-SETTLEMENT")
        if wait and case.state not in AT_REST:
            case = await self._until_changed(case, wait)
        return self._answer(case)

    async def number_of(self, caller: Caller, request_no: str) -> str:
        """The settlement that this client's request made, by whichever door; "" when it made none."""
        source = _source(caller.client.id)
        seen = await self._store.look(lambda conn: earlier(conn, source, request_no))
        return (seen.settlement_no or "") if seen is not None else ""

    # Work

    def _not_for(self, caller: Caller, what: str) -> Told | None:
        if SCOPES[what].isdisjoint(caller.client.scopes):
            return self._forbidden(caller, "scope")
        return None

    def _forbidden(self, caller: Caller, why: str) -> Told:
        self._meters.refused(caller.door, why)
        return not_allowed()

    def _misshapen(self, body: Tree, schema: str) -> Told | None:
        problems = self._sites.current.schemas[schema].check(body)
        return wrong_fields(problems) if problems else None

    def _room_for_new_work(self) -> bool:
        """Nearly no disk left: what is under way may still be written, new work is refused."""
        return bool(getattr(self._store, "room_for_new_work", True))

    async def _start(self, spec: Channel, caller: Caller, order: Mapping[str, Tree]) -> Told:
        listen, client = spec.listen, caller.client.id
        assert listen is not None, "a settle channel listens"
        now, digest, within = self._world.now(), digest_of(order), listen.answer_within
        request_no, bills = key_of(listen.once_by, order), held_by(str(listen.one_live), order)
        known = await self._repeat(caller, request_no, digest, listen)
        if known is not None:
            self._driver.keep_beside(caller.used)
            return known
        await self._sites.ready()
        if self._sites.current.channels.get(spec.name) is not spec:  # replaced meanwhile: begin anew
            return await self.start(caller, spec.name, order)
        case = Case(
            no=self._numbers.settlement(),
            channel=spec.name,
            site_hash=self._sites.current.content_hash,
            client=client,
            request_no=request_no,
            created_at=now,
            data={"request": dict(order), "client": client},
        )
        heard = hear_first(
            self._ids.new(), source=_source(client), key=request_no, body_hash=digest, at=now, no=case.no
        )
        try:
            await self._driver.start(case, [*caller.used, heard], bills)
        except NotKept as no:
            if no.failed == NONCE_TAKEN:
                return self._replayed(caller)
            return await self._not_started(no.failed, caller, request_no, digest, bills, listen)
        return await self._settled_enough(case.no, within)

    def _replayed(self, caller: Caller) -> Told:
        self._meters.refused(caller.door, "replayed")
        return stranger()

    async def _not_started(
        self, failed: str, caller: Caller, request_no: str, digest: str, bills: list[str], listen: Listen
    ) -> Told:
        known = await self._repeat(caller, request_no, digest, listen)
        if known is not None:
            return known
        holder = await self._store.look(lambda conn: next(filter(None, (bill_holder(conn, b) for b in bills)), ""))
        if holder:
            self._meters.refused(caller.door, "busy")
            case = await self._driver.look(holder)
            over = case is not None and case.state is CaseState.SETTLED  # nothing to wait for, nothing to cancel
            code = "E-SETTLED" if over else "E-BUSY"
            return error("busy", code, holder, state="busy", settlement_no=holder, request_no=request_no)
        return error("later", "E-STORE", failed)

    async def _repeat(self, caller: Caller, request_no: str, digest: str, listen: Listen) -> Told | None:
        """The answer to a request that was here before, by whichever door; None when it is the first."""
        source = _source(caller.client.id)
        seen = await self._store.look(lambda conn: earlier(conn, source, request_no))
        if seen is None:
            return None
        no = seen.settlement_no or ""
        if seen.body_hash != digest:
            await self._keep_different(caller, request_no, digest, no)
            field = field_of(listen.once_by)
            return error("conflict", "E-REPEAT-DIFFERS", field=field, request_no=request_no, settlement_no=no)
        return await self._settled_enough(no, listen.answer_within)

    async def _keep_different(self, caller: Caller, request_no: str, digest: str, no: str) -> None:
        """Noted as often as a settlement hears different numbers, then only counted: it costs the sender nothing."""
        self._meters.refused(caller.door, "repeat_differs")
        if await self._store.look(lambda conn: differing(conn, no)) >= ASKED_MAX:
            return
        note = hear_again(
            self._ids.new(), source=_source(caller.client.id), key=request_no, body_hash=digest, verdict="different",
            at=self._world.now(), no=no,
        )  # fmt: skip
        await self._store.submit(Unit("different", (note,)))

    async def _ask_back(self, caller: Caller, no: str, what: str, body: Tree) -> Told:
        wrong = self._not_for(caller, what) or self._misshapen(body, f"{what}_request")
        if wrong is not None:
            return wrong
        case = await self._driver.look(no)
        if case is None or not may_act(caller.client, case):
            return error("not_found", "E-NO-SETTLEMENT")
        if what == "refund" and case.state is CaseState.FINAL:
            return error("conflict", "E-NOT-FINISHED")
        if what == "refund" and case.state is not CaseState.SETTLED and not was(case, what):
            return error("conflict", "E-STATE", self._state(case))
        if what == "refund" and case.state is CaseState.SETTLED and not can_go_back(case, self._judge(case).plan):
            return error("conflict", "E-NO-WAY-BACK")
        if not all_lines(case, self._judge(case).channel.lines, body.get("lines", [])):
            return error("conflict", "E-REFUND-PART")
        event = back_event(what, str(body.get("reason_code", "")), caller.client.id)
        once = (what, repeat_key(caller.client, case, str(body["request_no"])), digest_of(body))
        return await self._tell(caller, case, event, once)

    async def _tell(
        self,
        caller: Caller,
        case: Case,
        event: Event,
        once: tuple[str, str, str],
        beside: tuple[Write, ...] = (),
        field: str = "request_no",
    ) -> Told:
        """Tell the settlement. `field` holds the number under which this is the same request again."""
        no = case.no
        try:
            case = await self._driver.tell(no, event, once, first=(*caller.used, *beside))
        except RepeatDiffers:
            self._driver.keep_beside(caller.used)
            self._meters.refused(caller.door, "repeat_differs")
            return error("conflict", "E-REPEAT-DIFFERS", field=field, settlement_no=no)
        except AskedTooOften:
            self._driver.keep_beside(caller.used)
            self._meters.refused(caller.door, "asked_too_often")
            return error("conflict", "E-ASKED-MANY", str(ASKED_MAX), settlement_no=no)
        except NotKept as kept_not:
            if kept_not.failed == NONCE_TAKEN:
                return self._replayed(caller)
            if kept_not.failed == FIRST:
                return error("conflict", "E-PROOF-USED", settlement_no=no)
            return error("later", "E-STORE")
        except (Busy, StoreStopped):
            return error("later", "E-STORE")
        return await self._settled_enough(no, self._judge(case).answer_within)

    # Waiting and answering

    async def _settled_enough(self, no: str, within: float) -> Told:
        """Wait until there is something to say, at most `within` seconds; after that the answer is `working`."""
        until = self._world.now() + within
        while True:
            case = await self._driver.look(no)
            if case is None:
                return error("not_found", "E-NO-SETTLEMENT")
            left = min(until, self.leave_by) - self._world.now()
            if self._state(case) != "working" or left <= 0:
                return self._answer(case)
            await self._a_change(no, left)

    async def _a_change(self, no: str, left: float) -> None:
        """The settlement's next stored change, or a little time: some states change by the clock alone."""
        change = self._driver.changed(no) or Deferred()
        await first_of(self._world, change, min(left, LOOK_AGAIN))

    async def _until_changed(self, case: Case, wait: float) -> Case:
        until, before = self._world.now() + wait, self._state(case)
        while True:
            left = until - self._world.now()
            if left <= 0 or self.leave_by < math.inf or self._state(case) != before:
                return case
            await self._a_change(case.no, left)
            case = await self._driver.look(case.no) or case

    def _state(self, case: Case) -> str:
        return state_of(case, self._judge(case).plan, self._world.now())

    def _answer(self, case: Case) -> Told:
        body = answer_of(case, self._judge(case), self._world.now())
        return Told(str(body["state"]), body)

    def _judge(self, case: Case) -> SiteJudge:
        return self._sites.judge(case.site_hash, case.channel)


def _source(client: str) -> str:
    return f"request:{client}"
