"""Bad hours: a receiver that is away while thousands queue up, limits of a party, a start with a full outbox."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from twisted.internet.defer import gatherResults

from engine.connectors.mllp import Peer
from tests.deliver.ward import Ward, ack_of, adt

PEER = Peer("10.0.0.9", 5000)


def _flood(ward: Ward, count: int, patients: int, first: int = 0) -> None:
    """Messages handed to the door without a network in between; every one is acknowledged AA."""
    assert ward.engine is not None
    said = [
        ward.engine.deliver.take("hl7", adt(f"C{n}", f"P{n % patients}"), PEER) for n in range(first, first + count)
    ]
    answers = ward.wait(gatherResults(said), 600)
    assert Counter(ack_of(b"\x0b" + one).code for one in answers) == {"AA": count}


def _in_order(got: list[tuple[str, str]]) -> bool:
    by_patient: dict[str, list[int]] = defaultdict(list)
    for patient, control in got:
        number = int(control[1:])
        if number not in by_patient[patient]:  # a repeat says nothing new
            by_patient[patient].append(number)
    return all(numbers == sorted(numbers) for numbers in by_patient.values())


def test_a_receiver_away_for_an_hour_with_ten_thousand_queued(tmp_path: Path) -> None:
    more = "  lis: {to: lis, op: forward, wait: 5s}"
    ward = Ward(tmp_path, more=more, window=8, gates=", rate: 400, breaker: {after: 5, pause: 5s, cap: 1m}")
    ward.emr.answer = lambda body: 503
    ward.start()
    began = ward.sim.seconds()
    _flood(ward, 10_000, 500)
    ward.advance(3600 - (ward.sim.seconds() - began))
    assert len(ward.lis) == 10_000  # the other receiver is not held up
    tries = [at for at, _ in ward.emr.asked]
    assert len(tries) < 200, "no storm: the breaker lets one message try"
    assert max(Counter(int(at) for at in tries).values()) <= 8 + 5, "the window, and what the breaker allows"
    assert ward.rows("SELECT COUNT(*) FROM outbox") == [(10_000,)]
    ward.emr.answer = lambda body: 200
    back = ward.sim.seconds()
    assert ward.sim.run(lambda: len(ward.emr.got) >= 10_000, 600)
    took = ward.sim.seconds() - back
    assert 10_000 / 400 - 1 < took < 150, took
    seconds = Counter(int(at - back) for at, _ in ward.emr.asked if at >= back)
    assert max(seconds.values()) <= 400 + 40, "drained at the rate agreed with the party"
    assert _in_order(ward.emr.got)
    assert len(set(ward.emr.got)) == len(ward.emr.got) == 10_000
    ward.advance(5)
    assert ward.rows("SELECT COUNT(*) FROM outbox") == [(0,)]
    assert ward.rows("SELECT state, COUNT(*) FROM messages GROUP BY state") == [("done", 10_000)]
    ward.stop()


@pytest.mark.parametrize("ack", ["stored", "delivered"])
@pytest.mark.parametrize("seed", range(6))
def test_a_process_that_dies_loses_nothing_it_acknowledged(tmp_path: Path, ack: str, seed: int) -> None:
    """Killed again and again at arbitrary instants under load: acknowledged = arrived, repeats ≤ in flight."""
    ward = Ward(tmp_path, ack=ack, seed=seed, window=4)
    ward.start()
    sent = 0
    acked: set[str] = set()
    for _ in range(6):
        waiting = {}
        for _ in range(30):
            control = f"C{sent}"
            waiting[control] = ward.raw(adt(control, f"P{sent % 7}"))
            sent += 1
        for _ in range(ward.sim.random.randrange(5, 400)):
            ward.sim.step()
        ward.crash()
        for control, answer in waiting.items():
            if answer.called and answer.result and ack_of(b"\x0b" + answer.result).code == "AA":
                acked.add(control)
        ward.start()
    ward.advance(120)
    arrived = Counter(control for _, control in ward.emr.got)
    assert acked <= set(arrived)
    assert sum(arrived.values()) - len(arrived) <= 6 * 4, "surplus ≤ what was in flight at each death"
    stored = {row[0] for row in ward.rows("SELECT control FROM messages")}
    assert set(arrived) == stored, "what was stored is delivered, acknowledged or not"
    assert ward.rows("SELECT COUNT(*) FROM outbox") == [(0,)]
    ward.stop()


def test_a_full_outbox_is_found_again_in_order(tmp_path: Path) -> None:
    ward = Ward(tmp_path, window=16)
    ward.emr.answer = lambda body: 503
    ward.start()
    _flood(ward, 1500, 40)
    ward.crash()
    ward.emr.answer = lambda body: 200
    ward.start()
    assert ward.engine is not None
    assert ward.engine.deliver.lanes.undelivered.waiting.total() == 1500
    assert ward.sim.run(lambda: len(ward.emr.got) >= 1500, 300)
    assert _in_order(ward.emr.got)
    assert len(set(ward.emr.got)) == 1500
    ward.stop()


@pytest.mark.parametrize(
    ("hours", "shut", "begins"), [("07:00-22:00", "22:30", "07:00"), ("22:00-06:00", "06:00", "22:00")]
)
def test_hours_keep_messages_back_until_they_begin(tmp_path: Path, hours: str, shut: str, begins: str) -> None:
    """Also those over midnight."""
    ward = Ward(tmp_path, gates=f', hours: "{hours}"')
    ward.start()
    from engine.core.times import beijing

    while beijing(ward.sim.seconds(), "%H:%M")[:2] != shut[:2] or beijing(ward.sim.seconds(), "%H:%M") < shut:
        ward.advance(900)
    ward.send("C1")
    ward.advance(3600)
    assert ward.emr.asked == []
    assert ward.sim.run(lambda: bool(ward.emr.got), 16 * 3600)
    assert beijing(ward.emr.asked[0][0], "%H:%M") == begins
    ward.stop()


def test_a_party_that_refuses_connections_is_left_alone_by_the_breaker(tmp_path: Path) -> None:
    ward = Ward(tmp_path, gates=", breaker: {after: 3, pause: 10s, cap: 40s}")
    ward.start()
    ward.emr.down()
    _flood(ward, 60, 60)
    ward.advance(600)
    tried = ward.rows("SELECT COUNT(*) FROM attempts")[0][0]
    assert 8 <= tried <= 40, tried
    ward.emr.up()
    assert ward.sim.run(lambda: len(ward.emr.got) == 60, 120)
    ward.stop()


def test_a_receiver_that_is_being_deployed_costs_no_dead_letter(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    ward.start()
    ward.emr.answer = lambda body: 404
    for number in range(3):
        assert ward.send(f"C{number}").code == "AA"
    ward.advance(300)
    assert [ward.state(f"C{number}") for number in range(3)] == ["open"] * 3
    ward.emr.answer = lambda body: 200
    ward.advance(60)
    assert [control for _, control in ward.emr.got] == ["C0", "C1", "C2"]
    ward.stop()


def test_a_receiver_that_says_404_of_a_message_is_listed_by_the_site(tmp_path: Path) -> None:
    told = 'map: told\nanswers: [{code: "404", is: refused, because: 对方没有这个患者}]\n'
    ward = Ward(tmp_path, repeats="same_number, read: told", maps={"mappings/told.map.yaml": told})
    ward.start()
    ward.emr.answer = lambda body: 404 if body["control"] == "C0" else 200
    for number in range(2):
        assert ward.send(f"C{number}").code == "AA"
    ward.advance(60)
    assert [control for _, control in ward.emr.got] == ["C1"]
    assert ward.state("C0") == "dead"
    ward.stop()
