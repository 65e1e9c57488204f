"""What the person on call does with messages, by the commands, on the running engine: seen at the subscribers."""

from __future__ import annotations

import json
from typing import Any

from tests.deliver_doors.house import House
from tests.deliver_doors.test_events import _event, _msa, all_arrived

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
    assert _msa(house.block(_event("KILL1")))[0] == "AR"
    done(house, "resume", "his_events")
    assert _msa(house.block(_event("KILL2")))[0] == "AA"
    all_arrived(house, 1)
