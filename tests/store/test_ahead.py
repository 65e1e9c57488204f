"""Light units are written, and as a rule committed, by the reactor's thread: nobody can tell, but for the time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pysqlite3
import pytest

from engine.store.contract import StoreStopped, Unit, Write
from engine.store.pace import LOOKED_AT, SLOW, SLOW_FOR
from engine.store.writing import FEW

from .parts import counter, new_counter


def light(*writes: Write) -> Unit:
    return Unit("light", writes, light=True)


def where_written(store: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that run statements and commits from now on: here or there."""
    seen: list[str] = []
    here = threading.get_ident()
    for name in ("execute", "commit"):
        real = getattr(store.backend, name)

        def watched(*given: Any, real: Any = real, name: str = name) -> Any:
            seen.append(f"{name} {'here' if threading.get_ident() == here else 'there'}")
            return real(*given)

        monkeypatch.setattr(store.backend, name, watched)
    return seen


def test_light_units_one_by_one_need_no_other_thread(sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    seen = where_written(store, monkeypatch)
    one = store.submit(light(new_counter("a", 1)))
    assert one.called
    assert one.result.committed
    assert seen == ["execute here", "commit here"]
    assert loop.wait(store.submit(Unit("plain", (counter("a", 1, 2),)))).committed
    assert seen[2:] == ["execute there", "commit there"]
    assert loop.wait(store.submit(light(counter("a", 2, 3)))).committed
    assert seen[4:] == ["execute here", "commit here"]


def test_while_the_disk_is_slow_waiting_for_it_is_the_writers(
    sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    real = store.backend.commit

    def slowly() -> None:
        loop.advance(2 * LOOKED_AT * SLOW)
        real()

    monkeypatch.setattr(store.backend, "commit", slowly)
    loop.wait(store.submit(light(new_counter("a", 0))))
    monkeypatch.setattr(store.backend, "commit", real)
    seen = where_written(store, monkeypatch)
    for n in range(SLOW_FOR):
        assert loop.wait(store.submit(light(counter("a", n, n + 1)))).committed
    assert seen[:2] == ["execute here", "commit there"]
    assert seen[-4:] == ["execute here", "commit there", "execute here", "commit here"]


def test_one_commit_that_takes_a_little_longer_is_nothing(sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    real = store.backend.commit
    monkeypatch.setattr(store.backend, "commit", lambda: (loop.advance(LOOKED_AT * SLOW / 2), real()))
    loop.wait(store.submit(light(new_counter("a", 0))))
    seen = where_written(store, monkeypatch)
    loop.wait(store.submit(light(counter("a", 0, 1))))
    assert seen == ["execute here", "commit here"]


def test_a_few_of_a_round_are_written_here_and_more_as_a_group_there(
    sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    loop.running = True  # so that the line waits for the round's end
    for count, place in ((1, "here"), (FEW, "here"), (FEW + 1, "there")):
        with monkeypatch.context() as patch:
            seen = where_written(store, patch)
            waiting = [store.submit(light(new_counter(f"{count}.{n}", 1))) for n in range(count)]
            for _ in range(4):
                loop.advance(0)
            assert all(loop.wait(one).committed for one in waiting)
            assert {word.partition(" ")[2] for word in seen} == {place}
            assert place == "there" or seen.count("commit here") == 1


def several(store: Any, *units: Unit) -> list[Any]:
    """Submit these in one round of the reactor."""
    store.world.reactor.running = True
    waiting = [store.submit(unit) for unit in units]
    for _ in range(4):
        store.world.reactor.advance(0)
    return waiting


def test_one_of_a_few_that_cannot_be_kept_is_told_alone(sqlite_stores: Any) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    loop.wait(store.submit(light(new_counter("a", 1))))
    units = [light(new_counter("b", 1)), light(counter("a", 7, 8)), light(counter("a", 1, 2))]
    done = [loop.wait(one) for one in several(store, *units)]
    assert [one.committed for one in done] == [True, False, True]
    assert (done[1].failed_write, done[1].failed_sql) == (0, "counter_reserve")


def test_a_few_on_a_slow_disk_wait_for_it_in_the_writer_and_all_hear_of_it(
    sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    store._ahead.pace.took(2 * LOOKED_AT * SLOW)
    seen = where_written(store, monkeypatch)
    waiting = several(store, *(light(new_counter(f"a{n}", 1)) for n in range(3)))
    assert all(loop.wait(one).committed for one in waiting)
    assert seen == [*["execute here"] * 3, "commit there"]


def test_a_few_whose_commit_fails_all_hear_that_nobody_knows(sqlite_stores: Any) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop

    def fail(where: str, units: Sequence[Unit]) -> None:
        raise OSError("the disk")

    store.fail = fail
    for one in several(store, *(light(new_counter(f"a{n}", 1)) for n in range(3))):
        with pytest.raises(StoreStopped):
            loop.wait(one)
    assert store.state == "dead"


def test_units_in_a_row_keep_their_order(sqlite_stores: Any) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    loop.wait(store.submit(light(new_counter("a", 0))))
    waiting = []
    for n in range(200):  # each guard holds only when all before it have been written
        one = counter("a", n, n + 1)
        waiting.append(store.submit(light(one) if n % 3 else Unit("plain", (one,))))
        if n % 50 == 49:
            waiting.append(store.tidy())
    for one in waiting:
        done = loop.wait(one)
        assert isinstance(done, bool) or done.committed


def test_a_guard_that_fails_is_told_as_ever_and_leaves_nothing(sqlite_stores: Any) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    loop.wait(store.submit(light(new_counter("a", 1))))
    done = loop.wait(store.submit(light(new_counter("b", 1), counter("a", 7, 8))))
    assert (done.committed, done.failed_write, done.failed_sql) == (False, 1, "counter_reserve")
    assert loop.wait(store.submit(light(new_counter("b", 1)))).committed


def test_another_program_with_the_lock_never_keeps_the_reactor_waiting(sqlite_stores: Any) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    store.backend._raw.execute("PRAGMA busy_timeout = 20")
    other = pysqlite3.connect(sqlite_stores.address, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = loop.seconds()
    one = store.submit(light(new_counter("a", 1)))
    assert loop.seconds() - began < 1.0  # the driver's own patience is five seconds
    assert not loop.turn(0.02)
    other.execute("COMMIT")
    other.close()
    assert loop.wait(one).committed


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_a_commit_that_fails_kills_the_store(sqlite_stores: Any, point: str) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop

    def fail(where: str, units: Sequence[Unit]) -> None:
        if where == point:
            raise OSError("the disk")

    store.fail = fail
    store.submit(light(new_counter("a", 1))).addErrback(lambda failure: None)
    loop.until(lambda: store.state == "dead")
    assert len(sqlite_stores.fatal) == 1


def where_read(store: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that begin a view from now on: here or there."""
    seen: list[str] = []
    here, real = threading.get_ident(), store.backend.read_begin

    def watched(raw: Any) -> None:
        seen.append("here" if threading.get_ident() == here else "there")
        real(raw)

    monkeypatch.setattr(store.backend, "read_begin", watched)
    return seen


def test_a_look_at_a_row_needs_no_other_thread_and_sees_what_was_just_written(
    sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    seen = where_read(store, monkeypatch)
    for n in range(3):
        loop.wait(store.submit(light(new_counter(f"a{n}", n))))
        one = store.look(lambda conn, n=n: conn.row("counter_get", name=f"a{n}"))
        assert one.called
        assert one.result[0] == n
    assert seen == ["here"] * 3


def test_while_looks_are_slow_a_thread_does_them(sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    seen = where_read(store, monkeypatch)
    store.look(lambda conn: loop.advance(2 * LOOKED_AT * SLOW))
    for _ in range(SLOW_FOR):
        assert loop.wait(store.look(lambda conn: 7)) == 7
    assert seen == ["here", *["there"] * (SLOW_FOR - 1), "here"]


def test_a_look_never_waits_for_another_program(sqlite_stores: Any) -> None:
    store = sqlite_stores.open()
    raw = store.backend.hasty()
    assert raw.execute("PRAGMA busy_timeout").fetchone() == (0,)
    with pytest.raises(pysqlite3.OperationalError, match="readonly"):
        raw.execute("DELETE FROM counters")
    raw.close()


def test_a_look_that_fails_is_a_threads_to_judge(sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    seen = where_read(store, monkeypatch)
    with pytest.raises(KeyError):
        loop.wait(store.look(lambda conn: conn.row("no such statement")))
    assert seen == ["here", "there"]
    assert loop.wait(store.look(lambda conn: 1)) == 1
    loop.wait(store.stop())
    with pytest.raises(StoreStopped):
        loop.wait(store.look(lambda conn: 1))
