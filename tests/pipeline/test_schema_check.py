"""JSON Schema: every problem of a body, in both languages, without quoting what came in."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from engine.config.problems import Problem
from engine.pipeline.schema_check import MOST_TOLD, Schema, read_schema

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["no", "bills"],
    "additionalProperties": False,
    "properties": {
        "no": {"type": "string", "minLength": 1, "maxLength": 4, "pattern": "^[A-Z]"},
        "fen": {"type": "integer", "minimum": 0, "maximum": 99},
        "yuan": {"type": "number", "multipleOf": 0.01, "exclusiveMinimum": 0},
        "identity": {"enum": ["insured", "self_pay"]},
        "kind": {"const": "kiosk"},
        "at": {"type": ["string", "null"], "format": "date-time"},
        "pay": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        "bills": {
            "type": "array", "minItems": 1, "maxItems": 60, "uniqueItems": True,
            "items": {"type": "object", "required": ["no"], "properties": {"no": {"$ref": "#/$defs/no"}}},
        },
    },
    "$defs": {"no": {"type": "string"}},
}  # fmt: skip
GOOD: dict[str, Any] = {"no": "K1", "bills": [{"no": "B1"}]}


def schema_of(content: Any) -> Schema:
    made = read_schema(json.dumps(content).encode(), "s.json", "s")
    assert isinstance(made, Schema), made
    return made


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"fen": Decimal("5")},
        {"yuan": Decimal("0.29")},
        {"yuan": Decimal("999999999.99")},
        {"at": None},
        {"at": "2026-11-22T10:20:00+08:00"},
        {"no": "测试甲乙".replace("测", "K")},
    ],
)
def test_a_good_body_has_no_problems(more: dict[str, Any]) -> None:
    assert schema_of(SCHEMA).check({**GOOD, **more}) == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"no": "secret"}, [("no", "最多 4 个字符", "at most 4 characters"),
                            ("no", "格式应为 ^[A-Z]", "the form is ^[A-Z]")]),
        ({"no": ""}, [("no", "不能为空", "must not be empty")]),
        ({"no": 5}, [("no", "应为文字", "must be string")]),
        ({"fen": Decimal("1.5")}, [("fen", "应为整数", "must be integer")]),
        ({"fen": True}, [("fen", "应为整数", "must be integer")]),
        ({"fen": -1}, [("fen", "不小于 0", "at least 0")]),
        ({"yuan": Decimal("1.005")}, [("yuan", "应为 0.01 的整数倍", "a multiple of 0.01")]),
        ({"yuan": 0}, [("yuan", "大于 0", "more than 0")]),
        ({"identity": "insurd"}, [("identity", "只能是：insured, self_pay（是否应为 insured？）",
                                   "must be one of insured, self_pay (did you mean insured?)")]),
        ({"kind": "phone"}, [("kind", "应为 kiosk", "must be kiosk")]),
        ({"at": "noon"}, [("at", "格式应为 date-time", "the form is date-time")]),
        ({"at": 5}, [("at", "应为空值或文字", "must be null or string")]),
        ({"pay": []}, [("pay", "应恰好符合一种允许的写法", "must fit exactly one of the allowed forms")]),
        ({"bills": []}, [("bills", "至少 1 项", "at least 1 item")]),
        ({"bills": [{"no": "1"}, {"no": "1"}]}, [("bills", "列表中不能有重复项", "no item may be there twice")]),
        ({"bills": [{"no": "1"}, {"no": 2}, {}]}, [("bills[1].no", "应为文字", "must be string"),
                                                 ("bills[2].no", "缺少必填字段", "a required field is missing")]),
        ({"extra": "x", "more": 1}, [("extra", "不认识的字段", "unknown field"),
                                    ("more", "不认识的字段", "unknown field")]),
        ({"no": "\ud800"}, [("", "含有不是文字的字符", "there is a character that is no text (lone surrogate)")]),
    ],
)  # fmt: skip
def test_every_problem_is_told_with_its_field(more: dict[str, Any], told: list[tuple[str, str, str]]) -> None:
    found = schema_of(SCHEMA).check({**GOOD, **more})
    assert found == told
    assert "secret" not in str(found)


def test_what_is_missing_is_told_all_at_once_and_bounded() -> None:
    assert [path for path, _, _ in schema_of(SCHEMA).check({})] == ["bills", "no"]
    many = schema_of(SCHEMA).check({"no": "K", "bills": [{"no": i} for i in range(60)]})
    assert len(many) == MOST_TOLD
    assert schema_of(SCHEMA).check([]) == [("", "应为对象", "must be object")]


@pytest.mark.parametrize(
    ("text", "line", "col", "code"),
    [
        ('{"type": "objekt"}', 1, 10, "E802"),
        ('{\n "properties": {"a": {"type": "strng"}}}', 2, 31, "E802"),
        ('{"type": "object",}', 1, 19, "E801"),
        ('{"$ref": "http://elsewhere.example/s.json"}', 1, 1, "E802"),
        ('{"$ref": "other.json"}', 1, 1, "E802"),
        ('{"$ref": "#/$defs/none"}', 1, 1, "E802"),
        ('{"format": "nonsense"}', 1, 2, "E802"),
        ('{"pattern": "("}', 1, 2, "E802"),
        ("[]", 1, 1, "E802"),
    ],
)
def test_a_schema_that_cannot_be_used_is_told_at_its_place(text: str, line: int, col: int, code: str) -> None:
    found = read_schema(text.encode(), "s.json", "s")
    assert isinstance(found, Problem)
    assert (found.code, found.line) == (code, line)
    assert found.col == col or code == "E801"


def test_a_schema_that_is_no_text_is_refused() -> None:
    found = read_schema(b"\xff", "s.json", "s")
    assert isinstance(found, Problem)
    assert found.code == "E801"


def test_a_condition_on_what_is_missing_demands_nothing() -> None:
    """Without its kind a choice was told to lack the fields of every kind at once, the kind itself among the last."""
    code = {"if": {"properties": {"kind": {"const": "code"}}}, "then": {"required": ["auth_code"]}}
    page = {"if": {"properties": {"kind": {"const": "page"}}}, "then": {"required": ["client_ip"]}}
    schema = schema_of({"type": "object", "required": ["kind"], "allOf": [code, page]})
    assert [path for path, *_ in schema.check({})] == ["kind"]
    assert [path for path, *_ in schema.check({"kind": "code"})] == ["auth_code"]
    assert schema.check({"kind": "cash"}) == []
