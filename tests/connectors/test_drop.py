"""A drop directory as its writers, a crash, a second node and a stranger see it: every file ends in one place, once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from engine.connectors.files import local
from engine.connectors.files.local import LocalPlace
from engine.connectors.files.parcel import TAKEN, Fate, Parcel, Verdict, safe_name
from engine.connectors.files.pickup import Pickup, PickupLimits
from engine.connectors.files.place import PlaceTrouble
from engine.connectors.files.ready import Convention, Whole
from engine.core.retry import Backoff
from engine.core.world import World
from tests.simulation.reactor import SimReactor

BIG = 1000


class Desk:
    """A directory, a node that empties it, and everything it was told."""

    def __init__(self, folder: Path, owner: str = "n1", sim: SimReactor | None = None, **more: Any) -> None:
        self.sim = sim or SimReactor()
        self.folder = folder
        self.world = World(self.sim.node(owner), inline=True)
        self.place: Any = more.pop("place", None) or LocalPlace(self.world, str(folder), owner)
        self.batches: list[list[Parcel]] = []
        self.troubles: list[tuple[str, str]] = []
        self.well: list[tuple[str, str, int]] = []
        self.duplicates: list[Parcel] = []
        self.errors: list[Any] = []
        self.answer: Callable[[Sequence[Parcel]], Any] = lambda batch: [TAKEN] * len(batch)
        limits = PickupLimits(every_s=1.0, **{"files": 16, "file_bytes": BIG, **more.pop("limits", {})})
        self.pickup = Pickup(
            self.world,
            "lab",
            self.place,
            self._receive,
            more.pop("convention", None),
            limits,
            on_trouble=lambda kind, text: self.troubles.append((kind, text)),
            on_duplicate=self.duplicates.append,
            on_error=self.errors.append,
            on_well=lambda kind, was: self.well.append((kind, was.why, round(self.world.now() - was.since))),
        )

    async def _receive(self, batch: Sequence[Parcel]) -> Sequence[Verdict]:
        self.batches.append(list(batch))
        answer = self.answer(batch)
        return await answer if isinstance(answer, Deferred) else answer

    def go(self, seconds: float = 1.5) -> None:
        if not self.batches and self.pickup._timer is None and self.pickup._round is None:
            self.pickup.start()
        self.sim.advance(seconds)

    def drop(self, name: str, body: bytes = b"x", age: float = 0.0) -> Path:
        path = self.folder / name
        path.write_bytes(body)
        os.utime(path, (1_790_000_000 - age, 1_790_000_000 - age))
        return path

    @property
    def bodies(self) -> list[bytes]:
        return [parcel.body for batch in self.batches for parcel in batch]

    def kept(self, folder: str) -> dict[str, bytes]:
        """Name → bytes of what lies in the archive or the errors, the stamp of time and claim taken off."""
        return {
            path.name.split("-", 2)[2]: path.read_bytes()
            for path in sorted((self.folder / folder).rglob("*-*-*"))
            if path.is_file()
        }

    def left(self) -> list[str]:
        """What lies in the directory itself."""
        return sorted(path.name for path in self.folder.iterdir() if path.is_file())

    def working(self) -> list[str]:
        return sorted(path.name for path in (self.folder / ".engine").rglob("*") if not path.is_dir())


def test_whole_files_are_handed_over_oldest_first_and_archived_by_day(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.drop("b.hl7", "億東瑋".encode("gb18030"), age=1)
    desk.drop("a.hl7", b"first", age=9)
    desk.drop(".hidden", b"no")
    desk.drop("c.hl7.tmp", b"no")
    desk.drop("d.filepart", b"no")
    desk.go()
    assert [parcel.name for parcel in desk.batches[0]] == ["a.hl7", "b.hl7"]
    first = desk.batches[0][0]
    assert (first.body, first.digest, first.source) == (b"first", hashlib.sha256(b"first").hexdigest(), "lab")
    assert desk.kept("archive/2026-09-21") == {"a.hl7": b"first", "b.hl7": "億東瑋".encode("gb18030")}
    assert desk.left() == [".hidden", "c.hl7.tmp", "d.filepart"]
    assert (desk.working(), desk.troubles, desk.pickup.taken) == ([], [], 2)
    desk.go(10)
    assert len(desk.batches) == 1


def test_only_what_the_pattern_names(tmp_path: Path) -> None:
    desk = Desk(tmp_path, convention=Convention("ORU_*.hl7"))
    desk.drop("ORU_1.hl7")
    desk.drop("readme.txt")
    desk.go()
    assert (len(desk.bodies), desk.left()) == (1, ["readme.txt"])


def test_a_file_that_still_grows_is_left_alone_until_it_has_been_still(tmp_path: Path) -> None:
    desk = Desk(tmp_path, convention=Convention(whole=Whole.STABLE, stable_s=3, overdue_s=30))
    path = desk.drop("a.hl7", b"1")
    for size in range(2, 8):
        desk.go(1)
        path.write_bytes(b"1" * size)
        os.utime(path, (1_790_000_000 + size, 1_790_000_000 + size))
    assert desk.bodies == []
    desk.go(2)
    assert desk.bodies == []
    desk.go(3)
    assert desk.bodies == [b"1111111"]


def test_the_marker_says_when_and_an_old_marker_says_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, convention=Convention("*.hl7", Whole.MARKER, overdue_s=5))
    desk.drop("a.hl7", b"half", age=5)
    desk.drop("b.hl7.ok", b"", age=100)  # left over from an earlier b.hl7
    desk.drop("b.hl7", b"half", age=50)
    desk.go(2)
    assert desk.bodies == []
    desk.drop("a.hl7", b"whole", age=4)
    desk.drop("a.hl7.ok", b"", age=4)
    desk.go(2)
    assert desk.bodies == [b"whole"]
    assert desk.left() == ["b.hl7", "b.hl7.ok"]
    desk.go(10)
    assert desk.troubles == [("overdue", "b.hl7")]
    desk.drop("b.hl7.ok", b"", age=1)
    desk.go(2)
    assert desk.bodies == [b"whole", b"half"]
    assert (desk.left(), desk.working()) == ([], [])


def test_a_marker_without_its_file_is_pointed_out_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, convention=Convention("*.hl7", Whole.MARKER, overdue_s=5))
    desk.drop("a.hl7.ok", b"")
    desk.go(60)
    assert desk.troubles == [("overdue", "a.hl7.ok")]


def test_what_is_written_to_after_it_was_claimed_waits_until_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Renaming a file does not stop a writer who has it open."""
    desk = Desk(tmp_path)
    writer = open(desk.drop("a.hl7", b"half "), "ab", buffering=0)  # noqa: SIM115 - it stays open on purpose
    read, more = os.read, [b"more "]

    def meanwhile(*args: Any) -> bytes:
        if more:
            writer.write(more.pop())
        return read(*args)

    monkeypatch.setattr(local.os, "read", meanwhile)
    desk.go()
    assert more == []
    assert desk.bodies == []
    monkeypatch.undo()
    desk.go(6)
    assert desk.bodies == []
    writer.write(b"whole")
    writer.close()
    desk.go(6)
    assert [body[-5:] for body in desk.bodies] == [b"whole"]
    assert desk.working() == []


def test_a_refused_file_lies_beside_its_reason(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.drop("a.hl7", b"good")
    desk.drop("b.hl7", b"bad")
    desk.answer = lambda batch: [TAKEN if p.body == b"good" else Verdict(Fate.REFUSED, "E-HL7: 无 MSH") for p in batch]
    desk.go()
    kept = desk.kept("error/2026-09-21")
    assert kept["b.hl7"] == b"bad"
    note = json.loads(kept["b.hl7.json"])
    assert note["reason"] == "E-HL7: 无 MSH"
    assert note["sha256"] == hashlib.sha256(b"bad").hexdigest()
    assert list(desk.kept("archive")) == ["a.hl7"]
    assert (desk.pickup.taken, desk.pickup.refused) == (1, 1)


def test_a_duplicate_is_told_and_kept_as_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    seen: set[str] = set()

    def once(batch: Sequence[Parcel]) -> list[Verdict]:
        found = []
        for parcel in batch:
            found.append(Verdict(Fate.DUPLICATE, "taken before") if parcel.digest in seen else TAKEN)
            seen.add(parcel.digest)
        return found

    desk.answer = once
    desk.drop("a.hl7", b"same", age=2)
    desk.drop("b.hl7", b"same", age=1)
    desk.go()
    desk.drop("a.hl7", b"same")
    desk.go()
    assert [parcel.name for parcel in desk.duplicates] == ["b.hl7", "a.hl7"]
    assert (desk.pickup.taken, desk.pickup.duplicates) == (1, 2)
    assert len(list((tmp_path / "archive").rglob("*.json"))) == 2


def test_a_receiver_in_trouble_gets_the_same_batch_again_ever_less_often(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits={"retry": Backoff(first=2, factor=2, cap=30, spread=0)})
    times: list[float] = []
    started = desk.sim.seconds()

    def down(batch: Sequence[Parcel]) -> list[Verdict]:
        times.append(round(desk.sim.seconds() - started))
        if len(times) < 6:
            raise ConnectionError("store")
        return [TAKEN] * len(batch)

    desk.answer = down
    desk.drop("a.hl7", b"a", age=2)
    desk.drop("b.hl7", b"b", age=1)
    desk.go(100)
    assert times == [0, 2, 6, 14, 30, 60]
    assert [sorted(parcel.body for parcel in batch) for batch in desk.batches] == [[b"a", b"b"]] * 6
    assert desk.troubles == [("receiver", "ConnectionError")]
    assert (len(desk.errors), desk.pickup.failing, desk.pickup.taken) == (5, "", 2)
    assert sorted(desk.kept("archive")) == ["a.hl7", "b.hl7"]


def test_a_missing_directory_is_told_once_and_used_when_it_comes(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "later")
    desk.go(120)
    assert desk.troubles[0][0] == "place"
    assert len(desk.troubles) == 1
    assert not (tmp_path / "later").exists()
    (tmp_path / "later").mkdir()
    desk.drop("a.hl7")
    desk.go(70)
    assert (len(desk.bodies), desk.pickup.failing) == (1, "")


def test_while_the_archive_is_full_each_file_is_handed_over_once_and_has_one_note(
    tmp_path: Path, archive_full: list[bool]
) -> None:
    desk = Desk(tmp_path, limits={"retry": Backoff(first=2, factor=2, cap=30, spread=0), "files": 4})
    verdicts = {b"a": TAKEN, b"b": Verdict(Fate.REFUSED, "no"), b"c": TAKEN}
    desk.answer = lambda batch: [verdicts[parcel.body] for parcel in batch]
    desk.drop("a.hl7", b"a", age=3)
    desk.drop("b.hl7", b"b", age=2)
    desk.drop("long.hl7", b"x" * (BIG + 1), age=1)
    desk.go(40)
    desk.drop("c.hl7", b"c")
    desk.drop("d.hl7", b"d")
    desk.go(100)
    assert desk.bodies == [b"a", b"b", b"c"], "each once, and no more than a batch waits for its place"
    assert desk.left() == ["d.hl7"]
    notes = sorted(path.name.split("-", 2)[2] for path in (tmp_path / "error").rglob("*.json"))
    assert notes == ["b.hl7.json", "long.hl7.json"]
    assert desk.troubles == [("too-long", "long.hl7"), ("place", "No space left on device")]
    assert desk.well == []
    archive_full[0], verdicts[b"d"] = False, TAKEN
    desk.go(31)
    assert desk.well == [("place", "No space left on device", 150)]
    assert sorted(desk.kept("archive")) == ["a.hl7", "c.hl7", "d.hl7"]
    assert sorted(desk.kept("error")) == ["b.hl7", "b.hl7.json", "long.hl7", "long.hl7.json"]
    assert (desk.working(), desk.pickup.taken, desk.pickup.refused) == ([], 3, 2)


class Mortal(LocalPlace):
    """A directory that stops working after so many steps, before or after the step: as a crash leaves it."""

    def __init__(self, *args: Any, dies: int, after: bool) -> None:
        super().__init__(*args)
        self._dies, self._after = dies, after

    async def _do(self, work: Any, *args: Any) -> Any:
        self._dies -= 1
        if self._dies < 0 or (self._dies == 0 and not self._after):
            raise PlaceTrouble("dead")
        result = await super()._do(work, *args)
        if self._dies == 0:
            raise PlaceTrouble("dead")
        return result


@pytest.mark.parametrize("whole", Whole)
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_step_loses_nothing_and_leaves_nothing(tmp_path: Path, whole: Whole, after: bool) -> None:
    for dies in range(1, 40):
        folder = tmp_path / str(dies)
        folder.mkdir()
        sim = SimReactor()
        convention = Convention("*.hl7", whole, stable_s=2)
        mortal = Mortal(World(sim.node("n1"), inline=True), str(folder), "n1", dies=dies, after=after)
        first = Desk(folder, sim=sim, place=mortal, convention=convention)
        for n in range(3):
            first.drop(f"{n}.hl7", b"%d" % n, age=9 - n)
            if whole is Whole.MARKER:
                first.drop(f"{n}.hl7.ok", b"", age=9 - n)
        first.go(5)
        first.pickup.stop()
        again = Desk(folder, sim=sim, convention=convention)
        again.go(8)
        assert set(first.bodies + again.bodies) == {b"0", b"1", b"2"}
        kept = sorted(path.read_bytes() for path in (folder / "archive").rglob("*.hl7"))
        assert kept == [b"0", b"1", b"2"]
        assert (again.working(), [name for name in again.left() if not name.endswith(".ok")]) == ([], [])
        handed = first.bodies + again.bodies
        if len(handed) > 3:  # twice only what had been handed over when it died
            assert len(handed) - 3 <= len(first.bodies)


def test_two_nodes_share_a_directory_and_no_file_goes_to_both(tmp_path: Path) -> None:
    sim = SimReactor()
    one, two = (Desk(tmp_path, name, sim, limits={"files": 3}) for name in ("n1", "n2"))
    for n in range(40):
        one.drop(f"{n:02}.hl7", b"%02d" % n)
    listing = two.place.look
    raced: list[str] = []

    async def stale() -> Any:
        found = await listing()
        for entry in found[:1]:  # the other node takes one while this one still reads its listing
            await one.place.claim(entry.name, f"aa~{entry.name}")
            raced.append(entry.name)
        return found

    two.place.look = stale
    one.pickup.start()
    two.pickup.start()
    sim.advance(5)
    one.pickup._recover = True  # as after a crash: what it took in that way is its own
    sim.advance(5)
    assert raced
    assert sorted(one.bodies + two.bodies) == [b"%02d" % n for n in range(40)]
    assert one.bodies
    assert two.bodies
    assert one.troubles + two.troubles == []


def test_a_batch_is_bounded_in_files_and_bytes_and_the_rest_follows_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits={"files": 4, "batch_bytes": 1500})
    for n in range(10):
        desk.drop(f"{n}.hl7", bytes([n]) * (900 if n in (2, 3) else 10), age=10 - n)
    desk.go(0.5)
    assert [[parcel.body[0] for parcel in batch] for batch in desk.batches] == [[0, 1, 2], [3, 4, 5, 6], [7, 8, 9]]


def test_what_is_too_long_is_put_aside_unread_and_what_is_no_file_is_left(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    outside = tmp_path.parent / f"{tmp_path.name}-secret"
    outside.write_bytes(b"secret")
    desk.drop("long.hl7", b"x" * (BIG + 1))
    desk.drop("just.hl7", b"x" * BIG)
    (tmp_path / "link.hl7").symlink_to(outside)
    os.mkfifo(tmp_path / "pipe.hl7")
    (tmp_path / "folder.hl7").mkdir()
    desk.go(5)
    assert desk.bodies == [b"x" * BIG]
    assert sorted(desk.troubles) == [
        ("odd", "link.hl7: not a regular file"),
        ("odd", "pipe.hl7: not a regular file"),
        ("too-long", "long.hl7"),
    ]
    assert "1001 bytes" in json.loads(desk.kept("error")["long.hl7.json"])["reason"]
    assert (tmp_path / "link.hl7").is_symlink()


def test_a_link_that_takes_the_place_of_a_claimed_file_is_not_followed(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    outside = tmp_path.parent / f"{tmp_path.name}-secret"
    outside.write_bytes(b"secret")
    (tmp_path / ".engine" / "n1").mkdir(parents=True)
    (tmp_path / ".engine" / "n1" / "aa~x.hl7").symlink_to(outside)
    desk.drop("a.hl7")
    desk.go(5)
    assert desk.bodies == [b"x"]
    assert [kind for kind, _ in desk.troubles] == ["odd"]


NAMES = [
    "测试甲 20261122.hl7",
    "a b;c|d$(e)`f`.hl7",
    "new\nline\x07.hl7",
    "x" * 250,
    "报告" * 40 + ".hl7",
    "-rf.hl7",
    "..hl7..",
    os.fsdecode("测试甲.hl7".encode("gb18030")),
    os.fsdecode(b"\xff\xfe\x80.hl7"),
]


def test_hostile_names_are_stored_under_safe_ones(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for n, name in enumerate(NAMES):
        if not name.startswith("."):
            desk.drop(name, b"%d" % n)
    desk.go(5)
    assert len(desk.bodies) == len(NAMES) - 1
    assert (desk.troubles, desk.working()) == ([], [])
    names = {parcel.body: parcel.name for parcel in desk.batches[0]}
    assert names[b"0"] == "测试甲_20261122.hl7"
    assert names[b"7"] == "测试甲.hl7"
    for name in names.values():
        assert name.isprintable()
        assert len(name.encode()) <= 150
        assert "/" not in name
        assert not name.startswith(".")


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_a_safe_name_is_one_plain_component_and_stays_as_it_is(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert safe_name(safe) == safe
    assert os.path.basename(safe) == safe
    assert safe not in (".", "..")
    assert not set(safe) & set('\0/\\:*?"<>|\r\n')


class Hanging:
    """A thread that never comes back, as over a share whose server is gone; `free` lets all of them go."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self.held: list[Callable[[], None]] = []
        node.callInThread = lambda work, *args: self.held.append(lambda: work(*args))

    def free(self) -> None:
        del self.node.callInThread
        for work in self.held:
            work()


def test_a_share_that_hangs_costs_one_thread_and_is_used_again_when_it_answers(tmp_path: Path) -> None:
    sim = SimReactor()
    node = sim.node("n1")
    node.callFromThread = lambda call, *args: node.callLater(0, call, *args)
    hanging = Hanging(node)
    desk = Desk(tmp_path, sim=sim, place=LocalPlace(World(node), str(tmp_path), "n1", op_s=5))
    desk.drop("a.hl7")
    desk.go(300)
    assert len(hanging.held) == 1
    assert {kind for kind, _ in desk.troubles} == {"place"}
    node.callInThread = lambda work, *args: work(*args)
    hanging.held[0]()
    desk.go(70)
    assert (desk.bodies, desk.pickup.failing) == ([b"x"], "")


def test_stop_waits_for_the_batch_at_hand_but_not_for_ever(tmp_path: Path) -> None:
    for answers in (True, False):
        folder = tmp_path / str(answers)
        folder.mkdir()
        desk = Desk(folder)
        word: Deferred[list[Verdict]] = Deferred()
        desk.answer = lambda batch, word=word: word
        desk.drop("a.hl7")
        desk.go(1)
        stopped: list[None] = []
        desk.pickup.stop(10).addCallback(stopped.append)
        desk.sim.advance(5)
        assert stopped == []
        if answers:
            word.callback([TAKEN])
        desk.sim.advance(6)
        assert stopped == [None]
        assert bool(desk.kept("archive")) is answers
        assert desk.world.reactor.getDelayedCalls() == []
