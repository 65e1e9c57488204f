"""What a person may do with messages, through the engine's own signed door; each act is kept with who and why."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, Protocol

from tests.deliver.ward import SECRET, Ward, adt

WHO = {"by": "值班甲", "reason": "接收方修好了"}


class _Ask(Protocol):
    def __init__(self, data: bytes, answer: Deferred[tuple[int, Any]]) -> None:
        self._data, self._answer, self._buffer = data, answer, b""

    def connectionMade(self) -> None:
        wire: Any = self.transport
        wire.write(self._data)

    def dataReceived(self, data: bytes) -> None:
        self._buffer += data
        head, _, body = self._buffer.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"-1")
        if 0 <= size <= len(body) and not self._answer.called:
            self._answer.callback((int(head.split(b" ")[1]), json.loads(body)))


_COUNT = [0]


def post(ward: Ward, path: str, body: dict[str, Any], client: str = "OPS") -> tuple[int, Any]:
    """One signed request and its answer."""
    content = json.dumps(body).encode()
    _COUNT[0] += 1
    stamp, nonce = str(int(ward.sim.seconds())), f"n{_COUNT[0]}"
    text = f"POST\n{path}\n{stamp}\n{nonce}\n{hashlib.sha256(content).hexdigest()}"
    sign = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    data = (
        f"POST {path} HTTP/1.1\r\nHost: e\r\nContent-Type: application/json\r\nX-Client: {client}\r\n"
        f"X-Timestamp: {stamp}\r\nX-Nonce: {nonce}\r\nX-Signature: {sign}\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode() + content
    answer: Deferred[tuple[int, Any]] = Deferred()
    factory: Any = ClientFactory()
    factory.noisy = False
    factory.protocol = lambda: _Ask(data, answer)
    ward.sim.node("desk").connectTCP(ward.sim.node("engine").address, 8600, factory)
    found: tuple[int, Any] = ward.wait(answer)
    return found


def _dead(folder: Path, **more: Any) -> Ward:
    """A ward with C1 as a dead letter and C2 behind it."""
    ward = Ward(folder, **more)
    ward.emr.answer = lambda body: 422 if body["control"] == "C1" else 200
    ward.start()
    ward.send("C1")
    ward.send("C2")
    ward.advance(5)
    ward.emr.answer = lambda body: 200
    return ward


def test_a_dead_letter_goes_again_under_its_own_number(tmp_path: Path) -> None:
    ward = _dead(tmp_path)
    number = ward.number("C1")
    status, said = post(ward, f"/v1/deliver/messages/{number}/resend", WHO)
    assert (status, said) == (200, {"message": str(number), "again": ["emr"]})
    ward.advance(5)
    assert ward.emr.got == [("P1", "C2"), ("P1", "C1")]
    assert ward.emr.numbers[-1] == str(number)
    assert ward.state("C1") == "done"
    assert ward.rows("SELECT kind, what, by_whom FROM hands") == [("resend", f"{number} emr", "值班甲")]
    ward.stop()


def test_behind_a_held_dead_letter_resend_keeps_the_order(tmp_path: Path) -> None:
    ward = _dead(tmp_path, dead="hold")
    assert ward.emr.got == []
    post(ward, f"/v1/deliver/messages/{ward.number('C1')}/resend", WHO)
    ward.advance(5)
    assert ward.emr.got == [("P1", "C1"), ("P1", "C2")]
    ward.stop()


@pytest.mark.parametrize("restart", [False, True])
def test_a_dead_letter_given_up_lets_the_others_go_on(tmp_path: Path, restart: bool) -> None:
    ward = _dead(tmp_path, dead="hold")
    if restart:
        ward.stop()
        ward.start()
    status, _ = post(ward, f"/v1/deliver/messages/{ward.number('C1')}/discard", WHO)
    ward.advance(5)
    assert status == 200
    assert ward.emr.got == [("P1", "C2")]
    assert ward.state("C1") == "dead"
    assert post(ward, f"/v1/deliver/messages/{ward.number('C1')}/discard", WHO)[1]["reason"]["code"] == "E-NOT-DEAD"
    ward.stop()


def test_an_edited_message_goes_out_as_a_new_one_and_names_the_old(tmp_path: Path) -> None:
    ward = _dead(tmp_path)
    number = ward.number("C1")
    body = adt("C1", "P9", name="测试丙").decode()
    status, said = post(ward, f"/v1/deliver/messages/{number}/resend", {**WHO, "body": body})
    assert status == 200
    assert said["of"] == str(number)
    ward.advance(5)
    assert ward.emr.bodies[-1] == {"no": said["message"], "control": "C1", "patient": "P9", "name": "测试丙"}
    assert (number, "done") in ward.rows("SELECT of_message, state FROM messages")
    assert ward.send("C1", "P1").code == "AA", "the HIS's own number still names its own message"
    ward.stop()


def test_replay_says_first_what_it_would_do(tmp_path: Path) -> None:
    ward = _dead(tmp_path)
    ask = {**WHO, "channel": "events", "state": "dead", "dry_run": True}
    status, said = post(ward, "/v1/deliver/replay", ask)
    assert (status, said["count"], said["dry_run"]) == (200, 1, True)
    ward.advance(5)
    assert ("P1", "C1") not in ward.emr.got
    status, said = post(ward, "/v1/deliver/replay", {**ask, "dry_run": False})
    ward.advance(5)
    assert (status, said["count"]) == (200, 1)
    assert ("P1", "C1") in ward.emr.got
    ward.stop()


def test_pause_keeps_and_kill_refuses_also_after_a_restart(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    ward.start()
    switch = "/v1/deliver/switch"
    assert post(ward, switch, {**WHO, "what": "channel events", "state": "paused"})[0] == 200
    assert ward.send("C1").code == "AA"
    ward.advance(60)
    ward.stop()
    ward.start()
    ward.advance(60)
    assert ward.emr.asked == []
    post(ward, switch, {**WHO, "what": "channel events", "state": "killed"})
    assert ward.send("C2").code == "AR"
    post(ward, switch, {**WHO, "what": "channel events", "state": ""})
    ward.advance(5)
    assert ward.emr.got == [("P1", "C1")]
    assert ward.send("C2").code == "AA"
    assert [row[0] for row in ward.rows("SELECT kind FROM hands ORDER BY id")] == ["pause", "kill", "resume"]
    ward.stop()


def test_a_party_is_paused_and_goes_on(tmp_path: Path) -> None:
    ward = Ward(tmp_path, more="  lis: {to: lis, op: forward, wait: 5s}")
    ward.start()
    post(ward, "/v1/deliver/switch", {**WHO, "what": "party emr", "state": "paused"})
    ward.send("C1")
    ward.advance(30)
    assert (ward.emr.asked, len(ward.lis)) == ([], 1)
    post(ward, "/v1/deliver/switch", {**WHO, "what": "party emr", "state": ""})
    ward.advance(5)
    assert ward.emr.got == [("P1", "C1")]
    ward.stop()


@pytest.mark.parametrize(
    ("path", "body", "client", "status"),
    [
        ("/v1/deliver/switch", {"what": "channel events", "state": "paused"}, "OPS", 400),
        ("/v1/deliver/switch", {**WHO, "what": "channel other", "state": "paused"}, "OPS", 404),
        ("/v1/deliver/switch", {**WHO, "what": "channel events", "state": "off"}, "OPS", 409),
        ("/v1/deliver/switch", {**WHO, "what": "channel events", "state": "paused"}, "APP", 403),
        ("/v1/deliver/messages/17/resend", WHO, "OPS", 404),
        ("/v1/deliver/messages/x/resend", WHO, "OPS", 404),
    ],
)
def test_what_is_not_allowed_is_refused(
    tmp_path: Path, path: str, body: dict[str, Any], client: str, status: int
) -> None:
    ward = Ward(tmp_path)
    ward.start()
    assert post(ward, path, body, client)[0] == status
    assert ward.rows("SELECT COUNT(*) FROM hands") == [(0,)]
    ward.stop()
