"""`make demo ONCE=1`: ten settlements on real processes; then what an operator sees of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from simulators.town import PERSONS
from tests.cli.shell import HOME, engine, here


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hall")


@pytest.fixture(scope="module")
def demo(hall: Path) -> subprocess.CompletedProcess[str]:
    return engine("demo", "--once", "--json", "--root", str(hall), limit=240)


@pytest.fixture(scope="module")
def site(hall: Path, demo: subprocess.CompletedProcess[str]) -> Path:
    return hall / "var/demo/site"


def test_every_scene_ends_as_it_must_and_the_books_agree(demo: subprocess.CompletedProcess[str]) -> None:
    said = json.loads(demo.stdout)
    assert [one["wrong"] for one in said["scenes"]] == [""] * 10
    assert [one["state"] for one in said["scenes"]] == ["settled"] * 6 + ["undone"] + ["settled"] * 3
    assert said["books"] == {"checked": 10, "differences": []}
    assert said["scenes"][0]["amounts"]["fund"] == 12_500
    assert demo.returncode == 0
    assert demo.stderr == ""


def test_make_demo_is_this_demo() -> None:
    command = ["make", "-n", "demo", "ONCE=1"]
    said = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=True)  # noqa: S603 our own words
    assert "-m engine demo --once" in said.stdout


def test_nothing_is_left_running(demo: subprocess.CompletedProcess[str], hall: Path) -> None:
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = place.read_bytes()
        except OSError:
            continue
        assert str(hall).encode() not in line


def _rows(site: Path, *arguments: str) -> list[dict[str, Any]]:
    said = here("list", *arguments, "--root", str(site), "--json")
    assert said.returncode == 0, said.stderr
    return [json.loads(text) for text in said.stdout.splitlines()]


def test_settlements_are_listed_newest_first_and_filtered(site: Path, demo: subprocess.CompletedProcess[str]) -> None:
    scenes = json.loads(demo.stdout)["scenes"]
    rows = _rows(site, "settlements")
    assert [row["created_at"] for row in rows] == sorted((row["created_at"] for row in rows), reverse=True)
    assert len(rows) == 12  # ten bills; two of them were refused once before
    undone = _rows(site, "settlements", "--state", "undone")
    assert [row["bills"] for row in undone] == [scenes[6]["bills"]]
    for live in ("working", "quoted", "paying", "waiting"):
        assert _rows(site, "settlements", "--state", live) == []
    said = here("list", "settlements", "--state", "setled", "--root", str(site))
    assert said.returncode == 2, "an empty list for a word nobody knows hides the mistake"
    assert "settled" in said.stderr
    of_bill = _rows(site, "settlements", "--bill", scenes[4]["bills"][0])
    assert [row["state"] for row in of_bill] == ["settled", "rejected"]
    assert _rows(site, "settlements", "--since", "2001-01-01")
    assert not _rows(site, "settlements", "--since", "2999-01-01")
    assert len(_rows(site, "settlements", "--limit", "3")) == 3
    cut = here("list", "settlements", "--limit", "3", "--root", str(site), "--json")
    assert "3" in cut.stderr, "a list that is cut short says so"
    assert here("list", "settlements", "--root", str(site), "--json").stderr == ""


def test_messages_are_those_of_the_bill(site: Path, demo: subprocess.CompletedProcess[str]) -> None:
    scene = json.loads(demo.stdout)["scenes"][5]
    rows = _rows(site, "messages", "--bill", scene["bills"][0])
    assert {row["settlement_no"] for row in rows} == set(scene["settlements"])
    by_op = {(row["op"], row["outcome"] or row["fact"]) for row in rows}
    assert ("2207A", "unknown") in by_op
    assert any(row["op"] == "5203" and row["fact"] == "there" for row in rows)


def test_nothing_is_under_way_and_nobody_has_to_do_anything(site: Path) -> None:
    assert _rows(site, "lanes") == []
    assert _rows(site, "tasks") == []


def test_show_tells_the_whole_story_by_any_number(site: Path, demo: subprocess.CompletedProcess[str]) -> None:
    scene = json.loads(demo.stdout)["scenes"][6]
    told = json.loads(here("show", scene["settlements"][0], "--root", str(site), "--json").stdout)
    assert told["state"] == "undone"
    undone = {leg["call"] for leg in told["legs"] if leg["undo"] and leg["state"] == "ok"}
    assert {"pay.refund", "nhsa.cancel"} <= undone
    trade = next(leg["number"] for leg in told["legs"] if leg["call"] == "pay.code")
    again = json.loads(here("show", trade, "--root", str(site), "--json").stdout)
    assert again["no"] == told["no"]
    assert {row["kind"] for row in told["timeline"]} == {"call", "heard", "decision"}
    assert here("show", "S0", "--root", str(site)).returncode == 2


def test_shown_bytes_name_nobody(site: Path, demo: subprocess.CompletedProcess[str]) -> None:
    scene = json.loads(demo.stdout)["scenes"][0]
    text = here("show", scene["settlements"][0], "--bytes", "--root", str(site)).stdout
    assert text.startswith("结算单 · settlement\t"), "no head line where columns have no names"
    assert "2207A" in text
    assert "medfee_sumamt" in text, "the bytes are there"
    person = PERSONS[0]
    for secret in (person.name, person.id_no, person.phone, person.card_no, person.card_sn):
        assert secret not in text


def test_books_say_when_a_ledger_cannot_be_read(site: Path) -> None:
    said = engine("books", "--json", "--root", str(site))
    found = json.loads(said.stdout)
    assert said.returncode == 1
    assert found["checked"] == 12
    assert {one["kind"] for one in found["differences"]} == {"source_missing"}


def test_books_of_certain_days(site: Path) -> None:
    """`--until` counts; the document is the same."""
    for until, checked in (("2000-01-01", 0), ("2999-12-31", 12)):
        found = json.loads(engine("books", "--json", "--root", str(site), "--until", until).stdout)
        assert found["checked"] == checked
        assert set(found) == {"checked", "open", "expected", "funds", "differences"}
