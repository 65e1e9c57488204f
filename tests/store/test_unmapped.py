"""Codes without a counterpart, counted on both databases."""

from __future__ import annotations

import pytest

from engine.store import unmapped
from engine.store.contract import Unit
from engine.store.purge import purge
from engine.store.unmapped import UnmappedCode, count_unmapped, unmapped_codes
from tests.store.conftest import Stores


def test_times_add_up_and_the_most_frequent_comes_first(stores: Stores) -> None:
    store = stores.open()
    for one in (
        UnmappedCode("his_item", "K1", "a.map.yaml:3", 1, 10.0, 10.0),
        UnmappedCode("his_item", "K2", "a.map.yaml:3", 2, 11.0, 12.0),
        UnmappedCode("departments", "K1", "b.map.yaml:7", 1, 13.0, 13.0),
        UnmappedCode("his_item", "K1", "c.map.yaml:9", 4, 20.0, 25.0),
    ):
        stores.loop.wait(store.submit(Unit("unmapped", (count_unmapped(one, store.sealer),))))
    assert stores.loop.wait(store.read(unmapped_codes)) == [
        UnmappedCode("his_item", "K1", "c.map.yaml:9", 5, 10.0, 25.0),
        UnmappedCode("his_item", "K2", "a.map.yaml:3", 2, 11.0, 12.0),
        UnmappedCode("departments", "K1", "b.map.yaml:7", 1, 13.0, 13.0),
    ]


def test_nonsense_fills_the_list_and_not_the_disk(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unmapped, "MOST", 2)
    store = stores.open()
    for code in ("A", "B", "C" * 200, "A"):
        one = UnmappedCode("t", code, "", 1, 1.0, 1.0)
        done = stores.loop.wait(store.submit(Unit("unmapped", (count_unmapped(one, store.sealer),))))
        assert done.committed
    found = stores.loop.wait(store.read(unmapped_codes))
    assert [(one.code, one.times) for one in found] == [("A", 2), ("B", 1)]


def test_what_was_written_in_a_codes_place_lies_sealed(stores: Stores) -> None:
    store = stores.open()
    one = UnmappedCode("t", "测试甲", "", 1, 1.0, 1.0)
    stores.loop.wait(store.submit(Unit("unmapped", (count_unmapped(one, store.sealer),))))
    assert [kept.code for kept in stores.loop.wait(store.read(unmapped_codes))] == ["测试甲"]
    ((_, mark, code, *_),) = stores.loop.wait(store.read(lambda conn: conn.rows("unmapped_all", limit=9)))
    assert "测试甲".encode() not in bytes(code)
    assert "测试甲".encode().hex() not in mark


def test_a_code_is_cut_to_what_a_code_may_be(stores: Stores) -> None:
    store = stores.open()
    one = UnmappedCode("t", "C" * 200, "", 1, 1.0, 1.0)
    stores.loop.wait(store.submit(Unit("unmapped", (count_unmapped(one, store.sealer),))))
    assert [len(kept.code) for kept in stores.loop.wait(store.read(unmapped_codes))] == [100]


def test_what_nobody_asks_for_any_more_goes(stores: Stores) -> None:
    store = stores.open()
    for code, at in (("OLD", 100.0), ("NEW", 900.0)):
        one = UnmappedCode("t", code, "", 1, at, at)
        stores.loop.wait(store.submit(Unit("unmapped", (count_unmapped(one, store.sealer),))))
    assert stores.loop.wait(purge(store, 1000.0, bodies=500.0, calls=500.0)) == 1
    assert [one.code for one in stores.loop.wait(store.read(unmapped_codes))] == ["NEW"]
