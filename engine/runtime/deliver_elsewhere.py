"""A person's hand on messages that lie in the store of a worker process.

The engine's own process has the door; it looks in its own store first, then asks the workers over the pipes it started
them with. What a person did is kept in the engine's store before a worker is told, and by the worker with what it did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from engine.core.world import World
from engine.runtime.deliver_hands import SHOWN, By, Hands, NotDone
from engine.store.contract import Store, StoreFull, StoreStopped, Unit
from engine.store.ids import Ids
from engine.store.lists_messages import Asked
from engine.store.messages import add_hand, message

Tree = Any


class Others(Protocol):
    """The worker processes."""

    def indexes(self) -> list[int]:
        """All that there are."""

    def ask(self, index: int, asked: Mapping[str, Tree]) -> Deferred[Mapping[str, Tree]]:
        """What a worker answers to one line (see `served`); its code is E-WORKER when it is gone or says nothing."""


class Alone:
    """There are none."""

    def indexes(self) -> list[int]:
        return []

    def ask(self, index: int, asked: Mapping[str, Tree]) -> Deferred[Mapping[str, Tree]]:
        raise NotDone("E-WORKER", str(index))


class Everywhere:
    """What a person does with messages, in whichever process they lie; the same words as `Hands`."""

    def __init__(self, hands: Hands, world: World, store: Store, ids: Ids) -> None:
        self._hands, self._world, self._store, self._ids = hands, world, store, ids
        self.others: Others = Alone()

    async def switch(self, what: str, state: str, by: By) -> dict[str, Tree]:
        """As Hands.switch: workers look what is stopped in the engine's store."""
        return await self._hands.switch(what, state, by)

    async def resend(self, no: int, dest: str, body: bytes | None, by: By, seen: str = "") -> dict[str, Tree]:
        """As Hands.resend."""
        index = await self._where(no)
        if not index:
            return await self._hands.resend(no, dest, body, by, seen)
        await self._note("resend", f"{no} at worker {index}", by)
        text = None if body is None else body.decode("utf-8")
        return await self._told(index, {"do": "resend", "no": no, "dest": dest, "body": text, "seen": seen, **_who(by)})

    async def body(self, no: int, by: By) -> dict[str, Tree]:
        """As Hands.body."""
        index = await self._where(no)
        if not index:
            return await self._hands.body(no, by)
        await self._note("read", f"{no} at worker {index}", by)
        return await self._told(index, {"do": "body", "no": no, **_who(by)})

    async def discard(self, no: int, dest: str, by: By) -> dict[str, Tree]:
        """As Hands.discard."""
        index = await self._where(no)
        if not index:
            return await self._hands.discard(no, dest, by)
        await self._note("discard", f"{no} at worker {index}", by)
        return await self._told(index, {"do": "discard", "no": no, "dest": dest, **_who(by)})

    async def replay(self, asked: Asked, dest: str, dry: bool, by: By, seen: str | None = None) -> dict[str, Tree]:
        """As Hands.replay, of all processes: nothing is sent when one of them has a message that may not be. `seen`:
        how many they were when a person decided, if that matters. NotDone: E-CHANGED besides."""
        line = {"do": "replay", "asked": _plain(asked), "dest": dest, **_who(by)}
        workers = self.others.indexes()
        first = [await self._hands.replay(asked, dest, True, by)]
        first += [await self._told(one, {**line, "dry": True}) for one in workers]
        shown = _together(first)
        if dry:
            return {**shown, "dry_run": True}
        if seen is not None and str(shown["count"]) != seen:
            raise NotDone("E-CHANGED", f"{seen} → {shown['count']}")
        if shown["money"]:
            raise NotDone("E-REPLAY-MONEY", ", ".join(shown["money"][:3]))
        done = [await self._hands.replay(asked, dest, False, by)]
        for one, part in zip(workers, first[1:], strict=True):
            if part["count"]:
                done.append(await self._told(one, {**line, "dry": False}))
        return _together(done)

    async def _where(self, no: int) -> int:
        """The worker that has this message; 0 for the engine itself, or when nobody has it."""
        if await self._store.read(lambda conn: message(conn, no) is not None):
            return 0
        for index in self.others.indexes():
            if (await self._told(index, {"do": "has", "no": no}))["has"]:
                return index
        return 0

    async def _note(self, kind: str, what: str, by: By) -> None:
        hand = add_hand(self._ids.new(), self._world.now(), kind, what, by.who, by.reason)
        done = await self._store.submit(Unit("hand", (hand, *by.used)))
        if not done.committed:
            raise NotDone("E-CHANGED", what)

    async def _told(self, index: int, asked: Mapping[str, Tree]) -> dict[str, Tree]:
        answer = await self.others.ask(index, asked)
        if "code" in answer:
            raise NotDone(str(answer["code"]), str(answer.get("detail", "")))
        return dict(answer["ok"])


async def served(hands: Hands, store: Store, asked: Mapping[str, Tree]) -> dict[str, Tree]:
    """A worker's answer to one line of the engine: `{"ok": …}`, or `{"code", "detail"}` of why not."""
    try:
        return {"ok": await _done(hands, store, asked)}
    except NotDone as no:
        return {"code": no.code, "detail": no.detail}
    except (StoreFull, StoreStopped):
        return {"code": "E-STORE", "detail": ""}


async def _done(hands: Hands, store: Store, asked: Mapping[str, Tree]) -> Mapping[str, Tree]:
    by = By(str(asked.get("by", "")), str(asked.get("reason", "")))
    match asked["do"]:
        case "has":
            return {"has": await store.read(lambda conn: message(conn, int(asked["no"])) is not None)}
        case "resend":
            body = asked["body"]
            data = None if body is None else str(body).encode()
            return await hands.resend(int(asked["no"]), str(asked["dest"]), data, by, str(asked.get("seen", "")))
        case "body":
            return await hands.body(int(asked["no"]), by)
        case "discard":
            return await hands.discard(int(asked["no"]), str(asked["dest"]), by)
        case "replay":
            return await hands.replay(Asked(**asked["asked"]), str(asked["dest"]), bool(asked["dry"]), by)
    raise NotDone("E-WORKER", str(asked["do"]))


def _together(parts: Sequence[Mapping[str, Tree]]) -> dict[str, Tree]:
    """What all processes say of a replay, as one."""
    channels: Counter[str] = Counter()
    for part in parts:
        channels.update(part["channels"])
    first = sorted((number for part in parts for number in part["first"]), key=int)
    made = {name: sum(int(part[name]) for part in parts) for name in ("count", "left_out", "waiting")}
    lists = {name: [one for part in parts for one in part[name]][:SHOWN] for name in ("money", "refused")}
    return {**made, **lists, "first": first[:SHOWN], "channels": dict(channels)}


def _who(by: By) -> dict[str, str]:
    return {"by": by.who, "reason": by.reason}


def _plain(asked: Asked) -> dict[str, Tree]:
    """Only what says something."""
    nothing = Asked()
    names = ("channel", "state", "kind", "control", "patient", "visit", "since", "until", "limit")
    return {name: value for name in names if (value := getattr(asked, name)) != getattr(nothing, name)}
