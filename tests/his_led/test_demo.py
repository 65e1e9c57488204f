"""`make demo TOPOLOGY=his-led`: the same ten settlements on real processes, the HIS leading; and how a site becomes one
that the HIS leads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from engine.config.problems import failing
from engine.site.load import lint, load
from engine.site.site import Site
from tests.cli.shell import HOME, engine, here


@pytest.fixture(scope="module")
def led_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("led") / "site"
    said = here("init", str(folder), "--topology", "his-led")
    assert said.returncode == 0, said.stderr
    return folder


def test_every_scene_ends_as_it_must_and_all_five_books_agree(tmp_path: Path) -> None:
    ended = engine("demo", "--once", "--json", "--topology", "his-led", "--root", str(tmp_path), limit=240)
    said = json.loads(ended.stdout)
    assert [one["wrong"] for one in said["scenes"]] == [""] * 10
    assert [one["state"] for one in said["scenes"]] == ["settled"] * 6 + ["undone"] + ["settled"] * 3
    assert said["books"] == {"checked": 10, "differences": []}
    assert (ended.returncode, ended.stderr) == (0, "")


def test_make_demo_plays_the_topology_it_is_given() -> None:
    command = ["make", "-n", "demo", "ONCE=1", "TOPOLOGY=his-led"]
    said = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=True)  # noqa: S603 our own words
    assert "-m engine demo --once --topology his-led" in said.stdout


def test_a_topology_nobody_knows_is_wrong_use(tmp_path: Path) -> None:
    assert here("demo", "--topology", "led", "--root", str(tmp_path)).returncode == 2
    assert here("init", str(tmp_path / "new"), "--topology", "led").returncode == 2
    assert not (tmp_path / "new").exists()


def test_a_site_the_his_leads_lints_clean_and_takes_the_kiosks_at_their_usual_door(led_site: Path) -> None:
    site = load(led_site)
    assert isinstance(site, Site), site
    found = lint(led_site)
    assert failing(found) == []
    assert {one.code for one in found} & {"W501", "W502", "W507"} == set(), "nothing is left that nobody uses"
    (channel,) = [one for one in site.channels.values() if one.name == "outpatient_settlement_his_led"]
    assert channel.listen is not None
    assert (channel.listen.request.method, channel.listen.request.path) == ("POST", "/v1/outpatient/settlements")
    assert "outpatient_settlement" not in site.channels
    assert all(call.party != "nhsa" for one in site.channels.values() for call in one.calls.values())


def test_its_conversations_hold(led_site: Path) -> None:
    said = here("test", "--only", "HIS", "--root", str(led_site), "--json")
    assert said.returncode == 0, said.stdout[-2000:]
