"""What every store promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import create_engine, inspect

from engine.store import BadUnit, CannotStart, Counter, Ids, StoreStopped, Unit, Write
from engine.store.ids import SHIFT
from engine.store.migrations import STEPS, statements
from engine.store.schema import metadata

from .parts import bill_hold, counter, new_counter


def value(stores: Any, store: Any, name: str) -> int | None:
    row = stores.loop.wait(store.read(lambda conn: conn.row("counter_get", name=name)))
    return None if row is None else int(row[0])


def test_many_units_become_few_commits(stores: Any) -> None:
    store = stores.open()
    waiting = [store.submit(Unit("u", (new_counter(f"c{i}", i),))) for i in range(1200)]
    for i, done in enumerate(waiting):
        assert stores.loop.wait(done).committed, i
    assert store.units == 1200
    assert store.batches <= 30
    assert value(stores, store, "c1199") == 1199


def test_a_failed_guard_hurts_its_own_unit_only(stores: Any) -> None:
    store = stores.open()
    stores.loop.wait(store.write("first", new_counter("taken", 1)))
    waiting = []
    for i in range(60):
        guard = counter("taken", 99, 100) if i % 3 == 1 else new_counter(f"g{i}", 1)
        waiting.append(store.submit(Unit("u", (new_counter(f"c{i}", i), guard))))
    for i, one in enumerate(waiting):
        done = stores.loop.wait(one)
        assert done.committed is (i % 3 != 1)
        assert (done.failed_write, done.failed_sql) == ((1, "counter_reserve") if i % 3 == 1 else (-1, ""))
        assert value(stores, store, f"c{i}") == (None if i % 3 == 1 else i)
    assert value(stores, store, "taken") == 1


def test_a_broken_constraint_is_a_guard_and_a_defect_is_the_units_own(stores: Any) -> None:
    store = stores.open()
    asked = [
        store.write("good", new_counter("a", 1)),
        store.write("constraint", new_counter("x", 1), bill_hold("no such settlement", "B1")),
        store.write("missing parameter", new_counter("y", 1), Write("counter_get", {})),
        store.write("unknown statement", new_counter("z", 1), Write("no_such", {})),
        store.write("too large", new_counter("v", 1 << 70)),
        store.write(
            "not sealed", Write("person_keep", {"settlement_no": "S", "kind": "k", "idx": "i", "sealed": b"x"})
        ),
        store.write("good too", new_counter("b", 2)),
    ]
    assert stores.loop.wait(asked[0]).committed
    refused = stores.loop.wait(asked[1])
    assert (refused.committed, refused.failed_write, refused.failed_sql) == (False, 1, "bill_hold")
    for i in (2, 3, 4, 5):
        with pytest.raises(BadUnit):
            stores.loop.wait(asked[i])
    assert stores.loop.wait(asked[6]).committed
    assert [value(stores, store, n) for n in "axyzvb"] == [1, None, None, None, None, 2]
    assert stores.fatal == []


def test_units_are_stored_in_the_order_they_came(stores: Any) -> None:
    store = stores.open()
    stores.loop.wait(store.write("open", new_counter("n", 0)))
    waiting = [store.submit(Unit("step", (counter("n", i, i + 1),))) for i in range(300)]
    assert all(stores.loop.wait(one).committed for one in waiting)
    assert value(stores, store, "n") == 300


def test_a_read_sees_one_moment_and_cannot_write(stores: Any) -> None:
    store = stores.open()
    stores.loop.wait(store.write("open", new_counter("n", 0)))
    seen: list[int] = []
    committed: list[bool] = []

    def look(conn: Any) -> None:
        seen.append(conn.row("counter_get", name="n")[0])
        done = store.submit(Unit("between", (counter("n", 0, 7),)))
        done.addCallback(lambda d: committed.append(d.committed))
        for _ in range(500):
            if store.units > 1:
                break
            import threading

            threading.Event().wait(0.01)
        seen.append(conn.row("counter_get", name="n")[0])

    stores.loop.wait(store.read(look))
    stores.loop.until(lambda: committed)
    assert (seen, committed) == ([0, 0], [True])
    assert value(stores, store, "n") == 7
    with pytest.raises(Exception, match=r"readonly|read-only"):
        stores.loop.wait(store.read(lambda conn: conn.rows("probe")))
    assert value(stores, store, "n") == 7


def test_an_error_of_a_read_reaches_its_caller_only(stores: Any) -> None:
    store = stores.open()
    with pytest.raises(ZeroDivisionError):
        stores.loop.wait(store.read(lambda conn: 1 // 0))
    assert value(stores, store, "none") is None


def test_many_reads_at_once_all_come_back(stores: Any) -> None:
    store = stores.open()
    stores.loop.wait(store.write("open", new_counter("n", 5)))
    reads = [store.read(lambda conn: conn.row("counter_get", name="n")[0]) for _ in range(50)]
    assert [stores.loop.wait(one) for one in reads] == [5] * 50


def test_stopping_writes_what_is_queued_and_refuses_the_rest(stores: Any) -> None:
    store = stores.open()
    waiting = [store.write("u", new_counter(f"c{i}", i)) for i in range(50)]
    stopping = store.stop()
    late = store.write("late", new_counter("late", 1))
    with pytest.raises(StoreStopped):
        stores.loop.wait(late)
    stores.loop.wait(stopping)
    assert all(stores.loop.wait(one).committed for one in waiting)
    again = stores.open()
    assert value(stores, again, "c49") == 49
    assert value(stores, again, "late") is None
    assert stores.fatal == []


def test_a_second_engine_is_refused_and_may_come_after_the_first(stores: Any) -> None:
    first = stores.open()
    with pytest.raises(CannotStart, match="another engine is running"):
        stores.open()
    stores.loop.wait(first.write("still works", new_counter("n", 1)))
    stores.loop.wait(first.stop())
    assert value(stores, stores.open(), "n") == 1


def test_the_steps_make_exactly_the_schema(stores: Any) -> None:
    stores.loop.wait(stores.open().stop())
    url = stores.address
    if "postgresql" in url:
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        fresh = "model"
    else:
        import pysqlite3

        engine = create_engine(f"sqlite:///{url}", module=pysqlite3)
        fresh = "sqlite:///:memory:"
    stepped = _shape(engine)
    stepped.pop("schema_version")
    with engine.begin() as conn:
        if fresh == "model":
            conn.exec_driver_sql("DROP SCHEMA public CASCADE")
            conn.exec_driver_sql("CREATE SCHEMA public")
    other = engine if fresh == "model" else create_engine(fresh)
    metadata.create_all(other)
    assert _shape(other) == stepped
    assert set(stepped) == set(metadata.tables)
    engine.dispose()


def _shape(engine: Any) -> dict[str, Any]:
    look = inspect(engine)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in look.get_columns(table)],
            look.get_pk_constraint(table)["constrained_columns"],
            sorted((tuple(f["constrained_columns"]), f["referred_table"]) for f in look.get_foreign_keys(table)),
            sorted(
                (i["name"], tuple(i["column_names"]), bool(i["unique"]), _where(i)) for i in look.get_indexes(table)
            ),
            _clustered(engine, table),
        )
        for table in look.get_table_names()
    }


def _where(index: Any) -> str:
    return " ".join(str(condition) for condition in index["dialect_options"].values())


def _clustered(engine: Any, table: str) -> bool:
    if engine.dialect.name != "sqlite":
        return False
    with engine.connect() as conn:
        made = conn.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).scalar()
    return "WITHOUT ROWID" in made


def test_no_step_leaves_a_word_untranslated() -> None:
    for step in STEPS:
        for dialect in ("sqlite", "postgresql"):
            assert not [s for s in statements(step, dialect) if "{" in s]


def test_a_newer_database_is_refused_and_left_alone(stores: Any) -> None:
    store = stores.open()
    stores.loop.wait(
        store._in_writer(
            lambda: store.backend.execute(
                f"INSERT INTO schema_version (version, step) VALUES ({len(STEPS) + 1}, 'later')"  # noqa: S608 a number
            )
        )
    )
    stores.loop.wait(store.stop())
    with pytest.raises(CannotStart, match="newer program"):
        stores.open()


def test_another_master_key_is_refused(stores: Any) -> None:
    stores.loop.wait(stores.open().stop())
    with pytest.raises(CannotStart, match="master key"):
        stores.open(master=b"n" * 32)
    stores.open()


def test_ids_grow_with_time_and_never_repeat_after_a_step_back_of_the_clock(stores: Any) -> None:
    store = stores.open()
    ids = Ids(store.world, store)
    stores.loop.wait(ids.start())
    drawn = [ids.new() for _ in range(100)]
    assert drawn == sorted(set(drawn))
    assert drawn[0] >> SHIFT == int(store.world.now() * 1000)
    stores.loop.advance(61)
    later = ids.new()
    assert later >> SHIFT == int(store.world.now() * 1000)
    stores.loop.wait(store.stop())
    stores.loop.rightNow -= 3600.0
    again = stores.open()
    ids = Ids(again.world, again)
    stores.loop.wait(ids.start())
    assert ids.new() > later


def test_a_counter_never_gives_a_number_twice(stores: Any) -> None:
    seen: list[int] = []
    for _ in range(3):
        store = stores.open()
        one = Counter(store, "order", block=7)
        stores.loop.wait(one.start())
        seen += [one.draw() for _ in range(20)]
        stores.loop.wait(store.stop())
    assert seen == sorted(set(seen))
    assert seen[:20] == list(range(1, 21))
    assert seen[-1] < 20 * 3 + 3 * 7


def test_a_counter_moved_by_somebody_else_gives_nothing_more(stores: Any) -> None:
    store = stores.open()
    one, other = Counter(store, "order", block=2), Counter(store, "order", block=2)
    stores.loop.wait(one.start())
    stores.loop.wait(other.start())
    one.draw()
    other.draw()
    stores.loop.wait(store.write("after", new_counter("x", 1)))
    with pytest.raises(RuntimeError, match="somebody else"):
        other.draw()
    assert one.draw() == 2


def test_rotation_while_running_keeps_old_values_readable(stores: Any) -> None:
    from engine.store import insert_body
    from engine.store.calls import body

    store = stores.open()
    keys = []
    for i in range(1, 4):
        stores.loop.wait(store.write("body", insert_body(i, b"body %d" % i)))
        keys.append(stores.loop.wait(store.read(lambda conn, i=i: conn.row("body_get", id=i)[0])))
        stores.loop.wait(store.rotate())
    assert len(set(keys)) == 3
    stores.loop.wait(store.stop())
    again = stores.open()
    assert stores.loop.wait(again.read(lambda conn: [body(conn, i) for i in (1, 2, 3, 4)])) == [
        b"body 1", b"body 2", b"body 3", None,
    ]  # fmt: skip
