"""What a receiver reports later of messages it took: that one arrived, or did not (状态报告).

Nothing depends on a report: it is kept beside the attempts, and a message that did not arrive is `undelivered`.
One push may speak of many messages. What is said of none of ours (others may send under the same account), twice, or in
a form the map cannot read changes nothing and is counted; the push is taken all the same, else all of it would come
again. In a settlement's history stands which message was handed over, and what was reported of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Fact
from engine.core.world import World
from engine.pipeline.field_map import FieldMap
from engine.pipeline.rejected import MapRejected
from engine.runtime.callbacks import Callbacks
from engine.runtime.handing import TOLD_SOURCE
from engine.runtime.judge import found_fact
from engine.runtime.logs import Log
from engine.runtime.meters import Meters
from engine.runtime.sites import Sites
from engine.site.site import Hears
from engine.store.contract import Store, StoreFull, StoreStopped, Unit
from engine.store.ids import Ids
from engine.store.inbox import hear_first
from engine.store.messages import Kept, message, reported
from engine.store.trail import add_trail

Tree = Any
OUTCOMES = {Fact.THERE: "delivered", Fact.CLOSED: "undelivered"}
_NUMBER = re.compile(r"([0-9]{1,18})(-[0-9]{1,2})?", re.ASCII)
_CODE = re.compile(r"(?!.*[0-9]{7})[0-9A-Za-z_.:-]{1,32}", re.ASCII)  # nobody's telephone or identity number


class Reports:
    """Handlers for the `hears:` rows of deliver channels."""

    def __init__(
        self, world: World, sites: Sites, store: Store, ids: Ids, callbacks: Callbacks, meters: Meters, log: Log
    ) -> None:
        self._world, self._sites, self._store, self._ids = world, sites, store, ids
        self._callbacks, self._meters, self._log = callbacks, meters, log

    async def hear(self, hears: Hears, request: HttpRequest) -> HttpReply:
        """One push, from its bytes to the party's own success or refusal."""
        verdict = await self._callbacks.verified(hears.party, request)
        if isinstance(verdict, HttpReply):
            return verdict
        fact_map = self._sites.current.maps[hears.fact]
        for item in verdict.body if isinstance(verdict.body, list) else [verdict.body]:
            try:
                word = await self._one(hears.party, fact_map, verdict.kind, item)
            except (StoreFull, StoreStopped):
                return verdict.failed
            self._meters.reported(hears.party, word)
        return verdict.accepted

    async def _one(self, party: str, fact_map: FieldMap, kind: str, item: Tree) -> str:
        """What became of one report, in a word for the meter."""
        names = {"answer": item, "code": kind, "text": "", "hospital": self._sites.current.engine.hospital}
        try:
            made = fact_map.run(names)
            number = made["number"]
            found = _NUMBER.fullmatch(number) if isinstance(number, str) else None
            _, fact, differs = found_fact(fact_map, {**names, "of": {"number": number}})
        except (MapRejected, KeyError, TypeError) as no:
            self._sites.rejected(no)
            return self._odd(party, "unreadable")
        if found is None:
            return self._odd(party, "unknown")
        id = int(found[1])
        kept = await self._store.read(lambda conn: message(conn, id))
        dest = self._dest_of(kept, party, number)
        if kept is None or not dest:
            return self._odd(party, "unknown")
        outcome = "" if differs else OUTCOMES.get(Fact(fact), "")
        if not outcome:
            return self._odd(party, "undecided")
        return await self._keep(kept, party, dest, number, outcome, _code_of(made), item)

    def _odd(self, party: str, word: str) -> str:
        self._log.info("report_not_used", party=party, why=word)
        return word

    def _dest_of(self, kept: Kept | None, party: str, number: str) -> str:
        """The receiver that got the message under this number; "" when there is none."""
        channel = self._sites.current.channels.get(kept.channel) if kept is not None else None
        if kept is None or channel is None or channel.deliver is None or kept.state in ("skipped", "refused"):
            return ""
        wanted = (party, number)
        return next((d.name for d in channel.deliver.to.values() if (d.party, f"{kept.id}{d.suffix}") == wanted), "")

    async def _keep(
        self, kept: Kept, party: str, dest: str, number: str, outcome: str, code: str, item: Tree
    ) -> str:
        """Store it, unless the same was said before."""
        row, report, now = self._ids.new(), self._ids.new(), self._world.now()
        data = json_text.print_json(item)
        digest = hashlib.sha256(data).hexdigest()
        once = hear_first(row, source=party, key=f"report {number} {outcome}", body_hash=digest, at=now)
        writes = [once, *reported(report, kept.id, dest, now, outcome, code, data)]
        if kept.source.startswith(TOLD_SOURCE):
            detail = {"channel": kept.channel, "message": str(kept.id), "outcome": outcome, "code": code}
            writes.append(add_trail(self._ids.new(), kept.control, now, "Reported", detail))
        done = await self._store.submit(Unit("report", tuple(writes)))
        if not done.committed:
            return self._odd(party, "again")
        self._log.info("reported", message=kept.id, channel=kept.channel, dest=dest, outcome=outcome, code=code)
        return outcome


def _code_of(made: Mapping[str, Tree]) -> str:
    """The party's own word for it, "" where it is none: it may say anything."""
    code = made.get("code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
