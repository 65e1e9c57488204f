"""The engine's links to outside parties: kind, address, keys, window. Opened when first needed, not at start."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from engine.config.secret import SecretMissing
from engine.connectors.tls import TlsOptions
from engine.parties.contract import Party
from engine.runtime.senders import Sender


class CannotCall(Exception):
    """A call cannot even be built now: a key is missing or unreadable, or the sign-in failed. Nothing was sent."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One party as engine.yaml names it. `opened` is what the party made of its settings (parsed keys)."""

    name: str
    party: Party
    opened: Any
    sender: Sender
    tls: TlsOptions | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """How to open a connection: the party's code, its settings with secrets resolved, its sender, and the certificates
    of an encrypted one as they lie in their files now."""

    party: Party
    settings: Callable[[], Any]
    sender: Callable[[TlsOptions | None], Sender]
    tls: Callable[[], TlsOptions | None] = lambda: None


class Connections:
    """All parties by name. A party that cannot be opened is tried again at the next call."""

    def __init__(self, links: Mapping[str, Link]) -> None:
        self._links = dict(links)
        self._open: dict[str, Connection] = {}
        self._leaving: list[Sender] = []

    def names(self) -> tuple[str, ...]:
        """All parties of the site in force."""
        return tuple(self._links)

    def party(self, name: str) -> Party:
        """The party's code; KeyError for a name engine.yaml does not have (lint has seen to that)."""
        return self._links[name].party

    def get(self, name: str) -> Connection:
        """The open connection; CannotCall when its keys cannot be read."""
        found = self._open.get(name)
        if found is not None:
            return found
        link = self._links[name]
        try:
            opened, tls = link.party.open(link.settings()), link.tls()
            connection = Connection(name, link.party, opened, link.sender(tls), tls)
        except (SecretMissing, OSError, ValueError, KeyError) as problem:
            raise CannotCall(f"{name}: {problem}") from None
        self._open[name] = connection
        return connection

    def renew(self, name: str, change: Callable[[Any], Any]) -> None:
        """Other settings of an open connection, such as a key more. A reload reads those of engine.yaml again."""
        old = self._open.get(name)
        if old is not None:
            self._open[name] = dataclasses.replace(old, opened=change(old.opened))

    def replace(self, links: Mapping[str, Link], stay: Collection[str]) -> list[Sender]:
        """Other parties from now on. Those in `stay` keep their sender, unless they are spoken to with other
        certificates than before; their keys are read anew (after a rotation; the ones in use stay where that fails).
        The senders nobody will use again: they still carry what is in flight."""
        before, self._links, self._open = self._open, dict(links), {}
        for name in list(before):
            if name in stay and name in self._links and not self._other_certificates(before[name]):
                old = before.pop(name)
                self._open[name] = self._with_keys(old)
        left = [one.sender for one in before.values()]
        self._leaving += left
        return left

    def _other_certificates(self, old: Connection) -> bool:
        try:
            return self._links[old.name].tls() != old.tls
        except (SecretMissing, OSError, ValueError):
            return False  # what lies there now cannot be used

    def leave(self, sender: Sender) -> None:
        """A sender of before, once it carries nothing any more."""
        self._leaving.remove(sender)
        sender.stop()

    def _with_keys(self, old: Connection) -> Connection:
        try:
            return dataclasses.replace(old, opened=old.party.open(self._links[old.name].settings()))
        except (SecretMissing, OSError, ValueError, KeyError):
            return old

    def stats(self) -> dict[str, tuple[int, int]]:
        """Party → (calls in flight, calls queued), for the open ones."""
        return {name: (c.sender.in_flight, c.sender.queued) for name, c in self._open.items()}

    def close(self) -> Deferred[list[None]]:
        """Close all senders; calls in flight get no more time."""
        senders = [*(one.sender for one in self._open.values()), *self._leaving]
        return gatherResults([one.stop(0.0) for one in senders], consumeErrors=True)
