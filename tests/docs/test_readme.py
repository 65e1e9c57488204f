"""What the READMEs show works: the recipe signs, the files lint and play, the commands exist, both tell the same."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from twisted.internet.testing import MemoryReactorClock

from engine.cli.explain import explain
from engine.cli.listing import _KINDS
from engine.cli.main import app
from engine.config.channel import KINDS
from engine.conversation import run
from engine.core.http import HttpRequest
from engine.core.world import World
from engine.parties.registry import PARTIES
from engine.runtime import openapi
from engine.runtime.auth import Client, Gate, signature
from engine.runtime.deliver_counts import Undelivered
from engine.runtime.meters import Meters
from engine.site.files import read_files
from engine.site.load import lint, load
from engine.site.site import Site
from simulators.kiosk.__main__ import parser as kiosk_parser
from simulators.town import everybody
from tests.docs.blocks import CHINESE, ENGLISH, ROOT, blocks, named_files

READMES = (ENGLISH, CHINESE)
COMMANDS: Mapping[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group of typer's
SECRET = b"an-invented-secret-of-a-client"
IDS = [path.name for path in READMES]


def _recipe(readme: Path) -> dict[str, Any]:
    made: dict[str, Any] = {"__name__": "recipe"}
    exec(next(blocks(readme, "python")).text, made)  # noqa: S102 - the recipe itself is what is judged
    return made


@pytest.mark.parametrize("readme", READMES, ids=IDS)
@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/v1/outpatient/bills?patient=P0001", b""),
        ("POST", "/v1/outpatient/settlements", '{"operator": "测试甲", "bills": ["B1"]}'.encode()),
        ("POST", "/v1/settlements/S1/pay", b'{"choice_no":"1"}'),
    ],
)
def test_the_python_recipe_signs_as_the_engine_checks(readme: Path, method: str, target: str, body: bytes) -> None:
    clock: Any = MemoryReactorClock()  # type: ignore[no-untyped-call]  # Twisted left it untyped
    clock.advance(1_795_309_200)
    gate = Gate(World(clock), {"K01": Client("K01", lambda: SECRET, frozenset({"query"}))})
    headers = _recipe(readme)["signed_headers"]("K01", SECRET, method, target, body, "1795309200", "n-1")
    request = _request(method, target, headers, body)
    assert headers["X-Signature"] == signature(SECRET, request, "1795309200", "n-1")
    assert isinstance(gate.check(request, "query"), Client)


def _request(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpRequest:
    return HttpRequest(method, target, tuple(headers.items()), body)


@pytest.mark.parametrize("readme", READMES, ids=IDS)
def test_the_shell_recipe_signs_as_the_engine_checks(readme: Path, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl on this machine")
    (tmp_path / "var/keys").mkdir(parents=True)
    (tmp_path / "var/keys/client-K01.secret").write_bytes(SECRET + b"\n")
    recipe = next(one.text for one in blocks(readme, "sh") if one.text.startswith("ask()"))
    body = '{"request_no": "甲"}'
    script = f"curl() {{ printf '%s\\0' \"$@\"; }}\n{recipe}\nask POST /v1/settlements/S1/cancel {shlex.quote(body)}\n"
    done = subprocess.run(["bash", "-euc", script], cwd=tmp_path, capture_output=True, check=True)  # noqa: S603, S607 our own recipe
    told = [one.split("http://127.0.0.1:8600", 1)[1] for one in done.stdout.decode().split("-s\0-X\0")[1:]]
    assert [one.split("\0")[0] for one in told] == ["/v1/outpatient/bills?patient=P0001", "/v1/settlements/S1/cancel"]
    for call, (method, sent) in zip(told, [("GET", ""), ("POST", body)], strict=True):
        target, *options = call.rstrip("\0").split("\0")
        headers = dict(one.split(": ", 1) for one in options if one.startswith("X-"))
        request = _request(method, target, headers, sent.encode())
        assert headers["X-Signature"] == signature(SECRET, request, headers["X-Timestamp"], headers["X-Nonce"])
        assert [one for one in options if one.startswith("{")] == ([sent] if sent else [])


@pytest.mark.parametrize("readme", READMES, ids=IDS)
def test_the_order_and_the_choices_fit_the_schemas(readme: Path) -> None:
    site = load(ROOT)
    assert isinstance(site, Site)
    fragment = next(one.text for one in blocks(readme, "python") if one.text.startswith("order ="))
    made: dict[str, Any] = {}
    exec(fragment, made)  # noqa: S102 - what is shown is what is judged
    assert site.schemas["outpatient_settlement"].check(made["order"]) == []
    person = everybody()[made["order"]["patient"]["id"]]
    shown = made["order"]["patient"]["credential"]
    assert (shown["value"], shown["card_sn"]) == (person.card_no, person.card_sn), "the simulators know this card"
    choices = [
        yaml.safe_load(text.replace("134…", "134567890123456789"))
        for text in re.findall(r'`(\{"choice_no"[^`]*\})`', readme.read_text(encoding="utf-8"))
    ]
    assert len(choices) >= 2
    assert all(site.schemas["pay_choice"].check(one) == [] for one in choices)


@pytest.fixture(scope="module")
def english_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _site_with(ENGLISH, tmp_path_factory.mktemp("english"))


def _site_with(readme: Path, folder: Path) -> Path:
    """The shipped configuration with everything the README tells an administrator to write."""
    files = {name: data for name, data in read_files(ROOT).items() if not name.endswith(".test.yaml")}
    flow, row = "channels/outpatient_settlement.yaml", "    - {check: [our_rules]}\n"
    assert any(one.text == row for one in blocks(readme, "yaml")), "the row to add is not shown as expected"
    below = "    - {check: [bill_rules]}\n"
    text = files[flow].decode()
    assert text.count(below) == 1
    files[flow] = text.replace(below, below + row).encode()
    for name, shown in named_files(readme).items():
        assert name not in files, f"{name} ships already"
        files[name] = shown.encode()
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def _told(root: Path) -> set[tuple[str, str]]:
    return {(item.file, item.code) for item in lint(root)}


def test_the_files_shown_lint_without_a_word(english_site: Path) -> None:
    assert len(named_files(ENGLISH)) == 6
    assert _told(english_site) <= _told(ROOT)


def test_the_chinese_files_lint_too(tmp_path: Path) -> None:
    assert _told(_site_with(CHINESE, tmp_path)) <= _told(ROOT)


def test_a_mistake_in_a_file_shown_would_be_seen(english_site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(english_site, folder)
    path = folder / "mappings/patient_found.map.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("| fen", "| fem"), encoding="utf-8")
    assert _told(folder) - _told(ROOT)


def test_the_conversations_shown_hold(english_site: Path) -> None:
    played = run(english_site, {"patients"})
    assert [one["passed"] for one in played] == [True, True], [one["text"] for one in played]


@pytest.mark.parametrize("readme", READMES, ids=IDS)
def test_every_command_shown_exists(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    lines = [line for one in blocks(readme, "sh") for line in one.text.splitlines()]
    lines += re.findall(r"`((?:engine|make|python -m) [^`]+)`", text.replace("\n", " "))
    seen = [_judged(line) for line in lines]
    assert seen.count("engine") > 15
    assert {"engine", "make", "python"} <= set(seen)


def _judged(line: str) -> str:
    """Fails when the line names a command, option, target or module that is not there; says which kind it is."""
    if not line.startswith(("engine ", "make ", "python ")):
        return ""
    words = shlex.split(line)
    match words:
        case ["engine", name, *rest]:
            _engine(name, rest)
        case ["make", *targets]:
            known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
            assert {one for one in targets if "=" not in one} <= known, line
        case ["python", "-m", module, *rest]:
            assert find_spec(module) is not None, line
            if module == "simulators.kiosk":
                kiosk_parser().parse_args(rest)
    return words[0]


def _engine(name: str, rest: list[str]) -> None:
    assert name in COMMANDS, f"engine {name}"
    known = {option for one in COMMANDS[name].params for option in one.opts}
    for word in rest:
        assert not word.startswith("-") or word in known, f"engine {name} {word}"
    if name == "list":
        assert rest[0] in _KINDS, rest
    if name == "explain" and rest[0] != "CODE":
        assert explain(ROOT, rest[0]) == 0


def test_both_readmes_have_the_same_sections_and_commands() -> None:
    english, chinese = (path.read_text(encoding="utf-8") for path in READMES)
    assert _levels(english) == _levels(chinese)
    for language in ("sh", "python", "json"):
        assert _texts(ENGLISH, language) == _texts(CHINESE, language)
    trees = [[yaml.load(one.text, yaml.BaseLoader) for one in blocks(path, "yaml")] for path in READMES]  # noqa: S506 makes nothing but text
    assert trees[0] == trees[1]
    assert _rows(english) == _rows(chinese)
    assert re.findall(r"^(\d+)\. ", english, re.MULTILINE) == re.findall(r"^(\d+)\. ", chinese, re.MULTILINE)
    assert _words(english) - _words(chinese) == set(), "code words only the English text has"
    assert _words(chinese) - _words(english) == set(), "code words only the Chinese text has"


def _levels(text: str) -> list[int]:
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [len(one) for one in re.findall(r"^(#+) ", plain, re.MULTILINE)]


def _texts(path: Path, language: str) -> list[str]:
    return [one.text for one in blocks(path, language)]


def _rows(text: str) -> int:
    return len(re.findall(r"^\|", text, re.MULTILINE))


def _words(text: str) -> set[str]:
    """What stands in backticks outside of the blocks."""
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return {re.sub(r"\s+", " ", one) for one in re.findall(r"`([^`]+)`", plain)}


@pytest.mark.parametrize("readme", READMES, ids=IDS)
def test_every_state_of_the_api_says_what_to_do(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    named = re.findall(r"^\| `([a-z]+)` \| \d{3} \|", text, re.MULTILINE)
    assert sorted(named) == sorted(openapi._STATES)


@pytest.mark.parametrize("readme", READMES, ids=IDS)
def test_the_meters_named_exist(readme: Path) -> None:
    meters = Meters()
    meters.call_ended("his", "lock.bill", "silent", 1.0)
    meters.follow(Undelivered())
    page = meters.page().decode()
    named = set(re.findall(r"`(engine_[a-z_]+)`", readme.read_text(encoding="utf-8")))
    assert named
    assert all(name in page for name in named), named


@pytest.mark.parametrize("readme", READMES, ids=IDS)
def test_what_is_said_to_be_missing_is_missing(readme: Path) -> None:
    """So that the list is shortened in the commit that makes it shorter."""
    text = readme.read_text(encoding="utf-8")
    items = re.findall(r"^- .*(?:\n  .*)*", text, re.MULTILINE)
    there = {
        "`deliver`": "deliver" in KINDS,
        "`rollback`": "rollback" in COMMANDS,
        "SOAP": "municipal" in PARTIES,
        "JSAPI": b"jsapi" in b"".join(data for name, data in read_files(ROOT).items() if name.startswith("channels/")),
    }
    assert len(items) >= 6
    for word, exists in there.items():
        assert any(word in item for item in items) != exists, word


@pytest.mark.parametrize("readme", READMES, ids=IDS)
def test_every_document_is_one_step_away(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    named = {(ROOT / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in link}
    pages = {*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "docs/examples/README.md"}
    assert pages - set(READMES) - named == set()
