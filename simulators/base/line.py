"""The connection one message came on, where messages are answered one after the other (MLLP, fixed lengths)."""

from __future__ import annotations

from typing import Any, Protocol


class Channel(Protocol):
    """What a line needs of its connection; `gone` once it is lost."""

    transport: Any
    gone: bool

    def next(self) -> None:
        """The next message, when the one before is answered."""


class Line:
    """Answered once, or dropped; `over` then."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.over = False

    def part(self, content: bytes) -> bool:
        """Some bytes of an answer that is not whole yet; False when there is nobody left."""
        if self.over or self._channel.gone:
            return False
        self._channel.transport.write(content)
        return True

    def send(self, content: bytes, *, and_close: bool = False) -> bool:
        """False when there is nobody left to answer."""
        if self.over or self._channel.gone:
            return False
        self.over = True
        self._channel.transport.write(content)
        if and_close:
            self._channel.transport.loseConnection()
        else:
            self._channel.next()
        return True

    def drop(self) -> None:
        """Reset the connection."""
        if not self.over and not self._channel.gone:
            self.over = True
            self._channel.transport.abortConnection()

    def close(self) -> None:
        """Close it without an answer."""
        if not self.over and not self._channel.gone:
            self.over = True
            self._channel.transport.loseConnection()
