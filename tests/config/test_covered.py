"""A secret in clear is neither in what lint prints nor in its JSON; the caret stands where it stood."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from engine.cli.lint import lint
from engine.config.problems import Mark, problem, render

ROOT = Path(__file__).resolve().parents[2]
SECRET = "hunter2-In-Clear"
PARTY = r"(?m)^  wechat:.*$"
CLIENT = r"(?m)^  K01:"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("covered")
    for name in ("channels", "mappings", "schemas"):
        shutil.copytree(ROOT / name, root / name)
    return root


def said(root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """What lint prints, and its JSON."""
    capsys.readouterr()
    lint(root)
    printed = capsys.readouterr().out
    lint(root, as_json=True)
    return printed, capsys.readouterr().out


@pytest.mark.parametrize(
    "line",
    [
        f"    api_v3_key: {SECRET}",
        f'    api_v3_key: "{SECRET} and more {SECRET}"',
        f"    api_v3_key: {SECRET} {SECRET}, {SECRET}",
        f"    api_v3_key: [{SECRET}]",
        f"    api_v3_key: {{a: {SECRET}, b: '{SECRET}'}}",
        f"    api_v3_key:\n      {SECRET}: {SECRET}",
        f"    api_v3_key:\n      - {SECRET}",
        f"    private_key: |\n      -----BEGIN PRIVATE KEY-----\n      {SECRET}\n      -----END PRIVATE KEY-----",
        f"    password: {SECRET}",
        f"    pasword: {SECRET}",
        f"    pasword: {{kept: {SECRET}, here: '{SECRET}'}}",
        f"    merchant_key: {SECRET}\n    merchant_key: {SECRET}",
        f"    secret: {SECRET}\n  broken: [",
        f"    secret: '{SECRET}\n  broken: x",
        f"    secret: &{SECRET} x",
        f"    secret: *{SECRET}",
        f"    secret: !{SECRET} x",
        f"    secret: @{SECRET}",
        f"    secret: {SECRET}: {SECRET}",
        f"    secret: \t{SECRET}",
    ],
)
def test_a_secret_of_a_party_is_not_said(folder: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    text = re.sub(r"(?m)^    api_v3_key:.*\n", "", (ROOT / "engine.yaml").read_text(encoding="utf-8"))
    (folder / "engine.yaml").write_text(re.sub(PARTY, lambda was: f"{was[0]}\n{line}", text, count=1), encoding="utf-8")
    printed, document = said(folder, capsys)
    assert "engine.yaml:" in printed
    assert SECRET not in printed
    assert SECRET not in document


@pytest.mark.parametrize(
    "value", [SECRET, f"file:var/keys/x, pass: {SECRET}", f'"{SECRET}, scopes: [x]"', f"[{SECRET}]", f"{{x: {SECRET}}}"]
)
@pytest.mark.parametrize("key", ["secret", "secert", "password", "token"])
def test_a_secret_of_a_client_is_not_said(
    folder: Path, capsys: pytest.CaptureFixture[str], key: str, value: str
) -> None:
    text = (ROOT / "engine.yaml").read_text(encoding="utf-8")
    row = f"  K00: {{{key}: {value}, scopes: [qury]}}\n"
    (folder / "engine.yaml").write_text(re.sub(CLIENT, lambda was: f"{row}{was[0]}", text, count=1), encoding="utf-8")
    printed, document = said(folder, capsys)
    assert "engine.yaml:" in printed
    assert SECRET not in printed
    assert SECRET not in document


def test_keys_of_the_node_in_clear_are_not_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "engine.yaml").read_text(encoding="utf-8")
    (folder / "engine.yaml").write_text(re.sub(r"file:var/keys/(store|index)\.key", SECRET, text), encoding="utf-8")
    printed, document = said(folder, capsys)
    assert "E208" in printed
    assert SECRET not in printed + document


def test_a_secret_in_a_map_is_not_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(ROOT / "engine.yaml", folder)
    place = sorted((folder / "mappings").glob("*.map.yaml"))[0]
    was = place.read_text(encoding="utf-8")
    place.write_text(f"{was}\nsecret: {SECRET}\nprivate_key: |\n  -----BEGIN PRIVATE KEY-----\n  {SECRET}\n", "utf-8")
    printed, document = said(folder, capsys)
    place.write_text(was, encoding="utf-8")
    assert f"{place.name}:" in printed
    assert SECRET not in printed + document


@pytest.mark.parametrize(
    ("source", "col", "width", "line", "caret"),
    [
        ("  secret: 3f9a密码x", 11, 7, "  secret: ****＊＊*", "          ^^^^^^^^^"),
        ('  secret: "a, b", scopes: [qury]', 29, 4, '  secret: "****", scopes: [qury]', " " * 28 + "^^^^"),
        ("K: {secret: a, b, scopes: [qury]}", 28, 4, "K: {secret: ****, scopes: [qury]}", " " * 27 + "^^^^"),
        ("K: {secret: file:a, scopes: [qury]}", 30, 4, "K: {secret: file:a, scopes: [qury]}", " " * 29 + "^^^^"),
        ("  password: a b # c", 3, 8, "  password: *******", "  ^^^^^^^^"),
    ],
)
def test_columns_are_equal(source: str, col: int, width: int, line: str, caret: str) -> None:
    item = problem("E301", Mark("engine.yaml", 1, col, width), name="x")
    assert render(item, {"engine.yaml": source}).split("\n")[1:] == [f"    1 | {line}", f"      | {caret}"]


def test_what_lint_finds_by_its_place_is_masked_whatever_its_name() -> None:
    item = problem("E208", Mark("engine.yaml", 1, 8, 5), what="store")
    assert render(item, {"engine.yaml": "store: abc de"}).split("\n")[1] == "    1 | store: ******"
    unknown = problem("E201", Mark("engine.yaml", 1, 1, 6), name="pwasrd", zh="x", en="x")
    assert render(unknown, {"engine.yaml": "pwasrd: abc"}).split("\n")[1] == "    1 | pwasrd: ***"
