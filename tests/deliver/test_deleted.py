"""HL7's `""`: the sender deletes a value. It is carried to the receivers, and is neither an empty text nor nothing."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from engine.codecs.hl7_fields import FieldReader
from engine.codecs.hl7v2 import parse
from engine.codecs.xml_tree import print_xml
from engine.config.tree import read_tree
from engine.pipeline.field_map import FieldMap, compile_map
from engine.pipeline.rejected import MapRejected

NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
MESSAGE = (
    b"MSH|^~\\&|NHIS|MAIN|E|E|20261122080000||ADT^A08|C1|P|2.4||||||UNICODE UTF-8\r"
    b'PID|1||P1^^^MAIN||""||""|F|||""^Road 1\rOBX|1|NM|A^x||""||\rOBX|2|NM|B^x||||\rOBX|3|NM|C^x||7||\r'
)
ROWS = """map: m
make:
  - [name,  hl7.PID_5_1 | or_null]
  - [birth, hl7.PID_7 | date %Y-%m-%d from %Y%m%d | or_null]
  - [sex,   hl7.PID_8 | or_null]
  - [phone, hl7.PID_13 | or_null]
  - [city,  hl7.PID_11_1 | or_null]
  - [plain, hl7.PID_5_1 | optional]
  - [fall,  "hl7.PID_5_1 | else 'none'"]
  - [seen,  {each: hl7.OBX as it, rows: [[code, it.OBX_3_1], [value, it.OBX_5 | or_null]]}]
"""


def _map(text: str) -> FieldMap:
    node, problems = read_tree(text, "m.map.yaml")
    assert node is not None
    found: list[Any] = list(problems)
    made = compile_map(node, "m.map.yaml", found, {})
    assert made is not None, found
    return made


def _made(text: str = ROWS) -> Any:
    made = _map(text)
    return made.run(FieldReader(made.reads).read(parse(MESSAGE, "utf-8")))


def test_a_deleted_value_is_null_where_the_map_carries_it_and_missing_elsewhere() -> None:
    assert _made() == {
        "name": None, "birth": None, "sex": "F", "city": None, "fall": "none",
        "seen": [{"code": "A", "value": None}, {"code": "B"}, {"code": "C", "value": "7"}],
    }  # fmt: skip


def test_a_value_that_must_be_there_is_missed_when_it_is_deleted() -> None:
    with pytest.raises(MapRejected) as no:
        _made("map: m\nmake:\n  - [name, hl7.PID_5_1]\n")
    assert no.value.code == "E-MAP-MISSING"


def test_null_has_a_form_of_its_own_in_xml() -> None:
    tree = {"@no": "1", "name": None, "note": "", "seen": [{"@code": "A", "#text": None}, {"@code": "C", "#text": "7"}]}
    root = etree.fromstring(print_xml("message", tree))
    name, note, gone, kept = root
    assert (name.get(NIL), name.text) == ("true", None)
    assert (note.get(NIL), note.text) == (None, None)
    assert (gone.get(NIL), gone.get("code"), gone.text) == ("true", "A", None)
    assert (kept.get(NIL), kept.text) == (None, "7")
