"""What an alarm is hung on: how many messages wait for each receiver, and how many are dead letters."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.deliver.test_hands import WHO, post
from tests.deliver.ward import Ward


def _told(ward: Ward, name: str) -> dict[str, float]:
    """Receiver → the gauge of this name on /metrics."""
    assert ward.engine is not None
    page = ward.engine.meters.page().decode()
    rows = re.findall(rf'^{name}{{channel="events",receiver="(\w+)"}} ([0-9.]+)$', page, re.MULTILINE)
    return {receiver: float(count) for receiver, count in rows}


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    """C1 is a dead letter; C2 and C3 cannot be sent now."""
    made = Ward(tmp_path)
    made.emr.answer = lambda body: 422
    made.start()
    made.send("C1")
    made.advance(5)
    made.emr.down()
    for control in ("C2", "C3"):
        made.send(control, "P2")
    made.advance(5)
    return made


@pytest.mark.parametrize("restart", [False, True])
def test_what_waits_and_what_is_dead_is_measured_also_after_a_restart(ward: Ward, restart: bool) -> None:
    if restart:
        ward.crash()
        ward.start()
    assert _told(ward, "engine_undelivered") == {"emr": 2}
    assert _told(ward, "engine_dead_letters") == {"emr": 1}
    ward.emr.up()
    ward.emr.answer = lambda body: 200
    ward.advance(60)
    assert _told(ward, "engine_undelivered") == {"emr": 0}
    assert post(ward, f"/v1/deliver/messages/{ward.number('C1')}/resend", WHO)[0] == 200
    assert (_told(ward, "engine_undelivered"), _told(ward, "engine_dead_letters")) == ({"emr": 1}, {"emr": 0})
    ward.advance(5)
    assert (_told(ward, "engine_undelivered"), _told(ward, "engine_dead_letters")) == ({"emr": 0}, {"emr": 0})
    ward.stop()


def test_a_dead_letter_given_up_is_none_any_more(ward: Ward) -> None:
    assert post(ward, f"/v1/deliver/messages/{ward.number('C1')}/discard", WHO)[0] == 200
    assert _told(ward, "engine_dead_letters") == {"emr": 0}
    ward.stop()
