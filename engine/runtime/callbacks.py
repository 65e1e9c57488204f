"""What a party tells us by itself: verify over the raw bytes, keep, say we have it, then let the settlement hear.

Nothing depends on a callback's arrival: the driver asks by itself. A callback only makes it faster. One that does not
verify gets the party's refusal and changes nothing. One for a number we never gave out is kept and shown to a person.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from engine.core import failpoints
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Fact
from engine.core.world import World
from engine.parties.contract import Heard, NotHeard
from engine.pipeline.field_map import FieldMap
from engine.pipeline.rejected import MapRejected
from engine.runtime.connections import CannotCall, Connections
from engine.runtime.driver import SettlementDriver
from engine.runtime.journal import body_writes
from engine.runtime.judge import found_fact
from engine.runtime.ledger_rows import task_open
from engine.runtime.logs import Log, trouble_of
from engine.runtime.meters import Meters
from engine.runtime.replies import RETRY_AFTER
from engine.runtime.sites import Sites
from engine.runtime.verify_keys import VerifyKeys
from engine.saga.case import Case
from engine.saga.events import FactHeard, Task
from engine.site.site import Hears
from engine.store.contract import Store, StoreFull, StoreStopped, Unit, Write
from engine.store.ids import Ids
from engine.store.inbox import hear_again, hear_first
from engine.store.numbers import owner_of

Tree = Any
_NUMBER = re.compile(r"[0-9A-Za-z_*@|.-]{1,64}", re.ASCII)


class Callbacks:
    """Handlers for the `hears:` rows that name a party."""

    def __init__(
        self,
        world: World,
        sites: Sites,
        connections: Connections,
        store: Store,
        ids: Ids,
        driver: SettlementDriver,
        meters: Meters,
        log: Log,
        verify_keys: VerifyKeys,
    ) -> None:
        self._world, self._sites, self._connections, self._store = world, sites, connections, store
        self._ids, self._driver, self._meters, self._log = ids, driver, meters, log
        self._verify_keys = verify_keys

    async def hear(self, hears: Hears, request: HttpRequest) -> HttpReply:
        """One callback, from its bytes to the party's own success or refusal."""
        party = hears.party
        verdict = await self.verified(party, request)
        if isinstance(verdict, HttpReply):
            return verdict
        fact_map = self._map_of(hears)
        hospital = self._sites.current.engine.hospital
        names = {"answer": verdict.body, "code": verdict.kind, "text": "", "hospital": hospital}
        try:
            number = fact_map.run(names)["number"]
        except (MapRejected, KeyError, TypeError) as no:
            self._sites.rejected(no)
            return await self._odd(party, request, verdict, f"unreadable: {type(no).__name__}")
        if not isinstance(number, str) or _NUMBER.fullmatch(number) is None:  # it may say anything: only sealed
            return await self._odd(party, request, verdict, "unreadable: the number is none")
        found = await self._store.look(lambda conn: owner_of(conn, number))
        case = await self._driver.look(found.settlement_no) if found else None
        if found is None or case is None:
            return await self._odd(party, request, verdict, f"unknown number {number}", number)
        if self._sites.judge(case.site_hash, case.channel).party_of(case.leg(found.leg_id)) != party:
            return await self._odd(party, request, verdict, f"another party's number {number}", number, case.no)
        try:
            fact = self._fact(self._map_it_began_with(case, hears) or fact_map, names, case, found.leg_id)
        except MapRejected as no:
            self._sites.rejected(no)
            return await self._odd(party, request, verdict, f"unreadable: {number} {no.code}", number, case.no)
        try:
            await self._store.submit(Unit("callback", self._kept(party, request, number, case.no)))
        except (StoreFull, StoreStopped):
            return verdict.failed
        failpoints.hit("callback.kept")
        self._driver.tell(case.no, fact).addErrback(
            lambda failure: self._log.error("callback_not_heard", no=case.no, why=trouble_of(failure.value))
        )
        return verdict.accepted

    async def verified(self, party: str, request: HttpRequest) -> Heard | HttpReply:
        """What the party says, or the refusal of what is not proven to be its word."""
        try:
            link = self._connections.get(party)
        except CannotCall as no:
            self._log.error("callback_without_keys", party=party, why=str(no))
            return HttpReply(503, (("Retry-After", RETRY_AFTER[503]),))
        verdict = link.party.verify(link.opened, request, self._world.now())
        missing = verdict.unknown_key if isinstance(verdict, NotHeard) else ""
        if missing and await self._verify_keys.has(party, missing):
            verdict = link.party.verify(self._connections.get(party).opened, request, self._world.now())
        if isinstance(verdict, NotHeard):
            self._meters.refused(party, verdict.why)
            say = self._log.warning if verdict.alarm else self._log.info
            say("callback_refused", party=party, why=verdict.why)  # its serial may say anything
            return verdict.reply
        return verdict

    def _map_of(self, hears: Hears) -> FieldMap:
        """The map that finds the number; one of an older version where only that still hears this party."""
        sites = (self._sites.current, *self._sites.older())
        return next(one.maps[hears.fact] for one in sites if hears.fact in one.maps)

    def _map_it_began_with(self, case: Case, hears: Hears) -> FieldMap | None:
        """What the callback means to the settlement is said by the version that it began with."""
        site = self._sites.of(case.site_hash)
        rows = site.channels[case.channel].hears if case.channel in site.channels else ()
        return next((site.maps[row.fact] for row in rows if row.party == hears.party), None)

    def _fact(self, fact_map: Any, names: dict[str, Tree], case: Case, leg_id: int) -> FactHeard:
        leg = case.leg(leg_id)
        made, fact, differs = found_fact(fact_map, {**names, "of": leg.facts()})
        return FactHeard(leg_id, Fact(fact), made, differs, "CALLBACK")

    def _kept(
        self, party: str, request: HttpRequest, number: str, no: str | None, *, first: bool = False
    ) -> tuple[Write, ...]:
        digest = hashlib.sha256(request.body).hexdigest()
        bodies, (kept,) = body_writes(self._ids, no, request.body)
        row, at = self._ids.new(), self._world.now()
        if first:
            key = number or digest
            note = hear_first(row, source=party, key=key, body_hash=digest, at=at, no=no, body_id=kept)
        else:
            note = hear_again(
                row, source=party, key=number, body_hash=digest, verdict="heard", at=at, no=no, body_id=kept
            )
        return (*bodies, note)

    async def _odd(
        self, party: str, request: HttpRequest, verdict: Heard, why: str, number: str = "", no: str | None = None
    ) -> HttpReply:
        """Verified, but nothing we can act on: kept, and a person is told once, however often the party repeats it."""
        task = Task("callback_unknown", 0, why)
        told = task_open(self._ids.new(), no, task, party, self._world.now())
        try:
            first = (*self._kept(party, request, number, no, first=True), told)
            done = await self._store.submit(Unit("callback_odd", first))
            if not done.committed:
                await self._store.submit(Unit("callback_again", self._kept(party, request, number, no)))
        except (StoreFull, StoreStopped):
            return verdict.failed
        if done.committed:
            self._meters.task_opened(task.kind)
            self._log.warning("task", no=no or "", task=task.kind, party=party)
        return verdict.accepted
