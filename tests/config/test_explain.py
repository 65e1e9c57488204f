"""`engine explain`, and what editors complete: both drawn from the specs that read the files."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest

from engine.config.channel import CHANNELS
from engine.config.editor import FILE_KINDS, json_schema
from engine.config.map_file import MAP_FILE
from engine.config.problems import CODES
from engine.config.tree import Map, Node, Scalar, Seq, read_tree
from engine.pipeline import field_map
from engine.site.explain import COMPONENTS, explain, meant
from engine.site.files import read_files
from engine.site.load import load
from engine.site.site import Site
from tests.config.fake_parties import PARTIES
from tests.config.sites import BASES, GOOD, ROOT


@pytest.fixture(scope="module")
def site() -> Site:
    made = load(GOOD, parties=PARTIES)
    assert isinstance(made, Site)
    return made


def test_a_code_has_its_story_and_example() -> None:
    text = explain("E412") or ""
    assert text.startswith("E412  ")
    assert "超时不等于失败" in text
    assert "    - {do: nhsa.settle, ask: nhsa.settled, undo: nhsa.cancel}" in text
    assert "Silence is not failure" in (explain("E412", lang="en") or "")


def test_every_code_and_every_component_can_be_explained() -> None:
    for word in (*CODES, *COMPONENTS, "filters"):
        for lang in ("zh", "en"):
            assert explain(word, lang=lang), word


def test_a_component_lists_its_fields() -> None:
    text = explain("do", lang="en") or ""
    for name in ("ask", "stop", "undo", "for_each", "must_equal"):
        assert re.search(rf"^  {name}  \(", text, re.MULTILINE), name
    assert "user" in COMPONENTS
    assert "check row" in COMPONENTS


def test_a_party_lists_its_operations() -> None:
    text = explain("bank", parties=PARTIES) or ""
    assert re.search(r"^  pay .*changes, money, number: trade$", text, re.MULTILINE)


def test_a_party_lists_its_settings_and_each_is_explained(site: Site) -> None:
    whole = explain("wechat", lang="en") or ""
    line = next(one for one in whole.split("\n") if one.startswith("  fee_bp"))
    assert line.startswith("  fee_bp  (a whole number, 0 to 1000, default 0)  the fee agreed, in 1/10000")
    assert explain("wechat.fee_bp", lang="en") == f"wechat\n{line}"
    assert "万分之几" in (explain("wechat.fee_bp") or "")
    assert "密钥引用" in (explain("wechat.api_v3_key") or "")
    assert explain("wechat.fee") is None
    assert explain("nobody.fee_bp") is None
    assert meant("wechat.fee_pb") == "wechat.fee_bp"
    assert "a secret's reference" in (explain("bank.key", site, "en", PARTIES) or "")
    assert "(a whole number)  most calls in flight" in (explain("bank.window", site, "en", PARTIES) or "")


def test_a_call_prints_the_outcome_table_in_force(site: Site) -> None:
    text = explain("pay.charge", site, parties=PARTIES) or ""
    rows = text.split("\n")
    assert rows[0] == "visit/pay.charge: bank pay, wait 5s, repeats same_number"
    assert rows[2].split() == ["site", "NOMONEY", "→", "refused", "文档：余额不足不扣款"]
    assert [row.split()[:2] for row in rows[3:5]] == [["party", "OK"], ["party", "NO"]]
    assert rows[-1] == "  (anything else) → unknown"
    assert "NO" not in (explain("pay.close", site, parties=PARTIES) or "").split()  # that row is for pay only
    assert explain("visit/pay.charge", site, parties=PARTIES) == text
    assert explain("bills/pay.charge", site, parties=PARTIES) is None


def test_an_unknown_word_has_a_neighbour(site: Site) -> None:
    assert explain("pay.chrge", site, parties=PARTIES) is None
    assert meant("pay.chrge", site, PARTIES) == "pay.charge"
    assert meant("e412", site, PARTIES) == "E412"


def _as_editors_see(node: Node) -> Any:
    match node:
        case Scalar():
            return int(node.text) if not node.quoted and re.fullmatch(r"[0-9]+", node.text) else node.text
        case Seq():
            return [_as_editors_see(item) for item in node.items]
        case Map():
            return {key.text: _as_editors_see(value) for key, value in node.entries}


def _kind_of(file: str) -> str:
    starts = {"mappings/": "map", "schemas/hl7/": "profile", "channels/": "channel"}
    return next((kind for folder, kind in starts.items() if file.startswith(folder)), "engine")


@pytest.mark.parametrize("files", [GOOD, BASES["hl7"], read_files(ROOT)], ids=["small", "hl7", "shipped"])
def test_editors_accept_every_good_file(files: dict[str, bytes]) -> None:
    validators = {kind: jsonschema_rs.validator_for(json_schema(kind)) for kind in FILE_KINDS}
    for file, data in files.items():
        if file.endswith(".yaml") and not file.endswith(".test.yaml"):
            node, _ = read_tree(data.decode(), file)
            assert node is not None
            wrong = [error.message for error in validators[_kind_of(file)].iter_errors(_as_editors_see(node))]
            assert not wrong, (file, wrong[0][-300:])


@pytest.mark.parametrize(("kind", "change"), [
    ("channel", {"answer_with": "3s"}), ("engine", {"partys": {}}), ("map", {"chek": []}),
])  # fmt: skip
def test_editors_mark_an_unknown_name(kind: str, change: dict[str, Any]) -> None:
    file = {"channel": "channels/bills.yaml", "engine": "engine.yaml", "map": "mappings/sign.map.yaml"}[kind]
    node, _ = read_tree(GOOD[file].decode(), file)
    assert node is not None
    validator = jsonschema_rs.validator_for(json_schema(kind))
    assert validator.is_valid(_as_editors_see(node))
    assert not validator.is_valid({**_as_editors_see(node), **change})


def test_every_field_has_help_and_an_example() -> None:
    for spec in (*COMPONENTS.values(), *CHANNELS.values()):
        for field in spec.fields:
            assert all((field.zh, field.en, field.example)), f"{spec.name}.{field.name}"


def test_the_map_spec_names_what_maps_have() -> None:
    assert {field.name for field in MAP_FILE.fields} == set(field_map._KEYS)
