"""What is not HTTP with the face of an HTTP sender: parties build requests and read replies, whatever carries them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from engine.codecs import json_text
from engine.connectors.contract import Clash, Unfit
from engine.connectors.files.sender import FileSender
from engine.connectors.fixed_sender import FixedSender
from engine.connectors.mllp_sender import MllpSender
from engine.connectors.sql.sender import SqlSender
from engine.core.http import HttpReply, HttpRequest
from engine.parties.files import CLASH, SAME, UNFIT, WRITTEN
from engine.parties.mllp import CONTROL


class _Line(Protocol):
    """What every sender tells of itself, and how it ends."""

    @property
    def in_flight(self) -> int: ...

    @property
    def queued(self) -> int: ...

    def stop(self, seconds: float) -> Deferred[None]: ...


class Carried(ABC):
    """A line that is not HTTP; how a request becomes what goes over it is each kind's own `send`."""

    def __init__(self, line: _Line) -> None:
        self._line = line

    @property
    def in_flight(self) -> int:
        return self._line.in_flight

    @property
    def queued(self) -> int:
        return self._line.queued

    def stop(self, seconds: float = 0.0) -> Deferred[None]:
        """As every sender's."""
        return self._line.stop(seconds)

    @abstractmethod
    def send(
        self, request: HttpRequest, deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[HttpReply]:
        """Send once and give the reply, or fail with NotSent or Silent."""


class FixedCalls(Carried):
    """Fixed-length messages over TCP: the body of each request is one; its answer is the body of a reply 200."""

    def __init__(self, sender: FixedSender) -> None:
        super().__init__(sender)
        self._sender = sender

    def send(
        self, request: HttpRequest, deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[HttpReply]:
        return self._sender.send(request.body, deadline_s, on_first_byte).addCallback(_as_reply)


class MllpCalls(Carried):
    """HL7 over MLLP: the body of each request is a message; its acknowledgement is the body of a reply 200."""

    def __init__(self, sender: MllpSender) -> None:
        super().__init__(sender)
        self._sender = sender

    def send(
        self, request: HttpRequest, deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[HttpReply]:
        sent = self._sender.send(request.body, request.header(CONTROL), deadline_s, on_first_byte)
        return sent.addCallback(_as_reply)


class WrittenCalls(Carried):
    """Files and rows: each request becomes a file named by its target, or its JSON body a row; the reply is the
    connector's word: 201 written, 200 the same was there, 409 something else is there, 422 it can never be taken."""

    def __init__(self, sender: FileSender | SqlSender) -> None:
        super().__init__(sender)
        self._sender = sender

    def send(
        self, request: HttpRequest, deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[HttpReply]:
        if isinstance(self._sender, FileSender):
            sent = self._sender.send(request.target.removeprefix("/"), request.body, deadline_s, on_first_byte)
        else:
            sent = self._sender.send(json_text.parse(request.body), deadline_s, on_first_byte)
        return sent.addCallbacks(_written, _refused)


def _as_reply(body: bytes) -> HttpReply:
    return HttpReply(200, (), body)


def _written(new: bool) -> HttpReply:
    return HttpReply(201, (), WRITTEN) if new else HttpReply(200, (), SAME)


def _refused(failure: Any) -> HttpReply:
    if failure.trap(Clash, Unfit) is Clash:
        return HttpReply(409, (), CLASH)
    return HttpReply(422, (), UNFIT + str(failure.value).encode())
