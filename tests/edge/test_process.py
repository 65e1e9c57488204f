"""The real engine in a process of its own: told to stop with fifty payments under way, and a disk that lies."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time  # the wall's time: real processes are waited for here, nothing of the engine
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from simulators.town import PERSONS
from tests.crash.hospital import ROOT, Hospital

SETTLEMENTS = 50
PATIENT = PERSONS[0]
START = "/v1/outpatient/settlements"
REST = ("settled", "undone", "rejected", "manual")
_nonce = count(1)

LYING_DISK = """
import errno, os, sys
from engine.store.writer import GroupWriter
import engine.store.store as store
born = store.SqlStore.__init__
def lying(self, *given, **named):
    born(self, *given, **named)
    seen = [0]
    def fault(moment, units):
        if moment == {moment!r} and any(unit.name == {unit!r} for unit in units):
            raise OSError(errno.EIO, "Input/output error")
    self.fail = fault
store.SqlStore.__init__ = lying
from engine.cli.main import main
sys.argv = ["engine", "run", "--root", {root!r}]
main()
"""


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    here = Hospital(tmp_path_factory.mktemp("edge"))
    here.open()
    yield here
    here.close()


def hospital_now() -> float:
    return time.time()  # noqa: TID251 a client of its own, with the wall's time


def _begin(hospital: Hospital, *command: str) -> subprocess.Popen[str]:
    """The engine as an operator starts it, once it says that it is ready; what it logs goes to `edge.log`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = command or ("-m", "engine", "run", "--root", str(hospital.folder))
    with (hospital.folder / "edge.log").open("w") as errors:
        engine = subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, *command], cwd=hospital.folder, env=environment, stdout=subprocess.PIPE, stderr=errors,
            text=True,
        )  # fmt: skip
    assert engine.stdout is not None
    assert "ready" in engine.stdout.readline(), (hospital.folder / "edge.log").read_text()
    return engine


def _end(engine: subprocess.Popen[str]) -> None:
    engine.kill()
    engine.wait()
    if engine.stdout is not None:
        engine.stdout.close()


def _ask(
    hospital: Hospital, method: str, target: str, body: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """One signed request; (0, {}) when the engine hung up."""
    data = b"" if body is None else json.dumps(body).encode()
    secret = (hospital.folder / "var/keys/client-K01.secret").read_text()
    stamp, nonce = str(int(hospital_now())), f"edge-{os.getpid()}-{next(_nonce)}"
    text = f"{method}\n{target}\n{stamp}\n{nonce}\n{hashlib.sha256(data).hexdigest()}"
    mark = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    request = urllib.request.Request(
        f"http://127.0.0.1:{hospital.ports['api']}{target}", data or None, method=method,
        headers={"X-Client": "K01", "X-Timestamp": stamp, "X-Nonce": nonce, "X-Signature": mark},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310 http on loopback
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())
    except OSError:
        return 0, {}


def _body(bill: str) -> dict[str, Any]:
    card = {"kind": "insurance_card", "value": PATIENT.card_no, "card_sn": PATIENT.card_sn}
    return {
        "request_no": f"R-{bill}", "campus": "main", "terminal": {"kind": "kiosk", "id": "K01"}, "operator": "K01",
        "patient": {"id": PATIENT.id, "credential": card}, "bills": [bill], "pay_identity": "self_pay",
    }  # fmt: skip


def _rest(hospital: Hospital, bill: str) -> dict[str, Any]:
    for _ in range(200):
        status, answer = _ask(hospital, "POST", START, _body(bill))
        if answer.get("state") in REST and (answer["state"] != "settled" or "invoice" in answer):
            return answer
        if answer.get("state") == "quoted":
            return answer
        time.sleep(0.05)  # noqa: TID251 a real process
    raise AssertionError(f"{bill}: {status} {answer}")


def test_told_to_stop_with_fifty_under_way(hospital: Hospital) -> None:
    hospital.fresh()
    bills = [f"E{i:03d}" for i in range(SETTLEMENTS)]
    for bill in bills:
        hospital.post("his", "/sim/act", {"act": "new_bill", "patient": PATIENT.id, "bill": bill, "template": "small"})
    hospital.post("his", "/sim/faults", {"op": "balance.and.pay.bill", "fault": "slow", "times": 40, "seconds": 4})
    hospital.post("wechat", "/sim/faults", {"op": "micropay", "fault": "slow", "times": 20, "seconds": 5})
    engine = _begin(hospital)
    with ThreadPoolExecutor(SETTLEMENTS + 10) as people:
        quoted = list(people.map(lambda bill: _ask(hospital, "POST", START, _body(bill)), bills))
        assert {answer.get("state") for _, answer in quoted} == {"quoted"}
        numbers = [answer["settlement_no"] for _, answer in quoted]
        choice = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}
        paying = [people.submit(_ask, hospital, "POST", f"/v1/settlements/{no}/pay", choice) for no in numbers]
        waiting = [people.submit(_ask, hospital, "GET", f"/v1/settlements/{no}?wait=60") for no in numbers[:10]]
        time.sleep(0.25)  # noqa: TID251 a real process
        began = time.monotonic()
        engine.send_signal(signal.SIGTERM)
        code = engine.wait(35)
        assert time.monotonic() - began < 30
        assert code == 0
        told = [one.result() for one in paying + waiting]
    assert {status for status, _ in told} <= {0, 200, 202, 503}
    _end(engine)
    log = (hospital.folder / "edge.log").read_text()
    assert '"stopped"' in log
    assert "Traceback" not in log
    engine = _begin(hospital)
    ends = [_rest(hospital, bill) for bill in bills]
    charged = [row["no"] for row in hospital.ledger("wechat", "charge")]
    assert len(charged) == len(set(charged)), "somebody paid twice"
    due = 0
    for answer in ends:
        assert answer["state"] in ("settled", "undone", "quoted"), answer
        due += answer["amounts"]["cash"] if answer["state"] == "settled" else 0
    booked = [row for row in hospital.ledger("his", "book") if row["state"] == "done"]
    assert len(booked) == sum(answer["state"] == "settled" for answer in ends)
    assert sum(row["amount"] for row in booked) == due == hospital.kept()
    assert len(booked) >= SETTLEMENTS // 10, "the stop came before anything had happened"
    _end(engine)


def test_told_to_stop_while_somebody_has_sent_half_a_request(hospital: Hospital) -> None:
    """A request and an HL7 message that are only half there, and their senders rest: nothing of them was taken."""
    hospital.fresh()
    engine = _begin(hospital)
    half = f"POST {START} HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n{{".encode()
    with (
        socket.create_connection(("127.0.0.1", hospital.ports["api"])) as http,
        socket.create_connection(("127.0.0.1", hospital.ports["hl7"])) as mllp,
    ):
        http.sendall(half)
        mllp.sendall(b"\x0bMSH|^~\\&|NHIS|")
        assert _ask(hospital, "GET", "/healthz")[0] == 200, "by then it has read both"
        began = time.monotonic()
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(35) == 0
        assert time.monotonic() - began < 10
        assert http.recv(65536).startswith(b"HTTP/1.1 503 ")
        assert mllp.recv(65536) == b""
    _end(engine)


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_a_commit_that_fails_ends_the_process_at_once(hospital: Hospital, moment: str) -> None:
    """Exit code 3, nothing more said; after the restart what was acknowledged is still there."""
    hospital.fresh()
    engine = _begin(hospital)
    status, first = _ask(hospital, "POST", START, _body("B20261122001"))
    assert (status, first["state"]) == (200, "quoted")
    _end(engine)
    engine = _begin(hospital, "-c", LYING_DISK.format(moment=moment, unit="Heard", root=str(hospital.folder)))
    pay = f"/v1/settlements/{first['settlement_no']}/pay"
    choice = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}
    status, _ = _ask(hospital, "POST", pay, choice)
    assert status == 0, "not one more answer leaves a process whose disk lied"
    assert engine.wait(30) == 3
    _end(engine)
    assert "Input/output error" in (hospital.folder / "edge.log").read_text()
    assert not hospital.ledger("wechat", "charge"), "what was not known to be stored was not sent"
    engine = _begin(hospital)
    _, again = _ask(hospital, "POST", START, _body("B20261122001"))
    assert again["settlement_no"] == first["settlement_no"], "what was acknowledged is still there"
    for n in range(1, 5):  # a choice whose payment never left is asked for once more
        _ask(hospital, "POST", pay, {**choice, "choice_no": str(n)})
        if _rest(hospital, "B20261122001")["state"] == "settled":
            break
    assert _rest(hospital, "B20261122001")["state"] == "settled"
    assert len(hospital.ledger("wechat", "charge")) == 1
    assert len(hospital.ledger("his", "book")) == 1
    _end(engine)
