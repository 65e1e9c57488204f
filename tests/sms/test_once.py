"""Short messages after settlements, through engine and provider: one each, whatever is lost on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.conversation import run
from tests.edge.town import Town
from tests.sms.hospital import SmsLab, files, settled, texts


def test_one_message_with_amount_and_number_and_no_person(hospital: Town) -> None:
    no = settled(hospital)
    hospital.pass_time(60.0)
    assert texts(hospital) == [f"您在模拟口腔医院的缴费1075.00元已办理，结算单号{no}。"]
    phone = hospital.lab.parties["sms"].sent[0].phone  # type: ignore[attr-defined]  # the provider's own list
    assert phone not in hospital.lab.log.getvalue()


@pytest.mark.parametrize("fault", [
    "timeout_after_commit", "reset_after_commit", "half_reply", "html", "http_500", "timeout_before_commit",
    "reset_before_commit", "refuse_connection", "flow_control", "throttled", "not_enough_balance", "token_expired",
    "late_commit", "slow", "duplicate_reply",
])  # fmt: skip
def test_whatever_is_lost_the_patient_hears_once(hospital: Town, fault: str) -> None:
    hospital.lab.fault("sms", "SendSms", fault, seconds=40.0)
    settled(hospital)
    hospital.pass_time(3600.0)
    assert len(texts(hospital)) == 1


def test_a_list_that_is_late_is_waited_for(hospital: Town) -> None:
    hospital.lab.fault("sms", "SendSms", "unseen", seconds=90.0)
    hospital.lab.fault("sms", "SendSms", "timeout_after_commit", seconds=40.0)
    settled(hospital)
    hospital.pass_time(3600.0)
    assert len(texts(hospital)) == 1


def test_at_night_it_waits_for_the_morning(hospital: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SmsLab, "quiet", True)
    hospital.lab.crash()
    hospital.do(hospital.lab.start_engine())
    settled(hospital)
    hospital.pass_time(3600.0)
    assert texts(hospital) == []
    hospital.pass_time(9 * 3600.0)
    assert len(texts(hospital)) == 1


@pytest.mark.parametrize("fault", ["timeout_after_commit", ""])
def test_an_engine_that_dies_does_not_send_a_second_one(hospital: Town, fault: str) -> None:
    """It died after the provider had it and before it knew."""
    hospital.lab.fault("sms", "SendSms", fault or "slow", seconds=5.0)
    settled(hospital)
    for _ in range(40):
        if texts(hospital):
            break
        hospital.pass_time(0.5)
    hospital.lab.crash()
    hospital.do(hospital.lab.start_engine())
    hospital.pass_time(3600.0)
    assert len(texts(hospital)) == 1


def test_a_forbidden_word_is_a_dead_letter_and_the_settlement_stands(hospital: Town) -> None:
    hospital.lab.fault("sms", "SendSms", "black_list")
    settled(hospital)
    hospital.pass_time(600.0)
    assert texts(hospital) == []
    assert "dead_letter" in hospital.lab.log.getvalue()


def test_the_conversations_hold(tmp_path: Path) -> None:
    for name, content in files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    results = run(tmp_path, ["sms_settled", "sms_back"])
    assert len(results) >= 11
    assert not [f"{one['name']}\n{one['text']}" for one in results if not one["passed"]]
