"""Messages of one fixed length over TCP: so many bytes go out, so many come back.

Nothing in the stream says where a message begins. So a connection carries one message at a time, and one whose answer
was late, short or followed by anything else is closed: its bytes must never be taken for the next answer. Where the
other side closes after each answer (`kept` False), so do we.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail

from engine.connectors.contract import NotSent
from engine.connectors.link import Link
from engine.connectors.sender import Call, Sender
from engine.connectors.tls import TlsOptions
from engine.core.world import World


class FixedCall(Call[bytes]):
    """A message on its way."""

    __slots__ = ()


class FixedLink(Link[FixedCall]):
    """Carries messages; an answer is the first `frame` bytes that come."""

    keep_alive = True

    def __init__(self, owner: FixedSender, world: World, secure: bool) -> None:
        super().__init__(owner, world, secure)
        self._sender = owner
        self._got = bytearray()

    def dataReceived(self, data: bytes) -> None:
        if self.gone:
            return
        if self.call is None:
            self._owner.link_spoke_unasked(self)
            return
        self._got += data
        size = self._sender.frame
        if len(self._got) >= size:
            answer, surplus = bytes(self._got[:size]), len(self._got) > size
            self._got.clear()
            self._owner.link_answered(self, answer, reusable=self._sender.kept and not surplus, surplus=surplus)


class FixedSender(Sender[FixedCall, bytes]):
    """Sends to one host and port.

    `frame`: bytes of every message, both ways. `kept`: a connection carries several, one after the other; else each
    message has its own. `window` connections at most, `queue_max` messages waiting for one. Times are business
    seconds. A connection idle for `idle_s` is closed. Counters: `in_flight`, `queued`, `opened` (connections ever
    made), `surplus` (bytes that answered nothing).
    """

    def __init__(
        self,
        world: World,
        host: str,
        port: int,
        *,
        frame: int,
        kept: bool = False,
        window: int = 1,
        queue_max: int = 100,
        connect_timeout: float = 5.0,
        tls: TlsOptions | None = None,
        idle_s: float = 20.0,
    ) -> None:
        super().__init__(
            world,
            host,
            port,
            window=window,
            queue_max=queue_max,
            connect_timeout=connect_timeout,
            tls=tls,
            max_reply_bytes=frame,
            idle_s=idle_s,
        )
        self.frame, self.kept = frame, kept

    def send(
        self, body: bytes, deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[bytes]:
        """Send one message once and give its answer, exactly `frame` bytes.

        Fails with NotSent (no byte left) or Silent (no whole answer came). `deadline_s` covers everything.
        `on_first_byte` is called right before the message is written; if it raises, nothing is written (NotSent).
        Cancelling the Deferred ends the call the same way as its deadline does.
        """
        refused = self._no_room(deadline_s)
        if refused is not None:
            return fail(refused)
        if len(body) != self.frame:
            return fail(NotSent(f"not a message: {len(body)} bytes instead of {self.frame}"))
        return self._accept(FixedCall(body, on_first_byte), deadline_s)

    def _new_link(self) -> FixedLink:
        return FixedLink(self, self._world, self._secure)
