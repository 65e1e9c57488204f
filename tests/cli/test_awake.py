"""Processors are kept awake while there is work, where the site wants it, and sleep otherwise."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from engine.cli.awake import BUSY, EVERY, Awake
from engine.cli.check import check
from engine.cli.say import GOOD
from engine.core.world import World
from tests.cli.shell import new_site


class _Node:
    """A node whose store, wish and device the test moves."""

    def __init__(self, device: Path, rate: float = 1.0) -> None:
        self.clock, self.units, self.wanted = Clock(), 0, True
        self.device, self.why = device, list[str]()
        self.awake = Awake(World(self.clock, rate=rate), lambda: self.wanted, lambda: self.units, self.why.append,
                           str(device))  # fmt: skip

    def second(self, units: int) -> bool:
        """One second in which so much is stored; whether the device is held open after it."""
        self.units += units
        self.clock.advance(EVERY)
        return self.held()

    def held(self) -> bool:
        ours = Path("/proc/self/fd")
        return any(os.path.realpath(ours / name) == str(self.device) for name in os.listdir(ours))


@pytest.fixture
def node(tmp_path: Path) -> _Node:
    device = tmp_path / "cpu_dma_latency"
    device.touch()
    return _Node(device)


def test_while_there_is_work_a_waking_may_take_no_time_at_all(node: _Node) -> None:
    node.units = 5_000  # from before: recovery
    node.awake.start()
    assert not node.second(0)
    assert not node.second(BUSY - 1)
    assert node.second(BUSY)
    assert struct.unpack("=i", node.device.read_bytes()) == (0,)
    assert node.second(BUSY), "it stays open: closing it is what ends it"
    assert len(node.device.read_bytes()) == 4, "asked for once"
    assert not node.second(0), "at night the machine sleeps"
    assert node.second(300)
    node.awake.stop()
    assert not node.held()
    assert not node.clock.getDelayedCalls()
    assert not node.why


def test_a_site_that_does_not_want_it_or_no_longer_does(node: _Node) -> None:
    node.wanted = False
    node.awake.start()
    assert not node.second(500)
    assert not node.device.read_bytes()
    node.wanted = True  # another configuration was applied
    assert node.second(500)
    node.wanted = False
    assert not node.second(500)


def test_a_system_without_it_is_told_once_and_goes_on(node: _Node) -> None:
    node.device.unlink()
    node.awake.start()
    assert not node.second(500)
    assert not node.second(500)
    assert node.why == [f"{node.device}: No such file or directory"]


@pytest.mark.parametrize("there", [True, False])
def test_check_says_whether_it_can_be_had(
    tmp_path: Path, there: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = new_site(tmp_path / "site")
    file, device = root / "engine.yaml", tmp_path / "cpu_dma_latency"
    monkeypatch.setattr("engine.cli.check.DEVICE", str(device))
    if there:
        device.touch()
    assert check(root, as_json=True) == GOOD
    assert "awake" not in capsys.readouterr().out, "a site that does not want it is not asked about it"
    file.write_text(file.read_text().replace("profile: demo", "profile: demo\n  awake: yes"))
    assert check(root, as_json=True) == GOOD
    told = {one["what"]: one for one in json.loads(capsys.readouterr().out)}["awake"]
    assert told["verdict"] == ("good" if there else "warning")
    assert str(device) in told["text"]


def test_on_a_quicker_clock_it_is_the_walls_second_that_counts(tmp_path: Path) -> None:
    node = _Node(tmp_path / "none", rate=60.0)
    node.awake.start()
    node.second(BUSY)
    assert len(node.why) == 1
