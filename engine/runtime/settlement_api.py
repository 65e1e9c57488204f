"""The settlement API by HTTP JSON: start, pay, cancel, refund, show. A thin door before `engine/runtime/orders.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from engine.codecs import json_text
from engine.codecs.errors import Undecodable
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from engine.runtime.auth import Gate, Refusal
from engine.runtime.meters import Meters
from engine.runtime.orders import Caller, Orders
from engine.runtime.orders_back import SCOPES
from engine.runtime.queries import query_of
from engine.runtime.replies import not_json, refused, reply_of
from engine.runtime.told import UNKNOWN, WAIT, Told, wrong_fields
from engine.site.site import Hears
from engine.store.trail import use_nonce

Tree = Any
WAIT_MAX = 60.0


class SettlementApi:
    """Handlers for the routes of all `settle` channels."""

    def __init__(self, world: World, gate: Gate, orders: Orders, meters: Meters) -> None:
        self._world, self._gate, self._orders, self._meters = world, gate, orders, meters

    async def start(self, channel: str, request: HttpRequest) -> HttpReply:
        """POST of a new settlement, or the repeat of one."""
        return await self._post(request, "start", lambda caller, body: self._orders.start(caller, channel, body))

    async def event(self, hears: Hears, request: HttpRequest, no: str) -> HttpReply:
        """POST of an awaited event, such as the way of paying."""
        return await self._post(request, "hear", lambda caller, body: self._orders.hear(caller, no, hears.event, body))

    async def cancel(self, request: HttpRequest, no: str) -> HttpReply:
        """POST …/cancel: give up before money has moved."""
        return await self._post(request, "cancel", lambda caller, body: self._orders.cancel(caller, no, body))

    async def refund(self, request: HttpRequest, no: str) -> HttpReply:
        """POST …/refunds: take a settled bill back, whole."""
        return await self._post(request, "refund", lambda caller, body: self._orders.refund(caller, no, body))

    async def resolve(self, request: HttpRequest, no: str) -> HttpReply:
        """POST …/resolve: a person says what became of the legs nobody could tell."""
        return await self._post(request, "resolve", lambda caller, body: self._orders.resolve(caller, no, body))

    async def show(self, request: HttpRequest, no: str) -> HttpReply:
        """GET …/{no}[?wait=seconds]: the settlement as it stands, or as soon as it changes."""
        caller = self._caller(request, "show")
        if isinstance(caller, HttpReply):
            return caller
        asked, problems = query_of(request.query)
        problems = problems or [(name, *UNKNOWN) for name in asked if name != "wait"]
        wait = _seconds(asked.get("wait", "0"))
        if problems or wait is None:
            return reply_of(wrong_fields(problems or [WAIT]))
        return reply_of(await self._orders.show(caller, no, wait))

    async def _post(
        self, request: HttpRequest, what: str, ask: Callable[[Caller, Tree], Awaitable[Told]]
    ) -> HttpReply:
        caller = self._caller(request, what)
        if isinstance(caller, HttpReply):
            return caller
        try:
            body = json_text.parse(request.body)
        except Undecodable as no:
            return not_json(no)
        return reply_of(await ask(caller, body))

    def _caller(self, request: HttpRequest, what: str) -> Caller | HttpReply:
        """Who asks, by the signature; its nonce is stored with what it changes."""
        client = self._gate.check(request, *SCOPES[what])
        if isinstance(client, Refusal):
            self._meters.refused("api", client.why)
            return refused(client.status)
        return Caller(client, "api", (use_nonce(client.id, request.header("X-Nonce"), self._world.now()),))


def _seconds(text: str) -> float | None:
    if not text.isascii() or not text.isdigit() or len(text) > 2 or int(text) > WAIT_MAX:
        return None
    return float(text)
