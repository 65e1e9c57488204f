"""The table of routes of each listener, built from the channels: what comes in where, and who answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from twisted.internet.defer import Deferred

from engine.connectors.http_limits import refusal
from engine.core.http import HttpReply, HttpRequest
from engine.runtime import openapi
from engine.runtime.answer_api import AnswerApi
from engine.runtime.callbacks import Callbacks
from engine.runtime.deliver_reports import Reports
from engine.runtime.health import Health
from engine.runtime.interface import page as interface
from engine.runtime.replies import error, not_this_method
from engine.runtime.routes import Route, Routes
from engine.runtime.settlement_api import SettlementApi
from engine.site.site import Channel, Hears, Site
from engine.store.contract import CannotRead

NO = "{no}"


class Doors:
    """Routes of all listeners of one site; rebuilt when the site changes."""

    def __init__(
        self, settle: SettlementApi, answers: AnswerApi, callbacks: Callbacks, reports: Reports, health: Health
    ) -> None:
        self._settle, self._answers, self._callbacks, self._health = settle, answers, callbacks, health
        self._reports = reports
        self.tables: dict[str, Routes] = {}
        self._body_bytes: dict[str, int] = {}

    def build(self, site: Site, extra: Mapping[str, list[Route]], older: Iterable[Site] = ()) -> None:
        """One table per listener that has an address; `extra` are routes of others (console, interface document).
        What settlements in flight began with (`older`) hears its events where it promised to."""
        tables = {name: Routes() for name, door in site.engine.listeners.items() if door.http is not None}
        for channel in site.channels.values():
            self._channel(site, channel, tables)
        for channel in (channel for one in older for channel in one.channels.values()):
            self._left_open(site, channel, tables)
        for table in tables.values():
            for route in (*self._health.routes(), *openapi.routes(lambda: site), *interface.routes(lambda: site)):
                table.add(route)
        api = next(iter(tables.values()))
        for name, routes in extra.items():
            for route in routes:
                tables.get(name, api).add(route)
        self.tables = tables
        self._body_bytes = {name: site.engine.listeners[name].body_bytes for name in tables}

    def _channel(self, site: Site, channel: Channel, tables: Mapping[str, Routes]) -> None:
        listen = channel.listen
        if listen is not None:
            table = tables[listen.at]
            handler = self._start if channel.kind == "settle" else self._answer
            table.add(Route(listen.request.method, listen.request.path, handler(channel.name), channel.name))
            if channel.kind == "settle" and table.find("GET", "/v1/settlements/S0") is None:
                self._settlement_routes(table)
        for hears in channel.hears:
            if hears.party:
                door = site.engine.listeners[hears.at]
                table = tables[door.on or hears.at]
                if table.find("POST", door.path) is None:  # channels may share a party's callbacks
                    name = f"callback_{hears.party}"
                    table.add(Route("POST", door.path, self._callback(channel, hears), name, door.body_bytes))
            elif hears.request is not None and listen is not None:
                route = Route(hears.request.method, hears.request.path, self._event(hears), hears.event)
                tables[listen.at].add(route)

    def _left_open(self, site: Site, channel: Channel, tables: Mapping[str, Routes]) -> None:
        """Events of a channel's older version, as far as nobody else has their addresses now."""
        for hears in channel.hears:
            door = site.engine.listeners.get(hears.at)
            listen = tables.get(channel.listen.at) if channel.listen is not None else None
            if hears.party and door is not None:
                table = tables[door.on or hears.at]
                if table.find("POST", door.path) is None:
                    name = f"callback_{hears.party}"
                    table.add(Route("POST", door.path, self._callback(channel, hears), name, door.body_bytes))
            elif hears.request is not None and listen is not None:
                method, path = hears.request.method, hears.request.path
                if listen.find(method, path.replace(NO, "S0")) is None:
                    listen.add(Route(method, path, self._event(hears), hears.event))
        at = channel.listen.at if channel.kind == "settle" and channel.listen is not None else ""
        if at in tables and tables[at].find("GET", "/v1/settlements/S0") is None:
            self._settlement_routes(tables[at])

    def _settlement_routes(self, table: Routes) -> None:
        settle = self._settle

        def show(request: HttpRequest, parts: Mapping[str, str]) -> Awaitable[HttpReply]:
            return settle.show(request, parts["no"])

        def cancel(request: HttpRequest, parts: Mapping[str, str]) -> Awaitable[HttpReply]:
            return settle.cancel(request, parts["no"])

        def refund(request: HttpRequest, parts: Mapping[str, str]) -> Awaitable[HttpReply]:
            return settle.refund(request, parts["no"])

        def resolve(request: HttpRequest, parts: Mapping[str, str]) -> Awaitable[HttpReply]:
            return settle.resolve(request, parts["no"])

        table.add(Route("GET", f"/v1/settlements/{NO}", show, "settlement"))
        table.add(Route("POST", f"/v1/settlements/{NO}/cancel", cancel, "cancel"))
        table.add(Route("POST", f"/v1/settlements/{NO}/refunds", refund, "refund"))
        table.add(Route("POST", f"/v1/settlements/{NO}/resolve", resolve, "resolve"))

    def _start(self, channel: str) -> Callable[[HttpRequest, Mapping[str, str]], Awaitable[HttpReply]]:
        return lambda request, parts: self._settle.start(channel, request)

    def _answer(self, channel: str) -> Callable[[HttpRequest, Mapping[str, str]], Awaitable[HttpReply]]:
        return lambda request, parts: self._answers.answer(channel, request)

    def _event(self, hears: Hears) -> Callable[[HttpRequest, Mapping[str, str]], Awaitable[HttpReply]]:
        return lambda request, parts: self._settle.event(hears, request, parts["no"])

    def _callback(
        self, channel: Channel, hears: Hears
    ) -> Callable[[HttpRequest, Mapping[str, str]], Awaitable[HttpReply]]:
        listens = self._reports if channel.kind == "deliver" else self._callbacks
        return lambda request, parts: listens.hear(hears, request)

    def knock(self, listener: str, request: HttpRequest) -> Deferred[HttpReply] | HttpReply:
        """Answer one request of a listener."""
        table = self.tables[listener]
        found = table.find(request.method, request.path)
        if found is None:
            methods = table.methods(request.path)
            return not_this_method(methods) if methods else error(404, "E-NO-ROUTE")
        route, parts = found
        reply = route.handler(request, parts)
        return reply if isinstance(reply, HttpReply) else Deferred.fromCoroutine(_await(reply))

    def body_limit(self, listener: str) -> Callable[[str, str], int]:
        """The hook that tells a listener how many bytes a request may carry."""
        return lambda method, path: self.tables[listener].body_max(method, path, self._body_bytes[listener])


async def _await(reply: Awaitable[HttpReply]) -> HttpReply:
    try:
        return await reply
    except CannotRead:
        return refusal(503)  # says nothing of what was or was not done: the same request again finds out
