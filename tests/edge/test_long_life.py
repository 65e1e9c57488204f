"""A node that lives for months, restarted now and then: its keys change, its memory does not grow."""

from __future__ import annotations

import pytest

from engine.runtime import driver
from engine.saga.events import Tick
from tests.edge.town import Town

DAY = 86_400.0


def _data_keys(town: Town) -> list[int]:
    return [row["key_id"] for row in town.select("SELECT key_id FROM keys WHERE use <> 'index' ORDER BY key_id")]


def test_the_data_key_changes_by_its_age_also_where_the_engine_is_restarted_every_week(town: Town) -> None:
    first = _data_keys(town)
    for week in range(5):
        town.kill()
        town.sim.advance(6.9 * DAY)
        town.rise()
        town.pass_time(1.0)
        assert (_data_keys(town) == first) is (week < 4), week
    assert len(_data_keys(town)) == len(first) + 1
    town.pass_time(2 * 3600.0)
    assert len(_data_keys(town)) == len(first) + 1, "once a month"


def test_a_settlement_that_cannot_go_on_is_told_once(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.expected_errors |= {"settlement_reloaded", "not_reopened", "not_recovered"}
    no = town.paying()
    real = driver.advance

    def broken(plan, case, event, now, judge, rules):  # type: ignore[no-untyped-def]  # as advance
        if isinstance(event, Tick):
            raise ZeroDivisionError
        return real(plan, case, event, now, judge, rules)

    monkeypatch.setattr(driver, "advance", broken)
    town.pass_time(120.0)
    assert [(task["kind"], task["settlement_no"]) for task in town.tasks("stuck")] == [("stuck", no)]
    town.kill()
    town.rise()
    town.pass_time(120.0)
    assert len(town.tasks("stuck")) == 1, "told once, by whichever process"
    monkeypatch.setattr(driver, "advance", real)
    town.lab.act("wechat", "pay", no=f"{no}P1")
    assert town.rest(no)["state"] == "settled"
