"""Every shipped scenario still plays, with a patient at the kiosk and the whole engine, and ends as it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.base import deeds
from simulators.base import scenario as scenarios
from simulators.base.control import control
from simulators.base.scenario import BadScenario, Player, Recorder, read, shipped
from simulators.base.wire import Req
from tests.edge.conftest import new_town, unhandled
from tests.edge.town import BILL, CASH, QR, Town
from tests.rig.agreement import compared

__all__ = ["new_town", "unhandled"]  # fixtures of the edge tests
NewTown = Callable[..., Town]


def stage(new_town: NewTown, name: str) -> tuple[Town, Player, list[float]]:
    """A town in which the scenario has begun; jumps of the clock are collected, for the test to make them."""
    town = new_town()
    jumps: list[float] = []
    town.lab.sim_world.shared = jumps.append
    player = Player(read(name), town.lab.sim_world, town.lab.parties)
    player.start()
    town.pass_time(0.5)
    return town, player, jumps


def qr(town: Town, patient: str = "P0001", bill: str = BILL) -> str:
    no = town.quoted(patient, bill)
    town.choose(no, QR)
    return no


def finish(town: Town, player: Player, jumps: list[float]) -> None:
    """Until the scenario is over, making its jumps."""
    for _ in range(500):
        while jumps:
            town.pass_time(jumps.pop(0))
        if player.over:
            break
        town.pass_time(5.0)
    assert player.over
    assert player.failures == []
    town.pass_time(120.0)


def differences(town: Town) -> list[str]:
    books = town.do(compared(town.lab.engine))
    return [one.kind for one in books.differences]


def test_the_callback_of_the_next_day_changes_nothing(new_town: NewTown) -> None:
    town, player, jumps = stage(new_town, "late_callback")
    no = qr(town)
    assert town.rest(no)["state"] == "settled"
    assert town.now < 1_790_000_000 + 600
    finish(town, player, jumps)
    told = [row for row in town.lab.parties["wechat"].exchanges.rows if row.op == "paid"]
    assert [row.outcome for row in told] == ["answered"]
    assert told[0].at > 1_790_000_000 + 86_000
    assert town.kept() == CASH
    assert differences(town) == []


def test_the_years_counters_start_again(new_town: NewTown) -> None:
    town, player, jumps = stage(new_town, "year_end")
    finish(town, player, jumps)
    no = town.quoted("P0006", "B20261122006")
    assert town.show(no).json["amounts"]["fund"] == 12500  # the deductible of 800 yuan is due again
    bureau = town.lab.parties["insurance"]
    assert bureau.bureau.counters(bureau.bureau.people["P0006"], "2026").fund == 150000  # type: ignore[attr-defined]  # the insurance's own
    town.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "c", "reason_code": "PATIENT"})
    town.rest(no)


def test_the_bill_of_the_next_day_lacks_a_row(new_town: NewTown) -> None:
    town, player, jumps = stage(new_town, "bill_missing_row")
    no = qr(town)
    assert town.rest(no)["state"] == "settled"
    finish(town, player, jumps)
    wechat = town.lab.parties["wechat"]
    assert [order.fault for order in wechat.faults.orders] == ["bill_missing_row"]  # whoever asks
    assert wechat.world.stamp("%Y-%m-%d") > "2026-09-21"
    assert differences(town) == []


def test_paid_twice_is_found_by_the_books(new_town: NewTown) -> None:
    town, player, jumps = stage(new_town, "paid_twice")
    no = qr(town)
    assert town.rest(no)["state"] == "settled"
    finish(town, player, jumps)
    assert town.kept() == 2 * CASH
    assert differences(town) != []


def test_an_insurance_that_settles_in_silence(new_town: NewTown) -> None:
    town, player, jumps = stage(new_town, "insurance_silent_night")
    no = qr(town)
    answer = town.rest(no)
    finish(town, player, jumps)
    assert answer["state"] == "settled"
    assert (town.kept(), differences(town)) == (CASH, [])


def test_a_cashier_and_a_patient_at_the_same_bill(new_town: NewTown) -> None:
    town, player, jumps = stage(new_town, "window_race")
    no = qr(town)
    answer = town.rest(no)
    finish(town, player, jumps)
    assert answer["state"] == "undone"  # the window was first: the patient gets the money back
    assert town.kept() == 0
    assert [row["amount"] for row in town.ledger("his", "charge")] == [120000]


PLAYED = {"late_callback", "year_end", "bill_missing_row", "paid_twice", "insurance_silent_night", "window_race"}


def test_each_shipped_scenario_is_played_here() -> None:
    assert set(shipped()) == PLAYED
    for name in shipped():
        assert read(name).zh
        assert read(name).en


def test_what_is_recorded_plays_again_with_other_numbers(new_town: NewTown, tmp_path: Path) -> None:
    first = new_town()
    recorder = Recorder(first.lab.sim_world, first.lab.parties)
    jumps: list[float] = []
    first.lab.sim_world.shared = jumps.append
    no = qr(first)

    wechat = first.lab.parties["wechat"]
    deeds.order(wechat, {"op": "paid", "fault": "callback_twice"})
    first.pass_time(3.0)
    deeds.act(wechat, {"act": "pay", "no": f"{no}P1"})
    deeds.advance(wechat, 3600.0)
    first.pass_time(jumps.pop())
    first.rest(no)
    recorder.write(tmp_path / "mine.yaml")
    written = read(tmp_path / "mine.yaml").steps
    assert written[1].body == {"act": "pay", "no": "$order.1.no"}
    assert written[2].body == {"advance": 3600.0}
    town, player, jumps = stage(new_town, str(tmp_path / "mine.yaml"))
    town.quoted("P0006", "B20261122006")  # another number comes first
    again = qr(town)
    assert town.rest(again)["state"] == "settled"
    finish(town, player, jumps)
    assert len([row for row in town.lab.parties["wechat"].exchanges.rows if row.op == "paid"]) == 2


def books_of(town: Town) -> dict[str, list[tuple[str, int, str]]]:
    """What every party believes happened, in its order, without the numbers."""
    return {
        name: [(row["kind"], row["amount"], row["state"]) for row in party.ledger.since(0)["rows"]]
        for name, party in town.lab.parties.items()
    }


def lived(town: Town, player: Player, jumps: list[float], name: str) -> None:
    """A patient of the town while the scenario goes on, until both are over."""
    no = "" if name == "year_end" else qr(town)
    if no:
        town.rest(no)
    finish(town, player, jumps)
    if not no:
        no = town.quoted("P0006", "B20261122006")
        town.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "c", "reason_code": "PATIENT"})
    town.rest(no)


@pytest.mark.parametrize("name", sorted(PLAYED))
def test_a_recorded_run_of_each_replays_to_the_same_ledgers(new_town: NewTown, tmp_path: Path, name: str) -> None:
    first, place = new_town(), tmp_path / "run.yaml"
    jumps: list[float] = []
    first.lab.sim_world.shared = jumps.append
    recorder = Recorder(first.lab.sim_world, first.lab.parties)
    player = Player(read(name), first.lab.sim_world, first.lab.parties)
    player.start()
    first.pass_time(0.5)
    lived(first, player, jumps, name)
    recorder.write(place)
    assert [(one.party, one.kind) for one in read(place).steps] == [(one.party, one.kind) for one in read(name).steps]
    second, player, jumps = stage(new_town, str(place))
    lived(second, player, jumps, name)
    assert books_of(second) == books_of(first)


@pytest.mark.parametrize(
    "text",
    ["steps: 1", "steps: [{at: 0}]", "steps: [{at: x, party: his, reset: {}}]", "steps: [{at: 0, act: {act: pay}}]",
     "steps: [{at: 0, party: his, act: {act: a}, fault: {op: b}}]", "steps: [{at: 0, party: his, act: pay}]", "{",
     "steps: [{clock: abc}]", "steps: [{clock: [1]}]", "steps: [{clock: -5}]", "steps: [{clock: true}]",
     "steps: [{at: .nan, party: his, reset: {}}]", "steps: [{at: -1, party: his, reset: {}}]", "\udcff",
     "steps: [{at: 0, party: [his], reset: {}}]", "steps: [{at: 0, signing: moon}]", "steps: [{at: 0, signing: {}}]"],
)  # fmt: skip
def test_a_wrong_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadScenario):
        read(path)


@pytest.mark.parametrize(
    "step", ["party: wechat, act: {act: nonsense}", "party: wechat, fault: {op: paid, fault: nonsense}",
             "party: wechat, fault: {fault: html, times: 0}", "party: nobody, reset: {}"],
)  # fmt: skip
def test_a_step_that_can_never_be_done_is_told_before_it_begins(step: str, tmp_path: Path, new_town: NewTown) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(f"steps: [{{at: 0, {step}}}]")
    town = new_town()
    with pytest.raises(BadScenario, match=r"step 1|nobody"):
        Player(read(path), town.lab.sim_world, town.lab.parties)


def test_signing_by_the_wall_is_recorded_and_played(new_town: NewTown, tmp_path: Path) -> None:
    place, first = tmp_path / "wall.yaml", new_town()
    Recorder(first.lab.sim_world, first.lab.parties, place)
    for clock in ("wall", "clock"):
        order = Req("POST", "/sim/clock", "/sim/clock", {}, {}, json.dumps({"signing": clock}).encode())
        assert control(first.lab.parties["wechat"], order).status == 200
        first.pass_time(10.0)
    assert [(one.party, one.kind, dict(one.body)) for one in read(place).steps] == [
        ("", "signing", {"by": "wall"}), ("", "signing", {"by": "clock"})
    ]  # fmt: skip
    town, player, jumps = stage(new_town, str(place))
    assert town.lab.sim_world.by_wall
    town.pass_time(11.0)
    assert not town.lab.sim_world.by_wall
    finish(town, player, jumps)


def test_a_payer_who_scanned_is_recorded_by_the_orders_place(new_town: NewTown, tmp_path: Path) -> None:
    """Another run shows another QR; what was recorded paid nothing there."""
    place, first = tmp_path / "scan.yaml", new_town()
    Recorder(first.lab.sim_world, first.lab.parties, place)
    no = first.quoted()
    shown = first.choose(no, QR).json["pay"]["qr"]
    deeds.act(first.lab.parties["wechat"], {"act": "pay", "qr": shown})
    assert read(place).steps[0].body == {"act": "pay", "no": "$order.1.no"}
    town, player, jumps = stage(new_town, str(place))
    assert town.rest(qr(town))["state"] == "settled"
    finish(town, player, jumps)


def test_places_count_anew_after_a_reset(new_town: NewTown, tmp_path: Path) -> None:
    first = new_town()
    his = first.lab.parties["his"]
    deeds.act(his, {"act": "collect_at_window", "bill": "B20261122006"})
    recorder = Recorder(first.lab.sim_world, first.lab.parties)
    deeds.reset(his)
    deeds.act(his, {"act": "collect_at_window", "bill": "B20261122006"})
    row = his.ledger.rows[0]
    deeds.order(his, {"op": "*", "fault": "html", "match": {"no": row.party_no}})
    assert recorder.steps[-1]["fault"]["match"]["no"] == f"${row.kind}.1.no"


def test_a_step_that_cannot_be_done_is_told(new_town: NewTown, tmp_path: Path) -> None:
    path = tmp_path / "hopeless.yaml"
    path.write_text("scenario: x\nsteps: [{at: 0, party: wechat, act: {act: pay, no: $order.1.no}}]")
    town, player, jumps = stage(new_town, str(path))
    town.pass_time(scenarios.PATIENCE + 10)
    assert player.over
    assert "no $order.1.no" in player.failures[0]
    with pytest.raises(BadScenario):
        Player(read(path), town.lab.sim_world, {})
    assert jumps == []


