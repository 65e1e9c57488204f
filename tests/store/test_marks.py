"""How far views of other databases have been read, on both databases."""

from __future__ import annotations

from engine.store.contract import Unit
from engine.store.marks import keep_mark, mark_of
from tests.store.conftest import Stores


def test_a_mark_is_kept_by_listener_and_sealed(stores: Stores) -> None:
    store = stores.open()
    assert stores.loop.wait(store.read(lambda conn: mark_of(conn, "his_view"))) is None
    for mark in ('[["int", "7"], null]', '[["text", "测试甲"], ["int", "9"]]'):
        stores.loop.wait(store.submit(Unit("mark", (keep_mark("his_view", mark, 1.0),))))
        assert stores.loop.wait(store.read(lambda conn: mark_of(conn, "his_view"))) == mark
    assert stores.loop.wait(store.read(lambda conn: mark_of(conn, "other"))) is None
    raw = stores.loop.wait(store.read(lambda conn: conn.row("mark_get", source="his_view")))
    assert "测试甲".encode() not in bytes(raw[0])
