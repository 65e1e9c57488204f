"""The `soap` part of a channel as the engine works with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SoapSpec:
    """Where a channel's service is served."""

    at: str
    path: str
