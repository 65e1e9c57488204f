"""The MLLP door all inbound HL7 comes through, plain, with TLS, or with client certificates."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from engine.codecs.mllp import Noise
from engine.connectors.answer import Answer
from engine.connectors.listener import Listener
from engine.connectors.mllp_door import MllpDoor
from engine.connectors.mllp_limits import MllpLimits, Peer
from engine.connectors.tls import TlsOptions
from engine.core.world import World

Handle = Callable[[bytes, Peer], "Answer | Deferred[bytes] | bytes"]
OnMessage = Callable[[Peer, int, int, float], None]


class MllpListener(Listener):
    """Listens on one address and hands each message's body to `handle`, one at a time per connection.

    What the handler gives back is the acknowledgement (empty: none is wanted). Nothing is ever acknowledged without
    it: a handler that fails, or takes longer than `answer_s`, costs the peer its connection and nothing else, and
    the peer sends again. `on_message(peer, bytes_in, bytes_out, seconds)` is called after each acknowledgement,
    `on_noise(peer, noise)` for bytes that were no message, `on_error(failure)` with what the handler raised.

    With `tls` its certificate is shown; with its `ca_pem`, clients must show one of those authorities. `share`: see
    Listener. Messages that have come but are not begun when it is drained are dropped without an acknowledgement.
    Counters: `connections`, `in_flight`, `held` (bytes), `refused` (connections beyond a limit), `noise` (blocks
    and bytes dropped, by reason), `late` (handlers cut off).
    """

    def __init__(
        self,
        world: World,
        name: str,
        host: str,
        port: int,
        handle: Handle,
        limits: MllpLimits | None = None,
        tls: TlsOptions | None = None,
        *,
        on_message: OnMessage | None = None,
        on_noise: Callable[[Peer, Noise], None] | None = None,
        on_error: Callable[[Failure], None] | None = None,
        share: bool = False,
    ) -> None:
        self.limits: MllpLimits = limits or MllpLimits()
        super().__init__(world, name, host, port, on_error=on_error, tls=tls, share=share)
        self.handle = handle
        self.late = 0
        self.noise: dict[str, int] = {}
        self._on_message = on_message
        self._on_noise = on_noise

    def _new_door(self, ip: str, port: int, secure: bool) -> MllpDoor:
        return MllpDoor(self, Peer(ip, port), secure)

    # --- for MllpDoor ---------------------------------------------------------------------------

    def heard_noise(self, peer: Peer, noise: Noise) -> None:
        self.noise[noise.why] = self.noise.get(noise.why, 0) + 1
        if self._on_noise is not None:
            self._on_noise(peer, noise)

    def served(self, peer: Peer, size_in: int, size_out: int, seconds: float) -> None:
        if self._on_message is not None:
            self._on_message(peer, size_in, size_out, seconds)
