"""A person decides: what nobody could tell is said, and the machine undoes the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.task import Clock
from typer.testing import CliRunner

from engine.cli.main import app
from engine.cli.resolve import resolve
from engine.cli.say import CannotRun, WrongUse
from engine.core.world import World
from engine.store.lists import list_tasks
from tests.rig.lab import Lab

CODE = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}


async def _stuck(lab: Lab) -> str:
    """A settlement whose insurance cancellation is refused after HIS refused to settle."""
    lab.fault("his", "balance.and.pay.bill", "refuse_business")
    lab.fault("insurance", "2208", "refuse_business", times=5)
    _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    no: str = quoted["settlement_no"]
    await lab.kiosk.pay(no, CODE)
    until = lab.sim_world.now() + 300.0
    while True:
        _, answer = await lab.kiosk.show(no, wait=20)
        if answer["state"] == "manual":
            return no
        assert lab.sim_world.now() < until, answer


async def _refused_undo(lab: Lab, no: str) -> int:
    """The leg of the refused cancellation."""
    assert lab.engine is not None
    case = await lab.engine.driver.look(no)
    assert case is not None
    return next(leg.id for leg in case.legs if leg.call == "nhsa.cancel")


@pytest_twisted.ensureDeferred
async def test_the_refused_undo_is_done_by_hand_and_the_money_then_goes_back(lab: Lab) -> None:
    no = await _stuck(lab)
    leg = await _refused_undo(lab, no)
    desk = lab.terminal("OPS", client="OPS")
    body = {"request_no": "d1", "by": "医保办 李", "reason": "医保平台已在线下撤销该笔结算"}
    status, answer = await desk.ask("POST", f"/v1/settlements/{no}/resolve", body)
    assert (status, answer["reason"]["code"]) == (409, "E-UNDECIDED")
    status, _ = await lab.kiosk.ask("POST", f"/v1/settlements/{no}/resolve", {**body, "legs": {str(leg): "done"}})
    assert status == 403, "a kiosk may not decide"
    status, answer = await desk.ask("POST", f"/v1/settlements/{no}/resolve", {**body, "legs": {str(leg): "done"}})
    assert status in (200, 202), answer
    taken = sum(row["amount"] for row in lab.ledger("wechat", "charge"))
    until = lab.sim_world.now() + 120.0
    while taken != sum(row["amount"] for row in lab.ledger("wechat", "refund") if row["state"] == "done"):
        assert lab.sim_world.now() < until, "the money did not go back"
        await lab.kiosk.show(no, wait=5)
    assert lab.engine is not None
    closed = await lab.engine.store.read(lambda conn: list_tasks(conn, is_open=False, no=no))
    assert [row["closed_by"] for row in closed] == ["医保办 李"]


@pytest_twisted.ensureDeferred
async def test_what_never_stood_cannot_be_called_off(lab: Lab) -> None:
    no = await _stuck(lab)
    leg = await _refused_undo(lab, no)
    body = {"request_no": "d1", "by": "医保办 李", "reason": "当作没有退", "legs": {str(leg): "off"}}
    status, answer = await lab.terminal("OPS", client="OPS").ask("POST", f"/v1/settlements/{no}/resolve", body)
    assert (status, answer["reason"]["code"]) == (409, "E-NOT-OFF")
    assert f"{leg} nhsa.cancel" in answer["reason"]["zh"]
    assert lab.engine is not None
    still = await lab.engine.store.read(lambda conn: list_tasks(conn, is_open=True, no=no))
    assert [row["kind"] for row in still] == ["undo_refused"]


@pytest_twisted.ensureDeferred
async def test_again_repeats_the_undo_under_its_number(lab: Lab) -> None:
    no = await _stuck(lab)
    leg = await _refused_undo(lab, no)
    lab.parties["insurance"].faults.clear()
    body = {"request_no": "d2", "by": "医保办 李", "reason": "平台恢复，再次撤销", "legs": {str(leg): "again"}}
    _, answer = await lab.terminal("OPS", client="OPS").ask("POST", f"/v1/settlements/{no}/resolve", body)
    until = lab.sim_world.now() + 300.0
    while answer["state"] != "undone":
        assert lab.sim_world.now() < until, answer
        _, answer = await lab.kiosk.show(no, wait=20)
    assert [row["state"] for row in lab.ledger("insurance", "settle")] == ["cancelled"]


def test_the_command_says_what_is_wrong_with_its_words(tmp_path: Path) -> None:
    engine = (Path(__file__).parents[2] / "engine.yaml").read_text()
    (tmp_path / "engine.yaml").write_text(engine)
    given = ["resolve", "S1", "--by", "李", "--reason", "线下已撤销", "--root", str(tmp_path)]
    for wrong in ("nonsense", "7=maybe", "=done"):
        with pytest.raises(WrongUse):
            resolve(tmp_path, "S1", "李", "线下已撤销", [wrong], False, World(Clock()))
    with pytest.raises(CannotRun, match="client-OPS"):
        resolve(tmp_path, "S1", "李", "线下已撤销", ["7=done"], False, World(Clock()))
    assert CliRunner().invoke(app, [*given, "--help"]).exit_code == 0
