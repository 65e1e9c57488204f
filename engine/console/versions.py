"""The versions of the configuration that settlements began with, for their plans: what a page draws, nothing that a
message goes through."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

from engine.site.load import load_pinned
from engine.site.site import Site
from engine.store.contract import Connection
from engine.store.site_versions import site_files

KEPT = 4  # compiled older versions in memory
TABLES = "mappings/tables/"


class Versions:
    """Older sites, compiled when a page first needs one, on a reader's thread. Their code tables are empty: no plan
    needs a code, and 300,000 of them would keep the interpreter from calls in flight for seconds."""

    def __init__(self, current: Callable[[], Site]) -> None:
        self._current = current
        self._kept: OrderedDict[str, Site] = OrderedDict()

    def find(self, conn: Connection, content_hash: str) -> Site | None:
        """The version of this hash; None when its files are gone or this program no longer reads them."""
        current = self._current()
        if current.content_hash == content_hash:
            return current
        found = self._kept.get(content_hash)
        if found is None:
            files = site_files(conn, content_hash)
            made = load_pinned(without_codes(files or {}), current.engine)
            if not files or not isinstance(made, Site):
                return None
            found = self._kept[content_hash] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found


def without_codes(files: Mapping[str, str]) -> dict[str, bytes]:
    """The files with the head of each code table alone."""
    return {
        path: (text.partition("\n")[0] + "\n" if path.startswith(TABLES) else text).encode()
        for path, text in files.items()
    }
