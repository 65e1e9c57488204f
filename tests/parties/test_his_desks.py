"""Registrations, discharges and reports of the HIS through our party, in either style and either unit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.core.outcome import Outcome

from .bench import Town

STYLES = [(kind, unit) for kind in ("his", "his_soap") for unit in ("fen", "yuan")]


def town_in(kind: str, unit: str) -> Town:
    town = Town()
    town.sims["his"].act({"act": "set", "amounts_in": unit})
    opened = town.opened[kind]
    if kind == "his":
        town.opened[kind] = opened.model_copy(update={"amounts": unit})
    else:
        town.opened[kind] = replace(opened, plain=opened.plain.model_copy(update={"amounts": unit}))
    return town


def register(town: Town, kind: str, no: str = "S1", **more: Any) -> Outcome:
    hold = {"patientId": "P0001", "scheduleNo": "D01-AM", "lockNo": f"{no}L", "expireTime": "2026-11-22 10:10:00"}
    town.call(kind, "lock.reg", hold, f"{no}L")
    body = {"patientId": "P0001", "lockNo": f"{no}L", "settleNo": no, "amount": 1500, "tradeMode": "WX",
            "outTradeNo": "T1", "expireTime": "2026-11-22 10:10:00", **more}  # fmt: skip
    return town.call(kind, "reg", body, no)[0]


@pytest.mark.parametrize(("kind", "unit"), STYLES)
def test_a_registration_from_its_slot_to_its_cancelling(kind: str, unit: str) -> None:
    town = town_in(kind, unit)
    assert register(town, kind) is Outcome.ACCEPTED
    assert register(town, kind) is Outcome.ACCEPTED, "the same again is the same registration"
    assert register(town, kind, outTradeNo="T2") is Outcome.UNKNOWN, "the number is taken: it must be asked for"
    found = town.call(kind, "query.reg", {"settleNo": "S1"})[1].body
    assert (found["state"], found["amount"]) == ("PAID", 1500)
    for _ in range(2):
        outcome, _ = town.call(kind, "cancel.reg", {"settleNo": "S1", "voidNo": "V1", "reason": "x"}, "V1")
        assert outcome is Outcome.ACCEPTED, "what is cancelled already counts as done"
    assert register(town, kind) is Outcome.REFUSED, "its number is buried"
    assert town.call(kind, "unlock.reg", {"lockNo": "L9"})[0] is Outcome.ACCEPTED
    assert town.call(kind, "cancel.pay.order", {"outTradeNo": "T9"})[0] is Outcome.ACCEPTED


@pytest.mark.parametrize(("kind", "unit"), STYLES)
def test_what_goes_back_at_a_discharge_is_below_zero_in_fen(kind: str, unit: str) -> None:
    town = town_in(kind, unit)
    his = town.sims["his"]
    note = his.act({"act": "issue_admission", "patient": "P0006"})["admission"]
    admitted = {"patientId": "P0006", "admissionNo": note, "registerNo": "A1", "contact": "测试乙", "tel": "1380000"}
    stay = town.call(kind, "register.inhos", admitted, "A1")[1].body["inhosNo"]
    his.act({"act": "charge_stay", "stay": stay, "item": "K0001"})
    paid = {"inhosNo": stay, "depositNo": "D1", "amount": 50000, "tradeMode": "CASH"}
    assert town.call(kind, "pay.inhos.deposit", paid, "D1")[0] is Outcome.ACCEPTED
    owed = town.call(kind, "query.zy.pre.out.hos.self", {"patientId": "P0006", "inhosNo": stay})[1].body
    assert (owed["amount"], owed["depositLeft"], owed["self"]) == (40000, 50000, -10000)


@pytest.mark.parametrize(("kind", "unit"), STYLES)
def test_lists_are_lists_and_money_is_fen(kind: str, unit: str) -> None:
    town = town_in(kind, unit)
    plan = town.call(kind, "query.reg.schedule.list", {})[1].body["schedules"]
    assert {row["fee"] for row in plan} == {1500}
    assert town.call(kind, "pre.reg", {"patientId": "P0001", "scheduleNo": "D01-AM"})[1].body["amount"] == 1500
    for patient, count in (("P0002", 1), ("P0001", 0)):
        reports = town.call(kind, "query.lis.report", {"patientId": patient})[1].body["reports"]
        assert [len(one["results"]) for one in reports] == [1] * count
        assert len(town.call(kind, "query.pacs.check.result", {"patientId": patient})[1].body["reports"]) == count
    assert town.call(kind, "query.day.bill", {"date": "2026-11-22"})[1].body["rows"] == []


def test_operations_under_the_names_of_another_house() -> None:
    town = Town()
    town.opened["his"] = town.opened["his"].model_copy(update={"names": {"reg": "do.reg"}})
    outcome, answer = town.call("his", "reg", {"settleNo": "S1", "amount": 1}, "S1")
    assert (outcome, answer.code) == (Outcome.UNKNOWN, "OPERATION_UNKNOWN"), "it went to the other name"


@pytest.mark.parametrize("kind", ["his", "his_soap"])
def test_a_quote_nobody_made_is_not_confirmed(kind: str) -> None:
    outcome, answer = Town().call(kind, "confirm.pre.balance.bill", {"preNo": "Q1", "confirmNo": "D1"}, "D1")
    assert (outcome, answer.code) == (Outcome.REFUSED, "PRE_NOT_FOUND")
