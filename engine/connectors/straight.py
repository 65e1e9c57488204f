"""Writing without waiting for the reactor's next turn.

A transport keeps what it is given until the reactor tells it that the socket can be written to: two changes of what
the kernel watches and one more event for each message. A socket that has nothing waiting takes a message at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Straight:
    """The writing side of one connection; everything must go through it, so that nothing overtakes. What the socket
    does not take at once, and everything after it, goes the transport's way (as does all of TLS)."""

    __slots__ = ("_plain", "_send", "_wire")

    def __init__(self, wire: Any) -> None:
        self._wire = wire
        # Of its class: a TLS wrapper passes on what it does not know itself, and would put clear text on the wire.
        self._plain = hasattr(type(wire), "writeSomeData") and not getattr(wire, "TLS", False)
        self._send: Callable[[bytes], int] = wire.socket.send if self._plain else len

    def write(self, data: bytes) -> None:
        """Write all of it, sooner or later, in order."""
        wire = self._wire
        if not self._plain or not wire.connected or wire.disconnecting:
            wire.write(data)
            return
        try:
            taken = self._send(data)
        except OSError:  # full; or an error, which the transport finds and tells
            taken = 0
        if taken == len(data):
            return
        self._plain = False
        wire.write(data[taken:])
