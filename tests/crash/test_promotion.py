"""A standby becomes the primary: the store finds it by itself, with all that was ever acknowledged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.core.world import World
from engine.store import CannotStart, StoreStopped
from engine.store.beat import EVERY
from engine.store.open import open_store
from engine.store.store import SqlStore
from tests.crash.hospital import free_ports
from tests.crash.server import Server
from tests.store.loop import MASTER, Loop
from tests.store.parts import new_counter


@pytest.fixture
def pair() -> Iterator[tuple[Server, Server]]:
    one, other = (Server(port) for port in free_ports(2))
    try:
        one.lay()
        one.start()
        other.follow(one)
        yield one, other
    finally:
        other.close()
        one.close()


def _both(one: Server, other: Server) -> str:
    return f"postgresql://postgres@127.0.0.1:{one.port},127.0.0.1:{other.port}/postgres?target_session_attrs=read-write"


def _opened(address: str, loop: Loop) -> SqlStore:
    store = open_store(address, World(loop), MASTER)
    loop.wait(store.start())
    return store


def test_the_store_goes_on_where_the_standby_was_promoted(pair: tuple[Server, Server]) -> None:
    one, other = pair
    loop = Loop()
    with pytest.raises(CannotStart, match="this PostgreSQL only reads"):
        _opened(other.url("postgres"), loop)
    store = _opened(_both(one, other), loop)
    assert loop.wait(store.write("a", new_counter("a", 1))).committed
    words: list[str] = []
    store.on_word = lambda word, seconds: words.append(word)
    other.kill()
    waits = store.write("s", new_counter("s", 1))  # for a standby that is not there
    loop.advance(EVERY)
    loop.advance(EVERY)
    assert "store_silent" in words
    other.start()
    assert loop.wait(waits).committed
    one.kill()
    with pytest.raises(StoreStopped):
        loop.wait(store.write("b", new_counter("b", 1)))
    with pytest.raises(CannotStart, match=r"Connection refused; .* session is read-only — .*there is no primary yet"):
        _opened(_both(one, other), loop)
    other.promote()
    again = _opened(_both(one, other), loop)
    found = loop.wait(again.read(lambda conn: [conn.row("counter_get", name=name) for name in ("a", "s", "b")]))
    assert [row and row[0] for row in found] == [1, 1, None]
    assert loop.wait(again.write("c", new_counter("c", 1))).committed
    loop.wait(again.stop())
