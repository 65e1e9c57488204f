"""Codes that no code table has: the interface admin finds which, how often, and where their rows belong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.cli.listing_unmapped import draw_unmapped, unmapped_rows, with_folder
from engine.pipeline.rejected import Absent
from tests.edge.town import BILL, PATIENT, START, Town
from tests.rig.lab import ROOT
from tests.sms.test_page import USERS, page

TABLE = "mappings/tables/opter_type.csv"
WHOLE = (ROOT / TABLE).read_bytes()
WITHOUT = b"".join(line for line in WHOLE.splitlines(keepends=True) if not line.startswith(b"kiosk,"))


@pytest.fixture
def town(new_town: Callable[..., Town]) -> Town:
    return new_town(more={TABLE: WITHOUT}, edit=((USERS, ""),))


def _told(town: Town) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = town.read(lambda conn: unmapped_rows([conn], None, 50))
    return found


def test_a_code_without_a_row_is_listed_with_how_often_and_where(
    town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    for request_no in ("R-1", "R-2"):
        answer = town.ask("POST", START, town.lab.bill_request(PATIENT, BILL, request_no=request_no)).json
        assert answer["reason"]["code"] == "E-UNMAPPED", answer
        town.pass_time(6.0)
    (row,) = _told(town)
    assert (row["table"], row["code"], row["times"]) == ("opter_type", "kiosk", 2)
    assert row["place"].startswith("mappings/nhsa_1101.map.yaml:")
    assert row["first_at"] < row["last_at"]
    assert 'engine_unmapped_codes_total{table="opter_type"} 2.0' in town.lab.engine.meters.page().decode()

    place = town.folder / TABLE
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(WITHOUT)
    draw_unmapped(with_folder([row], town.folder, town.now))
    said = capsys.readouterr().out
    assert "opter_type" in said
    assert "mappings/tables/<table>.csv" in said
    place.write_bytes(WHOLE)
    draw_unmapped(with_folder([row], town.folder, town.now))
    assert "已补 · there now" in capsys.readouterr().out


def test_what_was_counted_when_the_engine_is_stopped_is_kept(town: Town) -> None:
    town.ask("POST", START, town.lab.bill_request(PATIENT, BILL, request_no="R-1"))
    assert town.lab.engine is not None
    town.do(town.lab.engine.stop())
    town.rise()
    assert [(row["code"], row["times"]) for row in _told(town)] == [("kiosk", 1)]


def test_the_console_shows_them_but_no_persons_number(town: Town) -> None:
    town.ask("POST", START, town.lab.bill_request(PATIENT, BILL, request_no="R-1"))
    assert town.lab.engine is not None
    town.lab.engine.sites.on_rejected(Absent("E-UNMAPPED", about={"table": "icd", "key": "370202199001019876"}))
    town.pass_time(6.0)
    zh, en = (page(town, f"/console/codes?lang={one}") for one in ("zh", "en"))
    assert "kiosk" in zh
    assert "engine list unmapped" in en
    assert "370202199001019876" not in zh
    assert "icd" in zh
