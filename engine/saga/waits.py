"""How long a settlement waits before it asks, repeats or stops again. Seconds, business time."""

from __future__ import annotations

from engine.core.retry import Backoff

_ASK = Backoff(first=2.0, factor=1.5, cap=15.0, spread=0.0)
_PENDING = Backoff(first=5.0, factor=1.0, cap=5.0, spread=0.0)  # the payer is typing a password: every 5 s
_SEND = Backoff(first=1.0, factor=2.0, cap=30.0, spread=0.0)
_UNDO = Backoff(first=2.0, factor=2.0, cap=300.0, spread=0.0)


def ask_delay(asks: int, pending: bool) -> float:
    """Before the next inquiry about a forward leg."""
    return (_PENDING if pending else _ASK).delay(asks + 1, 0.0)


def send_delay(tries: int) -> float:
    """Before a call is sent again of which no byte had left."""
    return _SEND.delay(max(1, tries), 0.0)


def undo_delay(asks: int) -> float:
    """Before an undo is repeated or asked about again."""
    return _UNDO.delay(asks + 1, 0.0)
