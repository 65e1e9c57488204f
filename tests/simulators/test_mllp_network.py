"""MLLP over real sockets: the command line's ports, and the simulated HIS telling the simulated laboratory."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from hl7_wire import block, blocks, dft, msa
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from simulators.__main__ import mllp_port_of
from simulators.base.mllp_call import MllpCaller
from simulators.base.outbound import NoAnswer
from simulators.base.world import SimWorld
from simulators.his import HisSim
from simulators.subscribers import SubscribersSim

ROOT = Path(__file__).resolve().parents[2]


@pytest_twisted.ensureDeferred
async def test_the_his_tells_the_laboratory_over_sockets() -> None:
    from twisted.internet import reactor  # noqa: TID251 the test hands it in

    world = SimWorld(reactor, rate=100.0)
    his, lab = HisSim(world), SubscribersSim(world)
    port = lab.listen_mllp(0)
    lab.faults.add({"op": "engine", "fault": "reset_after_commit", "times": 2})
    lab.faults.add({"op": "engine", "fault": "ack_wrong_number"})
    numbers = his.act({"act": "send", "event": "ADT^A08", "count": 30, "to": lab.mllp_address})["numbers"]
    while any(row.state == "waiting" for row in his.ledger.rows):
        pause: Deferred[None] = Deferred()
        world.later(1, pause.callback, None)
        await pause
    first = [row.no for row in lab.ledger.rows if row.state == "done"]
    assert first == numbers, "in order, each once"
    assert sum(row.state == "duplicate" for row in lab.ledger.rows) == 3, "what was not acknowledged came again"
    his.start_over()
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_caller_says_why_there_is_no_acknowledgement() -> None:
    from twisted.internet import reactor  # noqa: TID251 the test hands it in

    world = SimWorld(reactor, rate=50.0)
    his = HisSim(world)
    port = his.listen_mllp(0)
    caller = MllpCaller(his, his.mllp_address)
    his.faults.add({"op": "*", "fault": "timeout_after_commit"})
    with pytest.raises(NoAnswer, match="no acknowledgement in 5 s"):
        await caller.ask("DFT^P03", dft("M1"), 5)
    reply = await caller.ask("DFT^P03", dft("M1"), 5)
    assert msa(reply.decode("gb18030"))[:2] == ["AA", "M1"]
    caller.close()
    await port.stopListening()
    with pytest.raises(NoAnswer, match="refused"):
        await caller.ask("DFT^P03", dft("M1"), 5)
    outs = [row.outcome for row in his.exchanges.rows if row.direction == "out"]
    assert outs == ["refused", "answered", "refused"]


# The command line


@pytest.fixture
def running(tmp_path: Path) -> Iterator[dict[str, str]]:
    words = [sys.executable, "-m", "simulators", "his", "subscribers", "--ports", "his=0,his.mllp=0,subscribers=0"]
    process = subprocess.Popen(  # noqa: S603 our own program
        [*words, "--state", str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline().split() for _ in range(4)]
    yield {f"{line[0]} {line[-1].partition(':')[0]}": line[-1] for line in lines}
    process.kill()
    process.wait()
    process.stdout.close()


def test_mllp_doors_listen_beside_the_http_ones(running: dict[str, str]) -> None:
    assert set(running) == {"his http", "subscribers http", "his mllp", "subscribers mllp"}
    with urllib.request.urlopen(running["his http"] + "/sim/card.json", timeout=5) as reply:  # noqa: S310 our own
        card: dict[str, Any] = json.load(reply)
    assert running["his mllp"] == f"mllp://{card['mllp']}"
    host, _, port = card["mllp"].partition(":")
    with socket.create_connection((host, int(port)), 5) as line:
        line.sendall(block(dft("M1")))
        raw = b""
        while not raw.endswith(b"\x1c\r"):
            raw += line.recv(4096)
    assert msa(blocks(raw)[0])[:2] == ["AA", "M1"]


def test_which_port_an_mllp_door_gets() -> None:
    his = HisSim(SimWorld(Clock()))  # type: ignore[arg-type]  # nothing listens
    assert mllp_port_of(his, {}, None) == 8702
    assert mllp_port_of(his, {}, 18000) == 18002
    assert mllp_port_of(his, {"his": 9000}, None) == 0, "any free one: the next may be taken"
    assert mllp_port_of(his, {"his": 9000, "his.mllp": 9009}, 18000) == 9009


def test_wrong_use_is_told(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "simulators", "his", "--state", str(tmp_path), "--ports"]

    def run(ports: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*words, ports], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 our own program

    with socket.create_server(("127.0.0.1", 0)) as listener:
        result = run(f"his=0,his.mllp={listener.getsockname()[1]}")
    assert (result.returncode, result.stdout) == (3, "")
    assert "his cannot listen" in result.stderr
    assert run("mllp=1").returncode == 2
