"""The site in force and the ones settlements in flight began with. Content is stored by hash first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred

from engine.pipeline.rejected import MapRejected
from engine.runtime.judge import SiteJudge
from engine.runtime.numbers import Numbers
from engine.saga.case import Case
from engine.site.files import bytes_of
from engine.site.load import load_pinned
from engine.site.site import Site
from engine.store.settlements import load_case
from engine.store.site_versions import site_files


class UnknownSite(Exception):
    """A settlement began with a site this engine cannot load: nothing may be guessed about it."""


class Sites:
    """Current site plus pinned ones, each with its judges. A settlement read from the store brings the version it began
    with, compiled with today's addresses. `on_rejected` hears of maps of theirs that refused: whoever runs one and
    catches its refusal tells `rejected`, on the reactor's thread."""

    def __init__(self, current: Site, numbers: Numbers) -> None:
        self._numbers = numbers
        self.on_rejected: Callable[[MapRejected], None] = lambda no: None
        self._by_hash: dict[str, Site] = {}
        self._before: dict[str, Site] = {}
        self._judges: dict[tuple[str, str], SiteJudge] = {}
        self.current = current
        self._waiting: list[Deferred[None]] | None = None
        self.replace(current, ())

    def rejected(self, no: Exception) -> None:
        """Something could not be read or made; of a map's refusal is told who listens by now."""
        if isinstance(no, MapRejected):
            self.on_rejected(no)

    def replace(self, site: Site, pinned: Iterable[Site]) -> None:
        """New settlements begin with this site from now on; `pinned` are those that older ones keep, made anew with its
        addresses. Others are read from the store when a settlement needs them."""
        self._before = self._by_hash  # for who holds a settlement in his hand just now
        self._by_hash = {one.content_hash: one for one in (*pinned, site)}
        self._judges = {}
        self.current = site

    def hold(self) -> None:
        """Let new settlements wait: the version in force is about to go, and nothing may begin with it any more."""
        self._waiting = self._waiting or []

    def release(self) -> None:
        """Let them begin, with what is in force now."""
        waiting, self._waiting = self._waiting or [], None
        for one in waiting:
            one.callback(None)

    async def ready(self) -> None:
        """A new settlement may begin."""
        if self._waiting is not None:
            turn: Deferred[None] = Deferred()
            self._waiting.append(turn)
            await turn

    def pin(self, site: Site) -> None:
        """A stored site that settlements in flight need."""
        self._by_hash.setdefault(site.content_hash, site)

    def knows(self, content_hash: str) -> bool:
        """Whether a version with this content is here, compiled."""
        return content_hash in self._by_hash

    def of(self, content_hash: str) -> Site:
        """The version a settlement began with; UnknownSite when it was not loaded."""
        site = self._by_hash.get(content_hash) or self._before.get(content_hash)
        if site is None:
            raise UnknownSite(content_hash[:12])
        return site

    def older(self) -> list[Site]:
        """The other versions at hand: settlements in flight began with them."""
        return [site for site in self._by_hash.values() if site is not self.current]

    def judge(self, content_hash: str, channel: str) -> SiteJudge:
        """The judge for a channel of a version; UnknownSite when the version was not loaded."""
        key = (content_hash, channel)
        found = self._judges.get(key)
        if found is None:
            site = self.of(content_hash)
            if channel not in site.channels:
                raise UnknownSite(f"{channel} of {content_hash[:12]}")
            found = self._judges[key] = SiteJudge(site, site.channels[channel], self._numbers, self.rejected)
        return found

    def load_case(self, conn: Any, no: str) -> Case | None:
        """A settlement from the store, legs and all, and the version it began with; runs on a reader's thread."""
        case = load_case(conn, no)
        if case is not None and not self.knows(case.site_hash):
            self._read(conn, case.site_hash)
        return case

    def _read(self, conn: Any, content_hash: str) -> None:
        """A version no settlement in flight needed so far; one that cannot be loaded is told by `judge`."""
        files = site_files(conn, content_hash)
        while files is not None:
            engine = self.current.engine
            made = load_pinned(bytes_of(files), engine)
            if not isinstance(made, Site):
                return
            if engine is self.current.engine:  # else it was replaced meanwhile: once more, with today's addresses
                self.pin(made)
                return
