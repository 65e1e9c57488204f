"""The listeners of this node, and how they change while it runs: new ones are bound before anything else happens, what
stays is never closed, what goes answers what it has taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import CannotListenError

from engine.config.listener_parts import Listener
from engine.config.secret import SecretMissing


class Opened(Protocol):
    """A listener with an address of its own. `name` is the one engine.yaml gives it; it may change."""

    name: str
    host: str
    port: int

    def start(self) -> Deferred[int]: ...
    def drain(self, seconds: float) -> Deferred[None]: ...


Place = tuple[str, str, int, str]
"""Kind, host, port; and the name where the port is 0, for then each has an address of its own."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of listener: where a row of engine.yaml has its address (None: none of this kind), how it is made, and
    how one that stays takes new limits and keys. `keys` reads a row's certificate and key (SecretMissing,
    ValueError); `renew` is given what it read and must not fail. `begin`: what a listener does only once its
    configuration is in force and those of its kind that go are gone."""

    address: Callable[[Listener], tuple[str, int] | None]
    make: Callable[[str, Listener], Opened]
    renew: Callable[[Opened, Listener, Any], None]
    keys: Callable[[Listener], Any] = lambda door: None
    begin: Callable[[Any], None] = lambda listener: None


class CannotOpen(Exception):
    """Listeners that cannot be opened, as `name host:port: why`; all that was opened is closed again."""


@dataclass(slots=True)
class Prepared:
    """Listeners as they will be: `by_name` all of them, `fresh` those opened for it, `leaving` those that go; `keys` of
    each, read already."""

    by_name: dict[str, Opened]
    doors: Mapping[str, Listener]
    keys: dict[str, Any] = field(default_factory=dict)
    fresh: list[Opened] = field(default_factory=list)
    leaving: dict[Place, Opened] = field(default_factory=dict)


class Listening:
    """All listeners by name."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self._kinds = kinds
        self.by_name: dict[str, Any] = {}
        self._at: dict[str, Place] = {}
        self._doors: Mapping[str, Listener] = {}

    async def open(self, doors: Mapping[str, Listener]) -> None:
        """Open all of them. Errors: CannotListenError, SecretMissing, ValueError."""
        self._doors = doors
        for name, door in doors.items():
            place = self._place(name, door)
            if place is not None:
                listener = self._kinds[place[0]].make(name, door)
                await listener.start()
                self.by_name[name], self._at[name] = listener, place
                self._kinds[place[0]].begin(listener)

    async def prepare(self, doors: Mapping[str, Listener]) -> Prepared:
        """Bind what is new or has moved; nothing changes yet for those who call. Errors: CannotOpen."""
        here = {place: self.by_name[name] for name, place in self._at.items()}
        made = Prepared({}, doors)
        wrong: list[str] = []
        for name, door in doors.items():
            place = self._place(name, door)
            if place is None:
                continue
            listener, kind = here.pop(place, None), self._kinds[place[0]]
            try:
                made.keys[name] = kind.keys(door)
                if listener is None:
                    listener = kind.make(name, door)
                    await listener.start()
                    made.fresh.append(listener)
            except CannotListenError as no:
                wrong.append(f"{name} {place[1]}:{place[2]}: {no.socketError}")
                continue
            except (SecretMissing, ValueError) as no:
                wrong.append(f"{name}: {no}")
                continue
            made.by_name[name] = listener
        if wrong:
            await self.forget(made)
            raise CannotOpen("; ".join(wrong))
        made.leaving = here
        return made

    def take(self, prepared: Prepared) -> None:
        """From now on these are the listeners; `leaving` ones are still to be drained."""
        self.by_name, self._at = prepared.by_name, {}
        for name, listener in prepared.by_name.items():
            place = self._place(name, prepared.doors[name])
            assert place is not None, "only rows with an address are opened"
            listener.name, self._at[name] = name, place
            self._kinds[place[0]].renew(listener, prepared.doors[name], prepared.keys[name])
        self._doors = prepared.doors

    def let_go(self, prepared: Prepared, seconds: float) -> None:
        """Drain what goes, within so many seconds; what is new of a kind begins when its forerunners have ended."""
        for kind, row in self._kinds.items():
            going = [one.drain(seconds) for place, one in prepared.leaving.items() if place[0] == kind]
            here = [self.by_name[name] for name, place in self._at.items() if place[0] == kind]
            fresh = [one for one in here if one in prepared.fresh]

            def begin(_: object, row: Kind = row, fresh: list[Any] = fresh) -> None:
                for one in fresh:
                    row.begin(one)

            gatherResults(going, consumeErrors=True).addBoth(begin)

    def fresh_keys(self) -> list[str]:
        """Read certificates and keys anew; those in use stay where that fails: `name: why` of each."""
        wrong = []
        for name, place in self._at.items():
            kind, door = self._kinds[place[0]], self._doors[name]
            try:
                kind.renew(self.by_name[name], door, kind.keys(door))
            except (SecretMissing, ValueError) as no:
                wrong.append(f"{name}: {no}")
        return wrong

    async def forget(self, prepared: Prepared) -> None:
        """It comes to nothing: close what was opened for it."""
        await gatherResults([one.drain(0.0) for one in prepared.fresh], consumeErrors=True)

    def drain(self, seconds: float) -> Deferred[list[None]]:
        """Close all doors; what is in flight may end within so many seconds."""
        return gatherResults([one.drain(seconds) for one in self.by_name.values()], consumeErrors=True)

    def _place(self, name: str, door: Listener) -> Place | None:
        for kind, row in self._kinds.items():
            address = row.address(door)
            if address is not None:
                return (kind, *address, "" if address[1] else name)
        return None
