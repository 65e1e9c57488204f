"""Files written out: whole or not at all, the same one twice harmless, another one under its name never."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.connectors.contract import CallFailed, Clash, NotSent, Silent
from engine.connectors.files import local
from engine.connectors.files.local import LocalPlace
from engine.connectors.files.sender import FileSender
from engine.core.world import World
from tests.simulation.reactor import SimReactor


class Desk:
    """A sender into a directory, and how each file ended."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.sim = SimReactor()
        self.world = World(self.sim.node("n1"), inline=True)
        self.folder = folder
        self.sender = FileSender(self.world, LocalPlace(self.world, str(folder), "n1", op_s=5), **more)
        self.ended: list[bool | CallFailed] = []

    def send(self, name: str, body: bytes = b"x", deadline_s: float = 10.0, hook: Any = None) -> Any:
        deferred = self.sender.send(name, body, deadline_s, hook)
        deferred.addCallbacks(self.ended.append, lambda failure: self.ended.append(failure.value))
        self.sim.advance(0.1)
        return deferred

    @property
    def why(self) -> tuple[type, str]:
        last = self.ended[-1]
        assert isinstance(last, CallFailed)
        return type(last), last.why

    def there(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}


def test_a_file_appears_whole_after_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path)
    steps: list[str] = []

    def watched(name: str) -> None:
        real: Callable[..., Any] = getattr(os, name)

        def step(*args: Any, **more: Any) -> Any:
            if name in ("link", "rename"):
                assert Path(args[0]).read_bytes() == "億東".encode() * 1000
                assert Path(args[0]).name.startswith(".")
            steps.append(name)
            return real(*args, **more)

        monkeypatch.setattr(local.os, name, step)

    for name in ("fsync", "link", "rename"):
        watched(name)
    desk.send("S1.json", "億東".encode() * 1000)
    assert steps == ["fsync", "link", "fsync"]  # the file, its name, the directory
    assert desk.ended == [True]
    assert desk.there() == {"S1.json": "億東".encode() * 1000}


def test_the_same_again_is_no_second_file_and_another_is_never_written_over_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.send("S1.json", b"one")
    desk.send("S1.json", b"one")
    desk.send("S1.json", b"two")
    assert desk.ended[:2] == [True, False]
    assert desk.why == (Clash, "another file has this name")
    assert desk.there() == {"S1.json": b"one"}
    assert (desk.sender.written, desk.sender.repeated) == (1, 1)


def test_where_links_are_not_known_it_is_renamed_and_still_overwrites_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*args: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(local.os, "link", no_link)
    test_the_same_again_is_no_second_file_and_another_is_never_written_over_it(tmp_path)


def test_a_marker_follows_its_file(tmp_path: Path) -> None:
    desk = Desk(tmp_path, marker=".ok")
    desk.send("S1.json", b"one")
    assert desk.there() == {"S1.json": b"one", "S1.json.ok": b""}
    (tmp_path / "S1.json.ok").unlink()
    desk.send("S1.json", b"one")
    assert desk.there() == {"S1.json": b"one", "S1.json.ok": b""}


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", ".x", "", "a\0b", "a\nb", "..", "报" * 60, "a b"])
def test_a_name_that_is_a_path_or_hidden_is_not_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    desk = Desk(tmp_path / "in")
    desk.send(name)
    assert desk.why[0] is NotSent
    assert [path.name for path in tmp_path.rglob("*")] == ["in"]


@pytest.mark.parametrize("step", ["write", "fsync", "link"])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    desk = Desk(tmp_path)

    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(local.os, step, full)
    desk.send("S1.json")
    assert desk.why == (NotSent, os.strerror(errno.ENOSPC))
    monkeypatch.undo()
    assert desk.there() == {}
    desk.send("S1.json")
    assert desk.ended[-1] is True


def test_a_directory_that_may_not_have_kept_the_name_is_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    real, left = os.fsync, [1]

    def second_fails(handle: int) -> None:
        if not left:
            raise OSError(errno.EIO, "bad disk")
        left.pop()
        real(handle)

    monkeypatch.setattr(local.os, "fsync", second_fails)
    desk.send("S1.json")
    assert desk.why == (Silent, os.strerror(errno.EIO))
    monkeypatch.undo()
    desk.send("S1.json")
    assert desk.ended[-1] is False  # it had appeared


def test_a_missing_directory_is_not_made(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "unmounted")
    desk.send("S1.json")
    assert desk.why == (NotSent, os.strerror(errno.ENOENT))
    assert not (tmp_path / "unmounted").exists()


def test_a_hook_that_raises_writes_nothing_and_long_files_are_refused(tmp_path: Path) -> None:
    desk = Desk(tmp_path, max_bytes=10)

    def held() -> None:
        raise RuntimeError

    desk.send("S1.json", hook=held)
    assert desk.why == (NotSent, "held back: RuntimeError")
    desk.send("S1.json", b"x" * 11)
    assert desk.why == (NotSent, "file too long")
    assert desk.there() == {}


def test_a_share_that_hangs_is_silence_for_the_one_and_not_sent_for_those_behind(tmp_path: Path) -> None:
    sim = SimReactor()
    node: Any = sim.node("n1")
    held: list[Callable[[], None]] = []
    node.callInThread = lambda work, *args: held.append(lambda: work(*args))
    node.callFromThread = lambda call, *args: node.callLater(0, call, *args)
    sender = FileSender(World(node), LocalPlace(World(node), str(tmp_path), "n1", op_s=60), queue_max=3)
    ended: list[Any] = []
    for n in range(5):
        sender.send(f"S{n}.json", b"x", 10 + n).addErrback(lambda failure: ended.append(failure.value))
    sim.advance(20)
    assert [(type(end), end.why) for end in ended] == [
        (NotSent, "queue full"),
        (Silent, "timeout"),
        (NotSent, "timeout before its turn"),
        (NotSent, "timeout before its turn"),
        (NotSent, "timeout before its turn"),
    ]
    stopped: list[Any] = []
    sender.stop(5).addCallback(stopped.append)
    sim.advance(6)
    assert len(stopped) == 1
    assert sender.send("S9.json", b"x", 5).addErrback(lambda failure: ended.append(failure.value))
    assert ended[-1].why == "stopped"
