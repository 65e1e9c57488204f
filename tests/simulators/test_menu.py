"""What every party declares to people: names in both languages, and nothing that is not really there."""

from __future__ import annotations

import re

import pytest
from twisted.internet.task import Clock

from simulators.base.menu import COMMON_SAID
from simulators.base.party import ActRefused, SimParty
from simulators.base.world import SimWorld
from simulators.registry import PARTIES, party_class


@pytest.fixture(params=sorted(PARTIES))
def party(request: pytest.FixtureRequest) -> SimParty:
    return party_class(request.param)(SimWorld(Clock(), anchor=1795305600.0))


def _chinese(words: str) -> bool:
    return re.search(r"[\u4e00-\u9fff]", words) is not None


def test_a_party_has_a_title_and_names_its_operations(party: SimParty) -> None:
    assert _chinese(party.title.zh)
    assert party.title.en
    assert not _chinese(party.title.en)
    assert party.ops_said
    nameless = [op for op, words in party.ops_said.items() if not any("a" <= letter <= "z" for letter in words.en)]
    assert not nameless, "a number alone tells a person nothing"


def test_every_own_misfortune_is_told_in_both_languages(party: SimParty) -> None:
    untold = party.faults.known - party.faults_said.keys() - COMMON_SAID.keys()
    assert not untold, f"{party.name}: add them to `faults_said` (simulators/base/menu.py shows how)"
    assert not party.faults_said.keys() - party.faults.known, "told, but nobody can order it"
    for one in party.fault_menu().values():
        assert one.words.zh
        assert one.words.en


def test_misfortunes_name_operations_that_are_there(party: SimParty) -> None:
    strange = {op for one in party.faults_said.values() for op in one.ops} - party.ops_said.keys()
    assert strange <= {"post", "mllp"}, f"{party.name}: no such operation"  # subscribers nobody named


def _accepted(party: SimParty) -> set[str]:
    """The acts the party knows, from its own complaint about one it does not know."""
    with pytest.raises(ValueError, match="unknown act") as wrong:
        party.act({"act": "dance"})
    return set(re.findall(r"\w+", re.split(r"there (?:are|is)|known:", str(wrong.value))[-1]))


def test_acts_that_are_told_are_the_acts_that_can_be_played(party: SimParty) -> None:
    declared = {act.name for act in party.acts_said}
    for name in declared:
        try:
            party.act({"act": name})
        except (ActRefused, KeyError):
            pass
        except ValueError as wrong:
            if "unknown act" in str(wrong):
                pytest.fail(f"{name} cannot be played")
    assert _accepted(party) <= declared, f"{party.name}: add them to `acts_said`"


def test_state_is_shown_as_tables_with_buttons_that_exist(party: SimParty) -> None:
    sections, declared = party.sections(), {act.name for act in party.acts_said}
    assert sections
    for section in sections:
        for line in section.lines:
            assert len(line.cells) == len(section.columns), section.words.en
            assert {name for name, _ in line.acts} <= declared
