"""Maps, tables and conditions out of short texts, for the tests beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.config.problems import Mark, Problem
from engine.config.tree import read_tree
from engine.pipeline.code_table import CodeTable
from engine.pipeline.code_table_file import read_code_table
from engine.pipeline.condition import Condition, compile_condition
from engine.pipeline.field_map import FieldMap, compile_map
from engine.pipeline.rejected import CodeText


def table_of(text: str, name: str = "t") -> CodeTable:
    made = read_code_table(text.encode(), f"{name}.csv", name)
    assert isinstance(made, CodeTable), made
    return made


TABLES = {
    "his_item": table_of(
        "from_code,to_med_list_codg,to_kind,note,valid_from,valid_to\r\n"
        "0010,OLD,1,,2026-01-01,2026-06-30\r\n"
        "0010,NEW,1,,2026-07-01,\r\n"
        "0020,X20,2,always,,\r\n",
        "his_item",
    ),
    "doctors": table_of("from_id,to_national_code,to_name\nD1,ND1,测试甲\n", "doctors"),
    "price": table_of("from_code,from_unit,to_fen\nA,box,1200\nA,pill,50\n", "price"),
}


def map_or_problems(
    text: str, known_codes: Mapping[str, CodeText] | None = None
) -> tuple[FieldMap | None, list[Problem]]:
    root, found = read_tree(text, "m.map.yaml")
    assert not found, found
    return compile_map(root, "m.map.yaml", found, TABLES, known_codes), found


def map_of(text: str) -> FieldMap:
    made, found = map_or_problems(text)
    assert made is not None, found
    return made


def make(source: str, names: Mapping[str, Any]) -> Any:
    """What one row with this source (YAML) makes; KeyError when the row is left out."""
    return map_of(f"map: m\nmake:\n  - [x, {source}]\n").run(names)["x"]


def condition_of(text: str) -> Condition:
    made = compile_condition(text, Mark("f", 1, 1, len(text) + 2))
    assert isinstance(made, Condition), made
    return made
