"""One outgoing connection of a Sender: one call in flight on it; how its reply is read is the subclass's matter."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from twisted.internet.interfaces import IAddress, IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]  # zope ships no types

from engine.connectors.straight import Straight
from engine.core.world import World

if TYPE_CHECKING:
    from engine.connectors.sender import Call, Sender

_GOODBYE_S = 2.0  # how long TLS may take to say goodbye
C = TypeVar("C", bound="Call[Any]")


@implementer(IHandshakeListener)
class Link(Protocol, Generic[C]):
    """Carries calls for its sender. With TLS it is ready only after the handshake: before that, a failure is still
    one where nothing of the call was sent."""

    keep_alive = False  # whether the kernel probes a resting connection

    def __init__(self, owner: Sender[C, Any], world: World, secure: bool) -> None:
        self._owner = owner
        self._world = world
        self._secure = secure
        self.call: C | None = None
        self.idle_since = 0.0
        self.ready = False
        self.gone = False
        self.connecting: Any = None  # the endpoint's Deferred, then None
        self.timer: Any = None  # bounds the time until ready
        self._wire: Any = None
        self._out: Straight
        self._write: Callable[[bytes], None]
        self._lost = False
        self._goodbye: Any = None

    def connectionMade(self) -> None:
        self.connecting = None  # nothing is left to cancel, also for who closes us before the endpoint has said so
        self._wire = self.transport
        self._out = Straight(self.transport)
        self._write = self._out.write
        self._wire.setTcpNoDelay(True)
        if self.keep_alive:
            self._wire.setTcpKeepAlive(True)
        if not self._secure:
            self._owner.link_ready(self)

    def handshakeCompleted(self) -> None:
        """TLS is up and the peer is who it should be."""
        self._owner.link_ready(self)

    def ask(self, call: C) -> None:
        """Write the whole call, in one piece."""
        self.call = call
        self._write(call.data)

    @abstractmethod
    def dataReceived(self, data: bytes) -> None:
        """Read the reply; tell the owner `link_answered`, `link_failed` or `link_spoke_unasked`."""

    def ended_well(self, reason: Failure) -> bool:
        """The peer closed. Was that the end of a whole reply (which this has then handed over)?"""
        return False

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost = True
        if self._goodbye is not None and self._goodbye.active():
            self._goodbye.cancel()
        if self.gone:
            return
        if self.call is None:
            self._owner.link_lost(self, type(reason.value).__name__)
        elif not self.ended_well(reason):
            self._owner.link_failed(self, f"connection lost: {type(reason.value).__name__}")

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

    def __init__(self, link: Link[Any]) -> None:
        self._link = link

    def buildProtocol(self, addr: IAddress | None) -> Link[Any]:
        return self._link
