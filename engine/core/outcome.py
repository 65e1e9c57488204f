"""The ways a talk with an outside party ends, and what an inquiry finds out.

A timeout, a reset, a half reply, an HTML page, a code nobody listed: all UNKNOWN. Only an
explicit no that the party will stand by is REFUSED. An inquiry that was itself refused (rate limit,
signature, permission) tells nothing: Fact.UNKNOWN, never NOT_THERE.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How a call ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    PENDING = "pending"
    UNKNOWN = "unknown"


class Fact(StrEnum):
    """What an inquiry, a callback or a bill row says about one of our numbers."""

    THERE = "there"
    WAITING = "waiting"
    CLOSED = "closed"
    NOT_THERE = "not_there"
    UNKNOWN = "unknown"
