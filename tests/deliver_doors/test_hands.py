"""What the person on call does with messages, by the commands, on the running engine: seen at the subscribers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.deliver_doors.house import House
from tests.deliver_doors.test_events import _event, _msa, all_arrived, fields

WHO = ("--by", "值班员甲", "--because", "联调")


def rows(house: House, *words: str) -> list[dict[str, Any]]:
    said = house.cli("list", "messages", "--json", *words)
    assert said.returncode == 0, said.stdout + said.stderr
    return [json.loads(line) for line in said.stdout.splitlines()]


def done(house: House, *words: str) -> str:
    said = house.cli(*words, *WHO)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


def test_a_dead_letter_is_found_looked_at_and_sent_again_under_its_number(house: House) -> None:
    house.fault("subscribers", "http_400", op="emr")
    control = house.his("send", event="ADT^A08", patient="P0001", name="張億")["numbers"][0]
    all_arrived(house, 1, ("platform", "lis"))

    def dead() -> list[str]:
        return [str(one.id) for one, _ in house.stored() if one.control == control and one.state == "dead"]

    house.until(lambda: len(dead()) == 1, "a dead letter")
    (number,) = dead()
    assert number in [str(row.get("id") or row.get("no")) for row in rows(house, "--state", "dead")]
    shown = house.cli("show", number).stdout
    assert control in shown
    assert "emr" in shown
    done(house, "messages", "resend", number)
    all_arrived(house, 1)
    assert [row["no"] for row in house.arrived("emr")] == [number], "under the number it was refused under"
    assert len(house.arrived("platform")) == 1, "who has it is not sent it again"
    house.until(lambda: not dead(), "no dead letter any more")


def test_a_message_is_taken_out_edited_and_arrives_as_it_was_written(house: House, tmp_path: Path) -> None:
    """In GBK, as the HIS declares; what is shown meanwhile is masked."""
    house.fault("subscribers", "http_400", op="emr")
    control = house.his("send", event="ADT^A08", patient="P0001", charset="GBK", name="張億")["numbers"][0]
    all_arrived(house, 1, ("platform", "lis"))

    def dead() -> list[str]:
        return [str(one.id) for one, _ in house.stored() if one.control == control and one.state == "dead"]

    house.until(lambda: len(dead()) == 1, "a dead letter")
    (number,) = dead()
    assert "張億" not in house.cli("show", number, "--bytes").stdout
    file = tmp_path / "edited.hl7"
    done(house, "messages", "body", number, "--out", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text(encoding="utf-8")
    assert "|張億|" in text
    assert text.startswith("MSH|")
    file.write_text(text.replace("張億", "張東"), encoding="utf-8-sig")
    done(house, "messages", "resend", number, "--edit", str(file), "--dest", "emr")
    all_arrived(house, 1)
    assert fields(house)[-1]["name"] == "張東"
    done(house, "messages", "discard", number)


def test_a_paused_party_hears_nothing_until_it_is_let_go(house: House) -> None:
    done(house, "pause", "emr")
    house.his("send", event="ADT^A08", patient="P0002", count=5)
    house.acknowledged()
    all_arrived(house, 5, ("platform", "lis"))
    assert house.arrived("emr") == []
    house.kill()
    house.start()
    assert house.arrived("emr") == [], "a pause outlives the process"
    done(house, "resume", "emr")
    all_arrived(house, 5)


def test_a_killed_channel_takes_nothing_and_then_takes_again(house: House) -> None:
    done(house, "kill", "his_events")
    refused = house.block(_event("KILL1"))
    assert _msa(refused)[0] == "AR"
    assert b"\rERR|" in refused, "a sender that reads ERR alone hears why"
    done(house, "resume", "his_events")
    assert _msa(house.block(_event("KILL2")))[0] == "AA"
    all_arrived(house, 1)
