"""Deliver channels seen from outside: what the HIS is told, what receivers get and in which order, what is kept."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, fail

from engine.store.contract import BadUnit, Done, Unit
from engine.store.many import ManyRows
from engine.store.messages import TAKEN
from tests.deliver.ward import Ward, ack_of, adt


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_a_message_is_stored_acknowledged_mapped_and_delivered(folder: Path) -> None:
    ward = Ward(folder)
    ward.start()
    ack = ward.send("C1", "P0001")
    assert (ack.code, ack.control) == ("AA", "C1")
    ward.advance(1)
    assert ward.emr.bodies == [
        {"no": str(ward.number("C1")), "control": "C1", "patient": "P0001", "name": "测试甲"}
    ]
    kept, due, tried = ward.story("C1")
    assert (kept.state, kept.ack, due) == ("done", "AA", [])
    assert [(one.outcome, one.code, one.reply) for one in tried] == [("accepted", "200", b"ok")]
    assert "测试甲".encode() in tried[0].sent
    ward.stop()


def test_nothing_of_a_person_lies_in_clear_on_the_disk(folder: Path) -> None:
    ward = Ward(folder)
    ward.start()
    ward.send("C1", "P0001")
    ward.advance(1)
    ward.stop()
    disk = b"".join(path.read_bytes() for path in folder.glob("engine.db*"))
    assert b"C1" in disk
    for private in ("测试甲".encode(), b"P0001", b"VP0001", b"19900101"):
        assert private not in disk, private


def test_a_message_the_store_cannot_hold_costs_none_of_the_others(folder: Path) -> None:
    ward = Ward(folder)
    ward.start()
    store = ward.store
    assert store is not None
    submit = store.submit

    def picky(unit: Unit) -> Deferred[Done]:
        taken = [write.given for write in unit.writes if isinstance(write, ManyRows) and write.sql == TAKEN]
        there = any(row[3] == "C2" for rows in taken for row in rows)
        return fail(BadUnit("no such text")) if there else submit(unit)

    store.submit = picky  # type: ignore[method-assign]  # a database that cannot hold one number
    sent = [ward.raw(adt(control, control)) for control in ("C1", "C2", "C3")]
    assert [ack_of(ward.wait(one)).code for one in sent] == ["AA", "AE", "AA"]
    assert ward.send("C2").code == "AE"
    assert ward.send("C4").code == "AA", "the door goes on"
    ward.advance(1)
    assert sorted(control for _, control in ward.emr.got) == ["C1", "C3", "C4"]
    ward.stop()


def test_the_order_of_a_patient_is_kept_and_others_flow(folder: Path) -> None:
    ward = Ward(folder)
    ward.emr.answer = lambda body: 503 if body["control"] == "A1" and len(ward.emr.asked) < 40 else 200
    ward.start()
    for number in (1, 2, 3):
        for patient in ("A", "B"):
            assert ward.send(f"{patient}{number}", patient).code == "AA"
    ward.advance(5)
    assert [control for patient, control in ward.emr.got if patient == "B"] == ["B1", "B2", "B3"]
    assert not [one for one in ward.emr.got if one[0] == "A"]
    ward.emr.answer = lambda body: 200
    ward.advance(120)
    assert [control for patient, control in ward.emr.got if patient == "A"] == ["A1", "A2", "A3"]
    ward.stop()


@pytest.mark.parametrize("again_after", ["at once", "a restart", "a crash"])
@pytest.mark.parametrize("ack", ["stored", "delivered"])
def test_a_repeat_gets_the_first_acknowledgement_byte_for_byte(folder: Path, ack: str, again_after: str) -> None:
    ward = Ward(folder, ack=ack)
    ward.start()
    first = ward.send("C1")
    assert first.code == "AA"
    ward.advance(3)
    if again_after == "a restart":
        ward.stop()
        ward.start()
    elif again_after == "a crash":
        ward.crash()
        ward.start()
    assert ward.send("C1").raw == first.raw
    ward.advance(60)
    assert ward.emr.got == [("P1", "C1")]
    assert ward.state("C1") == "done"
    ward.stop()


def test_the_same_number_with_other_content_is_refused_and_both_are_kept(folder: Path) -> None:
    for restart in (False, True):
        ward = Ward(folder / str(restart))
        (folder / str(restart)).mkdir(exist_ok=True)
        ward.start()
        ward.send("C1", name="测试甲")
        if restart:
            ward.stop()
            ward.start()
        other = ward.send("C1", name="测试乙")
        assert other.code == "AR"
        assert b"&Duplicate" not in other.raw
        assert b"205" in other.raw
        ward.advance(5)
        assert len(ward.emr.got) == 1
        assert ward.state("C1") == "done refused"
        assert ward.send("C1", name="测试甲").code == "AA"
        ward.stop()


def test_ack_delivered_waits_for_the_receiver_and_says_ae_when_it_is_refused(folder: Path) -> None:
    ward = Ward(folder, ack="delivered")
    ward.emr.answer = lambda body: 400 if body["control"] == "BAD" else 200
    ward.start()
    assert ward.send("C1").code == "AA"
    assert ward.emr.got == [("P1", "C1")]
    bad = ward.send("BAD")
    assert bad.code == "AE"
    assert bad.control == "BAD"
    assert ward.send("BAD").raw == bad.raw
    assert ward.state("BAD") == "dead"
    ward.stop()


def test_ack_delivered_says_ae_when_it_takes_too_long_and_aa_to_the_repeat(folder: Path) -> None:
    ward = Ward(folder, ack="delivered")
    ward.emr.answer = lambda body: 503
    ward.start()
    began = ward.sim.seconds()
    late = ward.send("C1")
    assert late.code == "AE"
    assert b"stored, not delivered yet" in late.raw
    assert 4.9 < ward.sim.seconds() - began < 6
    ward.emr.answer = lambda body: 200
    ward.advance(60)
    assert ward.send("C1").code == "AA"
    assert ward.emr.got == [("P1", "C1")]
    ward.stop()


def test_ack_delivered_after_a_crash_the_repeat_waits_for_the_delivery(folder: Path) -> None:
    ward = Ward(folder, ack="delivered")
    ward.emr.answer = lambda body: "silent"
    ward.start()
    lost = ward.raw(adt("C1"))
    ward.advance(1)
    ward.crash()
    ward.emr.answer = lambda body: 200
    ward.start()
    assert ward.send("C1").code == "AA"
    assert ward.emr.got == [("P1", "C1")]
    assert lost.called
    ward.stop()


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (adt("C1").replace(b"ADT^A01", b"ADT^A02"), "AR", b"201"),
        (adt("C1").replace(b"ADT^A01", b"XYZ^A01"), "AR", b"200"),
        (adt("").replace(b"||ADT", b"||ADT"), "AR", b"101"),
        (adt("C1").replace("测试甲".encode(), b"\xff\xfe"), "AR", b"charset at byte"),
        (adt("C1").replace(b"|19900101|", b"|1990-1-1|"), "AE", b"PID"),
    ],
)
def test_what_is_not_taken_is_refused_with_its_place_and_kept(
    folder: Path, body: bytes, code: str, said: bytes
) -> None:
    ward = Ward(folder)
    ward.start()
    ack = ack_of(ward.wait(ward.raw(body)))
    assert ack.code == code, ack.raw
    assert said in ack.raw
    ward.advance(5)
    assert ward.emr.asked == []
    (number,) = ward.rows("SELECT id FROM messages WHERE state = 'refused'")[0]
    from engine.store.messages import message_bytes

    assert ward.read(lambda conn: message_bytes(conn, [number]))[number][1] == body
    ward.stop()


def test_a_filtered_message_is_kept_and_not_sent(folder: Path) -> None:
    ward = Ward(folder)
    ward.start()
    assert ward.send("C1", mode="T").code == "AA"
    ward.advance(5)
    assert ward.emr.asked == []
    assert ward.state("C1") == "skipped"
    ward.stop()


def test_a_refusal_is_a_dead_letter_with_its_reason_and_the_lane_goes_on(folder: Path) -> None:
    ward = Ward(folder)
    ward.emr.answer = lambda body: 422 if body["control"] == "C1" else 200
    ward.start()
    for control in ("C1", "C2", "C3"):
        ward.send(control)
    ward.advance(10)
    assert ward.emr.got == [("P1", "C2"), ("P1", "C3")]
    kept, due, _ = ward.story("C1")
    assert kept.state == "dead"
    assert due[0]["state"] == "dead"
    assert due[0]["reason"] == "refused 422"
    ward.stop()


def test_with_hold_the_lane_stops_behind_a_dead_letter_also_after_a_restart(folder: Path) -> None:
    ward = Ward(folder, dead="hold")
    ward.emr.answer = lambda body: 422 if body["control"] == "C1" else 200
    ward.start()
    for control in ("C1", "C2"):
        ward.send(control)
    ward.send("D1", "P2")
    ward.advance(10)
    assert ward.emr.got == [("P2", "D1")]
    ward.stop()
    ward.start()
    ward.send("C3")
    ward.advance(10)
    assert ward.emr.got == [("P2", "D1")]
    ward.stop()


def test_what_a_map_cannot_make_is_a_dead_letter_and_does_not_stall_others(folder: Path) -> None:
    ward = Ward(folder)
    ward.start()
    ward.wait(ward.raw(adt("C1", "P1", name="^乙")))
    ward.send("C2", "P1")
    ward.send("C3", "P2")
    ward.advance(5)
    assert ward.emr.got == [("P1", "C2"), ("P2", "C3")] or ward.emr.got == [("P2", "C3"), ("P1", "C2")]
    _, due, _ = ward.story("C1")
    assert due[0]["reason"].startswith("E-MAP-MISSING hl7.PID_5_1")
    ward.stop()


def test_too_old_is_a_dead_letter_and_pauses_grow_to_their_cap(folder: Path) -> None:
    ward = Ward(folder, max_age="10m", gates=", breaker: {after: 1000}")
    ward.emr.answer = lambda body: 500
    ward.start()
    ward.send("C1")
    ward.advance(1200)
    _, due, tried = ward.story("C1")
    assert due[0]["state"] == "dead"
    at = [one.started_at for one in tried]
    pauses = [after - before for before, after in itertools.pairwise(at)]
    assert 1.9 < pauses[0] < 2.6
    assert 3.9 < pauses[1] < 5
    assert max(pauses) < 37
    assert at[-1] - at[0] < 600
    ward.stop()


def test_repeats_never_makes_silence_a_persons_case(folder: Path) -> None:
    ward = Ward(folder, repeats="never")
    ward.emr.answer = lambda body: "silent"
    ward.start()
    ward.send("C1")
    ward.advance(60)
    assert len(ward.emr.asked) == 1
    assert ward.story("C1")[1][0]["reason"].endswith("repeats: never")
    ward.stop()


def test_a_receiver_over_mllp_gets_the_message_as_it_came(folder: Path) -> None:
    ward = Ward(folder, more="  lis: {to: lis, op: forward, wait: 5s}")
    ward.start()
    body = adt("C1", name="東瑋")
    assert ack_of(ward.wait(ward.raw(body))).code == "AA"
    ward.advance(2)
    assert ward.lis == [body]
    assert ward.emr.got == [("P1", "C1")]
    assert ward.state("C1") == "done"
    ward.stop()


def test_the_number_at_the_receiver_stays_when_it_is_sent_again(folder: Path) -> None:
    ward = Ward(folder)
    numbers = []
    ward.emr.answer = lambda body: numbers.append(body["no"]) or ("reset" if len(numbers) < 3 else 200)  # type: ignore[func-returns-value]  # append gives None on purpose
    ward.start()
    ward.send("C1")
    ward.advance(60)
    assert len(numbers) == 3
    assert len(set(numbers)) == 1
    ward.stop()
