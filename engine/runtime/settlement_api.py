"""The settlement API: start, pay, cancel, refund, show. Every repeat of a request gets the settlement it made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred

from engine.codecs import json_text
from engine.codecs.errors import Undecodable
from engine.config.channel_rows import Listen
from engine.core.digest import digest_of
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from engine.runtime.answers import answer_of, state_of
from engine.runtime.auth import Client, Gate, Refusal
from engine.runtime.driver import Busy, NotKept, RepeatDiffers, SettlementDriver
from engine.runtime.judge import SiteJudge
from engine.runtime.meters import Meters
from engine.runtime.numbers import Numbers
from engine.runtime.once import NotGiven, held_by, key_of
from engine.runtime.reasons import of_code
from engine.runtime.replies import error, json_reply, refused, wrong_fields
from engine.runtime.resolve import closing, decision, undecided
from engine.runtime.sites import Sites
from engine.runtime.waiting import first_of
from engine.saga.case import AT_REST, Case, CaseState, Reason
from engine.saga.events import Cancelled, Event, Heard, RefundAsked, Resolved
from engine.site.site import Channel, Hears
from engine.store.contract import Store, StoreFull, StoreStopped, Unit, Write
from engine.store.ids import Ids
from engine.store.inbox import earlier, hear_again, hear_first
from engine.store.settlements import bill_holder
from engine.store.trail import NONCE_TAKEN, use_nonce

Tree = Any
WAIT_MAX = 60.0
LOOK_AGAIN = 2.0  # seconds


class SettlementApi:
    """Handlers for the routes of all `settle` channels."""

    def __init__(
        self,
        world: World,
        gate: Gate,
        sites: Sites,
        driver: SettlementDriver,
        store: Store,
        numbers: Numbers,
        ids: Ids,
        meters: Meters,
    ) -> None:
        self._world, self._gate, self._sites, self._driver = world, gate, sites, driver
        self._store, self._numbers, self._ids, self._meters = store, numbers, ids, meters
        self.leave_by = math.inf
        """When the engine stops: the instant (unix seconds) by which all must be answered. Who merely waits for a
        change is answered at once."""

    # Doors

    async def start(self, channel: str, request: HttpRequest) -> HttpReply:
        """POST of a new settlement, or the repeat of one."""
        client = self._gate.check(request, "settle")
        if isinstance(client, Refusal):
            return self._refuse(client)
        site = self._sites.current
        spec = site.channels[channel]
        listen = spec.listen
        assert listen is not None, "a settle channel listens"
        body = self._body(request, str(listen.schema))
        if isinstance(body, HttpReply):
            return body
        if client.campuses and body.get("campus") not in client.campuses:
            return self._refuse(Refusal(403, "campus"))
        if not self._room_for_new_work():
            return _later(error(503, "E-STORE"))
        try:
            return await self._start(spec, listen, client, body, self._used(client, request))
        except NotGiven as missing:
            return error(400, "E-FIELD", missing.path, field=missing.path)
        except (StoreFull, StoreStopped, Busy):
            return _later(error(503, "E-STORE"))

    async def event(self, hears: Hears, request: HttpRequest, no: str) -> HttpReply:
        """POST of an awaited event, such as the way of paying."""
        client = self._gate.check(request, "settle")
        if isinstance(client, Refusal):
            return self._refuse(client)
        body = self._body(request, hears.schema)
        if isinstance(body, HttpReply):
            return body
        try:
            once = (hears.event, key_of(hears.once_by, body), digest_of(body))
        except NotGiven as missing:
            return error(400, "E-FIELD", missing.path, field=missing.path)
        return await self._tell(client, no, Heard(hears.event, body), once, self._used(client, request))

    async def cancel(self, request: HttpRequest, no: str) -> HttpReply:
        """POST …/cancel: give up before money has moved."""
        return await self._ask_back(request, no, "settle", "cancel")

    async def refund(self, request: HttpRequest, no: str) -> HttpReply:
        """POST …/refunds: take a settled bill back, whole."""
        return await self._ask_back(request, no, "refund", "refund")

    async def show(self, request: HttpRequest, no: str) -> HttpReply:
        """GET …/{no}[?wait=seconds]: the settlement as it stands, or as soon as it changes."""
        client = self._gate.check(request, "query")
        if isinstance(client, Refusal):
            return self._refuse(client)
        wait = _wait_of(request.query)
        if wait is None:
            return error(400, "E-FIELD", "wait: 0–60", field="wait")
        case = await self._driver.look(no)
        if case is None or case.client != client.id:
            return error(404, "E-NO-SETTLEMENT")
        if wait and case.state not in AT_REST:
            case = await self._until_changed(case, wait)
        return self._answer(case)

    # Work

    def _room_for_new_work(self) -> bool:
        """Nearly no disk left: what is under way may still be written, new work is refused."""
        return bool(getattr(self._store, "room_for_new_work", True))

    def _used(self, client: Client, request: HttpRequest) -> Write:
        """The request's nonce, to be stored with what it changes: a copy is refused after a restart too."""
        return use_nonce(client.id, request.header("X-Nonce"), self._world.now())

    async def _start(
        self, spec: Channel, listen: Listen, client: Client, body: Mapping[str, Tree], used: Write
    ) -> HttpReply:
        now, digest, within = self._world.now(), digest_of(body), listen.answer_within
        request_no, bills = key_of(listen.once_by, body), held_by(str(listen.one_live), body)
        known = await self._repeat(client.id, request_no, digest, within)
        if known is not None:
            self._driver.keep_beside((used,))
            return known
        case = Case(
            no=self._numbers.settlement(),
            channel=spec.name,
            site_hash=self._sites.current.content_hash,
            client=client.id,
            request_no=request_no,
            created_at=now,
            data={"request": dict(body), "client": client.id},
        )
        heard = hear_first(
            self._ids.new(), source=_source(client.id), key=request_no, body_hash=digest, at=now, no=case.no
        )
        try:
            await self._driver.start(case, [used, heard], bills)
        except NotKept as no:
            if no.failed == NONCE_TAKEN:
                return self._refuse(Refusal(401, "replayed"))
            return await self._not_started(no.failed, client.id, request_no, digest, bills, within)
        return await self._settled_enough(case.no, within)

    async def _not_started(
        self, failed: str, client: str, request_no: str, digest: str, bills: list[str], within: float
    ) -> HttpReply:
        known = await self._repeat(client, request_no, digest, within)
        if known is not None:
            return known
        holder = await self._store.read(lambda conn: next(filter(None, (bill_holder(conn, b) for b in bills)), ""))
        if holder:
            self._meters.refused("api", "busy")
            return error(409, "E-BUSY", holder, state="busy", settlement_no=holder, request_no=request_no)
        return _later(error(503, "E-STORE", failed))

    async def _repeat(self, client: str, request_no: str, digest: str, within: float) -> HttpReply | None:
        """The answer to a request that was here before; None when it is the first."""
        seen = await self._store.read(lambda conn: earlier(conn, _source(client), request_no))
        if seen is None:
            return None
        no = seen.settlement_no or ""
        if seen.body_hash != digest:
            await self._keep_different(client, request_no, digest, no)
            return error(409, "E-REPEAT-DIFFERS", request_no=request_no, settlement_no=no)
        return await self._settled_enough(no, within)

    async def _keep_different(self, client: str, request_no: str, digest: str, no: str) -> None:
        self._meters.refused("api", "repeat_differs")
        note = hear_again(
            self._ids.new(), source=_source(client), key=request_no, body_hash=digest, verdict="different",
            at=self._world.now(), no=no,
        )  # fmt: skip
        await self._store.submit(Unit("different", (note,)))

    async def _tell(
        self,
        client: Client,
        no: str,
        event: Event,
        once: tuple[str, str, str],
        used: Write,
        beside: tuple[Write, ...] = (),
    ) -> HttpReply:
        case = await self._driver.look(no)
        if case is None or (case.client != client.id and not isinstance(event, Resolved)):
            return error(404, "E-NO-SETTLEMENT")
        try:
            case = await self._driver.tell(no, event, once, first=(used, *beside))
        except RepeatDiffers:
            self._driver.keep_beside((used,))
            self._meters.refused("api", "repeat_differs")
            return error(409, "E-REPEAT-DIFFERS", settlement_no=no)
        except NotKept as kept_not:
            if kept_not.failed == NONCE_TAKEN:
                return self._refuse(Refusal(401, "replayed"))
            return _later(error(503, "E-STORE"))
        except (Busy, StoreStopped):
            return _later(error(503, "E-STORE"))
        return await self._settled_enough(no, self._judge(case).answer_within)

    async def _ask_back(self, request: HttpRequest, no: str, scope: str, what: str) -> HttpReply:
        client = self._gate.check(request, scope)
        if isinstance(client, Refusal):
            return self._refuse(client)
        body = self._body(request, f"{what}_request")
        if isinstance(body, HttpReply):
            return body
        case = await self._driver.look(no)
        if case is None or case.client != client.id:
            return error(404, "E-NO-SETTLEMENT")
        if what == "refund" and case.state is not CaseState.SETTLED and not _was(case, what):
            return error(409, "E-STATE", state_of(case, self._judge(case).plan, self._world.now()))
        if _is_part(case, body.get("lines", [])):
            return error(409, "E-REFUND-PART")
        event = _back_event(what, str(body.get("reason_code", "")))
        once = (what, str(body["request_no"]), digest_of(body))
        return await self._tell(client, no, event, once, self._used(client, request))

    async def resolve(self, request: HttpRequest, no: str) -> HttpReply:
        """POST …/resolve: a person says what became of the legs nobody could tell; any settlement, scope `operate`."""
        client = self._gate.check(request, "operate")
        if isinstance(client, Refusal):
            return self._refuse(client)
        body = self._body(request, "resolve_request")
        if isinstance(body, HttpReply):
            return body
        case = await self._driver.look(no)
        if case is None:
            return error(404, "E-NO-SETTLEMENT")
        event = decision(body)
        beside: tuple[Write, ...] = ()
        if not _was(case, "resolve", str(body["request_no"])):
            left = undecided(case, event.verdicts)
            if case.state is not CaseState.MANUAL:
                return error(409, "E-STATE", state_of(case, self._judge(case).plan, self._world.now()))
            if left:
                return error(409, "E-UNDECIDED", ", ".join(left))
            beside = await self._store.read(lambda conn: closing(conn, no, body, self._world.now()))
        once = ("resolve", str(body["request_no"]), digest_of(body))
        return await self._tell(client, no, event, once, self._used(client, request), beside)

    async def _settled_enough(self, no: str, within: float) -> HttpReply:
        """Wait until there is something to say, at most `within` seconds; after that the answer is `working`."""
        until = self._world.now() + within
        while True:
            case = await self._driver.look(no)
            if case is None:
                return error(404, "E-NO-SETTLEMENT")
            left = min(until, self.leave_by) - self._world.now()
            state = state_of(case, self._judge(case).plan, self._world.now())
            if state != "working" or left <= 0:
                return self._answer(case)
            await self._a_change(no, left)

    async def _a_change(self, no: str, left: float) -> None:
        """The settlement's next stored change, or a little time: some states change by the clock alone."""
        change = self._driver.changed(no) or Deferred()
        await first_of(self._world, change, min(left, LOOK_AGAIN))

    async def _until_changed(self, case: Case, wait: float) -> Case:
        plan = self._judge(case).plan
        until, before = self._world.now() + wait, state_of(case, plan, self._world.now())
        while True:
            left = until - self._world.now()
            if left <= 0 or self.leave_by < math.inf or state_of(case, plan, self._world.now()) != before:
                return case
            await self._a_change(case.no, left)
            case = await self._driver.look(case.no) or case

    def _answer(self, case: Case) -> HttpReply:
        status, body = answer_of(case, self._judge(case), self._world.now())
        return json_reply(status, body)

    def _judge(self, case: Case) -> SiteJudge:
        return self._sites.judge(case.site_hash, case.channel)

    def _refuse(self, refusal: Refusal) -> HttpReply:
        self._meters.refused("api", refusal.why)
        return refused(refusal.status)

    def _body(self, request: HttpRequest, schema: str) -> dict[str, Tree] | HttpReply:
        try:
            tree = json_text.parse(request.body)
        except Undecodable as no:
            return error(400, "E-BODY", f"{no.code} @{no.offset}", offset=no.offset)
        problems = self._sites.current.schemas[schema].check(tree)
        if problems:
            return wrong_fields(problems)
        return dict(tree)


def _source(client: str) -> str:
    return f"request:{client}"


def _back_event(what: str, reason_code: str) -> Event:
    reason: Reason = of_code("E-CANCELLED" if what == "cancel" else "E-REFUNDED", reason_code)
    return Cancelled(reason) if what == "cancel" else RefundAsked(reason)


def _is_part(case: Case, lines: list[str]) -> bool:
    """Whether these lines are only a part of the bill. An insured bill is never taken back in part, and a part must not
    silently become the whole."""
    bill = case.data.get("his", {}).get("bill", {})
    return bool(lines) and set(lines) != {str(item.get("line_no")) for item in bill.get("items", [])}


def _was(case: Case, what: str, request_no: str = "") -> bool:
    """Whether this was asked before: at all, or under this number."""
    heard = case.data.get("_once", {}).get(what, {})
    return request_no in heard if request_no else bool(heard)


def _wait_of(query: str) -> float | None:
    if not query:
        return 0.0
    name, _, value = query.partition("=")
    if name != "wait" or not value.isascii() or not value.isdigit() or len(value) > 2 or int(value) > WAIT_MAX:
        return None
    return float(value)


def _later(reply: HttpReply) -> HttpReply:
    return HttpReply(reply.status, (*reply.headers, ("Retry-After", "5")), reply.body)

