"""Fixed-length messages over TCP with the face of an HTTP sender: parties build requests and read replies, whatever
carries them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred

from engine.connectors.fixed_sender import FixedSender
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World


class FixedCalls:
    """Sends the body of each request as a message; its answer is the body of a reply with status 200."""

    def __init__(self, world: World, url: str, *, frame: int, kept: bool, window: int, queue_max: int) -> None:
        parts = urlsplit(url)
        self._sender = FixedSender(
            world, parts.hostname or "", parts.port or 0, frame=frame, kept=kept, window=window, queue_max=queue_max
        )

    @property
    def in_flight(self) -> int:
        return self._sender.in_flight

    @property
    def queued(self) -> int:
        return self._sender.queued

    def send(
        self, request: HttpRequest, deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[HttpReply]:
        """Send once and give the answer, or fail with NotSent or Silent."""
        sent = self._sender.send(request.body, deadline_s, on_first_byte)
        return sent.addCallback(_as_reply)

    def stop(self, seconds: float = 0.0) -> Deferred[None]:
        """As every sender's."""
        return self._sender.stop(seconds)


def _as_reply(body: bytes) -> HttpReply:
    return HttpReply(200, (), body)
