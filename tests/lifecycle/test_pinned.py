"""Settlements in flight keep what they began with; new ones begin with what is in force."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from engine.cli.showing import _told, story
from engine.site.files import hash_of, pinned_part, texts_of
from engine.store.contract import Unit
from engine.store.lists import list_tasks, list_trail
from engine.store.site_versions import keep_site
from tests.lifecycle.desk import CHANNEL, ENGINE, apply, edited, in_force, running, taken
from tests.rig.lab import Lab

CODE = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}
ANSWER = "mappings/outpatient_answer.map.yaml"
OTHER = ("make:", "make:\n  - [numbers.other, \"'X'\"]")


async def _quoted(lab: Lab, bill: str = "B20261122001", patient: str = "P0001") -> str:
    status, answer = await lab.kiosk.settle(lab.bill_request(patient, bill))
    assert (status, answer["state"]) == (200, "quoted"), answer
    return str(answer["settlement_no"])


async def _content(lab: Lab, no: str) -> str:
    case = await running(lab).driver.look(no)
    assert case is not None
    return case.site_hash


@pytest_twisted.ensureDeferred
async def test_one_in_flight_ends_as_it_began_and_a_new_one_begins_anew(lab: Lab) -> None:
    old = running(lab).sites.current.content_hash
    no = await _quoted(lab)
    await taken(lab, edited(in_force(lab), ANSWER, OTHER))
    status, done = await lab.kiosk.pay(no, CODE)
    assert (status, done["state"]) == (200, "settled")
    assert "other" not in done["numbers"], "it answers as it began"
    assert await _content(lab, no) == old
    _, fresh = await lab.kiosk.settle(lab.bill_request("P0002", "B20261122002"))
    assert fresh["numbers"]["other"] == "X"
    assert await _content(lab, fresh["settlement_no"]) == running(lab).sites.current.content_hash != old


@pytest_twisted.ensureDeferred
async def test_its_events_come_in_where_it_promised_though_the_channel_moved(lab: Lab) -> None:
    no = await _quoted(lab)
    moved = {name: data.replace(b"POST /v1/settlements/{no}/pay", b"POST /v2/settlements/{no}/pay")
             for name, data in in_force(lab).items()}  # fmt: skip
    assert moved[CHANNEL] != in_force(lab)[CHANNEL]
    await taken(lab, moved)
    status, done = await lab.kiosk.pay(no, CODE)
    assert (status, done["state"]) == (200, "settled"), done


@pytest_twisted.ensureDeferred
async def test_a_settled_one_of_long_ago_is_shown_and_refunded_after_changes_and_restarts(lab: Lab) -> None:
    await taken(lab, edited(in_force(lab), CHANNEL, ("title:   ", "title:   一")))
    no = await _quoted(lab)
    _, done = await lab.kiosk.pay(no, CODE)
    assert done["state"] == "settled"
    began = await _content(lab, no)
    for word in ("二", "三"):
        await taken(lab, edited(in_force(lab), CHANNEL, ("title:   ", f"title:   {word}")))
    await running(lab).stop()
    await lab.start_engine()  # with the folder's files
    assert not running(lab).sites.knows(began), "no settlement in flight needs it"
    status, shown = await lab.kiosk.show(no)
    assert (status, shown["state"]) == (200, "settled"), shown
    desk = lab.terminal("C01", client="C01")
    body = {"request_no": "R1", "lines": [], "reason_code": "patient"}
    status, back = await desk.ask("POST", f"/v1/settlements/{no}/refunds", body)
    assert status in (200, 202), back
    until = lab.sim_world.now() + 200.0
    while back.get("state") != "undone":
        assert lab.sim_world.now() < until, back
        _, back = await lab.kiosk.show(no, wait=10)


@pytest_twisted.ensureDeferred
async def test_one_in_flight_is_moved_on_when_what_was_done_agrees(lab: Lab) -> None:
    no = await _quoted(lab)
    old = await _content(lab, no)
    await taken(lab, edited(in_force(lab), ANSWER, OTHER))
    desk, onto = lab.terminal("OPS", client="OPS"), running(lab).sites.current.content_hash
    body = {"by": "测试甲", "reason": "旧映射有误", "onto": onto}
    status, moved = await desk.ask("POST", f"/v1/settlements/{no}/move", body)
    assert (status, moved["from"], moved["onto"]) == (200, old, onto), moved
    status, done = await lab.kiosk.pay(no, CODE)
    assert (done["state"], done["numbers"]["other"]) == ("settled", "X")
    await running(lab).stop()
    await lab.start_engine()
    assert await _content(lab, no) == onto, "the store knows it too"
    trail = await running(lab).store.read(lambda conn: list_trail(conn, no))
    assert [row["kind"] for row in trail].count("Moved onto") == 1
    tasks = await running(lab).store.read(lambda conn: list_tasks(conn, is_open=False, no=no))
    assert [(row["kind"], row["closed_by"]) for row in tasks] == [("moved_onto", "测试甲")]
    told = await running(lab).store.read(lambda conn: story(conn, no))
    (decided,) = told["decided"]
    assert (decided["by"], decided["reason"]) == ("测试甲", "旧映射有误"), "`engine show` tells who and why"
    (line,) = [_told(row)[2] for row in told["timeline"] if row.get("heard") == "Moved onto"]
    assert line == f"{old[:12]} → {onto[:12]}  测试甲"


@pytest_twisted.ensureDeferred
async def test_a_settled_one_may_still_be_moved_an_undone_one_not(lab: Lab) -> None:
    """What is settled can be refunded, by the maps it is pinned to; of what is undone nothing is left to do."""
    no, gone = await _quoted(lab), await _quoted(lab, "B20261122006", "P0006")
    _, done = await lab.kiosk.pay(no, CODE)
    _, left = await lab.kiosk.cancel(gone, {"request_no": "c1", "reason_code": "patient_left"})
    until = lab.sim_world.now() + 200.0
    while left["state"] == "working":
        assert lab.sim_world.now() < until, left
        _, left = await lab.kiosk.show(gone, wait=10)
    assert (done["state"], left["state"]) == ("settled", "undone")
    await taken(lab, edited(in_force(lab), ANSWER, OTHER))
    desk, onto = lab.terminal("OPS", client="OPS"), running(lab).sites.current.content_hash
    body = {"by": "测试甲", "reason": "退费的映射有误", "onto": onto}
    status, moved = await desk.ask("POST", f"/v1/settlements/{no}/move", body)
    assert (status, moved["state"], moved["onto"]) == (200, "settled", onto), moved
    status, answer = await desk.ask("POST", f"/v1/settlements/{gone}/move", body)
    assert (status, answer["reason"]["code"]) == (409, "E-STATE"), answer


MOVES: dict[str, tuple[tuple[str, str], str]] = {
    "another party's operation for what was done": (("op: lock.bill,", "op: unlock.bill,"), "his.lock"),
    "no undo for what was done": (("- {do: his.lock, ", "- {do: his.lock} #"), "undo"),
}


@pytest.mark.parametrize("what", MOVES)
@pytest_twisted.ensureDeferred
async def test_it_is_not_moved_where_what_was_done_differs(lab: Lab, what: str) -> None:
    no = await _quoted(lab)
    old, channel = await _content(lab, no), in_force(lab)[CHANNEL].decode()
    pair, named = MOVES[what]
    if pair[0] not in channel:
        pytest.fail(f"the channel has no {pair[0]!r}")
    status, answer = await _pinned_under(lab, no, pair)
    assert (status, answer["reason"]["code"]) == (409, "E-ONTO"), answer
    assert named in answer["reason"]["en"]
    assert await _content(lab, no) == old
    _, done = await lab.kiosk.pay(no, CODE)
    assert done["state"] == "settled", "it ends as it began"


async def _pinned_under(lab: Lab, no: str, pair: tuple[str, str]) -> tuple[int, dict[str, Any]]:
    """Try to move it on to a version that the store knows, though lint would not let it in force."""
    files = pinned_part(edited(in_force(lab), CHANNEL, pair))
    onto = hash_of(files)
    await running(lab).store.submit(Unit("test", (keep_site(onto, texts_of(files), 0.0),)))
    body = {"by": "测试甲", "reason": "试", "onto": onto}
    return await lab.terminal("OPS", client="OPS").ask("POST", f"/v1/settlements/{no}/move", body)


@pytest_twisted.ensureDeferred
async def test_who_may_move_and_onto_what(lab: Lab) -> None:
    no = await _quoted(lab)
    body = {"by": "测试甲", "reason": "试", "onto": "0" * 64}
    status, _ = await lab.kiosk.ask("POST", f"/v1/settlements/{no}/move", body)
    assert status == 403
    desk = lab.terminal("OPS", client="OPS")
    for more, code, want in (
        ({}, "E-SITE-NONE", 404), ({"onto": "x"}, "E-SITE-NONE", 404), ({"by": ""}, "E-FIELD", 400),
        ({"reason": "很" * 501}, "E-FIELD", 400),
    ):  # fmt: skip
        status, answer = await desk.ask("POST", f"/v1/settlements/{no}/move", {**body, **more})
        assert (status, answer["reason"]["code"]) == (want, code), answer
    status, answer = await desk.ask("POST", "/v1/settlements/S0/move", body)
    assert (status, answer["reason"]["code"]) == (404, "E-NO-SETTLEMENT")


@pytest_twisted.ensureDeferred
async def test_a_party_that_settlements_in_flight_need_cannot_go(lab: Lab) -> None:
    """Without einvoice in the channel lint has nothing against its going; the settlement in flight has."""
    await _quoted(lab)
    old = running(lab).sites.current
    files = _without_invoice(lab)
    status, answer = await apply(lab, files)
    assert (status, answer["reason"]["code"]) == (409, "E-SITE-IN-USE"), answer
    assert "einvoice" in answer["reason"]["en"]
    assert running(lab).sites.current is old
    assert "einvoice" in running(lab).connections.names()


def _without_invoice(lab: Lab) -> dict[str, bytes]:
    """A site with the timed channels only, and without the party that issues invoices."""
    files = {
        name: data
        for name, data in in_force(lab).items()
        if not name.startswith("channels/") or "insurance_signin" in name
    }
    lines, kept, skip = files[ENGINE].decode().splitlines(), [], False
    for line in lines:
        if line.startswith("  einvoice:"):
            skip = True
        elif skip and not line.startswith("    "):
            skip = False
        if not skip:
            kept.append(line)
    return {**files, ENGINE: ("\n".join(kept) + "\n").encode()}


@pytest_twisted.ensureDeferred
async def test_a_party_goes_when_nobody_in_flight_needs_it_though_its_channel_was_in_force(lab: Lab) -> None:
    no = await _quoted(lab)
    _, done = await lab.kiosk.pay(no, CODE)
    assert done["state"] == "settled"
    status, answer = await apply(lab, _without_invoice(lab))
    assert (status, answer.get("changed")) == (200, True), answer
    assert "einvoice" not in running(lab).connections.names()
    assert (await lab.kiosk.settle(lab.bill_request("P0002", "B20261122002")))[0] == 404, "that channel is gone"


@pytest_twisted.ensureDeferred
async def test_a_settlement_asked_for_in_that_moment_waits_and_begins_with_what_is_in_force(lab: Lab) -> None:
    sites = running(lab).sites
    sites.hold()
    asked = Deferred.fromCoroutine(lab.kiosk.settle(lab.bill_request("P0001", "B20261122001")))
    over: Deferred[None] = Deferred()
    running(lab).world.later(3.0, over.callback, None)
    await over
    assert not asked.called
    assert not running(lab).driver.rooms(), "nothing has begun"
    sites.release()
    status, answer = await asked
    assert (status, answer["state"]) == (200, "quoted")
