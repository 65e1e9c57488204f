"""What an accepted connection of any Listener has: an absolute deadline for its phase, ears that can be shut, and
an ending."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from engine.connectors.straight import Straight

if TYPE_CHECKING:
    from engine.connectors.listener import Listener


class Door(Protocol):
    """One connection. One lazy timer keeps its deadlines: it fires too early rather than being set anew each time."""

    keep_alive = False  # whether the kernel probes a resting connection

    def __init__(self, owner: Listener, ip: str, secure: bool) -> None:
        self._listener = owner
        self._world = owner.world
        self.ip = ip
        self._secure = secure
        self._wire: Any = None
        self._out: Straight
        self._began = 0.0
        self._paused = False
        self._full = False
        self._closed = False
        self._due = 0.0
        self._timer: Any = None
        self._timer_at = 0.0

    def connectionMade(self) -> None:
        self._wire = self.transport
        self._out = Straight(self.transport)
        self._wire.setTcpNoDelay(True)
        if self.keep_alive:
            self._wire.setTcpKeepAlive(True)
        self._wire.registerProducer(self, True)
        self._opened()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._closed = True
        if self._timer is not None:
            if self._timer.active():
                self._timer.cancel()
            self._timer = None
        self._ended()
        self._listener.lost(self)

    @abstractmethod
    def _opened(self) -> None:
        """The connection is up: set the first deadline."""

    @abstractmethod
    def _ended(self) -> None:
        """The connection is gone: let go of what was held for it."""

    @abstractmethod
    def _drained(self) -> None:
        """The peer has read what we wrote, after it had been slow."""

    @abstractmethod
    def _expired(self) -> None:
        """The deadline of the present phase has passed."""

    @abstractmethod
    def drain(self) -> None:
        """Close if nothing is going on; otherwise after what is at hand."""

    def abort(self) -> None:
        """Cut the connection now."""
        if not self._closed:
            self._wire.unregisterProducer()
            self._wire.abortConnection()

    # --- flow -----------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """The peer reads slower than we write."""
        self._full = True

    def resumeProducing(self) -> None:
        """The peer has read what we wrote."""
        self._full = False
        self._drained()

    def stopProducing(self) -> None:
        """Nothing to stop: what we write is written whole."""

    def _shut_ears(self) -> None:
        """What else the peer says waits in the kernel."""
        if not self._paused:
            self._paused = True
            self._wire.pauseProducing()

    def _open_ears(self) -> None:
        if self._paused:
            self._paused = False
            self._wire.resumeProducing()

    # --- deadlines ------------------------------------------------------------------------------

    def _within(self, seconds: float) -> None:
        """The current phase must end within so many business seconds."""
        self._due = self._world.passed() + seconds
        if self._timer is not None:
            if self._timer_at <= self._due:
                return  # it will fire too early, look at the deadline and go back to sleep
            if self._timer.active():
                self._timer.cancel()
        self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        self._timer_at = self._world.passed() + seconds
        self._timer = self._world.later(seconds, self._woken)

    def _woken(self) -> None:
        self._timer = None
        left = self._due - self._world.passed()
        if left > 1e-6:
            self._sleep(left)
        else:
            self._expired()
