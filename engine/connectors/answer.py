"""An acknowledgement that is still to be made: a Deferred's little brother, for the path of every message."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

Heard = Callable[[bytes, "Answer"], object]


class Answer:
    """Given once by who works on a message, heard once by who waits for it, whichever comes first."""

    __slots__ = ("_heard", "_reply", "given")

    def __init__(self) -> None:
        self.given = False
        self._reply = b""
        self._heard: Heard | None = None

    def give(self, reply: bytes) -> None:
        """This is the acknowledgement. What comes after the first, or after a cancel, is not said."""
        if self.given:
            return
        self.given, self._reply = True, reply
        if self._heard is not None:
            self._heard(reply, self)

    def then(self, heard: Heard) -> None:
        """Call this with the acknowledgement (and this answer) when it is there."""
        self._heard = heard
        if self.given:
            heard(self._reply, self)

    def cancel(self) -> None:
        """Nobody waits any more: it is heard as empty now."""
        self.give(b"")

    def deferred(self) -> Deferred[bytes]:
        """The same for who wants a Deferred."""
        done: Deferred[bytes] = Deferred()
        self.then(lambda reply, _: done.callback(reply))
        return done
