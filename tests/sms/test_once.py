"""Short messages after settlements, through engine and provider: one each, whatever is lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.conversation import run
from engine.site.files import hash_of, read_files
from engine.site.load import load
from engine.site.site import Site
from tests.edge import town as edge
from tests.edge.town import CODE, Town
from tests.rig import lab as rig
from tests.rig.lab import Lab

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs/examples/sms"
_SITES: dict[str, Site] = {}


def files() -> dict[str, bytes]:
    """The shipped site with the example put in as its README says."""
    found = {**read_files(ROOT), **{k: v for k, v in read_files(EXAMPLE).items() if not k.endswith(".md")}}
    text = (EXAMPLE / "README.md").read_text()
    connection = text.split("```yaml\n")[1].split("```")[0]
    yaml = found["engine.yaml"].decode()
    found["engine.yaml"] = yaml.replace("\nlimits:", f"\n{connection}\nlimits:", 1).encode()
    channel = found["channels/outpatient_settlement.yaml"].decode()
    assert "\nhears:" in channel
    channel = channel.replace("\nhears:", "    - {tell: sms_settled}\n\nhears:", 1)
    found["channels/outpatient_settlement.yaml"] = channel.encode()
    return found


class SmsLab(Lab):
    """The laboratory with the provider beside the usual parties; it is 22:13, so the quiet hours are left out."""

    quiet = False

    def _write_secrets(self) -> None:
        super()._write_secrets()
        place = self.folder / "var/sim/sms"
        place.mkdir(parents=True, exist_ok=True)
        for name in ("access_key_id", "access_key_secret"):
            (place / name).write_text(str(self.parties["sms"].card("http://x")[name]))

    def site(self) -> Site:
        found = files()
        text = found["engine.yaml"].decode()
        assert "hours: " in text
        if not self.quiet:
            text = "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("hours:"))
        for name, port in rig.PARTIES.items():
            there = self.ports[name].getHost()
            text = text.replace(f"127.0.0.1:{port}", f"{there.host}:{there.port}")
        text = text.replace("127.0.0.1:8600", f"{self.engine_host}:{self.engine_port}")
        found["engine.yaml"] = text.replace("127.0.0.1:8610", f"{self.engine_host}:{self.hl7_port}").encode()
        key = hash_of(found)
        if key not in _SITES:
            site = load(found)
            assert isinstance(site, Site), site
            _SITES[key] = site
        return _SITES[key]


@pytest.fixture
def hospital(monkeypatch: pytest.MonkeyPatch, new_town: Callable[..., Town]) -> Town:
    monkeypatch.setattr(rig, "PARTIES", {**rig.PARTIES, "sms": 8751})
    monkeypatch.setattr(edge, "Lab", SmsLab)
    return new_town()


def settled(town: Town) -> str:
    no = town.quoted()
    town.choose(no, CODE)
    assert town.rest(no)["state"] == "settled"
    return no


def texts(town: Town) -> list[str]:
    return [one.text for one in town.lab.parties["sms"].sent]  # type: ignore[attr-defined]  # the provider's own list


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
    results = run(tmp_path, ["sms_settled"])
    assert len(results) >= 6
    assert not [f"{one['name']}\n{one['text']}" for one in results if not one["passed"]]
