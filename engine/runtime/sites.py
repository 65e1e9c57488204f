"""The site in force and the ones settlements in flight began with. Content is stored by hash first."""

from __future__ import annotations

from typing import Any

from engine.runtime.judge import SiteJudge
from engine.runtime.numbers import Numbers
from engine.saga.case import Case
from engine.site.site import Site
from engine.store.settlements import load_case


class UnknownSite(Exception):
    """A settlement began with a site this engine cannot load: nothing may be guessed about it."""


class Sites:
    """Current site plus pinned ones, each with its judges."""

    def __init__(self, current: Site, numbers: Numbers) -> None:
        self._numbers = numbers
        self._by_hash: dict[str, Site] = {}
        self._judges: dict[tuple[str, str], SiteJudge] = {}
        self.current = current
        self.use(current)

    def use(self, site: Site) -> None:
        """New settlements begin with this site from now on; older ones keep theirs."""
        self.current = site
        self._by_hash[site.content_hash] = site

    def pin(self, site: Site) -> None:
        """A stored site that settlements in flight need."""
        self._by_hash.setdefault(site.content_hash, site)

    def knows(self, content_hash: str) -> bool:
        return content_hash in self._by_hash

    def judge(self, content_hash: str, channel: str) -> SiteJudge:
        """The judge for a channel of a version; UnknownSite when the version was not loaded."""
        key = (content_hash, channel)
        found = self._judges.get(key)
        if found is None:
            site = self._by_hash.get(content_hash)
            if site is None or channel not in site.channels:
                raise UnknownSite(f"{channel} of {content_hash[:12]}")
            found = self._judges[key] = SiteJudge(site, site.channels[channel], self._numbers)
        return found

    def load_case(self, conn: Any, no: str) -> Case | None:
        """A settlement from the store, legs and all; runs on a reader's thread."""
        return load_case(conn, no)
