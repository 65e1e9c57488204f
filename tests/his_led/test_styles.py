"""The HIS that leads, reached in each of its styles: JSON or one SOAP method, in fen or yuan, with or without a quote
that must be confirmed; the same flow, the same five books."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.config.problems import failing
from engine.conversation import run
from engine.site.files import read_files
from engine.site.load import lint
from tests.his_led.stage import CHANNEL, CODE, PAY, QR, QUOTE, UNPAY, Patch, Town
from tests.rig.lab import ROOT
from tests.soap.his_site import FILES, edit

EXAMPLE = ROOT / "docs" / "examples" / "his_confirm"
CONFIRM = "confirm.pre.balance.bill"
MAP = {f"mappings/{path.name}": path.read_bytes() for path in (EXAMPLE / "mappings").iterdir()}
STYLES: dict[str, dict[str, Any]] = {
    "json": {}, "soap": {"edit": edit(), "more": FILES},
    "soap in yuan": {"edit": edit(amounts="yuan"), "more": FILES},
    "soap, json inside": {"edit": edit(content="json"), "more": FILES},
}  # fmt: skip
Open = Callable[..., Town]


def confirming(channel: str) -> str:
    """The shipped channel with the row and the step of the example's page."""
    row, step = re.findall(r"```yaml\n(.*?)```", (EXAMPLE / "README.md").read_text("utf-8"), re.DOTALL)
    for before, added in (("\n  his.settle:", row), ("\n    - {do: his.settle,", step)):
        assert channel.count(before) == 1
        channel = channel.replace(before, f"\n{added.rstrip()}{before}")
    return channel


@pytest.fixture
def open_town(tmp_path: Path) -> Iterator[Open]:
    made: list[Town] = []

    def build(style: str = "json", *, confirm: bool = False) -> Town:
        chosen, patch = STYLES[style], {}
        if confirm:
            text = (ROOT / CHANNEL).read_text("utf-8")
            patch = {CHANNEL: (text, confirming(text))}
        town = _town(tmp_path, patch, chosen.get("edit", ()), {**chosen.get("more", {}), **(MAP if confirm else {})})
        made.append(town)
        town.lab.act("his", "set", amounts_in="yuan" if "yuan" in style else "fen")
        town.lab.act("his", "set", confirm_quotes=confirm)
        return town

    yield build
    for town in made:
        town.do(town.lab.close)


def _town(folder: Path, patch: Patch, changes: tuple[tuple[str, str], ...], more: dict[str, bytes]) -> Town:
    town = Town(folder, patch=patch, edit=changes, more=more)
    town.do(town.lab.open)
    return town


def by_soap(town: Town) -> bool:
    """Every call the HIS heard came through the one method."""
    heads = [row.request[:80] for row in town.lab.parties["his"].exchanges.rows if row.direction == "in"]
    return bool(heads) and all(b"/services/HisService" in head for head in heads)


@pytest.mark.parametrize("style", [one for one in STYLES if one != "json"])
def test_by_soap_the_his_settles_with_insurance_and_invoice_inside_its_answer(open_town: Open, style: str) -> None:
    town = open_town(style)
    answer = town.do(lambda: town.settle(choice=CODE))
    town.settled_once(answer)
    assert by_soap(town)
    assert (answer["amounts"]["fund"], answer["amounts"]["cash"]) == (12500, 107500)
    assert [leg[0] for leg in town.legs(answer["settlement_no"]) if leg[3] == "observed"] == [
        "nhsa.register", "nhsa.settle", "einvoice.issue",
    ]  # fmt: skip
    assert town.differences() == []
    assert town.do(lambda: town.refund(answer["settlement_no"]))["state"] == "undone"
    town.nothing_stands()
    assert town.differences() == []


def test_by_soap_who_is_not_entitled_hears_why(open_town: Open) -> None:
    town = open_town("soap")
    answer = town.do(lambda: town.settle("B20261122003", "P0003"))
    assert (answer["state"], answer["reason"]["code"]) == ("rejected", "E-NOT-SIGNED")
    town.nothing_stands()


@pytest.mark.parametrize("fault", ["timeout_after_commit", "fault_after_commit", "cut_reply", "bad_signature"])
def test_by_soap_a_lost_answer_to_the_settlement_is_asked_for(open_town: Open, fault: str) -> None:
    town = open_town("soap")
    town.lab.fault("his", PAY, fault, seconds=60)
    town.settled_once(town.do(town.settle))
    assert town.sent("insurance", "2207A") == ["2207A"], "settled inside once"
    assert town.differences() == []


def test_by_soap_the_his_settled_inside_and_cannot_book(open_town: Open) -> None:
    town = open_town("soap")
    town.lab.fault("his", PAY, "booking_fails")
    town.settled_once(town.do(town.settle))
    assert town.differences() == []


@pytest.mark.parametrize(("op", "fault"), [(QUOTE, "fault_after_commit"), (UNPAY, "timeout_after_commit"),
                                           (UNPAY, "cut_reply")])  # fmt: skip
def test_by_soap_quote_and_void_are_repeated_under_their_numbers(open_town: Open, op: str, fault: str) -> None:
    town = open_town("soap")
    town.lab.fault("his", op, fault, seconds=60)
    answer = town.do(town.settle)
    town.settled_once(answer)
    assert town.do(lambda: town.refund(answer["settlement_no"]))["state"] == "undone"
    town.nothing_stands()
    assert town.differences() == []


# A quote that must be confirmed


@pytest.mark.parametrize("style", ["json", "soap"])
def test_the_quote_is_confirmed_before_it_is_settled(open_town: Open, style: str) -> None:
    town = open_town(style, confirm=True)
    answer = town.do(lambda: town.settle(choice=QR))
    town.settled_once(answer)
    assert town.sent("his", CONFIRM, PAY) == [CONFIRM, PAY]
    assert town.differences() == []


@pytest.mark.parametrize("fault", ["timeout_after_commit", "timeout_before_commit"])
def test_a_confirmation_without_an_answer_is_sent_again(open_town: Open, fault: str) -> None:
    town = open_town(confirm=True)
    town.lab.fault("his", CONFIRM, fault, seconds=60)
    town.settled_once(town.do(town.settle))
    assert town.sent("his", CONFIRM) == [CONFIRM] * 2
    assert town.differences() == []


def test_a_confirmation_refused_gives_the_money_back(open_town: Open) -> None:
    town = open_town(confirm=True)
    town.lab.fault("his", CONFIRM, "refuse_business")
    answer = town.do(town.settle)
    assert (answer["state"], answer["reason"]["side"]) == ("undone", "his")
    town.nothing_stands()
    assert town.differences() == []


def test_a_house_that_wants_it_refuses_a_site_that_does_not_confirm(open_town: Open) -> None:
    town = open_town()
    town.lab.act("his", "set", confirm_quotes=True)
    answer = town.do(town.settle)
    assert (answer["state"], answer["reason"]["zh"]) == ("undone", "预结算结果未确认，不能结算")
    town.nothing_stands()
    assert town.differences() == []


def test_the_changed_channel_lints_and_its_conversations_hold(tmp_path: Path) -> None:
    files = {path: data for path, data in read_files(ROOT).items() if not path.endswith(".test.yaml")}
    said = (ROOT / CHANNEL.replace(".yaml", ".test.yaml")).read_text("utf-8")
    assert "\n  his.settle:" in said
    said = said.replace("\n  his.settle:", "\n  his.confirm:       {body: {}}\n  his.settle:")
    said = re.sub(r"(calls: .*?)his\.settle", r"\1his.confirm, his.settle", said)
    files |= {**MAP, CHANNEL: confirming(files[CHANNEL].decode()).encode()}
    files[CHANNEL.replace(".yaml", ".test.yaml")] = said.encode()
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    assert [f"{one.file}:{one.line} {one.code} {one.en}" for one in failing(lint(tmp_path))] == []
    results = run(tmp_path, ["outpatient_settlement_his_led"])
    assert len(results) >= 10
    assert [f"{one['name']}\n{one['text']}" for one in results if not one["passed"]] == []
