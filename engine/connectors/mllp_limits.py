"""How much and how long an MLLP listener bears, and who is on the line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MllpLimits:
    """Limits of one listener. Times are business seconds, absolute (a drip does not extend them); sizes bytes.

    `handshake_s`: TLS. `frame_s`: from a block's VT to its end. `idle_s`: between two messages; HIS systems keep
    their connections for days. `answer_s`: how long the handler may take before it is cancelled and the connection
    closed without an acknowledgement. `write_s`: how long the peer may leave an acknowledgement unread.
    `message`: one body. `buffered`: bytes of bodies held at once over all connections.
    """

    handshake_s: float = 10.0
    frame_s: float = 60.0
    idle_s: float = 24 * 3600.0
    answer_s: float = 120.0
    write_s: float = 30.0
    message: int = 16 * 1024 * 1024
    buffered: int = 64 * 1024 * 1024
    connections: int = 500
    per_ip: int = 100


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of an accepted connection: its address, and the common name of the certificate it showed."""

    ip: str
    port: int
    name: str = ""
