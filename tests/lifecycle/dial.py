"""Somebody who only dials."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure


class Mute(Protocol):
    """Says nothing and hangs up when told."""

    transport: Any

    def __init__(self) -> None:
        self._gone: Deferred[None] = Deferred()

    def hang_up(self) -> Deferred[None]:
        self.transport.abortConnection()
        return self._gone

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._gone.callback(None)
