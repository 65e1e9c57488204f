"""`/healthz` (alive), `/readyz` (may be given work), `/metrics`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from engine.core.http import HttpReply, HttpRequest
from engine.runtime.node_meters import NodeMeters
from engine.runtime.replies import json_reply
from engine.runtime.routes import Route


class Health:
    """Answers for load balancers and monitoring; nothing here names a patient."""

    def __init__(self, meters: NodeMeters, ready: Callable[[], str]) -> None:
        """`ready` says "" or why the engine should get no work now."""
        self._meters, self._ready = meters, ready

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/healthz", self._alive, "healthz", 0),
            Route("GET", "/readyz", self._readiness, "readyz", 0),
            Route("GET", "/metrics", self._metrics, "metrics", 0),
        ]

    def _alive(self, request: HttpRequest, parts: Mapping[str, str]) -> HttpReply:
        return json_reply(200, {"alive": True})

    def _readiness(self, request: HttpRequest, parts: Mapping[str, str]) -> HttpReply:
        why = self._ready()
        return json_reply(503 if why else 200, {"ready": not why, **({"why": why} if why else {})})

    def _metrics(self, request: HttpRequest, parts: Mapping[str, str]) -> HttpReply | Awaitable[HttpReply]:
        page = self._meters.page()
        return _text(page) if isinstance(page, bytes) else _later(page)


def _text(page: bytes) -> HttpReply:
    return HttpReply(200, (("Content-Type", "text/plain; version=0.0.4; charset=utf-8"),), page)


async def _later(page: Awaitable[bytes]) -> HttpReply:
    return _text(await page)
