"""Another configuration while the engine runs: judged whole, stored with who and why, then in force at one stroke.

A configuration with a mistake is refused whole and the one in force goes on. So is one made from a version that is no
longer in force (somebody else was faster), one that settlements in flight could not go on with, and one whose listeners
cannot be opened. Nothing has changed before the store has taken it; after that nothing can fail any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from engine.config.problems import Problem, as_json, failing
from engine.core.times import rfc3339
from engine.core.world import World
from engine.runtime.driver import NotKept, SettlementDriver
from engine.runtime.listening import CannotOpen, Prepared
from engine.runtime.logs import Log
from engine.runtime.sites import Sites, UnknownSite
from engine.runtime.threads import on_a_thread
from engine.site.files import bytes_of, pinned_part, texts_of
from engine.site.load import load, load_again, load_pinned, on_node
from engine.site.notices import restarts
from engine.site.site import Site
from engine.store.contract import Store, Unit, Write
from engine.store.site_versions import OVERTAKEN, Turn, in_force, keep_site, site_files, sites_in_use, take_turn

T = TypeVar("T")
PROBLEMS_MAX = 200


class NotApplied(Exception):
    """The configuration was not taken; the one in force goes on. `code` and `detail` as in engine/core/errors.py;
    `more` for the answer: `problems` (lint's), `in_force` (the version that came between)."""

    def __init__(self, code: str, detail: str = "", **more: Any) -> None:
        super().__init__(f"{code} {detail}")
        self.code, self.detail, self.more = code, detail, more


@dataclass(frozen=True, slots=True)
class Proposal:
    """A configuration somebody wants in force. `files`: all of it; `base`: the version it was made from; `kind`: apply
    or rollback; `first`: writes to be stored with it."""

    files: Mapping[str, bytes]
    base: str
    by: str
    reason: str
    kind: str = "apply"
    first: tuple[Write, ...] = ()


class Hands(Protocol):
    """What the engine itself does for a reload."""

    def unreadable(self, old: Site, new: Site) -> list[str]:
        """Secrets of new or changed clients and parties that cannot be read."""

    async def prepare(self, site: Site) -> Prepared: ...
    async def forget(self, prepared: Prepared) -> None: ...
    def swap(self, old: Site, prepared: Prepared) -> None:
        """The sites were replaced: everything else follows. Must not fail."""

    def fresh_keys(self) -> None:
        """Read all keys anew."""


class Reload:
    """Keeps the history of what is in force, and changes it."""

    def __init__(
        self, world: World, store: Store, sites: Sites, driver: SettlementDriver, hands: Hands, log: Log
    ) -> None:
        self._world, self._store, self._sites, self._driver = world, store, sites, driver
        self._hands, self._log = hands, log
        self._busy = False

    async def begin(self) -> None:
        """At a start: note what is in force, and load what settlements in flight began with. Errors: UnknownSite."""
        site, now = self._sites.current, self._world.now()
        last = await self._store.read(in_force)
        if last is None or last.version != site.version:
            seq, base = (last.seq + 1, last.version) if last is not None else (1, "")
            turn = Turn(seq, site.version, site.content_hash, base, "start", "engine", "", now)
            await self._store.submit(Unit("site", take_turn(turn, texts_of(site.source), texts_of(site.files))))
        else:
            kept = keep_site(site.content_hash, texts_of(site.files), now)
            await self._store.submit(Unit("site", (kept,)))
        for content in await self._store.read(sites_in_use):
            if not self._sites.knows(content):
                made = await self._pinned(content, site)
                if not isinstance(made, Site):
                    raise UnknownSite(f"site {content[:12]} of settlements in flight cannot be loaded: {made[:3]}")
                self._sites.pin(made)

    async def in_force(self) -> Turn:
        """The line of the history that is in force."""
        turn = await self._store.read(in_force)
        assert turn is not None, "a running engine has noted what is in force"
        return turn

    async def apply(self, proposal: Proposal) -> tuple[Turn, bool]:
        """Take this configuration; what is in force now, and whether that is a change. Errors: NotApplied, NotKept,
        StoreFull, StoreStopped."""
        if self._busy:
            raise NotApplied("E-SITE-BUSY")
        self._busy = True
        try:
            return await self._apply(proposal)
        finally:
            self._busy = False

    async def _apply(self, proposal: Proposal) -> tuple[Turn, bool]:
        last = await self.in_force()
        if proposal.base != last.version:
            raise _overtaken(last)
        old = self._sites.current
        site = await self._judged(proposal, old)
        if site.version == last.version:
            self._hands.fresh_keys()
            return last, False
        try:
            pinned = await self._kept(site)
            prepared = await self._hands.prepare(site)
            return await self._take(proposal, last, old, site, pinned, prepared), True
        except CannotOpen as no:
            raise NotApplied("E-SITE-DOOR", str(no)) from None
        finally:
            self._sites.release()

    async def _take(
        self, proposal: Proposal, last: Turn, old: Site, site: Site, pinned: Sequence[Site], prepared: Prepared
    ) -> Turn:
        """Store it, then put it in force."""
        turn = Turn(
            last.seq + 1, site.version, site.content_hash, last.version, proposal.kind, proposal.by,
            proposal.reason, self._world.now(),
        )  # fmt: skip
        writes = take_turn(turn, texts_of(site.source), texts_of(site.files))
        try:
            done = await self._store.submit(Unit("site", (*proposal.first, *writes)))
        except Exception:
            await self._hands.forget(prepared)
            raise
        if not done.committed:
            await self._hands.forget(prepared)
            if done.failed_sql == OVERTAKEN:
                raise _overtaken(await self.in_force())
            raise NotKept(done.failed_sql)
        self._swap(old, site, pinned, prepared)
        self._log.info("site", version=site.version[:12], kind=turn.kind, by=turn.by, seq=turn.seq)
        return turn

    def _swap(self, old: Site, site: Site, pinned: Sequence[Site], prepared: Prepared) -> None:
        """All at once: nothing else runs in between."""
        self._sites.replace(site, pinned)
        self._hands.swap(old, prepared)
        limits = site.engine.limits
        self._driver.open_max, self._driver.queue_max = limits.open_settlements, limits.queued_events
        for room in self._driver.rooms():
            room.judge = self._sites.judge(room.case.site_hash, room.case.channel)
            room.plan = room.judge.plan

    async def _judged(self, proposal: Proposal, old: Site) -> Site:
        """The configuration compiled. NotApplied with every problem there is."""
        compiling = load if proposal.kind == "apply" else load_again
        site = await on_a_thread(self._world, lambda: compiling(proposal.files))
        before = await on_a_thread(self._world, lambda: load_again(old.source))
        if not isinstance(site, Site):
            wrong = failing(site)
            raise NotApplied("E-SITE-WRONG", first_of(wrong), problems=[as_json(one) for one in site[:PROBLEMS_MAX]])
        again = restarts(before, site) if isinstance(before, Site) else []
        if again:
            raise NotApplied("E-SITE-RESTART", ", ".join(again))
        missing = self._hands.unreadable(old, site)
        if missing:
            raise NotApplied("E-SITE-KEYS", "; ".join(missing))
        return on_node(site, old.engine)

    async def _kept(self, site: Site) -> list[Site]:
        """Every version that settlements in flight began with, or may begin with until it is replaced, compiled with
        the new addresses. The one in force need not fit them while nobody is in flight with it: new ones wait then."""
        made, now = [], self._sites.current.content_hash
        for content in sorted({*await self._in_use(), now} - {site.content_hash}):
            pinned = await self._pinned(content, site)
            if isinstance(pinned, Site):
                made.append(pinned)
                continue
            self._sites.hold()
            if content in await self._in_use():
                told = [as_json(one) for one in pinned[:PROBLEMS_MAX]]
                raise NotApplied("E-SITE-IN-USE", f"{content[:12]}: {first_of(pinned)}", problems=told)
        return made

    async def _in_use(self) -> set[str]:
        stored = await self._store.read(sites_in_use)
        return {*stored, *(room.case.site_hash for room in self._driver.rooms())}

    async def _pinned(self, content: str, site: Site) -> Site | list[Problem]:
        if self._sites.knows(content):
            files: Mapping[str, bytes] = self._sites.of(content).files
        else:
            stored = await self._store.read(lambda conn: site_files(conn, content))
            files = pinned_part(bytes_of(stored or {}))
        return await on_a_thread(self._world, lambda: load_pinned(files, site.engine))


def turn_json(turn: Turn) -> dict[str, Any]:
    """A line of the history as the API and `--json` show it."""
    return {
        "seq": turn.seq, "version": turn.version, "content": turn.content, "base": turn.base, "kind": turn.kind,
        "by": turn.by, "reason": turn.reason, "at": rfc3339(turn.at),
    }  # fmt: skip


def _overtaken(last: Turn) -> NotApplied:
    return NotApplied("E-SITE-MOVED", f"{last.version[:12]} ({last.by})", in_force=turn_json(last))


def first_of(problems: Sequence[Problem]) -> str:
    """The first problem and how many there are, for one line."""
    if not problems:
        return "?"
    one = problems[0]
    more = f" (+{len(problems) - 1})" if len(problems) > 1 else ""
    return f"{one.file}:{one.line}:{one.col} {one.code} {one.zh} · {one.en}{more}"
