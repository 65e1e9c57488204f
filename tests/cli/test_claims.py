"""The demo's judges must be able to say no: every kind of wrong ending is seen in the parties' ledgers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import pytest

from engine.cli.demo_books import compare
from engine.cli.demo_play import Claimed, Play, Scene
from engine.cli.demo_stage import Stage
from simulators.kiosk.flow import Step, Story

Ledgers = dict[str, list[dict[str, Any]]]
BILL = "B1"


def _row(kind: str, amount: int, party_no: str, state: str = "done", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "amount": amount, "party_no": party_no, "state": state, "bill": BILL, "no": "N", **more}


LEDGERS: Ledgers = {
    "his": [_row("lock", 120_000, "", "used"), _row("book", 120_000, "R1")],
    "insurance": [_row("settle", 120_000, "X1", bill="V1", fund=12_500, account=0, cash=107_500)],
    "wechat": [_row("order", 107_500, "T1"), _row("charge", 107_500, "T1")],
    "einvoice": [_row("issue", 120_000, "I1", bill="")],
}
ANSWER: dict[str, Any] = {
    "state": "settled", "settlement_no": "S1",
    "amounts": {"total": 120_000, "fund": 12_500, "account": 0, "relief": 0, "other": 0, "cash": 107_500},
    "numbers": {"his": "R1", "insurance": "X1", "trade": "S1P1", "invoice": "I1"},
}  # fmt: skip


class Desk:
    """Ledgers that answer as the parties' doors do."""

    def __init__(self, ledgers: Ledgers) -> None:
        self.rows = ledgers
        self.began = False

    def ledger(self, party: str, since: int = 0) -> tuple[list[dict[str, Any]], int]:
        return self.rows[party], 0

    def exchanges(self, party: str, since: int = 0) -> tuple[list[dict[str, Any]], int]:
        return [], 0


async def _nothing(play: Play) -> None:
    """No scene is played."""


def _play(ledgers: Ledgers) -> Play:
    play = Play(cast(Stage, Desk(ledgers)), cast(Any, None), Scene(1, "", "", _nothing), lambda text: None)
    play.played.bills.append(BILL)
    return play


def _story(answer: dict[str, Any]) -> Story:
    return Story("K1", "S1", [Step("pay", 200, answer["state"], 0.1, answer)])


def _twice(party: str, kind: str) -> Callable[[Ledgers, dict[str, Any]], None]:
    def change(ledgers: Ledgers, answer: dict[str, Any]) -> None:
        row = next(row for row in ledgers[party] if row["kind"] == kind)
        ledgers[party].append({**row, "party_no": "again"})

    return change


def _without(party: str, kind: str) -> Callable[[Ledgers, dict[str, Any]], None]:
    def change(ledgers: Ledgers, answer: dict[str, Any]) -> None:
        ledgers[party] = [row for row in ledgers[party] if row["kind"] != kind]

    return change


def _a_fen_more(party: str, kind: str) -> Callable[[Ledgers, dict[str, Any]], None]:
    def change(ledgers: Ledgers, answer: dict[str, Any]) -> None:
        next(row for row in ledgers[party] if row["kind"] == kind)["amount"] += 1

    return change


def _refunded(ledgers: Ledgers, answer: dict[str, Any]) -> None:
    ledgers["wechat"].append(_row("refund", 107_500, "F1"))


def _told_other(ledgers: Ledgers, answer: dict[str, Any]) -> None:
    answer["amounts"]["cash"] -= 1
    answer["amounts"]["fund"] += 1


WRONG = {
    f"{name} {party} {kind}": change(party, kind)
    for party, kind in (("his", "book"), ("insurance", "settle"), ("wechat", "charge"), ("einvoice", "issue"))
    for name, change in (("twice", _twice), ("without", _without), ("a fen more", _a_fen_more))
} | {"refunded": _refunded, "told other amounts": _told_other}


def test_what_agrees_is_accepted() -> None:
    play = _play(copy.deepcopy(LEDGERS))
    play.settled_once(_story(ANSWER), insured=True)
    play.note(_story(ANSWER))
    assert compare(play.stage, [play.played]) == {"checked": 1, "differences": []}


@pytest.mark.parametrize("name", WRONG)
def test_every_wrong_ending_is_claimed_against(name: str) -> None:
    ledgers, answer = copy.deepcopy(LEDGERS), copy.deepcopy(ANSWER)
    WRONG[name](ledgers, answer)
    with pytest.raises(Claimed):
        _play(ledgers).settled_once(_story(answer), insured=True)


@pytest.mark.parametrize("name", WRONG)
def test_and_is_a_difference_in_the_books(name: str) -> None:
    ledgers, answer = copy.deepcopy(LEDGERS), copy.deepcopy(ANSWER)
    WRONG[name](ledgers, answer)
    play = _play(ledgers)
    play.note(_story(answer))
    assert compare(play.stage, [play.played])["differences"]


@pytest.mark.parametrize("party", LEDGERS)
def test_what_is_left_behind_by_an_undone_settlement_is_seen(party: str) -> None:
    ledgers: Ledgers = {name: copy.deepcopy(rows) if name == party else [] for name, rows in LEDGERS.items()}
    with pytest.raises(Claimed):
        _play(ledgers).nothing_kept()


def test_a_lock_left_behind_is_seen() -> None:
    ledgers: Ledgers = {name: [] for name in LEDGERS}
    ledgers["his"] = [_row("lock", 1, "", "live")]
    with pytest.raises(Claimed, match="locked"):
        _play(ledgers).nothing_kept()


def test_an_undone_settlement_with_all_taken_back_is_accepted() -> None:
    ledgers = copy.deepcopy(LEDGERS)
    ledgers["his"] = [_row("lock", 1, "", "released")]
    ledgers["insurance"][0]["state"] = "cancelled"
    ledgers["einvoice"] = []
    _refunded(ledgers, {})
    _play(ledgers).nothing_kept()
