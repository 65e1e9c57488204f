"""docs/topology.md says what is so: its operations, codes, legs and files exist, and its way of switching works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.cli.init import DOOR, LED_DOOR, copy_site
from engine.config.problems import CODES, failing
from engine.core.errors import ERRORS
from engine.parties.his.gateway import PARTY as HIS
from engine.runtime.books_kinds import KINDS
from engine.saga.plan import StepKind
from engine.site.load import lint, load
from engine.site.site import Channel, Site
from tests.rig.lab import ROOT

PAGE = ROOT / "docs" / "topology.md"
LED, OWN = "outpatient_settlement_his_led", "outpatient_settlement"


@pytest.fixture(scope="module")
def site() -> Site:
    found = load(ROOT)
    assert isinstance(found, Site)
    return found


def _row(name: str) -> tuple[str, str]:
    """(engine-led, his-led) of a row of the first table."""
    line = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {name}"))
    _, _, engine, led, _ = line.split("|")
    return engine, led


def _words(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def _observed(channel: Channel) -> set[str]:
    assert channel.plan is not None
    return {step.key for step in channel.plan.steps if step.kind is StepKind.OBSERVE}


def test_the_legs_observed_are_the_ones_named(site: Site) -> None:
    engine, led = _row("the engine observes")
    assert (_words(engine), _words(led)) == (_observed(site.channels[OWN]), _observed(site.channels[LED]))


def test_the_connections_used_are_the_ones_named(site: Site) -> None:
    engine, led = _row("connections of engine.yaml used")
    own = {call.party for call in site.channels[OWN].calls.values()}
    led_calls = {call.party for call in site.channels[LED].calls.values()}
    plan = site.channels[LED].plan
    assert plan is not None
    seen = {step.party for step in plan.steps if step.party}
    assert own == set(engine.replace(",", " ").split())
    calls, _, only_seen = led.partition(";")
    assert led_calls == set(calls.replace(",", " ").split())
    assert seen == {name for name in ("nhsa", "einvoice") if name in only_seen}


def test_the_his_does_inside_what_the_page_says(site: Site) -> None:
    used = {call.op for call in site.channels[LED].calls.values() if call.party == "his"}
    for row in ("asks the insurance", "issues the invoice", "an unknown settlement"):
        ops = {word for word in _words(_row(row)[1]) if "." in word}
        assert ops
        assert ops <= used, row


def test_every_code_operation_and_kind_it_names_exists() -> None:
    text = PAGE.read_text(encoding="utf-8")
    site = load(ROOT)
    assert isinstance(site, Site)
    codes = {code for made in site.maps.values() for code in made.texts} | set(ERRORS) | set(CODES)
    outcomes = {row.code for row in HIS.outcomes}
    states = {"PART", "NONE", "VOID", "PAID"}
    for word in _words(text):
        if re.fullmatch(r"E-[A-Z-]+|W\d{3}", word):
            assert word in codes, word
        elif re.fullmatch(r"[A-Z][A-Z_]+", word):
            assert word in outcomes | states, word
        elif re.fullmatch(r"[a-z]+(_[a-z]+)+", word):
            assert word in KINDS, word
    assert {kind for kind in KINDS if kind.startswith(("led_", "observed_"))} <= _words(text)


def test_switching_as_the_page_says(tmp_path: Path) -> None:
    copy_site(tmp_path)
    channels = tmp_path / "channels"
    for name in (OWN, "insurance_signin", "insurance_reconciliation", "insurance_directory"):
        (channels / f"{name}.yaml").unlink()
        (channels / f"{name}.test.yaml").unlink()
    path = channels / f"{LED}.yaml"
    text = path.read_text(encoding="utf-8")
    assert LED_DOOR in text
    assert f"`request: {DOOR}`" in PAGE.read_text(encoding="utf-8")
    path.write_text(text.replace(LED_DOOR, DOOR), encoding="utf-8")
    found = lint(tmp_path)
    assert failing(found) == []
    unused = {problem.file for problem in found if problem.code == "W501"}
    assert "mappings/nhsa_2207a.map.yaml" in unused, "lint names the maps that can go"
    assert not any("his_led" in name for name in unused)
    unserved = {problem.zh for problem in found if problem.code == "W507"}
    others = ("unionpay", "alipay", "till")
    assert all(any(name in text for name in others) for text in unserved), "the observed parties count as used"
