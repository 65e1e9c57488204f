"""Somebody sets the machine's clock while the engine runs: back (a wrong clock is corrected), or forward. Nothing
stands still until the old time comes round again, and numbers never repeat."""

from __future__ import annotations

import json
import os
import time  # the wall's time: a real process is waited for here, nothing of the engine
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from engine.connectors.deadlines import Deadlines
from engine.core.world import World
from engine.runtime.clock_steps import clock_was_set
from engine.runtime.meters import Meters
from engine.runtime.pulse import EVERY, Pulse
from tests.cli.shell import ENVIRONMENT, Running, new_site
from tests.edge.town import BILL, CODE, PATIENT, REST, START, Town

SET_BACK = 150.0  # less than the insurance allows a signature to be off


class SetClock(Clock):
    """A reactor whose timers nobody sets, and a time of day that somebody does."""

    off = 0.0

    def wall(self) -> float:
        return 1_790_000_000.0 + self.seconds() + self.off


class _Call:
    over = False


def test_a_deadline_is_kept_whatever_becomes_of_the_clock() -> None:
    reactor, late = SetClock(), list[Any]()
    deadlines = Deadlines(World(reactor), late.append)
    deadlines.add(_Call(), 30)
    reactor.off = -3600
    reactor.advance(29)
    assert not late
    reactor.advance(1)
    assert len(late) == 1


def test_a_clock_that_was_set_is_noticed_once_and_a_corrected_one_is_not() -> None:
    reactor, steps, meters = SetClock(), list[float](), Meters()
    pulse = Pulse(World(reactor), meters, steps.append)
    pulse.start()
    for off in (0.0, 0.5, 1.0, -3599.0, -3599.0, 82801.0):
        reactor.off = off
        reactor.advance(EVERY)
    assert [round(step) for step in steps] == [-3600, 86400]
    pulse.stop()


def test_an_inquiry_about_money_does_not_wait_for_the_old_time(new_town: Callable[..., Town]) -> None:
    town = new_town(start=False)
    reactor, off = town.lab.engine_reactor, [0.0]
    reactor.wall = lambda: reactor.seconds() + off[0]
    town.expected_errors.add("clock_was_set")
    town.do(town.lab.open())
    town.pass_time(1.0)
    no = town.ask("POST", START, town.lab.bill_request(PATIENT, BILL)).json["settlement_no"]
    town.lab.fault("insurance", "2207A", "timeout_after_commit")
    town.lab.fault("insurance", "5203", "http_500", times=3)
    assert town.ask("POST", f"/v1/settlements/{no}/pay", CODE).state == "working"
    off[0] = -SET_BACK
    engine = town.lab.engine
    assert engine is not None
    before = [leg.next_at for room in engine.driver.rooms() for leg in room.case.legs if leg.next_at is not None]
    assert before, "an inquiry is due"
    clock_was_set(-SET_BACK, engine.driver, engine.deliver.lanes, engine.log)
    began = town.now
    while (state := town.ask("GET", f"/v1/settlements/{no}?wait=30").state) not in REST:
        assert town.now - began < SET_BACK / 2, state
    assert state == "undone", "to the HIS, whose clock is right, our booking had expired: its refusal is heard at once"


def test_a_process_whose_clock_is_set_goes_on_and_its_numbers_rise(tmp_path: Path) -> None:
    """A drop directory is looked at every second, also in the hour after the clock was set back by one."""
    box, out, off = tmp_path / "in", tmp_path / "out", tmp_path / "off"
    for folder in (box, out, tmp_path / "python"):
        folder.mkdir()
    off.write_text("0")
    (tmp_path / "python/sitecustomize.py").write_text(
        "import time\n"
        "real = time.time\n"
        f"time.time = lambda: real() + float(open({str(off)!r}).read() or 0)\n"
    )
    listeners = {
        "api": {"http": "127.0.0.1:0"}, "hl7": {"mllp": "127.0.0.1:0"},
        "lis_out": {"drop": {"directory": str(box), "every": "1s"}},
    }  # fmt: skip
    site = new_site(tmp_path / "site", listeners=listeners, parties={"box": {
        "kind": "files", "url": f"file://{out}", "name": "{number}.hl7"}})  # fmt: skip
    for kind in ("channels", "mappings", "schemas"):
        for path in (site / kind).rglob("*.*"):
            path.unlink()
    (site / "channels/events.yaml").write_text(
        "channel: events\nkind: deliver\ntitle: 文件\nlisten: {at: lis_out, messages: [ADT^A01]}\n"
        "to: {box: {to: box, op: forward, wait: 5s}}\n"
    )
    running = Running(site, PYTHONPATH=f"{tmp_path / 'python'}{os.pathsep}{ENVIRONMENT['PYTHONPATH']}")
    try:
        assert "ready" in running.first, (site / "run.log").read_text()
        for count, seconds in enumerate((0, -3600, 86400, 0), start=1):
            off.write_text(str(seconds))
            name = f"C{count}"
            (box / f".{name}").write_text(
                f"MSH|^~\\&|LIS|H|E|H|20261122101010||ADT^A01|{name}|P|2.4|||||CHN|UNICODE UTF-8\r"
                "EVN|A01|20261122101010\rPID|1||P1||测试甲\rPV1|1|O\r"
            )
            (box / f".{name}").rename(box / f"{name}.hl7")
            until = time.monotonic() + 15
            while len(list(out.glob("*.hl7"))) < count:
                assert time.monotonic() < until, f"nothing is taken after the clock was set to {seconds}"
                time.sleep(0.05)  # noqa: TID251 a real process is waited for
    finally:
        running.process.kill()
        running.process.wait()
    written = sorted(out.glob("*.hl7"), key=lambda path: int(path.stem))
    assert [path.read_text().split("|")[9] for path in written] == ["C1", "C2", "C3", "C4"]
    told = [json.loads(line) for line in (site / "run.log").read_text().splitlines() if "clock_was_set" in line]
    assert [round(line["seconds"], -2) for line in told] == [-3600, 90000, -86400]
