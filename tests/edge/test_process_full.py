"""The real engine in a process of its own, with more asked of it than it may take: it says so, names the reason, says
how long to wait, and goes on with what is under way."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import time  # the wall's time: real processes are waited for here, nothing of the engine
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from tests.crash.hospital import Hospital
from tests.edge.test_process import PATIENT, START, _begin, _body, _end, hospital_now

CODE = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}
BILLS = ("FULL1", "FULL2", "FULL3")
_nonce = count(1)

SMALL_DISK = """
import errno, os, sys
import engine.runtime.auth as auth
import engine.store.store as store
auth.NONCES_MAX = {nonces}
born = store.SqlStore.__init__
def small(self, *given, **named):
    born(self, *given, **named)
    def fault(moment, units):
        if moment == "before_commit" and os.path.exists("disk-is-full"):
            raise OSError(errno.ENOSPC, "No space left on device")
    self.fail = fault
store.SqlStore.__init__ = small
from engine.cli.main import main
sys.argv = ["engine", "run", "--root", {root!r}]
main()
"""


@dataclass
class Told:
    """One answer as a terminal's program sees it; status 0: the engine hung up."""

    status: int
    headers: dict[str, str]
    json: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.json.get("reason", {}).get("code", ""))


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    here = Hospital(tmp_path_factory.mktemp("full"))
    here.open()
    yield here
    here.close()


def _settings(hospital: Hospital, *edit: tuple[str, str]) -> None:
    """Other limits than the shipped ones, and a new day."""
    place = hospital.folder / "engine.yaml"
    shipped = hospital.folder / "engine.yaml.shipped"
    if not shipped.exists():
        shipped.write_text(place.read_text())
    text = shipped.read_text()
    for old, new in edit:
        assert old in text, old
        text = text.replace(old, new, 1)
    place.write_text(text)
    hospital.fresh()
    for bill in BILLS:
        hospital.post("his", "/sim/act", {"act": "new_bill", "patient": PATIENT.id, "bill": bill, "template": "small"})


def _ask(hospital: Hospital, method: str, target: str, body: dict[str, Any] | None = None, client: str = "K01") -> Told:
    data = b"" if body is None else json.dumps(body).encode()
    secret = (hospital.folder / f"var/keys/client-{client}.secret").read_text()
    stamp, nonce = str(int(hospital_now())), f"full-{next(_nonce)}"
    text = f"{method}\n{target}\n{stamp}\n{nonce}\n{hashlib.sha256(data).hexdigest()}"
    mark = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    request = urllib.request.Request(
        f"http://127.0.0.1:{hospital.ports['api']}{target}", data or None, method=method,
        headers={"X-Client": client, "X-Timestamp": stamp, "X-Nonce": nonce, "X-Signature": mark},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310 http on loopback
            return Told(reply.status, {k.lower(): v for k, v in reply.headers.items()}, json.load(reply))
    except urllib.error.HTTPError as no:
        return Told(no.code, {k.lower(): v for k, v in no.headers.items()}, json.loads(no.read()))
    except OSError:
        return Told(0, {}, {})


def _later(told: Told, status: int, code: str) -> None:
    assert (told.status, told.code) == (status, code), told
    assert int(told.headers["retry-after"]) >= 1
    reason = told.json["reason"]
    assert reason["zh"]
    assert reason["en"]
    assert reason["side"] == ("client" if status == 429 else "engine")


def _settled(hospital: Hospital, no: str) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        told = _ask(hospital, "GET", f"/v1/settlements/{no}?wait=5")
        if told.json.get("state") == "settled":
            return
    raise AssertionError(told)


def test_more_settlements_than_the_node_may_have(hospital: Hospital) -> None:
    _settings(hospital, ("open_settlements: 20000", "open_settlements: 2"))
    engine = _begin(hospital)
    try:
        first, second = (_ask(hospital, "POST", START, _body(bill)) for bill in BILLS[:2])
        assert (first.json["state"], second.json["state"]) == ("quoted", "quoted")
        _later(_ask(hospital, "POST", START, _body(BILLS[2])), 503, "E-STORE")
        assert not [row for row in hospital.ledger("his", "lock") if row["bill"] == BILLS[2]], "nothing of it began"
        assert _ask(hospital, "POST", START, _body(BILLS[0])).json["settlement_no"] == first.json["settlement_no"]
        no = first.json["settlement_no"]
        _ask(hospital, "POST", f"/v1/settlements/{no}/pay", CODE)
        _settled(hospital, no)
        until = time.monotonic() + 20
        while (third := _ask(hospital, "POST", START, _body(BILLS[2]))).status == 503 and time.monotonic() < until:
            time.sleep(0.1)  # noqa: TID251 a real process: the first leaves the memory when its last call ended
        assert third.json["state"] == "quoted", "there is room again"
    finally:
        _end(engine)


def test_more_connections_than_the_listener_bears(hospital: Hospital) -> None:
    _settings(hospital, ("{http: 127.0.0.1:", "{connections: 3, http: 127.0.0.1:"))
    engine = _begin(hospital)
    address = ("127.0.0.1", hospital.ports["api"])
    held = [socket.create_connection(address) for _ in range(3)]
    try:
        for one in held:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: e\r\n\r\n")
            assert one.recv(1000).startswith(b"HTTP/1.1 200")
        with socket.create_connection(address) as one_more:
            one_more.settimeout(10)
            try:
                one_more.sendall(b"GET /healthz HTTP/1.1\r\nHost: e\r\n\r\n")
                said = one_more.recv(4000)
            except ConnectionError:
                said = b""
            assert said == b"" or b" 503 " in said.split(b"\r\n", 1)[0], said
        held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: e\r\n\r\n")
        assert held[0].recv(1000).startswith(b"HTTP/1.1 200"), "who is inside is served"
        held.pop().close()
        until = time.monotonic() + 10
        while (told := _ask(hospital, "POST", START, _body(BILLS[0]))).status == 0 and time.monotonic() < until:
            time.sleep(0.05)  # noqa: TID251 a real process: it sees the closed connection when it comes round to it
        assert told.json["state"] == "quoted"
    finally:
        for one in held:
            one.close()
        _end(engine)


def test_a_disk_without_room_and_a_client_that_comes_too_often(hospital: Hospital) -> None:
    _settings(hospital)
    mark = hospital.folder / "disk-is-full"
    engine = _begin(hospital, "-c", SMALL_DISK.format(nonces=12, root=str(hospital.folder)))
    try:
        quoted = _ask(hospital, "POST", START, _body(BILLS[0]))
        no = quoted.json["settlement_no"]
        mark.touch()
        _later(_ask(hospital, "POST", START, _body(BILLS[1])), 503, "E-STORE")
        _later(_ask(hospital, "POST", f"/v1/settlements/{no}/pay", CODE), 503, "E-STORE")
        assert _ask(hospital, "GET", f"/v1/settlements/{no}").json["state"] == "quoted", "looking still works"
        assert not hospital.ledger("wechat", "charge")
        mark.unlink()
        until = time.monotonic() + 20
        while time.monotonic() < until:
            told = _ask(hospital, "POST", f"/v1/settlements/{no}/pay", CODE)
            if told.status != 503:
                break
            time.sleep(0.5)  # noqa: TID251 a real process: it tries its disk by itself
        assert told.status in (200, 202), told
        while (told := _ask(hospital, "GET", f"/v1/settlements/{no}")).status != 429:
            assert told.status == 200, told
        _later(told, 429, "E-RATE")
        assert _ask(hospital, "GET", "/v1/outpatient/bills?patient=P0001", client="C01").status == 200
    finally:
        mark.unlink(missing_ok=True)
        _end(engine)
