"""Files and rows with the face of an HTTP sender: parties build requests and read replies, whatever carries them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from engine.codecs import json_text
from engine.connectors.contract import Clash
from engine.connectors.files.sender import FileSender
from engine.connectors.sql.sender import SqlSender
from engine.core.http import HttpReply, HttpRequest
from engine.parties.files import CLASH, SAME, WRITTEN


class WrittenCalls:
    """Writes each request as a file named by its target, or its JSON body as a row; the reply is the connector's
    word: 201 written, 200 the same was there, 409 something else is there."""

    def __init__(self, sender: FileSender | SqlSender) -> None:
        self._sender = sender

    @property
    def in_flight(self) -> int:
        return self._sender.in_flight

    @property
    def queued(self) -> int:
        return self._sender.queued

    def send(
        self, request: HttpRequest, deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[HttpReply]:
        """Write once and say how it ended, or fail with NotSent or Silent."""
        if isinstance(self._sender, FileSender):
            sent = self._sender.send(request.target.removeprefix("/"), request.body, deadline_s, on_first_byte)
        else:
            sent = self._sender.send(json_text.parse(request.body), deadline_s, on_first_byte)
        return sent.addCallbacks(_written, _clashed)

    def stop(self, seconds: float = 0.0) -> Deferred[None]:
        """As every sender's."""
        return self._sender.stop(seconds)


def _written(new: bool) -> HttpReply:
    return HttpReply(201, (), WRITTEN) if new else HttpReply(200, (), SAME)


def _clashed(failure: Any) -> HttpReply:
    failure.trap(Clash)
    return HttpReply(409, (), CLASH)
