"""The directories of the insurance become code table files: only what is new is fetched, and days are kept."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.cli.tables import tables
from engine.pipeline.code_table import CodeTable
from engine.pipeline.code_table_file import read_code_table
from engine.runtime.table_files import NotARow, keep, path_of, version_of
from simulators.town import price_list
from tests.edge.town import Town

DAY = 86_400.0
ITEM = price_list()["K0006"]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.end()


def rows(town: Town, name: str) -> dict[str, dict[str, str]]:
    with path_of(town.folder, name).open(encoding="utf-8", newline="") as file:
        return {row["from_code"]: row for row in csv.DictReader(file)}


def asked(town: Town) -> list[str]:
    """Directories fetched as files."""
    return [row.op for row in town.lab.parties["insurance"].exchanges.rows if row.op == "9102"]


def test_the_first_run_brings_all_and_the_next_only_what_changed(town: Town) -> None:
    town.pass_time(60.0)
    assert len(asked(town)) == 4
    assert rows(town, "nhsa_1305")[ITEM.national]["to_name"] == ITEM.name
    assert rows(town, "nhsa_1307")["K04.001"]["to_name"] == "急性牙髓炎"
    town.pass_time(DAY)
    assert len(asked(town)) == 4  # nothing new on the second day
    town.lab.act("insurance", "change_item", code="K0006", end="2026-12-31")
    town.pass_time(DAY)
    assert len(asked(town)) == 5
    row = rows(town, "nhsa_1305")[ITEM.national]
    assert (row["valid_from"], row["valid_to"], row["to_valid"]) == ("2023-01-01", "2026-12-31", "0")


def test_the_files_are_code_tables_that_hold_on_their_days(town: Town) -> None:
    town.pass_time(60.0)
    for name in ("nhsa_1301", "nhsa_1305", "nhsa_1306", "nhsa_1307"):
        data = path_of(town.folder, name).read_bytes()
        table = read_code_table(data, f"{name}.csv", name)
        assert isinstance(table, CodeTable), table
        assert len(rows(town, name)) > 0


@pytest.mark.parametrize("fault", ["html", "timeout_after_commit", "broken_file", "half_reply", "refuse_business"])
@pytest.mark.parametrize("op", ["1305", "9102"])
def test_a_misfortune_is_made_good_a_minute_later(tmp_path: Path, op: str, fault: str) -> None:
    town = Town(tmp_path, start=False)
    town.do(_opened(town, op, fault))
    town.pass_time(400.0)
    assert rows(town, "nhsa_1305")[ITEM.national]["to_name"] == ITEM.name
    assert len(rows(town, "nhsa_1307")) > 0
    town.end()


async def _opened(town: Town, op: str, fault: str) -> None:
    for name in ("his", "insurance", "municipal", "wechat", "alipay", "unionpay", "einvoice"):
        town.lab.start_party(name)
    town.lab.fault("insurance", op, fault, seconds=30)
    await town.lab.open()


def test_a_table_is_taken_over_by_hand(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    (town.folder / "engine.yaml").write_bytes(town.lab.files()["engine.yaml"])
    town.pass_time(60.0)
    assert tables(town.folder, [], False) == 1
    assert "尚未采用" in capsys.readouterr().out
    assert tables(town.folder, ["nhsa_1301", "nhsa_1305", "nhsa_1306", "nhsa_1307"], False) == 0
    assert (town.folder / "mappings/tables/nhsa_1305.csv").read_bytes() == path_of(
        town.folder, "nhsa_1305"
    ).read_bytes()
    town.lab.act("insurance", "change_item", code="K0006", end="2026-12-31")
    town.pass_time(2 * DAY)
    capsys.readouterr()
    assert tables(town.folder, [], False) == 1
    assert "新增或变化 1 行" in capsys.readouterr().out


def row(code: str, name: str, version: str, begins: str, ends: str = "") -> dict[str, Any]:
    return {"from_code": code, "to_name": name, "note": version, "valid_from": begins, "valid_to": ends}


def test_a_later_row_ends_the_earlier_one_and_a_repeat_replaces_it(tmp_path: Path) -> None:
    keep(tmp_path, "t", [row("1", "a", "v1", "2023-01-01"), row("2", "b", "v1", "2023-01-01")])
    assert keep(tmp_path, "t", [row("1", "c", "v2", "2026-07-01"), row("2", "d", "v3", "2023-01-01")]) == 3
    assert version_of(tmp_path, "t") == "v3"
    table = read_code_table(path_of(tmp_path, "t").read_bytes(), "t.csv", "t")
    assert isinstance(table, CodeTable), table
    text = path_of(tmp_path, "t").read_text()
    assert text.splitlines() == [
        "from_code,to_name,note,valid_from,valid_to", "1,a,v1,2023-01-01,2026-06-30", "1,c,v2,2026-07-01,",
        "2,d,v3,2023-01-01,",
    ]


def test_what_is_no_row_is_not_kept_and_leaves_the_file(tmp_path: Path) -> None:
    keep(tmp_path, "t", [row("1", "a", "v1", "")])
    with pytest.raises(NotARow):
        keep(tmp_path, "t", [row("2", "b", "v1", ""), {"to_name": "x"}])
    assert "2,b" not in path_of(tmp_path, "t").read_text()
    assert version_of(tmp_path, "other") == "0"


def test_a_cell_a_spreadsheet_would_run_is_disarmed(tmp_path: Path) -> None:
    keep(tmp_path, "t", [row("1", "=1+1", "v1", "")])
    assert isinstance(read_code_table(path_of(tmp_path, "t").read_bytes(), "t.csv", "t"), CodeTable)
