"""One outgoing connection of an MllpSender: one message in flight, its acknowledgement matched by MSA-2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IAddress, IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]  # zope ships no types

from engine.codecs.mllp import Framer, Noise
from engine.core.world import World

if TYPE_CHECKING:
    from engine.connectors.mllp_sender import MllpSender, Sending

_GOODBYE_S = 2.0  # how long TLS may take to say goodbye


@implementer(IHandshakeListener)
class MllpLink(Protocol):
    """Carries messages for its sender. With TLS it is ready only after the handshake: before that, a failure is
    still one where nothing of the message was sent."""

    def __init__(self, owner: MllpSender, world: World, secure: bool) -> None:
        self._owner = owner
        self._world = world
        self._secure = secure
        self.call: Sending | None = None
        self.idle_since = 0.0
        self.ready = False
        self.gone = False
        self.connecting: Any = None  # the endpoint's Deferred, then None
        self.timer: Any = None  # bounds the time until ready
        self._framer = Framer(owner.max_reply_bytes)
        self._wire: Any = None
        self._lost = False
        self._goodbye: Any = None

    def connectionMade(self) -> None:
        self._wire = self.transport
        self._wire.setTcpNoDelay(True)
        self._wire.setTcpKeepAlive(True)
        if not self._secure:
            self._owner.link_ready(self)

    def handshakeCompleted(self) -> None:
        """TLS is up and the peer is who it should be."""
        self._owner.link_ready(self)

    def ask(self, call: Sending) -> None:
        """Write the whole block, in one piece."""
        self.call = call
        self._wire.write(call.data)

    def dataReceived(self, data: bytes) -> None:
        if self.gone:
            return
        if self.call is None:
            if not data.strip(b"\r\n"):  # some end a block with more than CR
                return
            self._owner.link_spoke_unasked(self)
            return
        found = self._framer.feed(data)
        for number, part in enumerate(found):
            if isinstance(part, Noise):
                if part.why != "garbage" or part.close:  # line ends between two blocks are harmless
                    self._owner.link_failed(self, f"not MLLP: {part.why}")
                    return
            else:
                surplus = number + 1 < len(found) or self._framer.inside
                self._owner.link_answered(self, part.body, surplus=surplus)
                return

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost = True
        if self._goodbye is not None and self._goodbye.active():
            self._goodbye.cancel()
        if self.gone:
            return
        why = type(reason.value).__name__
        if self.call is not None:
            self._owner.link_failed(self, f"connection lost: {why}")
        else:
            self._owner.link_lost(self, why)

    def close(self, *, hard: bool = False) -> None:
        """Let go of the connection; nothing it still brings is heard."""
        self.gone = True
        if self.connecting is not None:
            connecting, self.connecting = self.connecting, None
            connecting.cancel()
        if self._wire is None or self._lost:
            return
        if hard:
            self._wire.abortConnection()
            return
        self._wire.loseConnection()
        if self._secure and not self._lost:  # a mute peer would keep the socket open for ever
            self._goodbye = self._world.later(_GOODBYE_S, self._wire.abortConnection)


class Once(Factory):
    """Builds the one link of an attempt."""

    noisy = False

    def __init__(self, link: MllpLink) -> None:
        self._link = link

    def buildProtocol(self, addr: IAddress | None) -> MllpLink:
        return self._link
