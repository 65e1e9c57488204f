"""The connection to nobody: what is said stays here, and comes back as it was said.

For what a terminal does by itself (`here:`): the call is written down like every other, and no byte leaves.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed

from engine.core.http import HttpReply, HttpRequest


class Here:
    """A sender whose reply is the request's own body."""

    in_flight = 0
    queued = 0

    def send(
        self, request: HttpRequest, deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[HttpReply]:
        """200 with what was sent, at once."""
        return succeed(HttpReply(200, (), request.body))

    def stop(self, seconds: float = 0.0) -> Deferred[None]:
        """As every sender's."""
        return succeed(None)
