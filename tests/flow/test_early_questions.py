"""A pure question may leave while its settlement is on the way to the disk; what changes anything never does."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, fail

from engine.parties.registry import PARTIES
from engine.store.calls import calls_of
from engine.store.contract import Done, StoreFull, Unit, Write
from tests.rig.lab import Lab

CODE = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}
QUESTIONS = {"1101", "5302", "5303", "2206A"}


def begun(unit: Unit) -> set[tuple[object, object]]:
    """The calls of a settlement whose intent the unit holds: operation and number."""
    kept = [one.params for one in unit.writes if isinstance(one, Write) and one.sql == "call_insert"]
    return {(params["op"], params["number"]) for params in kept if params["settlement_no"]}


@pytest_twisted.ensureDeferred
async def test_only_pure_questions_leave_before_the_commit(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = lab.engine
    assert engine is not None
    submit, talk = engine.store.submit, engine.outflow.talk
    kept: set[tuple[object, object]] = set()
    stored: set[tuple[object, object]] = set()
    left: dict[tuple[object, object], bool] = {}  # whether its intent was on the disk then

    def slowly(unit: Unit) -> Deferred[Done]:
        later: Deferred[Done] = Deferred()
        kept.update(begun(unit))

        def over(done: Done) -> None:
            stored.update(begun(unit))
            later.callback(done)

        submit(unit).addCallback(lambda done: lab.reactor.callLater(0.02, over, done))
        return later

    def watched(party: str, op: str, number: str, *given: Any) -> Any:
        left[op, number] = (op, number) in stored
        return talk(party, op, number, *given)

    monkeypatch.setattr(engine.store, "submit", slowly)
    monkeypatch.setattr(engine.outflow, "talk", watched)
    _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    _, answer = await lab.kiosk.pay(quoted["settlement_no"], CODE)
    assert answer["state"] == "settled"
    assert {call[0] for call in kept if not left[call]} == QUESTIONS
    assert {call[0] for call in kept} > QUESTIONS | {"2203A", "2207A", "micropay", "query.wait.balance.bill.item.list"}


@pytest_twisted.ensureDeferred
async def test_the_answer_to_a_question_nobody_stored_is_not_heard(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = lab.engine
    assert engine is not None
    submit, talk = engine.store.submit, engine.outflow.talk
    lost: list[Unit] = []
    asked: list[str] = []

    def once_full(unit: Unit) -> Deferred[Done]:
        if not lost and any(op == "1101" for op, _ in begun(unit)):
            lost.append(unit)
            return fail(StoreFull("no room"))
        return submit(unit)

    def watched(party: str, op: str, number: str, *given: Any) -> Any:
        if op == "1101":
            asked.append(number)
        return talk(party, op, number, *given)

    monkeypatch.setattr(engine.store, "submit", once_full)
    monkeypatch.setattr(engine.outflow, "talk", watched)
    _, answer = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    no = answer["settlement_no"]
    while answer["state"] == "working":
        _, answer = await lab.kiosk.show(no, wait=20)
    assert answer["state"] == "quoted"
    assert len(set(asked)) == 2, "asked anew, under a number of its own"
    calls = await engine.store.read(lambda conn: calls_of(conn, no))
    assert [one.number for one in calls if one.op == "1101"] == asked[1:]
    _, answer = await lab.kiosk.pay(no, CODE)
    assert answer["state"] == "settled"
    assert len(lab.ledger("wechat", "charge")) == 1
    assert len(lab.ledger("insurance", "settle")) == 1


def test_a_question_changes_nothing() -> None:
    asking = [op for party in PARTIES.values() for op in party.ops.values() if op.question]
    assert asking
    assert not [op.name for op in asking if op.changes or op.money]
