"""The same over real sockets: resets the caller can feel, callbacks, and the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from memory_http import read_answers, request_bytes
from twisted.internet import reactor  # noqa: TID251 - these tests are about real sockets
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from simulators.base.outbound import NoAnswer, post
from simulators.base.party import SimParty
from simulators.base.wire import Req, Resp, json_resp
from simulators.base.world import SimWorld

ROOT = Path(__file__).resolve().parents[2]


class Shop(SimParty):
    name = "shop"

    def serve(self, op: str, req: Req) -> Resp:
        self.ledger.add("order", no=req.path)
        return json_resp({"ok": True, "got": req.body.decode()})


class Reader(Protocol):
    """Collects until the other side ends the connection."""

    def __init__(self) -> None:
        self.got = b""
        self.ended: Deferred[tuple[bytes, type[BaseException]]] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.got += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback((self.got, reason.type))


@pytest.fixture
def shop() -> Iterator[tuple[Shop, int]]:
    party = Shop(SimWorld(reactor))
    port = party.listen(0)
    yield party, port.getHost().port
    pytest_twisted.blockon(port.stopListening())


async def exchange(port: int, content: bytes) -> tuple[bytes, type[BaseException]]:
    reader = await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), Reader())
    reader.transport.write(content)
    return await reader.ended


CLOSING = {"Connection": "close"}


@pytest_twisted.ensureDeferred
async def test_absolute_form_and_an_orderly_close(shop: tuple[Shop, int]) -> None:
    got, end = await exchange(shop[1], request_bytes("POST", "http://sim.test:1/a", b"{}", CLOSING))
    assert read_answers(got)[0].status == 200
    assert end is ConnectionDone
    assert shop[0].ledger.rows[0].no == "/a"


@pytest.mark.parametrize(("kind", "rows"), [("reset_before_commit", 0), ("reset_after_commit", 1)])
@pytest_twisted.ensureDeferred
async def test_a_reset_is_felt_as_a_reset(shop: tuple[Shop, int], kind: str, rows: int) -> None:
    shop[0].faults.add({"op": "*", "fault": kind})
    got, end = await exchange(shop[1], request_bytes("POST", "/a", b"{}"))
    assert (got, end) == (b"", ConnectionLost)
    assert len(shop[0].ledger.rows) == rows


@pytest_twisted.ensureDeferred
async def test_half_a_reply_arrives_before_the_end(shop: tuple[Shop, int]) -> None:
    shop[0].faults.add({"op": "*", "fault": "half_reply"})
    got, _ = await exchange(shop[1], request_bytes("POST", "/a", b"{}"))
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(re.search(rb"Content-Length: (\d+)", head)[1])  # type: ignore[index]  # the head has one
    assert 0 < len(body) < length


@pytest_twisted.ensureDeferred
async def test_a_callback_is_sent_and_kept(shop: tuple[Shop, int]) -> None:
    party, port = shop
    resp = await post(party, "callback.paid", f"http://localhost:{port}/n?x=1", b"hello", {"X-A": "1"})
    assert (resp.status, json.loads(resp.body)["got"]) == (200, "hello")
    sent = next(r for r in party.exchanges.since()["exchanges"] if r["direction"] == "out")
    assert (sent["op"], sent["outcome"]) == ("callback.paid", "answered")
    assert sent["request"].startswith("POST /n?x=1 HTTP/1.1\r\nHost: localhost")


@pytest.mark.parametrize("kind", ["half_reply", "reset_before_commit", "timeout_before_commit"])
@pytest_twisted.ensureDeferred
async def test_a_callback_without_a_whole_answer_fails(shop: tuple[Shop, int], kind: str) -> None:
    shop[0].faults.add({"op": "*", "fault": kind, "seconds": 0.3})
    with pytest.raises(NoAnswer):
        await post(shop[0], "callback.paid", f"http://127.0.0.1:{shop[1]}/n", b"", {}, wait=0.2)


@pytest_twisted.ensureDeferred
async def test_a_callback_to_a_closed_port_fails() -> None:
    party = Shop(SimWorld(reactor))
    port = party.listen(0)
    number = port.getHost().port
    await port.stopListening()
    with pytest.raises(NoAnswer):
        await post(party, "callback.paid", f"http://127.0.0.1:{number}/n", b"", {})
    assert party.exchanges.rows[0].outcome == "refused"


# The command line


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "simulators", *words]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program with words of this file
        command(*words), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def fetched(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310 - an address this test made
        return json.load(reply)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    words = command("his", "einvoice", "--ports", "his=0,einvoice=0", "--state", str(tmp_path), "--anchor",
                    "2026-11-22T08:00:00", "--rate", "60")
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 - the same
    assert process.stdout is not None
    lines = [process.stdout.readline().split() for _ in range(2)]
    yield process, {line[0]: line[-1] for line in lines}
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_two_parties_listen_and_stop_on_a_signal(
    running: tuple[subprocess.Popen[str], dict[str, str]], number: int, code: int
) -> None:
    process, places = running
    assert fetched(places["his"] + "/sim/card.json")["base_url"] == places["his"]
    assert fetched(places["einvoice"] + "/sim/card.json")["party"] == "einvoice"
    assert fetched(places["his"] + "/sim/clock")["now"].startswith("2026-11-22T08:")
    os.kill(process.pid, number)
    assert process.wait(10) == code


def test_keys_are_written_once(tmp_path: Path) -> None:
    results = []
    for _ in range(2):
        assert run("keys", "his", "einvoice", "--state", str(tmp_path)).returncode == 0
        results.append({file.name: file.read_bytes() for file in tmp_path.iterdir()})
    assert results[0] == results[1]
    assert set(results[0]) == {"his.secret", "einvoice.secret"}


def test_wrong_use_is_told(tmp_path: Path) -> None:
    assert run("bank").returncode == 2
    assert run("his", "--rate", "0").returncode == 2
    assert run("his", "--ports", "his=x").returncode == 2
    taken = tmp_path / "file"
    taken.write_text("")
    assert run("his", "--state", str(taken)).returncode == 3
    with socket.create_server(("127.0.0.1", 0)) as listener:
        result = run("his", "--ports", f"his={listener.getsockname()[1]}", "--state", str(tmp_path))
    assert result.returncode == 3
    assert "his cannot listen" in result.stderr
