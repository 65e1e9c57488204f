"""Sends HL7 messages to one destination and waits for each one's own acknowledgement.

A connection carries one message at a time. Where its acknowledgement does not come in time, or another message's
comes instead, the connection is closed: a late acknowledgement must never be taken for the next message's.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail

from engine.codecs.hl7_ack import AckKind, read_ack
from engine.codecs.mllp import frame
from engine.connectors.contract import NotSent
from engine.connectors.mllp_link import MllpCall, MllpLink
from engine.connectors.sender import Sender
from engine.connectors.tls import TlsOptions
from engine.core.world import World


class MllpSender(Sender[MllpCall, bytes]):
    """Sends to one host and port, over TLS when `tls` is given (with `cert_pem` in it, mutual).

    `window` connections at most (1 keeps the order of messages), `queue_max` messages waiting for one. `charset` is
    what acknowledgements are read in when they do not say. Times are business seconds, sizes bytes. A connection
    idle for `idle_s` is closed. Counters: `in_flight`, `queued`, `opened` (connections ever made), `surplus`
    (acknowledgements nobody waited for), `mismatched` (of another message).
    """

    def __init__(
        self,
        world: World,
        host: str,
        port: int,
        *,
        window: int = 1,
        queue_max: int = 100,
        connect_timeout: float = 5.0,
        tls: TlsOptions | None = None,
        max_reply_bytes: int = 1024 * 1024,
        idle_s: float = 60.0,
        charset: str = "utf-8",
    ) -> None:
        super().__init__(
            world,
            host,
            port,
            window=window,
            queue_max=queue_max,
            connect_timeout=connect_timeout,
            tls=tls,
            max_reply_bytes=max_reply_bytes,
            idle_s=idle_s,
        )
        self._charset = charset
        self.mismatched = 0

    def send(
        self, body: bytes, control_id: str, deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[bytes]:
        """Send one message once and give the body of its acknowledgement (AA, AE or AR alike: `read_ack` tells).

        `control_id` is its MSH-10, which MSA-2 must repeat. Fails with NotSent (no byte left) or Silent (no
        acknowledgement of this message came). `deadline_s` covers everything. `on_first_byte` is called right before
        the message is written; if it raises, nothing is written (NotSent). Cancelling the Deferred ends the call
        the same way as its deadline does.
        """
        refused = self._no_room(deadline_s)
        if refused is not None:
            return fail(refused)
        if not control_id:
            return fail(NotSent("not a message: no control id"))
        try:
            data = frame(body)
        except ValueError:
            return fail(NotSent("not a message: VT or FS inside"))
        return self._accept(MllpCall(data, on_first_byte, control_id), deadline_s)

    def _new_link(self) -> MllpLink:
        return MllpLink(self, self._world, self._secure)

    def link_acknowledged(self, link: MllpLink, reply: bytes, *, surplus: bool) -> None:
        """A whole block. It ends the call only if it is this message's acknowledgement."""
        if link.call is not None:
            verdict = read_ack(reply, link.call.control_id, self._charset)
            if verdict.kind in (AckKind.MISMATCH, AckKind.UNREADABLE):
                self.surplus += surplus
                self.mismatched += verdict.kind is AckKind.MISMATCH
                self.link_failed(link, f"not its acknowledgement: {verdict.why}")
                return
        self.link_answered(link, reply, reusable=not surplus, surplus=surplus)
