"""The kiosk driver against a small engine in memory: signing, lost replies, whole stories."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar

import pytest
from memory_town import MemoryReactor
from twisted.internet.defer import Deferred

from simulators.base.party import SimParty
from simulators.base.wire import Req, Resp, json_resp, text_resp
from simulators.base.world import SimWorld
from simulators.kiosk import Kiosk, NoReply
from simulators.kiosk.__main__ import choices_of, parser, patient_of, play

SECRET = "s3cret"
PATIENT = {"id": "P0001", "credential": {"kind": "insurance_card", "value": "A12345678"}}


class TinyEngine(SimParty):
    """Answers from a script of states; refuses what is unsigned, stale or replayed."""

    name: ClassVar[str] = "engine"

    def __init__(self, world: SimWorld, script: list[str]) -> None:
        super().__init__(world)
        self.script = script
        self.nonces: set[str] = set()
        self.bodies: list[tuple[str, str, Any]] = []
        self.requests: dict[str, bytes] = {}

    def op_of(self, req: Req) -> str:
        return req.path.rsplit("/", 1)[-1] if req.method == "POST" else "show"

    def serve(self, op: str, req: Req) -> Resp:
        stamp, nonce = req.headers.get("x-timestamp", "0"), req.headers.get("x-nonce", "")
        digest = hashlib.sha256(req.body).hexdigest()
        text = f"{req.method}\n{req.target}\n{stamp}\n{nonce}\n{digest}"
        mark = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
        stale = abs(int(stamp) - self.world.now()) > 300
        if mark != req.headers.get("x-signature") or stale or nonce in self.nonces or len(nonce) > 64:
            return Resp(401)
        self.nonces.add(nonce)
        body = json.loads(req.body) if req.body else None
        self.bodies.append((op, req.target, body))
        if op == "settlements":
            old = self.requests.setdefault(body["request_no"], req.body)
            if old != req.body:
                return json_resp({"state": "rejected", "reason": {"code": "E-REPEAT-DIFFERS"}}, 409)
        state = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        found: dict[str, Any] = {"settlement_no": "S1", "state": state}
        if state == "paying":
            found["pay"] = {"kind": "wechat_qr", "qr": "weixin://x"}
        return json_resp(found, 202 if state == "working" else 409 if state == "busy" else 200)


class Hall:
    """A kiosk and an engine in one memory."""

    def __init__(self, *script: str) -> None:
        self.reactor = MemoryReactor()
        self.world = SimWorld(self.reactor, seed=3, anchor=1795320000.0)
        self.engine = TinyEngine(self.world, list(script))
        self.port = self.engine.listen()
        self.kiosk = Kiosk(self.world, "http://127.0.0.1:40000", "K01", SECRET, "K01")

    def run(self, talk: Coroutine[Any, Any, Any]) -> Any:
        done = Deferred.fromCoroutine(talk)
        found: list[Any] = []
        done.addBoth(found.append)
        self.reactor.run(done)
        if hasattr(found[0], "raiseException"):
            found[0].raiseException()
        return found[0]

    def flow(self, choice: Any, **more: Any) -> Any:
        return self.run(self.kiosk.run_flow(PATIENT, ["B1"], "insured", choice, **more))


def test_every_call_is_signed_and_addressed() -> None:
    hall = Hall("quoted")
    for talk in (
        hall.kiosk.settle({"request_no": "K01-1"}), hall.kiosk.pay("S1", {"choice_no": "1"}),
        hall.kiosk.cancel("S1", {"request_no": "K01-2"}), hall.kiosk.refund("S1", {"request_no": "K01-3"}),
        hall.kiosk.show("S1"), hall.kiosk.show("S1", 30), hall.kiosk.bills("P 甲"),
    ):
        assert hall.run(talk)[0] == 200
    assert [target for _, target, _ in hall.engine.bodies] == [
        "/v1/outpatient/settlements", "/v1/settlements/S1/pay", "/v1/settlements/S1/cancel",
        "/v1/settlements/S1/refunds", "/v1/settlements/S1", "/v1/settlements/S1?wait=30",
        "/v1/outpatient/bills?patient=P%20%E7%94%B2",
    ]
    assert len(hall.engine.nonces) == 7


def test_a_wrong_secret_is_told_and_not_repeated() -> None:
    hall = Hall("quoted")
    thief = Kiosk(hall.world, "http://127.0.0.1:40000", "K01", "other", "K01")
    assert hall.run(thief.settle({"request_no": "K01-1"})) == (401, {})
    assert thief.repeated == 0


def test_a_settlement_from_bill_to_rest() -> None:
    hall = Hall("working", "quoted", "paying", "working", "settled")
    shown: list[Any] = []
    story = hall.flow({"kind": "wechat_qr"}, on_pay=shown.append)
    assert [(s.action, s.status, s.state) for s in story.steps] == [
        ("settle", 202, "working"), ("show", 200, "quoted"), ("pay", 200, "paying"),
        ("show", 202, "working"), ("show", 200, "settled"),
    ]
    assert (story.settlement_no, story.rest, shown) == ("S1", True, [{"kind": "wechat_qr", "qr": "weixin://x"}])
    first = hall.engine.bodies[0][2]
    assert first["terminal"] == {"kind": "kiosk", "id": "K01"}
    assert (first["bills"], first["pay_identity"], first["patient"]) == (["B1"], "insured", PATIENT)
    assert hall.engine.bodies[2][2] == {"choice_no": "1", "kind": "wechat_qr"}
    assert json.loads(json.dumps(story.public()))["state"] == "settled"


def test_a_refused_payment_is_answered_with_the_next_choice_then_the_patient_leaves() -> None:
    hall = Hall("quoted", "quoted", "quoted", "undone")
    story = hall.flow([{"kind": "wechat_code", "auth_code": "134"}, {"kind": "wechat_qr"}])
    assert [s.action for s in story.steps] == ["settle", "pay", "pay", "cancel"]
    assert [b["choice_no"] for op, _, b in hall.engine.bodies if op == "pay"] == ["1", "2"]
    assert story.state == "undone"


@pytest.mark.parametrize("fault", [
    "reset_before_commit", "reset_after_commit", "half_reply", "timeout_after_commit", "timeout_before_commit",
    "html", "http_500", "refuse_connection",
])
def test_a_lost_reply_is_repeated_word_for_word(fault: str) -> None:
    hall = Hall("settled")
    hall.engine.faults.add({"op": "settlements", "fault": fault, "times": 2, "seconds": 100})
    status, found = hall.run(hall.kiosk.settle({"request_no": "K01-1", "patient": PATIENT}))
    assert (status, found["state"], hall.kiosk.repeated) == (200, "settled", 2)
    assert len({json.dumps(b) for _, _, b in hall.engine.bodies}) == 1


def test_slow_answers_are_waited_for_and_silence_ends() -> None:
    hall = Hall("settled")
    hall.engine.faults.add({"op": "settlements", "fault": "slow", "seconds": 50})
    assert hall.run(hall.kiosk.settle({"request_no": "K01-1"}))[0] == 200
    assert hall.kiosk.repeated == 0
    hall.port.stopListening()
    hall.kiosk.close()
    with pytest.raises(NoReply):
        hall.run(hall.kiosk.settle({"request_no": "K01-2"}))


def test_a_story_without_end_is_left_at_its_limit() -> None:
    hall = Hall("working")
    story = hall.flow({"kind": "wechat_qr"}, limit=20.0)
    assert (story.rest, story.state) == (False, "working")
    assert 20 <= story.seconds < 25
    assert len(story.steps) < 25


def test_a_busy_bill_and_a_refusal_are_rest() -> None:
    assert Hall("busy").flow({"kind": "wechat_qr"}).state == "busy"
    hall = Hall("settled")
    hall.engine.break_reply = lambda *_: text_resp("no", 400)  # type: ignore[method-assign]  # one test's answer
    hall.engine.faults.add({"op": "settlements", "fault": "refuse_business"})
    story = hall.flow({"kind": "wechat_qr"})
    assert (story.rest, story.steps[-1].status) == (True, 400)


def test_the_command_line_knows_the_town(tmp_path: Path) -> None:
    args = parser().parse_args([
        "--engine", "http://127.0.0.1:1", "--client", "K01", "--secret-file", str(tmp_path / "none"), "settle",
        "--patient", "P0001", "--bill", "B1", "--bill", "B2", "--pay", "wechat_code", "--auth-code", "134",
    ])
    assert (args.bill, choices_of(args.pay, args.auth_code)) == (
        ["B1", "B2"], [{"kind": "wechat_code", "auth_code": "134"}],
    )
    card = patient_of("P0001", "insurance_card")["credential"]
    assert card == {"kind": "insurance_card", "value": "A12345678", "card_sn": "SIMSN0001"}
    with pytest.raises(ValueError, match="not an address"):
        Kiosk(SimWorld(MemoryReactor()), "127.0.0.1:8600", "K01", SECRET, "K01")


def test_the_command_line_prints_each_answer_as_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str, script: tuple[str, ...] = ("quoted", "paying", "settled")) -> tuple[int, list[Any]]:
        hall = Hall(*script)
        base = ["--engine", "http://127.0.0.1:40000", "--client", "K01", "--secret-file", "none"]
        code = hall.run(play(hall.kiosk, parser().parse_args([*base, *words])))
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    code, lines = run("settle", "--patient", "P0001", "--bill", "B1", "--pay", "wechat_qr")
    assert (code, [x["state"] for x in lines]) == (0, ["quoted", "paying", "settled"])
    code, lines = run("settle", "--patient", "P0001", "--bill", "B1", script=("quoted", "undone"))
    assert (code, [x["action"] for x in lines]) == (1, ["settle", "cancel"])
    for words in (("show", "S1"), ("bills", "P0001"), ("cancel", "S1"), ("refund", "S1", "--line", "L1")):
        code, lines = run(*words)
        assert (code, lines[0]["status"]) == (0, 200)
