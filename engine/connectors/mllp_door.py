"""One accepted connection of an MllpListener: one message at a time, acknowledged by its handler or not at all."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from cryptography.x509.oid import NameOID
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IHandshakeListener
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]  # zope ships no types

from engine.codecs.mllp import Framer, Noise, frame
from engine.connectors.answer import Answer
from engine.connectors.door import Door
from engine.connectors.mllp_limits import Peer

if TYPE_CHECKING:
    from engine.connectors.mllp_listener import MllpListener


class _Phase(Enum):
    HANDSHAKE = auto()
    READING = auto()  # between messages, or inside one
    BUSY = auto()  # the handler works
    STALLED = auto()  # the acknowledgement waits for the peer to read
    LEAVING = auto()
    CLOSED = auto()


# Looked up a dozen times a message, and a member of an enum costs four times what a name of the module does.
_HANDSHAKE: Final = _Phase.HANDSHAKE
_READING: Final = _Phase.READING
_BUSY: Final = _Phase.BUSY
_STALLED: Final = _Phase.STALLED
_LEAVING: Final = _Phase.LEAVING
_CLOSED: Final = _Phase.CLOSED
_GOODBYE: Final = 2.0  # seconds a peer has to answer a TLS goodbye, when nothing of it is at hand


@implementer(IHandshakeListener)
class MllpDoor(Door):
    """Reads blocks, hands them to the listener's handler, writes what it gives back."""

    keep_alive = True

    def __init__(self, owner: MllpListener, peer: Peer, secure: bool) -> None:
        super().__init__(owner, peer.ip, secure)
        self._owner = owner
        self._limits = owner.limits
        self.peer = peer
        self._phase = _HANDSHAKE if secure else _READING
        self._framer = Framer(owner.limits.message)
        self._waiting: deque[bytes] = deque()
        self._waiting_size = 0
        self._working_size = 0
        self._held = 0
        self._answer: Answer | Deferred[bytes] | None = None
        self._in_block = False
        self._going = False

    # --- the transport speaks -------------------------------------------------------------------

    def _opened(self) -> None:
        self._within(self._limits.handshake_s if self._secure else self._limits.idle_s)

    def handshakeCompleted(self) -> None:
        """TLS is up; a client certificate, where one was asked for, is verified."""
        shown: Any = self._wire.getPeerCertificate()
        if shown is not None:
            names = shown.to_cryptography().subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            self.peer = Peer(self.peer.ip, self.peer.port, str(names[0].value) if names else "")
        if self._phase is _HANDSHAKE:
            self._phase = _READING
            self._within(self._limits.idle_s)

    def dataReceived(self, data: bytes) -> None:
        if self._phase in (_LEAVING, _CLOSED):
            return
        for part in self._framer.feed(data):
            if isinstance(part, Noise):
                self._owner.heard_noise(self.peer, part)
                if part.close:  # nothing behind it has a known beginning; what came whole before may be answered
                    self._shut_ears()  # and a peer that still talks must not reset our last words away
            else:
                self._waiting.append(part.body)
                self._waiting_size += len(part.body)
        if not self._hold():
            self._owner.heard_noise(self.peer, Noise("no-memory", self._framer.held, close=True))
            self.abort()
            return
        if self._phase is _READING:
            self._next()
        else:  # busy: what else there is may wait in the kernel
            self._shut_ears()

    def _ended(self) -> None:
        for noise in self._framer.finish():
            self._owner.heard_noise(self.peer, noise)
        self._phase = _CLOSED
        self._waiting.clear()
        self._waiting_size = 0
        if self._answer is None:
            self._working_size = 0
        self._hold()

    def _drained(self) -> None:
        if self._phase is _STALLED:
            self._next()

    # --- messages -------------------------------------------------------------------------------

    def _next(self) -> None:
        """Work on the next whole message, or wait for one."""
        if self._going:  # a handler that answers at once must not make this recursive
            return
        self._going = True
        try:
            self._phase = _READING
            while self._waiting and self._phase is _READING:
                if self._owner.draining:
                    break
                self._dispatch(self._waiting.popleft())
        finally:
            self._going = False
        if self._phase is not _READING:
            return
        if self._owner.draining or self._framer.closed:
            self._leave()
            return
        self._open_ears()
        self._expect()

    def _expect(self) -> None:
        """Set the deadline of what comes next: the end of a block begun, or the beginning of one."""
        if self._phase is not _READING:
            return
        if not self._framer.inside:
            self._in_block = False
            self._within(self._limits.idle_s)
        elif not self._in_block:
            self._in_block = True
            self._within(self._limits.frame_s)

    def _dispatch(self, body: bytes) -> None:
        self._waiting_size -= len(body)
        self._working_size = len(body)
        self._in_block = False
        self._phase = _BUSY
        self._began = self._owner.world.now()
        try:
            answer = self._owner.handle(body, self.peer)
        except Exception:  # noqa: BLE001 - whatever the handler raises, the peer gets no acknowledgement
            self._failed(Failure())  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
            return
        if not isinstance(answer, Answer | Deferred):
            self._acknowledge(answer)
            return
        self._owner.in_flight += 1
        self._answer = answer
        self._within(self._limits.answer_s)
        if isinstance(answer, Answer):
            answer.then(self._answered)
        else:
            answer.addBoth(self._answered, answer)

    def _answered(self, result: bytes | Failure, whose: Answer | Deferred[bytes]) -> None:
        mine = self._answer is whose
        late = not mine or self._phase is not _BUSY
        if mine:
            self._answer = None
        if late:
            self._working_size = 0
            self._hold()
        if isinstance(result, Failure):
            if not isinstance(result.value, CancelledError):
                self._owner.failed(result)
            if not late:
                self._cut()
        elif not late:
            self._acknowledge(result)
        self._owner.finished()

    def _failed(self, failure: Failure) -> None:
        self._owner.failed(failure)
        self._cut()

    def _acknowledge(self, reply: bytes) -> None:
        """Write the handler's acknowledgement in one piece; empty means it wants none."""
        size, self._working_size = self._working_size, 0
        if reply:
            try:
                data = frame(reply)
            except Exception:  # noqa: BLE001 - a handler may give back anything
                self._failed(Failure())  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
                return
            self._out.write(data)
        self._hold()
        self._owner.served(self.peer, size, len(reply), self._owner.world.now() - self._began)
        if self._full:
            self._phase = _STALLED
            self._within(self._limits.write_s)
        else:
            self._phase = _READING
            self._next()

    def _hold(self) -> bool:
        """Account for what is kept in memory; False when all connections together keep too much."""
        if self._phase is _CLOSED:
            size = self._working_size
        else:
            size = self._framer.held + self._waiting_size + self._working_size
        self._owner.held += size - self._held
        self._held = size
        return self._owner.held <= self._limits.buffered

    # --- leaving --------------------------------------------------------------------------------

    def _leave(self, seconds: float | None = None) -> None:
        """Write what is still to be written and close, within so many seconds (the time a peer has to read)."""
        if self._phase in (_LEAVING, _CLOSED):
            return
        self._phase = _LEAVING
        self._waiting.clear()
        self._waiting_size = 0
        self._hold()
        self._wire.unregisterProducer()
        self._within(self._limits.write_s if seconds is None else seconds)
        self._wire.loseConnection()

    def _cut(self) -> None:
        """End without an acknowledgement of the message at hand; those before it are still written out."""
        self._working_size = 0
        self._leave()

    def drain(self) -> None:
        """Close if nothing is being worked on, also inside a message that is half there: its sender, who hears no
        acknowledgement, sends it again. Otherwise after the acknowledgement that is being made."""
        if self._phase in (_READING, _HANDSHAKE):
            self._leave(_GOODBYE)

    def _expired(self) -> None:
        if self._phase is _READING and not self._framer.inside:
            self._leave()
        elif self._phase is _BUSY:
            answer, self._answer = self._answer, None
            self._owner.late += 1
            self._cut()
            if answer is not None:
                answer.cancel()
        else:
            self.abort()
