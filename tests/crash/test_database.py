"""The real engine on a real PostgreSQL that dies, stops answering, or goes to another node; the parties judge."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import threading
import time  # the wall's time: real processes are waited for here, nothing of the engine
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.crash.hospital import OWN, Hospital, free_ports
from tests.crash.server import Server
from tests.crash.test_kill import _agree, _ask, _carry_on, _kiosk, _request

LIMIT = 30.0
PARTIES = ("his", "insurance", "wechat", "einvoice")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server(free_ports(1)[0])
    made.lay()
    made.start()
    yield made
    made.close()


@pytest.fixture
def hospital(laid: Hospital, server: Server, request: pytest.FixtureRequest) -> Iterator[Hospital]:
    """A new day on a database of its own."""
    laid.fresh()
    _write(laid.folder / "engine.yaml", r"^store: .*$", f"store: {server.empty(f't{abs(hash(request.node.name))}')}")
    for path in laid.folder.glob("engine*.log"):
        path.unlink()
    yield laid
    server.go_on()
    laid.kill()


def _write(path: Path, pattern: str, text: str) -> None:
    found, count = re.subn(pattern, text, path.read_text(), count=1, flags=re.MULTILINE)
    assert count, pattern
    path.write_text(found)


def _until(ready: Callable[[], object]) -> None:
    until = time.monotonic() + LIMIT
    while not ready():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def _readiness(hospital: Hospital) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{hospital.ports['api']}/readyz", timeout=5) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as no:
        return no.code, json.load(no)


def _on_its_way(hospital: Hospital) -> bool:
    return '"state":"forward"' in hospital.logs()


def _beside(what: Callable[[], None]) -> threading.Thread:
    """Done while the kiosk goes on."""
    thread = threading.Thread(target=what, daemon=True)
    thread.start()
    return thread


@pytest_twisted.ensureDeferred
async def test_the_server_is_killed_while_the_insurance_settles(hospital: Hospital, server: Server) -> None:
    hospital.post("insurance", "/sim/faults", {"op": "2207A", "fault": "slow", "seconds": 30})
    assert hospital.start()
    before = hospital.starts

    def power_cut() -> None:
        _until(lambda: _on_its_way(hospital))
        server.kill()
        _until(hospital.dead)
        _until(lambda: "Connection refused" in hospital.logs())  # one start in vain
        server.start()

    cut = _beside(power_cut)
    answer = await _carry_on(hospital, "")
    cut.join(LIMIT)
    _agree(hospital, answer["state"])  # settled, or undone: minutes of business time went by
    assert hospital.starts >= before + 2
    assert '"store_died"' in hospital.logs()
    assert "Traceback" not in hospital.logs()


@pytest_twisted.ensureDeferred
async def test_the_server_stops_answering_and_goes_on(hospital: Hospital, server: Server) -> None:
    hospital.post("insurance", "/sim/faults", {"op": "2207A", "fault": "slow", "seconds": 30})
    assert hospital.start()
    seen: list[tuple[int, Any]] = []

    def stall() -> None:
        _until(lambda: _on_its_way(hospital))
        server.hold()
        _until(lambda: '"store_silent"' in hospital.logs())
        seen.append(_readiness(hospital))
        server.go_on()

    held = _beside(stall)
    answer = await _carry_on(hospital, "")
    held.join(LIMIT)
    _agree(hospital, answer["state"])  # settled, or undone: minutes of business time went by
    assert seen == [(503, {"ready": False, "why": "the database is silent"})]
    _until(lambda: '"store_answers"' in hospital.logs())
    assert _readiness(hospital)[0] == 200
    assert '"store_died"' not in hospital.logs()


def _second(first: Path) -> Path:
    """The folder of another node of this hospital: the same keys, an engine.yaml and channels of its own."""
    second = first / "second"
    shutil.rmtree(second, ignore_errors=True)
    second.mkdir()
    for name in ("mappings", "schemas", "var"):
        (second / name).symlink_to(first / name)
    shutil.copytree(first / "channels", second / "channels")
    _write(second / "channels" / "outpatient_settlement.yaml", r"within: 5m", "within: 6m")
    (second / "engine.yaml").write_text((first / "engine.yaml").read_text())
    _write(second / "engine.yaml", r"name: \w+", "name: second")
    return second


@pytest_twisted.ensureDeferred
async def test_another_node_with_another_configuration_takes_over(hospital: Hospital) -> None:
    assert hospital.start()
    kiosk = _kiosk(hospital)
    answer = await _ask(kiosk, "POST", "/v1/outpatient/settlements", _request())
    await kiosk.close()
    assert answer["state"] == "quoted"
    first, first_node = hospital.folder, hospital.engine
    hospital.folder = _second(first)
    try:
        assert not hospital.start()
        assert "another engine is running on this database" in hospital.logs()
        hospital.engine = first_node
        hospital.kill()
        answer = await _carry_on(hospital, "")
        assert answer["state"] == "settled"
        _agree(hospital, "settled")
    finally:
        hospital.kill()
        hospital.folder = first


@pytest_twisted.ensureDeferred
async def test_a_paused_node_that_was_taken_over_begins_nothing_and_ends(hospital: Hospital, server: Server) -> None:
    """Its machine was stopped (a snapshot, a move) while the insurance settled, and goes on when all is over."""
    hospital.post("insurance", "/sim/faults", {"op": "2207A", "fault": "slow", "seconds": 60})
    assert hospital.start()
    first, first_node, ports = hospital.folder, hospital.engine, dict(hospital.ports)
    hospital.folder = _second(first)
    for name, port in zip(OWN, free_ports(len(OWN)), strict=True):
        hospital.ports[name] = port
        _write(hospital.folder / "engine.yaml", str(ports[name]), str(port))

    def pause() -> None:
        _until(lambda: '"state":"forward"' in (first / f"engine{hospital.starts}.log").read_text())
        os.kill(first_node, signal.SIGSTOP)
        server.end_engine()
        hospital.engine = 0  # the second node begins

    try:
        kiosk = _kiosk(hospital, ports["api"])
        no = (await _ask(kiosk, "POST", "/v1/outpatient/settlements", _request()))["settlement_no"]
        paused = _beside(pause)
        choice = {"choice_no": "0", "kind": "wechat_code", "auth_code": "134000000000000001"}
        assert await _ask(kiosk, "POST", f"/v1/settlements/{no}/pay", choice) == {}
        await kiosk.close()
        paused.join(LIMIT)
        answer = await _carry_on(hospital, "")
        _agree(hospital, answer["state"])
        before = {name: len(hospital.ledger(name)) for name in PARTIES}
        os.kill(first_node, signal.SIGCONT)
        _until(lambda: not Path(f"/proc/{first_node}").exists())
        assert '"store_died"' in "".join(path.read_text() for path in first.glob("engine*.log"))
        assert {name: len(hospital.ledger(name)) for name in PARTIES} == before
        _agree(hospital, answer["state"])
    finally:
        os.kill(first_node, signal.SIGKILL) if Path(f"/proc/{first_node}").exists() else None
        hospital.kill()
        hospital.folder, hospital.ports = first, ports
