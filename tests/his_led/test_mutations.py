"""Each safeguard of the HIS-led flow, taken away: the judges see it. With all of them the same troubles end well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from engine.saga.rules import RULES, Rules
from engine.site.files import read_files
from engine.site.load import load
from tests.his_led.stage import CHANNEL, CODE, PAY, Patch, Town
from tests.rig.lab import ROOT

PAID, VOIDED = "mappings/his_led_paid_fact.map.yaml", "mappings/his_led_void_fact.map.yaml"
WAITING = "(answer.state == 'WAIT' || answer.state == 'PART')\", is: waiting"


def _never_booked(town: Town) -> dict[str, Any]:
    town.lab.fault("his", PAY, "booking_fails", times=None)
    return dict(town.do(lambda: town.settle(choice=CODE)))


def _never_booked_and_the_void_is_deaf(town: Town) -> dict[str, Any]:
    town.lab.fault("insurance", "2208", "http_500", times=15)
    return _never_booked(town)


def _void_stops_half_way(town: Town) -> dict[str, Any]:
    answer = town.do(lambda: town.settle(choice=CODE))
    town.lab.fault("insurance", "2208", "http_500", times=3)
    return dict(town.do(lambda: town.refund(answer["settlement_no"])))


def _slow(town: Town) -> dict[str, Any]:
    town.lab.fault("his", PAY, "late_commit", seconds=30)
    town.lab.fault("wechat", "refund", "timeout_before_commit", times=4, seconds=60)
    return dict(town.do(lambda: town.settle(choice=CODE)))


def _good(town: Town) -> dict[str, Any]:
    return dict(town.do(lambda: town.settle(choice=CODE)))


def _leaves(town: Town) -> dict[str, Any]:
    quoted = town.do(town.quote)
    town.wait(400.0)
    return dict(town.do(lambda: town.rest(quoted["settlement_no"])))


def unsound(town: Town, answer: dict[str, Any]) -> str:
    """What is wrong in the parties' own ledgers, or in what the patient was told; "" for nothing."""
    town.wait(200.0)
    try:
        if answer["state"] == "settled":
            town.settled_once(answer)
        elif answer["state"] == "manual":  # a person is called: nothing may have been given back of what still stands
            stands = bool(town.live("insurance", "settle"))
            assert town.kept() == (answer["amounts"]["cash"] if stands else 0)
        else:
            town.nothing_stands()
        assert town.differences() == []
    except (AssertionError, KeyError) as wrong:
        return str(wrong) or type(wrong).__name__
    return ""


@dataclass(frozen=True)
class Mutation:
    """One safeguard less, and a day on which that shows."""

    day: Callable[[Town], dict[str, Any]]
    patch: Patch
    rules: Rules = RULES


MUTATIONS = {
    "settled inside but not booked counts as nothing done": Mutation(
        _never_booked, {PAID: (WAITING, WAITING.replace("waiting", "closed"))}
    ),
    "settled inside but not booked counts as not there": Mutation(
        _never_booked_and_the_void_is_deaf, {PAID: (WAITING, WAITING.replace("waiting", "not_there"))}
    ),
    "a failed booking counts as a refusal": Mutation(
        _never_booked,
        {"mappings/his_led_settled.map.yaml": (
            "check:\n", "answers:\n  - {code: BOOK_FAILED, is: refused, because: so the vendor said}\ncheck:\n"
        )},
    ),
    "a void half done counts as done": Mutation(
        _void_stops_half_way, {VOIDED: ("'WAIT')\", is: not_there", "'WAIT')\", is: there")}
    ),
    "the insurance's settlement is not observed": Mutation(
        _good, {CHANNEL: ("- {observe: nhsa.settle,   by: his.settle, party: nhsa, map", "- {work: unseen, map"),
                "mappings/his_led_answer.map.yaml": ("nhsa.settle.setl_id", "his.settle.setl_id")}
    ),
    "the quote is not taken back": Mutation(
        _leaves, {CHANNEL: ("{do: his.quote,         undo: his.unquote}", "{do: his.quote}")}
    ),
    "not there before the fence counts": Mutation(_slow, {}, replace(RULES, fence=False)),
    "silence counts as a refusal": Mutation(_never_booked, {}, replace(RULES, timeout_is_unknown=False)),
    "money goes back first": Mutation(_void_stops_half_way, {}, replace(RULES, undo_in_reverse=False)),
}  # fmt: skip


@pytest.fixture
def towns(tmp_path: Path) -> Any:
    """Makes towns, and closes them."""
    made: list[Town] = []

    def make(**more: Any) -> Town:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Town(folder, **more))
        made[-1].do(made[-1].lab.open)
        return made[-1]

    yield make
    for town in made:
        town.do(town.lab.close)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_safeguard_less_is_seen(towns: Callable[..., Town], name: str) -> None:
    one = MUTATIONS[name]
    town = towns(patch=one.patch, rules=one.rules)
    assert unsound(town, one.day(town)) != ""


DAYS = [_never_booked, _never_booked_and_the_void_is_deaf, _void_stops_half_way, _slow, _good, _leaves]


@pytest.mark.parametrize("day", DAYS)
def test_with_all_safeguards_the_same_day_ends_well(town: Town, day: Callable[[Town], dict[str, Any]]) -> None:
    assert unsound(town, day(town)) == ""


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("stop: his.void,    undo: his.void}", "stop: his.void}", "E413"),
        ("{do: his.settle, ask: his.paid,       stop", "{do: his.settle, ask: his.voids,      stop", "E301"),
        ("by: his.settle, party: nhsa", "by: his.settel, party: nhsa", "E301"),
        ("by: his.settle, party: nhsa", "by: his.settle, party: nhssa", "E305"),
        ("by: his.quote, party: nhsa", "by: his.settle, party: nhsa", "E311"),
    ],
)
def test_lint_refuses(old: str, new: str, code: str) -> None:
    files = dict(read_files(ROOT))
    text = files[CHANNEL].decode()
    assert old in text
    files[CHANNEL] = text.replace(old, new, 1).encode()
    found = load(files)
    assert isinstance(found, list)
    assert code in {problem.code for problem in found}
