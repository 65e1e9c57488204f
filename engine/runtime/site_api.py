"""The doors through which a person changes the configuration of a running engine, and moves a settlement on to it.

Scope `operate` sees what is in force and moves settlements, scope `admin` changes it. `engine apply`, `engine rollback`
and `engine resolve --onto` come in here; the files themselves lie staged beside the configuration (`var/staged`), named
by their hash, because a code table may be larger than any request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from engine.codecs import json_text
from engine.codecs.errors import Undecodable
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from engine.runtime.auth import Client, Gate, Refusal
from engine.runtime.driver import Busy, NotKept, SettlementDriver
from engine.runtime.ledger_rows import task_open
from engine.runtime.meters import Meters
from engine.runtime.reload import NotApplied, Proposal, Reload, turn_json
from engine.runtime.replies import error, json_reply, not_json, refused
from engine.runtime.room import CannotMove
from engine.runtime.routes import Route
from engine.runtime.sites import Sites, UnknownSite
from engine.saga.case import RELEASES_BILLS, Case
from engine.saga.events import Task, Tick
from engine.site.files import bytes_of, hash_of
from engine.site.load import load_pinned
from engine.site.site import Site
from engine.store.contract import Store, StoreFull, StoreStopped, Write
from engine.store.ids import Ids
from engine.store.settlements import move_case
from engine.store.site_versions import history, site_files, version_files
from engine.store.tasks import close_task
from engine.store.trail import NONCE_TAKEN, add_trail, use_nonce

STAGED = "var/staged"
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
TEXT_MAX = {"by": 64, "reason": 500}
"""Characters of who and why, at most; at least one that is no space."""
_BODY_MAX = 8192
_STATUS = {"E-SITE-WRONG": 400, "E-SITE-NONE": 404}
HISTORY_MAX = 1000


class SiteApi:
    """Handlers for the configuration's own routes."""

    def __init__(
        self, world: World, root: Path, gate: Gate, store: Store, sites: Sites, driver: SettlementDriver,
        reload: Reload, ids: Ids, meters: Meters,
    ) -> None:  # fmt: skip
        self._world, self._root, self._gate, self._store, self._sites = world, root, gate, store, sites
        self._driver, self._reload, self._ids, self._meters = driver, reload, ids, meters

    def routes(self) -> list[Route]:
        """For the first listener that has an address."""
        return [
            Route("GET", "/v1/site", self._seen, "site", 0),
            Route("POST", "/v1/site/apply", self._guarded("admin", self._applied), "site_apply", _BODY_MAX),
            Route("POST", "/v1/site/rollback", self._guarded("admin", self._rolled_back), "site_rollback", _BODY_MAX),
            Route("POST", "/v1/settlements/{no}/move", self._guarded("operate", self._moved), "move", _BODY_MAX),
        ]

    async def _seen(self, request: HttpRequest, parts: Mapping[str, str]) -> HttpReply:
        """GET: what is in force."""
        client = self._gate.check(request, "operate")
        if isinstance(client, Refusal):
            return self._refuse(client)
        return json_reply(200, turn_json(await self._reload.in_force()))

    def _guarded(
        self, scope: str, work: Callable[[Mapping[str, str], Mapping[str, str], Write], Awaitable[HttpReply]]
    ) -> Callable[[HttpRequest, Mapping[str, str]], Awaitable[HttpReply]]:
        """A POST by a client of this scope, with who and why; whatever is refused becomes its answer."""

        async def answer(request: HttpRequest, parts: Mapping[str, str]) -> HttpReply:
            client = self._gate.check(request, scope)
            if isinstance(client, Refusal):
                return self._refuse(client)
            body = _body(request)
            if isinstance(body, HttpReply):
                return body
            try:
                return await work(body, parts, self._used(client, request))
            except NotApplied as no:
                self._meters.refused("site", no.code)
                return error(_STATUS.get(no.code, 409), no.code, no.detail, **no.more)
            except NotKept as no:
                return self._refuse(Refusal(401, "replayed")) if no.failed == NONCE_TAKEN else error(503, "E-STORE")
            except (StoreFull, StoreStopped, Busy):
                return error(503, "E-STORE")

        return answer

    # The configuration

    async def _applied(self, body: Mapping[str, str], parts: Mapping[str, str], used: Write) -> HttpReply:
        version = _hash_in(body, "version")
        path = self._root / STAGED / f"{version}.json"
        files = _staged(path)
        if files is None or hash_of(files) != version:
            raise NotApplied("E-SITE-NONE", version[:12])
        proposal = Proposal(files, _hash_in(body, "base"), body["by"], body["reason"], "apply", (used,))
        turn, changed = await self._reload.apply(proposal)
        path.unlink(missing_ok=True)
        return json_reply(200, {**turn_json(turn), "changed": changed})

    async def _rolled_back(self, body: Mapping[str, str], parts: Mapping[str, str], used: Write) -> HttpReply:
        version = _hash_in(body, "version")
        files = await self._store.read(lambda conn: _earlier(conn, version))
        if files is None:
            raise NotApplied("E-SITE-NONE", version[:12])
        proposal = Proposal(bytes_of(files), _hash_in(body, "base"), body["by"], body["reason"], "rollback", (used,))
        turn, changed = await self._reload.apply(proposal)
        return json_reply(200, {**turn_json(turn), "changed": changed})

    # A settlement in flight

    async def _moved(self, body: Mapping[str, str], parts: Mapping[str, str], used: Write) -> HttpReply:
        no, onto = parts["no"], _hash_in(body, "onto")
        case = await self._driver.look(no)
        if case is None:
            return error(404, "E-NO-SETTLEMENT")
        if case.state in RELEASES_BILLS:
            return error(409, "E-STATE", str(case.state))
        before = case.site_hash
        if before != onto:
            await self._known(onto)
            try:
                judge = self._sites.judge(onto, case.channel)
                case = await self._driver.tell(no, Tick(), first=(used, *self._notes(case, onto, body)), onto=judge)
            except UnknownSite:
                raise NotApplied("E-ONTO", f"{onto[:12]}: {case.channel}?") from None
            except CannotMove as no_way:
                raise NotApplied("E-ONTO", str(no_way)) from None
        told = {"settlement_no": no, "state": str(case.state), "from": before, "onto": case.site_hash}
        return json_reply(200, told)

    def _notes(self, case: Case, onto: str, body: Mapping[str, str]) -> tuple[Write, ...]:
        """The settlement's new version; a line in its trail; who and why, sealed, as a task that is done."""
        now, task_id = self._world.now(), self._ids.new()
        heard = {"heard": "Moved onto", "from": case.site_hash[:12], "onto": onto[:12], "by": body["by"]}
        text = f"{case.site_hash[:12]} → {onto[:12]}"
        return (
            move_case(case.no, onto),
            add_trail(self._ids.new(), case.no, now, "Moved onto", heard),
            task_open(task_id, case.no, Task("moved_onto", 0, text), "engine", now),
            close_task(task_id, by=body["by"], note=body["reason"], at=now),
        )

    async def _known(self, onto: str) -> None:
        if self._sites.knows(onto):
            return
        files = await self._store.read(partial(site_files, hash=onto))
        made = load_pinned(bytes_of(files), self._sites.current.engine) if files else None
        if not isinstance(made, Site):
            raise NotApplied("E-SITE-NONE", onto[:12])
        self._sites.pin(made)

    # Both

    def _used(self, client: Client, request: HttpRequest) -> Write:
        """The request's one-time word: a copy is refused after a restart too."""
        return use_nonce(client.id, request.header("X-Nonce"), self._world.now())

    def _refuse(self, refusal: Refusal) -> HttpReply:
        self._meters.refused("site", refusal.why)
        return refused(refusal.status)


def _body(request: HttpRequest) -> dict[str, str] | HttpReply:
    """The body's texts; `by` and `reason` are always there."""
    try:
        tree = json_text.parse(request.body)
    except Undecodable as no:
        return not_json(no)
    if not isinstance(tree, dict) or not all(isinstance(value, str) for value in tree.values()):
        return error(400, "E-FIELD", "（正文）: texts only", field="")
    for name, most in TEXT_MAX.items():
        if not 1 <= len(str(tree.get(name, "")).strip()) <= most:
            return error(400, "E-FIELD", f"{name}: 1–{most}", field=name)
    return dict(tree)


def _hash_in(body: Mapping[str, str], name: str) -> str:
    value = str(body.get(name, ""))
    if _HASH.fullmatch(value) is None:
        raise NotApplied("E-SITE-NONE", f"{name}: 64 × 0–9 a–f")
    return value


def _staged(path: Path) -> dict[str, bytes] | None:
    try:
        return bytes_of(json.loads(path.read_bytes()))
    except (OSError, ValueError, AttributeError):
        return None


def _earlier(conn: Any, version: str) -> dict[str, str] | None:
    """All files of a version that was in force once."""
    for turn in history(conn, limit=HISTORY_MAX):
        if turn.version == version:
            return version_files(conn, turn)
    return None
