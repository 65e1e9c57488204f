"""Keys a platform signs with that we do not have yet: fetched once for all who wait, told to a person when that fails.

A platform may begin to sign with a new certificate before anybody configured it. What it says then is not believed
until the key is here; what it said meanwhile is read again with the new key, never sent again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from twisted.internet.defer import Deferred

from engine.core.world import World
from engine.parties.contract import RenewsKeys, Tree
from engine.runtime.connections import CannotCall, Connections

PAUSE = 60.0  # seconds between two attempts for one party: anybody may post a callback under an invented serial
WAIT = 10.0  # seconds for the platform's answer

Fetch = Callable[[str, str, float], Awaitable[Mapping[str, str] | None]]
"""(party, operation, seconds) → what the platform hands out, None when it does not or cannot be believed."""


class VerifyKeys:
    """Fetches what parties hand out, at most once a minute for each."""

    def __init__(self, world: World, connections: Connections, fetch: Fetch) -> None:
        self._world, self._connections, self._fetch = world, connections, fetch
        self._waiting: dict[str, list[Deferred[None]]] = {}
        self._tried: dict[str, float] = {}

    async def has(self, party: str, name: str) -> bool:
        """Whether a signature by the key of this name can be checked now, after asking the platform if need be."""
        if self._knows(party, name):
            return True
        line = self._waiting.get(party)
        if line is not None:
            turn: Deferred[None] = Deferred()
            line.append(turn)
            await turn
            return self._knows(party, name)
        now = self._world.now()
        if now - self._tried.get(party, -PAUSE) < PAUSE:
            return False
        self._tried[party] = now
        self._waiting[party] = []
        try:
            await self._renew(party, name)
        except Exception:  # not a `finally`: a coroutine nobody will resume is closed, and must wake nobody
            self._over(party)
            raise
        self._over(party)
        return self._knows(party, name)

    def _over(self, party: str) -> None:
        for turn in self._waiting.pop(party):
            turn.callback(None)

    def _knows(self, party: str, name: str) -> bool:
        kind = self._connections.party(party)
        try:
            return isinstance(kind, RenewsKeys) and kind.has_key(self._connections.get(party).opened, name)
        except CannotCall:
            return False

    async def _renew(self, party: str, name: str) -> None:
        kind = self._connections.party(party)
        if not isinstance(kind, RenewsKeys) or not kind.hands_out(name):
            return
        body: Tree = await self._fetch(party, kind.keys_op, WAIT)
        if body is not None:
            self._connections.renew(party, lambda opened: kind.with_keys(opened, body))
