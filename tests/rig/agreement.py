"""The product's own books about a laboratory's town: its store against what the simulators' ledgers say."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from engine.app import Engine
from engine.runtime.books import Books, check_books, simulator_ledgers


async def compared(engine: Engine | None, only: Collection[str] = (), **more: Any) -> Books:
    """What `engine books` finds; `only`: these parties' ledgers."""
    assert engine is not None
    parties = engine.sites.current.engine.parties.items()
    asked = {name: (one.kind, one.url) for name, one in parties if not only or name in only}
    return await check_books(engine.world, engine.store, simulator_ledgers(engine.world, asked), **more)


def lines_of(books: Books) -> list[tuple[str, str]]:
    """Its differences: kind, and the words for a person."""
    return [(one.kind, one.en) for one in books.differences]
