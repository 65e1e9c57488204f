"""What VS Code is given: schemas that take every good file, mark every wrong one, and complete with words that help."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from engine.cli.schema import FILES, schema_of, settings
from engine.config.tree import read_tree
from engine.parties.registry import PARTIES
from engine.parties.settings import Setting, settings_help
from engine.site.files import read_files
from tests.cli.shell import here
from tests.config.test_explain import _as_editors_see


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("editor") / "site"
    assert here("init", str(made)).returncode == 0
    return made


def _schema_for(folder: Path, file: str) -> Path:
    """The one schema that VS Code would use for a file."""
    rows = json.loads((folder / ".vscode/settings.json").read_text())["yaml.schemas"]
    fits = []
    for schema, patterns in rows.items():
        wanted = any(fnmatch(file, one) for one in patterns if not one.startswith("!"))
        if wanted and not any(fnmatch(file, one[1:]) for one in patterns if one.startswith("!")):
            fits.append(folder / schema)
    assert len(fits) == 1, (file, fits)
    return fits[0]


def test_init_writes_what_vs_code_needs(folder: Path) -> None:
    assert json.loads((folder / ".vscode/extensions.json").read_text())["recommendations"] == ["redhat.vscode-yaml"]
    names = {path.name.partition(".")[0] for path in (folder / ".vscode/engine").iterdir()}
    assert names == set(FILES)
    assert here("lint", "--root", str(folder)).returncode == 0, "nothing of it is configuration"


def test_every_shipped_file_is_good_for_the_editor_too(folder: Path) -> None:
    seen = set()
    for file, data in read_files(folder).items():
        if file.endswith(".yaml"):
            path = _schema_for(folder, file)
            seen.add(path.name)
            node, _ = read_tree(data.decode(), file)
            assert node is not None
            validator = jsonschema_rs.validator_for(json.loads(path.read_text()))
            wrong = [error.message for error in validator.iter_errors(_as_editors_see(node))]
            assert not wrong, (file, wrong[0][-300:])
    assert seen == {f"{kind}.schema.json" for kind in FILES}, "a file of every kind was looked at"


WRONG: list[tuple[str, str, str]] = [
    ("channels/outpatient_bills.yaml", "answer_within:", "answer_with:"),
    ("channels/outpatient_bills.yaml", "repeats: freely", "repeats: always"),
    ("channels/outpatient_bills.test.yaml", "- kiosk says: ask", "- kiosk say: ask"),
    ("channels/outpatient_bills.test.yaml", "- kiosk says: ask", "- kiosk says: aks"),
    ("mappings/his_bills.map.yaml", "make:", "mak:"),
    ("engine.yaml", "profile: demo", "profile: dmo"),
    ("engine.yaml", "kind:     his", "kind:     hiss"),
    ("engine.yaml", "scopes: [query, settle]", "scopes: [query, setle]"),
    ("engine.yaml", "app_id:   HISAPP01", "app_ids:  HISAPP01"),
    ("engine.yaml", "    app_id:   HISAPP01\n", ""),
    ("engine.yaml", "amounts:  fen", "amounts:  cent"),
    ("engine.yaml", "secret:   file:var/sim/his/secret", "secret:   geheim"),
    ("engine.yaml", 'mdtrtarea_admvs: "370200"', 'mdtrtarea_admvs: "3702"'),
    ("engine.yaml", "window:   20", "windows:  20"),
]


@pytest.mark.parametrize(("file", "old", "new"), WRONG)
def test_a_wrong_word_is_marked(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    node, _ = read_tree(text.replace(old, new, 1), file)
    assert node is not None
    validator = jsonschema_rs.validator_for(json.loads(_schema_for(folder, file).read_text()))
    assert not validator.is_valid(_as_editors_see(node))


def _objects(tree: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every sub-schema with properties."""
    if isinstance(tree, dict):
        if isinstance(tree.get("properties"), dict) and tree.get("type") == "object":
            yield path, tree
        for key, value in tree.items():
            yield from _objects(value, f"{path}/{key}")
    elif isinstance(tree, list):
        for number, item in enumerate(tree):
            yield from _objects(item, f"{path}/{number}")


@pytest.mark.parametrize("kind", ["engine", "channel", "map", "profile"])
def test_every_word_to_complete_is_explained_in_both_languages(kind: str) -> None:
    words = 0
    for path, one in _objects(schema_of(kind)):
        for name, field in one["properties"].items():
            if path == "" and kind == "channel":
                continue  # only tells the kinds apart
            words += 1
            about = field.get("description", "")
            assert " · " in about, f"{kind}{path}.{name}: {about!r}"
            assert any("一" <= char <= "鿿" for char in about), f"{kind}{path}.{name}: {about!r}"
            assert field.get("examples") or field.get("enum"), f"{kind}{path}.{name} shows no example"
    assert words > 8


def _at(tree: Any, *path: Any) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def test_the_words_of_closed_lists_are_there() -> None:
    engine, channel = schema_of("engine"), schema_of("channel")
    party = _at(engine, "properties", "parties", "additionalProperties")
    assert set(party["properties"]["kind"]["enum"]) == set(PARTIES)
    by_kind = {_at(one, "if", "properties", "kind", "const"): one["then"]["properties"] for one in party["allOf"]}
    assert set(by_kind) == set(PARTIES)
    for kind, fields in by_kind.items():
        assert set(fields) - set(party["properties"]) == set(settings_help(PARTIES[kind].settings)), kind
    scopes = _at(engine, "properties", "clients", "additionalProperties", "properties", "scopes", "items", "enum")
    assert {"query", "settle", "refund", "operate", "admin"} <= set(scopes)
    kinds = {_at(branch, "properties", "kind", "enum", 0) for branch in channel["oneOf"]}
    assert kinds == set(channel["properties"]["kind"]["enum"]) >= {"answer", "settle", "every"}
    settle = next(one for one in channel["oneOf"] if _at(one, "properties", "kind", "enum") == ["settle"])
    call = _at(settle, "properties", "calls", "additionalProperties")
    assert _at(call, "properties", "repeats", "enum") == ["freely", "same_number", "never"]
    assert {"to", "op"} <= set(call["required"])


def _connection(kind: str) -> dict[str, Any]:
    """The least that a connection of this kind says; a reference may stand for every text."""
    wanted = [one for one in settings_help(PARTIES[kind].settings).values() if one.required]
    given = {one.name: {"file:a": "file:b"} if one.schema.get("type") == "object" else "file:a" for one in wanted}
    return {"kind": kind, "url": "http://127.0.0.1:1", **given}


def _strange(one: Setting) -> Any:
    """A value that this setting cannot have; None where every text is one."""
    if one.secret:
        return "in clear"
    if one.schema.get("type") in ("array", "object"):
        return "a text"
    value = one.schema["anyOf"][0]
    if value.get("type") == "integer":
        return "many"
    if "enum" in value or "pattern" in value:
        return "?#"
    return "x" * (value["maxLength"] + 1) if "maxLength" in value else None


@pytest.mark.parametrize("kind", list(PARTIES))
def test_a_connection_is_checked_and_explained_by_its_kind(kind: str) -> None:
    party = _at(schema_of("engine"), "properties", "parties", "additionalProperties")
    rules = {_at(one, "if", "properties", "kind", "const"): one["then"] for one in party["allOf"]}
    shown = rules[kind]["properties"]
    good, validator = _connection(kind), jsonschema_rs.validator_for(party)
    assert not [error.message for error in validator.iter_errors(good)]
    assert not validator.is_valid({**good, "no_such_setting": "x"}), "an unknown setting is marked"
    for name, one in settings_help(PARTIES[kind].settings).items():
        hover = shown[name]["description"]
        assert hover.startswith(f"{one.zh} · {one.en}\n\n{one.form_zh}"), hover
        assert one.default in hover
        for word in one.words:
            value = [word] if one.schema.get("type") == "array" else word
            assert validator.is_valid({**good, name: value}), (name, word)
        strange = _strange(one)
        assert strange is None or not validator.is_valid({**good, name: strange}), (name, strange)
        if one.required:
            assert not validator.is_valid({key: value for key, value in good.items() if key != name}), name


def test_numbers_and_yes_are_taken_as_editors_read_them() -> None:
    party = _at(schema_of("engine"), "properties", "parties", "additionalProperties")
    validator = jsonschema_rs.validator_for(party)
    for kind, more in (
        ("municipal", {"version": 1.1, "strict": True}),
        ("municipal", {"version": "1.1", "strict": "no"}),
        ("einvoice", {"version": 1.0}),
        ("nhsa", {"opter_type": 2, "mdtrtarea_admvs": 370200, "opter": 12}),
        ("wechat", {"fee_bp": 60, "mchid": 1900000001}),
        ("unionpay", {"clearing_hour": 24, "sign_method": "01"}),
    ):
        assert validator.is_valid({**_connection(kind), **more}), more
    assert not validator.is_valid({**_connection("wechat"), "fee_bp": 1001})


def test_the_command_prints_settings_that_name_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Editors read these names from the folder that was opened: the one the command is run in."""
    monkeypatch.chdir(tmp_path)
    elsewhere = str(tmp_path.parent / f"{tmp_path.name}-out")
    for asked, prefix in ((".vscode/engine",) * 2, (str(tmp_path / "out"), "out"), (elsewhere, elsewhere)):
        said = here("schema", asked)
        assert said.returncode == 0, said.stderr
        shown = json.loads(said.stdout[said.stdout.index("{\n") :])
        assert shown == settings(prefix)
        assert all((tmp_path / name).is_file() for name in shown["yaml.schemas"])


def test_editors_schemas_do_not_become_part_of_a_configuration(tmp_path: Path) -> None:
    """What lies in its `schemas` is compiled, shown by `engine plan` and taken by `engine apply`."""
    assert here("init", str(tmp_path / "site")).returncode == 0
    said = here("schema", str(tmp_path / "site/schemas/editor"))
    assert said.returncode == 2
    assert "schemas" in said.stderr
    assert not (tmp_path / "site/schemas/editor").exists()
