"""Wait for a change, but not longer than so many business seconds."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from engine.core.world import World


def first_of(world: World, change: Deferred[Any], seconds: float) -> Deferred[None]:
    """Fires when `change` does or the time is over, whichever is first; then `change` is cancelled."""
    over: Deferred[None] = Deferred()
    timer = world.later(seconds, change.cancel)

    def changed(result: Any) -> Any:
        if timer.active():
            timer.cancel()
        over.callback(None)
        cancelled = isinstance(result, Failure) and isinstance(result.value, CancelledError)
        return None if cancelled else result

    change.addBoth(changed)
    return over
