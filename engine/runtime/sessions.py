"""Daily sign-ins: one sign-in at a time per party, its values stored, renewed when the party forgot us."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from twisted.internet.defer import Deferred

from engine.core.world import World
from engine.runtime.connections import CannotCall


@dataclass(frozen=True, slots=True)
class Session:
    """Values of a sign-in (such as sign_no) and the instant after which they are void."""

    values: Mapping[str, str]
    until: float


SignIn = Callable[[str], Awaitable[Session | None]]


class Sessions:
    """Who needs a session gets the living one, or waits for the one sign-in under way."""

    def __init__(self, world: World, sign_in: SignIn) -> None:
        self._world, self._sign_in = world, sign_in
        self._live: dict[str, Session] = {}
        self._waiting: dict[str, list[Deferred[None]]] = {}

    def put(self, party: str, session: Session) -> None:
        """A session from the store (at start) or from the timed channel."""
        self._live[party] = session

    async def get(self, party: str) -> Mapping[str, str]:
        """The living session's values; CannotCall when the sign-in fails."""
        found = self._live.get(party)
        if found is None or found.until <= self._world.now():
            await self._renewed(party)
            found = self._live.get(party)
        if found is None or found.until <= self._world.now():
            raise CannotCall(f"{party}: not signed in")
        return found.values

    async def renew(self, party: str, lost: Mapping[str, str]) -> Mapping[str, str]:
        """The party no longer knows `lost`: sign in again unless somebody already has."""
        found = self._live.get(party)
        if found is not None and found.values == lost:
            del self._live[party]
        return await self.get(party)

    async def _renewed(self, party: str) -> None:
        line = self._waiting.get(party)
        if line is not None:
            turn: Deferred[None] = Deferred()
            line.append(turn)
            await turn
            return
        self._waiting[party] = []
        try:
            session = await self._sign_in(party)
            if session is not None:
                self._live[party] = session
        except Exception:  # not a `finally`: a coroutine nobody will resume is closed, and must wake nobody
            self._over(party)
            raise
        self._over(party)

    def _over(self, party: str) -> None:
        for turn in self._waiting.pop(party):
            turn.callback(None)
