"""Yesterday's bills of the payment platforms, compared by the clock: silent when all agree, a task and the books' lines
for what differs, and patience with a bill that is not made yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.times import beijing
from engine.runtime.books import check_books
from engine.store.periods import period
from tests.edge.town import Town
from tests.flow.days import settled

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/payment_bills/channels/payment_bills.yaml"
HOUR, DAY = 3600.0, 86_400.0
PARTIES = ("wechat", "alipay", "unionpay")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path, more={"channels/payment_bills.yaml": EXAMPLE.read_bytes()})
    yield made
    made.end()


def until(town: Town, clock: str) -> None:
    """To this hour (`10:31`) of the next day in Beijing."""
    seconds = int(clock[:2]) * HOUR + int(clock[3:]) * 60.0
    town.pass_time(DAY - (town.now + 8 * HOUR) % DAY + seconds)


def run_of(town: Town, party: str) -> Any:
    """How this morning's comparison with a platform stands."""
    today = beijing(town.now, "%Y-%m-%d")
    return town.read(lambda conn: period(conn, f"payment_bills/{party}", today))


def left(town: Town) -> list[tuple[str, str]]:
    """The books' lines about bills, where no ledger is read."""
    engine = town.lab.engine
    assert engine is not None
    found = town.do(check_books(engine.world, engine.store, ()))
    return [(one.settlement_no, one.en) for one in found.differences if one.kind == "statement_billed"]


def open_tasks(town: Town, kind: str = "bill_differs") -> list[str]:
    return [row["side"] for row in town.tasks(kind) if row["closed_at"] is None]


def asked(town: Town, party: str, op: str) -> int:
    return sum(row.op == op for row in town.lab.parties[party].exchanges.rows)


def test_bills_that_agree_leave_nothing(town: Town) -> None:
    settled(town, "B90001")
    settled(town, "B90002", "P0006")
    until(town, "10:20")
    assert asked(town, "wechat", "tradebill") == 3, "the first start's: the three days before"
    until(town, "10:31") if run_of(town, "wechat") is None else town.pass_time(660.0)
    assert [run_of(town, party).state for party in PARTIES] == ["done"] * 3
    assert (left(town), open_tasks(town), open_tasks(town, "bill_missing")) == ([], [], [])
    before = asked(town, "wechat", "tradebill")
    town.pass_time(3 * HOUR)
    assert asked(town, "wechat", "tradebill") == before, "once a day"


def test_what_differs_is_kept_until_it_is_mended(town: Town) -> None:
    no = settled(town, "B90001")
    town.lab.act("wechat", "refund_at_portal", no=f"{no}P1", amount=100)
    until(town, "10:31")
    assert [found[0] for found in left(town)] == [no]
    assert "is none of our numbers" not in left(town)[0][1]
    assert open_tasks(town) == ["wechat"]
    until(town, "10:31")  # the days overlap: the same difference is told once
    assert [found[0] for found in left(town)] == [no]
    assert open_tasks(town) == ["wechat"]


def test_a_wrong_bill_is_compared_again_and_the_task_closes_itself(town: Town) -> None:
    settled(town, "B90001")
    town.lab.fault("wechat", "tradebill", "bill_missing_row", times=3)
    until(town, "10:31")
    assert open_tasks(town) == ["wechat"]
    assert [text.split(": ")[1].split(" ")[0] for _, text in left(town)] == ["service_not_paid", "fund_only"]
    town.lab.parties["wechat"].faults.clear()
    until(town, "10:31")
    assert (left(town), open_tasks(town)) == ([], [])


def test_a_bill_that_is_not_ready_is_asked_for_again_and_the_others_rest(town: Town) -> None:
    settled(town, "B90001")
    town.lab.act("wechat", "set", bill_hour=12)
    until(town, "10:31")
    assert [run_of(town, party).state for party in PARTIES] == ["failed", "done", "done"]
    alipay = asked(town, "alipay", "bill")
    town.pass_time(HOUR)
    assert (open_tasks(town, "bill_missing"), left(town)) == ([], [])
    town.pass_time(HOUR)
    assert run_of(town, "wechat").state == "done"
    assert asked(town, "alipay", "bill") == alipay


def test_a_person_hears_of_a_bill_that_does_not_come(town: Town) -> None:
    settled(town, "B90001")
    town.lab.fault("wechat", "tradebill", "bill_bad_hash", times=100)
    until(town, "10:31")
    assert open_tasks(town, "bill_missing") == []
    town.pass_time(4.2 * HOUR)
    assert open_tasks(town, "bill_missing") == ["wechat"]
    town.lab.parties["wechat"].faults.clear()
    town.pass_time(HOUR)
    assert run_of(town, "wechat").state == "done"
    assert open_tasks(town, "bill_missing") == []


def test_an_engine_that_was_down_in_the_morning_compares_when_it_is_back(town: Town) -> None:
    no = settled(town, "B90001")
    town.lab.act("wechat", "refund_at_portal", no=f"{no}P1", amount=100)
    town.kill()
    until(town, "15:00")
    town.rise()
    town.pass_time(60.0)
    assert run_of(town, "wechat").state == "done"
    assert [found[0] for found in left(town)] == [no]


def test_a_night_that_was_missed_is_seen_with_the_next_two(town: Town) -> None:
    no = settled(town, "B90001")
    town.lab.act("wechat", "refund_at_portal", no=f"{no}P1", amount=100)
    town.kill()
    until(town, "15:00")
    until(town, "09:00")
    town.rise()
    town.pass_time(2 * HOUR)
    assert [found[0] for found in left(town)] == [no]
