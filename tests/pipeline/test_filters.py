"""Every filter: what it makes, and that it refuses the wrong kind instead of guessing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.money import MAX_FEN
from engine.core.times import beijing
from engine.pipeline.filters import FILTERS, SPECIAL
from engine.pipeline.rejected import MapRejected

from .making import make, map_of

NOON = 1_795_320_000  # 2026-11-22 12:00:00 in Beijing

GOOD: list[tuple[str, Any, Any]] = [
    ("yuan", 1234, "12.34"),
    ("yuan", -5, "-0.05"),
    ("yuan", 0, "0.00"),
    ("yuan", "1234", "12.34"),
    ("yuan_number", 1200, Decimal("12.00")),
    ("fen_of_yuan", "12.3", 1230),
    ("fen_of_yuan", Decimal("12.340"), 1234),
    ("fen_of_yuan", 12, 1200),
    ("fen_of_fen", "1234", 1234),
    ("fen", 1234, 1234),
    ("fen", Decimal("5"), 5),
    ("decimal 4", "1.5", Decimal("1.5000")),
    ("decimal 0", Decimal("2.000"), Decimal("2")),
    ("decimal 2", 3, Decimal("3.00")),
    ("decimal 2 rounded", "1.005", Decimal("1.01")),
    ("text", 12, "12"),
    ("text", Decimal("1.50"), "1.50"),
    ("text", "0010", "0010"),
    ("int", "0010", 10),
    ("int", Decimal("3.0"), 3),
    ("bool", "Y", True),
    ("bool", 0, False),
    ("not", True, False),
    ("upper", "abÉ", "ABÉ"),
    ("lower", "AB", "ab"),
    ("trim", " a b\n", "a b"),
    ("left 2", "测试甲", "测试"),
    ("right 2", "测试甲", "试甲"),
    ("pad 6", 42, "000042"),
    ("pad 3 '*'", "a", "**a"),
    ("date '%Y-%m-%d %H:%M:%S'", NOON, "2026-11-22 12:00:00"),
    ("date %Y%m%d", Decimal(NOON), "20261122"),
    ("date %Y%m%d", "2026-11-22 23:59:59", "20261122"),
    ("date %Y%m%d", "2026-11-21T17:00:00Z", "20261122"),
    ("date %H%M", "20261122102000", "1020"),
    ("date rfc3339", NOON, "2026-11-22T12:00:00+08:00"),
    ("date rfc3339 from %Y%m%d%H%M%S", "20261122120000", "2026-11-22T12:00:00+08:00"),
    ("date unix from rfc3339", "2026-11-22T12:00:00+08:00", NOON),
    ("date unix_ms", NOON, NOON * 1000),
    ("instant '%Y-%m-%d %H:%M:%S'", "2026-11-22 12:00:00", NOON),
    ("instant %y%m%d", "261122", NOON - 12 * 3600),
    ("instant unix_ms", "1795320000123", NOON),
    ("join ','", ["a", 1], "a,1"),
    ("first", [7, 8], 7),
    ("count", [7, 8], 2),
    ("list", {"a": 1}, [{"a": 1}]),
    ("list", [1], [1]),
    ("filled", "x", "x"),
    ("json", {"b": [1, Decimal("1.50"), None, True], "a": "测"}, '{"b":[1,1.50,null,true],"a":"测"}'),
    ("sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("concat '-1'", "a", "a-1"),
    ("concat b.c", "a", "abc"),
    ("table his_item.med_list_codg at b.day", "0010", "OLD"),
    ("table his_item.med_list_codg", "0010", "NEW"),
    ("table his_item.kind | int", "0020", 2),
    ("table price.fen with b.unit", "A", "1200"),
    ("else 'z'", "a", "a"),
    ("trim | upper | left 1", " abc", "A"),
    ("optional", "a", "a"),
    ("or_null", "a", "a"),
]

BAD: list[tuple[str, Any]] = [
    ("yuan", "12.34"),
    ("yuan", True),
    ("yuan", MAX_FEN + 1),
    ("yuan", Decimal("0.5")),
    ("yuan", 12.0),
    ("yuan_number", "12元"),
    ("fen_of_yuan", "12.345"),
    ("fen_of_yuan", "１２"),
    ("fen_of_yuan", "1e3"),
    ("fen_of_yuan", Decimal("NaN")),
    ("fen_of_fen", "12.0"),
    ("fen", True),
    ("decimal 2", "1.005"),
    ("decimal 4", 1.5),
    ("decimal 4", "1e2"),
    ("decimal 4", "NaN"),
    ("decimal 4", True),
    ("text", True),
    ("text", {"a": 1}),
    ("int", "1.0"),
    ("int", "٣"),
    ("int", True),
    ("int", Decimal("1.5")),
    ("bool", "yes"),
    ("not", "TRUE"),
    ("upper", 1),
    ("trim", ["a"]),
    ("pad 2", "abc"),
    ("date %Y%m%d", "22/11/2026"),
    ("date %Y%m%d", "2026-02-30"),
    ("date %Y%m%d", NOON * 1000),
    ("date %Y%m%d", True),
    ("date %Y%m%d", ["2026-11-22"]),
    ("date %Y%m%d from %Y-%m-%d", "2026-11-2"),
    ("date %Y%m%d from %Y%m%d", "20260230"),
    ("date %Y%m%d from rfc3339", "2026-11-22T12:00:00"),
    ("instant %Y%m%d", 20261122),
    ("join ','", "abc"),
    ("join ','", [["a"]]),
    ("first", "abc"),
    ("count", "abc"),
    ("json", 1.5),
    ("sha256", 5),
    ("concat b", "QZ"),
    ("table his_item.kind", {"code": "0020"}),
    ("table his_item.kind", True),
]


def _names(value: Any) -> dict[str, Any]:
    return {"a": value, "b": {"c": "bc", "day": "2026-06-30", "unit": "box"}, "now": NOON}


@pytest.mark.parametrize(("filters", "value", "made"), GOOD)
def test_a_filter_makes(filters: str, value: Any, made: Any) -> None:
    result = make(f'"a | {filters}"', _names(value))
    assert result == made
    assert type(result) is type(made)
    assert str(result) == str(made)  # Decimals to the digit


@pytest.mark.parametrize(("filters", "value"), BAD)
def test_a_filter_refuses_the_wrong_kind(filters: str, value: Any) -> None:
    with pytest.raises(MapRejected) as rejected:
        make(f'"a | {filters}"', _names(value))
    assert rejected.value.code == "E-MAP-TYPE"
    assert rejected.value.path == "a"
    assert str(rejected.value).startswith("m.map.yaml:3:5: E-MAP-TYPE [a] for x: ")
    if isinstance(value, str):
        assert value not in rejected.value.detail  # what came in may be a person's


def test_every_filter_is_in_the_tables_above() -> None:
    tried = {part.strip().split(" ")[0] for filters, _, _ in GOOD for part in filters.split("|")}
    assert tried == set(FILTERS) | set(SPECIAL)
    refused = {filters.split(" ")[0] for filters, _ in BAD}
    assert set(FILTERS) - refused == {"lower", "left", "right", "list", "filled"}  # any text, or anything


@pytest.mark.parametrize(
    ("source", "value", "code"),
    [
        ("a.x", {}, "E-MAP-MISSING"),
        ("a.x", {"x": None}, "E-MAP-MISSING"),
        ("a.x.y", {"x": ""}, "E-MAP-MISSING"),
        ("a.x.y", {"x": "text"}, "E-MAP-TYPE"),
        ("a.x.y", {"x": []}, "E-MAP-TYPE"),
        ("a.x.y.z.w", {"x": {"y": {"z": {}}}}, "E-MAP-MISSING"),
        ("nothing", {}, "E-MAP-MISSING"),
        ("a.x | upper", {}, "E-MAP-MISSING"),
        ("a.x | else reject E-OUR-OWN", {}, "E-OUR-OWN"),
        ("a.x | first", {"x": []}, "E-MAP-MISSING"),
        ("a.x | filled", {"x": ""}, "E-MAP-MISSING"),
        ("a.x | table his_item.kind", {"x": "9999"}, "E-UNMAPPED"),
        ("a.x | table his_item.kind | else reject E-OUR-OWN", {"x": "9999"}, "E-OUR-OWN"),
        ("a.x | table his_item.kind at a.day", {"x": "0010", "day": "2025-12-31"}, "E-UNMAPPED"),
        ("a.x | concat a.y", {"x": "1"}, "E-MAP-MISSING"),
    ],
)
def test_what_is_missing_rejects_and_names_the_path(source: str, value: Any, code: str) -> None:
    with pytest.raises(MapRejected) as rejected:
        make(f'"{source}"', _names(value))
    assert rejected.value.code == code
    assert rejected.value.target == "x"
    assert rejected.value.path in source + "a.y"


@pytest.mark.parametrize(
    ("source", "value", "made"),
    [
        ("a.x | else 'z'", {}, "z"),
        ("a.x | else 'z'", {"x": None}, "z"),
        ("a.x.y | else 'z'", {"x": ""}, "z"),
        ("a.x | else 0", {}, 0),
        ("a.x | else true", {}, True),
        ("a.x | else []", {}, []),
        ("a.x | else b.c", {}, "bc"),
        ("a.x | upper | else 'z' | concat '!'", {}, "z!"),
        ("a.x | upper | else 'z' | concat '!'", {"x": "q"}, "Q!"),
        ("a.x | filled | else 'z'", {"x": ""}, "z"),
        ("a.x | first | else 'z'", {"x": []}, "z"),
        ("a.x | table his_item.kind | else '9'", {"x": "none"}, "9"),
        ("a.x | else b.none | else 'z'", {}, "z"),
        ("a.x | else ''", {"x": ""}, ""),
        ("'a | b'", {}, "a | b"),
        ("'0010'", {}, "0010"),
        ("-12", {}, -12),
        ("false", {}, False),
    ],
)
def test_else_and_literals(source: str, value: Any, made: Any) -> None:
    result = make(f'"{source}"', _names(value))
    assert (result, type(result)) == (made, type(made))


def test_else_does_not_hide_a_value_of_the_wrong_kind() -> None:
    with pytest.raises(MapRejected) as rejected:
        make("\"a | yuan | else '0.00'\"", _names("x"))
    assert rejected.value.code == "E-MAP-TYPE"
    with pytest.raises(MapRejected):
        make("\"a.x.y | else 'z'\"", _names({"x": [1]}))


def test_an_optional_row_without_a_value_is_left_out() -> None:
    made = map_of("map: m\nmake:\n  - [x, a.x | optional]\n  - [d.y, a.y | upper | optional]\n  - [z, '1']\n")
    assert made.run({"a": {}}) == {"z": 1}
    assert made.run({"a": {"x": "1", "y": "q"}}) == {"x": "1", "d": {"y": "Q"}, "z": 1}


def test_an_empty_list_literal_is_fresh_each_time() -> None:
    made = map_of("map: m\nmake: [[x, 'a | else []']]")
    made.run({})["x"].append(1)
    assert made.run({}) == {"x": []}


@given(st.integers(-MAX_FEN, MAX_FEN))
def test_fen_to_yuan_and_back_is_exact(fen: int) -> None:
    assert make('"a | yuan | fen_of_yuan"', {"a": fen}) == fen
    assert make('"a | yuan_number | fen_of_yuan"', {"a": fen}) == fen


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4, allow_nan=False))
def test_a_quantity_keeps_its_value_to_the_digit(quantity: Decimal) -> None:
    text = format(quantity, "f")
    assert make('"a | decimal 4"', {"a": text}) == quantity
    assert format(make('"a | decimal 4 | text | decimal 4"', {"a": quantity}), "f") == text


@given(st.integers(0, 4_000_000_000))
def test_an_instant_survives_its_text(instant: int) -> None:
    form = "'%Y-%m-%d %H:%M:%S'"
    assert make(f'"a | date {form} | instant {form}"', {"a": instant}) == instant
    assert make('"a | date rfc3339 | instant rfc3339"', {"a": instant}) == instant
    assert make('"a | date %Y%m%d"', {"a": beijing(instant)}) == beijing(instant, "%Y%m%d")
