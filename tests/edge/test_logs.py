"""What a log line may say: the same as the console shows of bytes, and never an exception's own words."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from engine.masking.values import Masker
from engine.runtime.logs import open_log
from tests.edge.town import Town

NUMBERS = (
    "370202198003120113", "37020219800312011X", "370202800312011", "13900000001", "6222020200112233445",
    "62220202001122334", "622202020011223344556", "1234567890123456",
)  # fmt: skip


def _line(**values: Any) -> dict[str, Any]:
    stream = io.StringIO()
    open_log(lambda: 1795312800.0, stream).info("said", **values)
    found: dict[str, Any] = json.loads(stream.getvalue())
    return found


@pytest.mark.parametrize("number", NUMBERS)
def test_a_log_covers_what_the_console_covers(number: str) -> None:
    for text in (number, f"患者 {number} 登记", f"x={number};"):
        assert number not in Masker().text(text)
        assert _line(why=text)["why"] == Masker().text(text)


@pytest.mark.parametrize("key", ["certno", "psn_name", "cardNo", "auth_code", "token", "mobile", "name", "psnNo"])
def test_a_value_is_covered_for_its_key(key: str) -> None:
    assert _line(**{key: "A1"})[key] == "***"


def test_what_an_operator_needs_stays_readable() -> None:
    kept = {"no": "S20261122093000000001", "why": "since 20261122093000", "party": "wechat", "task": "stuck"}
    line = _line(**kept)
    assert {name: line[name] for name in kept} == kept


def test_an_id_of_ours_stays_whole_even_where_it_could_be_a_card() -> None:
    """A tenth of all message numbers pass for card numbers; who is to send a dead letter again needs each digit."""
    assert _line(no="7353930470068224")["no"] == "7353930470068224"


def test_no_line_breaks_and_no_endless_lines() -> None:
    line = _line(why="a\nb" + "x" * 10_000)["why"]
    assert line.startswith("a b")
    assert len(line) == 500


def test_every_request_has_a_line_without_what_it_asked_for(town: Town) -> None:
    no = town.quoted()
    town.ask("GET", "/v1/outpatient/bills?patient=P0001")
    town.ask("GET", "/healthz", headers=[])
    town.ask("GET", "/v1/370202198003120113", headers=[])
    rows = [row for row in town.logged("info", "message") if row.get("method")]
    told = [(row["method"], row["path"], row["outcome"]) for row in rows]
    assert told == [
        ("POST", "/v1/outpatient/settlements", 200), ("GET", "/v1/outpatient/bills", 200),
        ("GET", "none", 404),
    ]  # fmt: skip
    assert [row["route"] for row in rows] == ["outpatient_settlement", "outpatient_bills", "none"]
    assert all(row["ms"] >= 0 and row["door"] == "api" for row in rows)
    assert "P0001" not in town.lab.log.getvalue()
    assert no
