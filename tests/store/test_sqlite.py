"""SQLite only: what it refuses to open, and what survives a kill, a full disk and a disk that lies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pysqlite3
import pytest

from engine.store import CannotStart, StoreFull, StoreStopped, Unit, insert_body, open_reader, writing
from engine.store import store as store_module
from engine.store.sqlite import SqliteBackend, file_system, safe_version
from engine.store.wal import damage

from .conftest import Stores
from .loop import Loop
from .parts import new_counter

WORKER = [sys.executable, "-m", f"{__package__}.worker"]
PLACES = {**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(__file__).parents[n]) for n in (1, 2))}


def run(path: Path, first: int, count: int, before: list[str] | None = None) -> list[str]:
    """The worker's lines, when it ends by itself."""
    done = subprocess.run(  # noqa: S603 our own worker
        [*(before or []), *WORKER, str(path), str(first), str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=PLACES,
        timeout=60,
        check=False,
    )
    return done.stdout.decode().splitlines()


def acked(lines: list[str]) -> list[int]:
    return [int(line.split()[1]) for line in lines if line.startswith("ack ")]


def stored(path: Path) -> set[int]:
    with open_reader(str(path)) as conn:
        raw: Any = conn
        return {row[0] for row in raw._raw.execute("SELECT value FROM counters WHERE name LIKE 'n%'").fetchall()}


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False), ((3, 44, 5), False), ((3, 44, 6), True), ((3, 45, 0), False), ((3, 50, 6), False),
        ((3, 50, 7), True), ((3, 51, 2), False), ((3, 51, 3), True), ((3, 53, 4), True), ((4, 0, 0), True),
    ],
)  # fmt: skip
def test_versions_that_lose_commits_are_refused(version: tuple[int, int, int], safe: bool, sqlite_stores: Any) -> None:
    assert safe_version(version) is safe
    if safe:
        sqlite_stores.open(version=version)
    else:
        with pytest.raises(CannotStart, match=r"3\.51\.3"):
            sqlite_stores.open(version=version)


def test_network_disks_are_known() -> None:
    mounts = "/dev/sda / ext4 rw 0 0\nnas:/x /var/lib/data nfs4 rw 0 0\ntmpfs /var/lib/data/local tmpfs rw 0 0\n"
    kinds = {
        p: file_system(p, mounts) for p in ("/var/lib/data/e.db", "/var/lib/data2/e.db", "/var/lib/data/local/e.db")
    }
    assert list(kinds.values()) == ["nfs4", "ext4", "tmpfs"]


def test_a_network_disk_is_refused(sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqliteBackend, "_file_system", lambda self: "nfs4")
    with pytest.raises(CannotStart, match="local disk, not on nfs4"):
        sqlite_stores.open()


@pytest.mark.parametrize("content", [b"hello" * 100, b"SQLite format 3\0" + b"\0" * 500])
def test_another_file_is_refused_and_left_alone(sqlite_stores: Any, content: bytes) -> None:
    path = Path(sqlite_stores.address)
    path.write_bytes(content)
    with pytest.raises(CannotStart, match="not a settlement store"):
        sqlite_stores.open()
    assert path.read_bytes() == content


def test_a_folder_in_the_place_of_the_store_is_said_in_words(sqlite_stores: Any) -> None:
    Path(sqlite_stores.address).mkdir()
    with pytest.raises(CannotStart, match="cannot be read"):
        sqlite_stores.open()


def test_addresses(tmp_path: Path) -> None:
    from engine.store.open import backend_of

    assert isinstance(backend_of(f"sqlite:////{tmp_path}/a.db"), SqliteBackend)
    for wrong in ("", ":memory:", "mysql://x", "sqlite:a"):
        with pytest.raises(CannotStart):
            backend_of(wrong)
    loop = Loop()
    with pytest.raises(CannotStart, match="folder"):
        loop.wait(Stores(str(tmp_path / "no" / "e.db"), loop).make().start())
    with pytest.raises(CannotStart, match="simulations only"):
        Stores(str(tmp_path / "e.db"), loop).make(durable=False)


def test_the_settings_that_keep_commits(sqlite_stores: Any) -> None:
    store = sqlite_stores.open()
    asked = (
        "journal_mode",
        "synchronous",
        "auto_vacuum",
        "foreign_keys",
        "wal_autocheckpoint",
        "busy_timeout",
        "cache_spill",
    )

    def settings() -> list[Any]:
        return [store.backend.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]

    assert sqlite_stores.loop.wait(store._in_writer(settings)) == ["wal", 2, 2, 1, 0, 0, 0]


def test_killed_again_and_again_no_acknowledged_commit_is_lost(tmp_path: Path) -> None:
    path, done, first = tmp_path / "e.db", 0, 0
    everything: list[int] = []
    for _ in range(3):
        worker = subprocess.Popen(  # noqa: S603 our own worker
            [*WORKER, str(path), str(first), "1000000"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=PLACES,
        )
        assert worker.stdout is not None
        lines = []
        while len(lines) < 200:
            line = worker.stdout.readline().decode().strip()
            assert line.startswith(("open", "ack")), line
            lines.append(line)
        worker.kill()
        lines += worker.stdout.read().decode().splitlines()
        worker.wait()
        everything += acked(lines)
        done += len(lines)
        found = stored(path)
        assert set(everything) <= found
        first = max(found) + 1
    assert len(everything) >= 500
    assert run(path, first, 5)[-1] == "end"


def test_a_second_process_is_refused(sqlite_stores: Any) -> None:
    sqlite_stores.open()
    assert run(Path(sqlite_stores.address), 1, 1)[0].startswith("start another engine is running on ")


def test_a_backup_tool_holding_the_lock_delays_but_kills_nothing(sqlite_stores: Any) -> None:
    store = sqlite_stores.open()
    store.backend._raw.execute("PRAGMA busy_timeout = 20")
    other = pysqlite3.connect(sqlite_stores.address, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = [store.write("u", new_counter(f"c{i}", i)) for i in range(5)]
    for _ in range(10):
        assert not sqlite_stores.loop.turn(0.02)
    other.execute("COMMIT")
    other.close()
    assert all(sqlite_stores.loop.wait(one).committed for one in waiting)
    assert sqlite_stores.fatal == []


def test_a_failed_fsync_stops_the_engine_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    assert shutil.which("strace"), "this test needs strace"
    path = tmp_path / "e.db"
    assert run(path, 0, 50)[-1] == "end"
    trace = ["strace", "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", "trace=fsync,fdatasync"]
    lines = run(path, 100, 100000, [*trace, "-e", "inject=fsync,fdatasync:error=EIO:when=40+"])
    assert lines[-1].startswith("fatal "), lines[-3:]
    assert "I/O error" in lines[-1]
    assert not [line for line in lines[-2:] if line.startswith("ack")]
    assert [line for line in lines if line.endswith("StoreStopped")]
    trailed = (tmp_path / "trace").read_text().splitlines()
    failed = [i for i, line in enumerate(trailed) if "EIO" in line]
    assert len(failed) == 1, "an fsync that failed must not be tried again on the same handle"
    assert acked(lines)
    found = stored(path)
    assert set(acked(lines)) <= found
    assert run(path, max(found) + 1, 5)[-1] == "end"


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)  # noqa: S603, S607 the system's own


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MiB."""
    point = tmp_path / "disk"
    point.mkdir()
    mount("-t", "tmpfs", "-o", "size=3m", "tmpfs", str(point))
    yield point
    subprocess.run(["umount", "-l", str(point)], check=True)  # noqa: S603, S607 the system's own


def test_a_full_disk_refuses_and_recovers_by_itself(small_disk: Path, loop: Loop) -> None:
    stores = Stores(str(small_disk / "e.db"), loop)
    store = stores.open(reserve=1)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (1 << 20))
    kept, full = [], 0
    for n in range(200):
        try:
            assert loop.wait(store.write("u", insert_body(n, os.urandom(20_000)))).committed  # noqa: TID251 incompressible
            kept.append(n)
        except StoreFull:
            full += 1
            if full == 3:
                break
    assert full == 3
    assert len(kept) > 5
    assert store.state == "refusing"
    assert not store.room_for_new_work
    from engine.store.calls import body

    assert loop.wait(store.read(lambda conn: len(body(conn, kept[0]) or b""))) == 20_000
    ballast.unlink()
    loop.advance(store_module.PROBE_EVERY + 0.1)
    loop.until(lambda: store.state == "open")
    assert loop.wait(store.write("u", insert_body(1000, b"after"))).committed
    loop.wait(store.stop())
    with suppress(OSError), ballast.open("wb", buffering=0) as file:  # to the last block
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(CannotStart, match="no room on the disk"):
        Stores(str(small_disk / "other.db"), loop).open()
    mount("-o", "remount,size=12m", str(small_disk))
    again = stores.open()
    assert loop.wait(again.read(lambda conn: [n for n in kept if body(conn, n) is None])) == []
    assert loop.wait(again.read(lambda conn: body(conn, max(kept) + 1))) is None
    assert stores.fatal == []
    stores.stop()


def fill_up(store: Any, loop: Loop) -> None:
    for n in range(100):
        loop.wait(store.write("u", insert_body(n, os.urandom(20_000))))  # noqa: TID251 incompressible


def test_a_disk_that_stays_full_is_probed_again_and_again(sqlite_stores: Any) -> None:
    store = sqlite_stores.open(max_pages=120)
    loop = sqlite_stores.loop
    with pytest.raises(StoreFull):
        fill_up(store, loop)
    tried: list[str] = []
    real = store._writer.write

    def write(units: Any) -> Any:
        tried.append(units[0].name)
        raise StoreFull("still")

    store._writer.write = write
    for _ in range(3):
        with pytest.raises(StoreFull):
            loop.wait(store.write("u", new_counter("x", 1)))
        before = len(tried)
        loop.advance(store_module.PROBE_EVERY + 0.1)
        loop.until(lambda before=before: len(tried) > before and store._probe is not None)
    assert tried == ["probe"] * 3
    store._writer.write = real
    loop.advance(store_module.PROBE_EVERY + 0.1)
    loop.until(lambda: store.state == "open")
    assert loop.wait(store.write("u", new_counter("x", 1))).committed


def test_little_room_is_told_before_the_disk_is_full(sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store = sqlite_stores.open(reserve=1 << 20)
    assert store.room_for_new_work
    monkeypatch.setattr(store.backend, "room", lambda: 1000)
    sqlite_stores.loop.advance(store_module.TICK + 0.1)
    assert not store.room_for_new_work
    assert sqlite_stores.loop.wait(store.write("still stored", new_counter("x", 1))).committed
    monkeypatch.setattr(store.backend, "room", lambda: 1 << 30)
    sqlite_stores.loop.advance(store_module.TICK + 0.1)
    assert store.room_for_new_work


def filled(stores: Any) -> Path:
    store = stores.open()
    for n in range(40):
        stores.loop.wait(store.write("u", insert_body(n, os.urandom(3000))))  # noqa: TID251 incompressible
    stores.loop.wait(store.stop())
    return Path(stores.address)


def test_a_flipped_byte_is_found_at_start(sqlite_stores: Any) -> None:
    path = filled(sqlite_stores)
    content = bytearray(path.read_bytes())
    content[4096 * 30 + 4] ^= 0xFF  # the number of cells of a page
    path.write_bytes(content)
    with pytest.raises(CannotStart, match=r"(?s)damaged.*restore the last backup"):
        sqlite_stores.open(check=True)


def test_a_truncated_file_is_found_at_start(sqlite_stores: Any) -> None:
    path = filled(sqlite_stores)
    os.truncate(path, path.stat().st_size - 5 * 4096)
    with pytest.raises(CannotStart, match="restore the last backup"):
        sqlite_stores.open(check=True)


def test_damage_met_while_reading_stops_the_engine(sqlite_stores: Any) -> None:
    path = filled(sqlite_stores)
    content = bytearray(path.read_bytes())
    for page in range(12, len(content) // 4096):
        content[4096 * page : 4096 * page + 8] = b"\xff" * 8
    path.write_bytes(content)
    try:
        store = sqlite_stores.open()
        sqlite_stores.loop.wait(store.read(lambda conn: [conn.row("body_get", id=n) for n in range(40)]))
    except (CannotStart, pysqlite3.DatabaseError) as no:
        assert "malformed" in str(no)  # noqa: PT017 which of the two it is depends on the page's place
    else:
        raise AssertionError("damage was read as data")
    if sqlite_stores.made[-1].state != "stopped":
        sqlite_stores.loop.until(lambda: sqlite_stores.fatal)
        assert "restore the last backup" in sqlite_stores.fatal[0]


def test_a_missing_write_ahead_file_after_a_crash_is_found(tmp_path: Path, loop: Loop) -> None:
    path = tmp_path / "e.db"
    crash(path)
    os.unlink(f"{path}-wal")
    stores = Stores(str(path), loop)
    with pytest.raises(CannotStart, match="is gone"):
        stores.open()
    with pytest.raises(CannotStart, match="is gone"):
        stores.open()
    stores.open(accept_missing_wal=True)
    stores.stop()


def crash(path: Path) -> list[int]:
    """A store killed while writing; what it had acknowledged."""
    worker = subprocess.Popen(  # noqa: S603 our own worker
        [*WORKER, str(path), "0", "100000"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=PLACES
    )
    assert worker.stdout is not None
    lines = [worker.stdout.readline().decode() for _ in range(150)]
    worker.kill()
    lines += worker.stdout.read().decode().splitlines()
    worker.wait()
    return acked(lines)


def test_a_damaged_write_ahead_file_is_found_and_a_torn_end_is_not_damage(tmp_path: Path, loop: Loop) -> None:
    path = tmp_path / "e.db"
    sure = crash(path)
    wal = Path(f"{path}-wal")
    whole = wal.read_bytes()
    frame = 24 + 4096
    frames = (len(whole) - 32) // frame
    assert frames > 20
    assert damage(str(wal)) == ""
    for at in (32 + 3 * frame + 500, 32 + 3 * frame + 9, 32 + 3 * frame + 17, 32 + 3 * frame + 2, 20):
        wal.write_bytes(whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :])
        assert damage(str(wal)), at
        with pytest.raises(CannotStart, match=r"write-ahead file is damaged.*restore"):
            Stores(str(path), loop).open()
    for end in (0, 31, 32, 40, len(whole) - 10, len(whole) - frame + 7):
        wal.write_bytes(whole[:end])
        assert damage(str(wal)) == "", end
    last = 32 + (frames - 1) * frame + 500
    wal.write_bytes(whole[:last] + bytes((whole[last] ^ 1,)) + whole[last + 1 :])
    assert damage(str(wal)) == ""
    wal.write_bytes(whole)
    stores = Stores(str(path), loop)
    store = stores.open()
    values = loop.wait(store.read(lambda conn: [conn.row("counter_get", name=f"n{n}") for n in sure]))
    assert None not in values
    stores.stop()


def test_looking_at_a_crashed_store_changes_nothing(tmp_path: Path, loop: Loop) -> None:
    path = tmp_path / "e.db"
    sure = crash(path)
    for _ in range(2):
        assert set(sure) <= stored(path)
    assert Path(f"{path}-wal").exists()
    stores = Stores(str(path), loop)
    stores.open()
    stores.stop()


def test_looking_for_a_store_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="no store"), open_reader(str(tmp_path / "e.db")):
        pass
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "e.db").write_bytes(b"hello" * 200)
    with (
        pytest.raises(CannotStart, match=r"not a settlement store|cannot be read"),
        open_reader(str(tmp_path / "e.db")),
    ):
        pass


def test_the_write_ahead_file_stays_bounded_while_writing(sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "WAL_MAX", 1 << 20)
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    moved: list[int] = []
    real = store.backend.checkpoint
    monkeypatch.setattr(store.backend, "checkpoint", lambda: (real(), moved.append(1)))
    wal = Path(sqlite_stores.address + "-wal")
    largest = 0
    for n in range(0, 3000, 30):
        waiting = [store.write("u", insert_body(n + i, os.urandom(3000))) for i in range(30)]  # noqa: TID251 incompressible
        for one in waiting:
            assert loop.wait(one).committed
        largest = max(largest, wal.stat().st_size)
    assert len(moved) >= 3
    assert largest < 6 << 20
    assert Path(sqlite_stores.address).stat().st_size > 8 << 20


def test_it_stays_bounded_too_while_units_are_written_in_the_reactors_thread(
    sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "WAL_MAX", 1 << 20)
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    here, finished = threading.get_ident(), []
    real = store.backend.finish_checkpoint
    monkeypatch.setattr(store.backend, "finish_checkpoint", lambda: (real(), finished.append(threading.get_ident())))
    wal = Path(sqlite_stores.address + "-wal")
    largest = 0
    for n in range(3000):
        one = Unit("u", (insert_body(n, os.urandom(3000)),), light=True)  # noqa: TID251 incompressible
        assert loop.wait(store.submit(one)).committed
        largest = max(largest, wal.stat().st_size)
    assert len(finished) >= 2
    assert here not in finished
    assert largest < 6 << 20


def test_a_move_overtakes_a_writer_that_pauses(sqlite_stores: Any) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    backend = store.backend
    loop.wait(store.write("u", insert_body(1, os.urandom(30_000))))  # noqa: TID251 incompressible
    backend.checkpoint()

    class Interrupted:
        """The mover's connection; while its first pass is under way, the writer commits."""

        real, passes = backend._mover, 0

        def execute(self, sql: str) -> Any:
            said = self.real.execute(sql).fetchall()
            self.passes += 1
            if self.passes == 1:
                loop.wait(store.write("u", insert_body(3, os.urandom(30_000))))  # noqa: TID251 as above
            return Ended(said)

    class Ended(list[Any]):
        def fetchone(self) -> Any:
            return self[0]

        def fetchall(self) -> Any:
            return self

    loop.wait(store.write("u", insert_body(2, os.urandom(30_000))))  # noqa: TID251 as above
    backend._mover = Interrupted()
    backend.checkpoint()
    backend._mover = Interrupted.real
    assert backend.ahead()[1] == 0, "the writer would have to move the rest, and everybody to wait for it"


def test_an_idle_store_empties_its_write_ahead_file(sqlite_stores: Any) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    loop.wait(store.write("u", insert_body(1, os.urandom(30_000))))  # noqa: TID251 incompressible
    before = Path(sqlite_stores.address).stat().st_size
    for _ in range(3):
        loop.advance(store_module.TICK + 0.1)
        loop.until(lambda: not store._mover.busy)
    assert Path(sqlite_stores.address).stat().st_size > before


def test_a_store_that_stays_idle_is_hardly_touched(sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once what was written is moved, a minute goes by between two looks; a commit, or freed pages, bring it back."""
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    looks: list[str] = []
    tidy = store.backend.tidy
    monkeypatch.setattr(store.backend, "tidy", lambda: (looks.append("look"), tidy())[1])

    def ticks(count: int) -> int:
        looks.clear()
        for _ in range(count):
            loop.advance(store_module.TICK + 0.1)
            loop.until(lambda: not store._mover.busy)
            loop.wait(store._in_writer(lambda: None))  # it has done what it was asked before
        return len(looks)

    loop.wait(store.write("u", insert_body(1, os.urandom(30_000))))  # noqa: TID251 incompressible
    assert ticks(1 + store_module.IDLE_OFTEN) == store_module.IDLE_OFTEN
    assert ticks(10 * store_module.IDLE_OFTEN) == 10
    loop.wait(store.write("u", insert_body(2, b"x")))
    assert ticks(3) == 2
    monkeypatch.setattr(store.backend, "tidy", lambda: (looks.append("look"), True)[1])
    assert ticks(2 * store_module.IDLE_OFTEN) == 2 * store_module.IDLE_OFTEN


def test_freed_pages_are_told_as_long_as_there_are_some(sqlite_stores: Any) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    for n in range(40):
        loop.wait(store.write("u", insert_body(n, os.urandom(30_000))))  # noqa: TID251 incompressible
    assert loop.wait(store.tidy()) is False
    store.backend._raw.execute("DELETE FROM bodies")
    said = [loop.wait(store.tidy()) for _ in range(6)]
    assert said[0] is True
    assert said[-1] is False


def test_a_failed_checkpoint_stops_the_engine(sqlite_stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store, loop = sqlite_stores.open(), sqlite_stores.loop
    loop.wait(store.write("u", new_counter("x", 1)))

    def checkpoint() -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(store.backend, "checkpoint", checkpoint)
    loop.advance(store_module.TICK + 0.1)
    loop.advance(store_module.TICK + 0.1)
    loop.until(lambda: sqlite_stores.fatal)
    with pytest.raises(StoreStopped, match="checkpoint"):
        loop.wait(store.submit(Unit("u", (new_counter("y", 1),))))
    loop.until(lambda: store.backend._lock is None)
    again = sqlite_stores.open()
    assert loop.wait(again.read(lambda conn: conn.row("counter_get", name="x"))) == (1,)
