"""Wait for a change, but not longer than so many business seconds."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from engine.core.world import World


def first_of(world: World, change: Deferred[Any], seconds: float) -> Deferred[None]:
    """Fires when `change` does or the time is over, whichever is first. `change` is not cancelled."""
    over: Deferred[None] = Deferred()
    timer = world.later(seconds, _fire, over)

    def changed(result: Any) -> Any:
        if timer.active():
            timer.cancel()
        _fire(over)
        return result

    change.addBoth(changed)
    return over


def _fire(one: Deferred[None]) -> None:
    if not one.called:
        one.callback(None)
