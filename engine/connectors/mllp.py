"""HL7 over MLLP, both ways: what the rest of the engine needs of the connectors beside this file."""

from __future__ import annotations

from engine.connectors.mllp_limits import MllpLimits, Peer
from engine.connectors.mllp_listener import MllpListener
from engine.connectors.mllp_sender import MllpSender

__all__ = ["MllpLimits", "MllpListener", "MllpSender", "Peer"]
