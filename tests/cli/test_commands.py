"""The small commands: help, init, lint, keys, check, explain, schema, and the exit codes of wrong use."""

from __future__ import annotations

import http.server
import json
import re
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from engine.console.passwords import password_fits
from tests.cli.shell import ENVIRONMENT, HOME, engine, free_port, here, new_site

COMMANDS = ("run", "check", "keys", "init", "lint", "test", "explain", "schema", "simulate", "demo", "list", "show",
            "books", "resolve")  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_site(tmp_path_factory.mktemp("node") / "site")


def _has_both(text: str) -> bool:
    chinese = any("\u4e00" <= char <= "\u9fff" for char in text)
    return chinese and any(char.isascii() and char.isalpha() for char in text)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_in_both_languages(command: str) -> None:
    said = here(command, "--help")
    assert said.returncode == 0
    about = next(text for text in said.stdout.splitlines() if text.strip() and "Usage:" not in text)
    assert _has_both(about), about
    assert " · " in about


def test_help_is_quick_because_the_work_is_imported_later() -> None:
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        engine("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took) < 0.3, took  # seconds of the processor: the machine may be busy
    heavy = engine("--help", PYTHONPROFILEIMPORTTIME="1").stderr
    imported = set(re.findall(r"\| +([a-z_.]+)$", heavy, re.MULTILINE))
    assert "typer" in imported
    assert not imported & {"twisted", "sqlalchemy", "pydantic", "engine.app", "lxml", "yaml"}


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("list", "nonsense"), ("demo", "--only", "99"), ("show",),
                                       ("explain", "nonsense-nobody-knows"), ("lint", "--lang", "fr"),
                                       ("simulate", "mars")])  # fmt: skip
def test_wrong_use_is_exit_2(arguments: tuple[str, ...]) -> None:
    assert here(*arguments).returncode == 2


def test_init_makes_a_folder_that_lints_clean_and_never_overwrites(tmp_path: Path) -> None:
    made = here("init", str(tmp_path / "new"))
    assert made.returncode == 0, made.stderr
    assert here("lint", "--root", str(tmp_path / "new")).returncode == 0
    before = (tmp_path / "new/engine.yaml").read_bytes()
    assert here("init", str(tmp_path / "new")).returncode == 2
    assert (tmp_path / "new/engine.yaml").read_bytes() == before


def test_lint_prints_place_code_and_caret_and_json(tmp_path: Path) -> None:
    site = tmp_path / "new"
    here("init", str(site))
    channel = site / "channels/outpatient_settlement.yaml"
    channel.write_text(channel.read_text().replace("do: his.lock,", "do: his.lokc,"))
    said = here("lint", "--root", str(site))
    assert said.returncode == 1
    assert "channels/outpatient_settlement.yaml:" in said.stdout
    assert "his.lock" in said.stdout
    assert "^^^" in said.stdout
    found = json.loads(here("lint", "--root", str(site), "--json").stdout)
    assert {"file", "line", "col", "code", "zh", "en", "hint"} <= found[0].keys()
    wrong = next(one for one in found if one["hint"] == "his.lock")
    assert channel.read_text().splitlines()[wrong["line"] - 1][wrong["col"] - 1 :].startswith("his.lokc")


def test_lint_of_nothing_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    said = here("lint", "--root", str(tmp_path))
    assert said.returncode == 1
    assert "engine.yaml" in said.stdout


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    site = new_site(tmp_path / "site")
    files = sorted((site / "var/keys").iterdir())
    assert [path.name for path in files] == [
        "client-C01.secret", "client-H01.secret", "client-K01.secret", "client-OPS.secret", "index.key", "store.key",
        "user-admin.hash",
    ]  # fmt: skip
    contents = {path: path.read_bytes() for path in files}
    assert len(set(contents.values())) == len(files), "every secret is its own"
    for path, content in contents.items():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(content) >= 32
    rows = json.loads(here("keys", "--root", str(site), "--json").stdout)
    assert not any(row["made"] for row in rows)
    assert {path: path.read_bytes() for path in files} == contents


def test_a_console_user_gets_a_password_that_fits_and_is_kept_as_a_hash_only(tmp_path: Path) -> None:
    assert here("init", str(tmp_path / "new")).returncode == 0
    rows = json.loads(here("keys", "--root", str(tmp_path / "new"), "--json").stdout)
    password = next(row["password"] for row in rows if row["key"] == "user admin")
    kept = (tmp_path / "new/var/keys/user-admin.hash").read_text()
    assert password_fits(password, kept)
    assert not password_fits(password + "x", kept)
    assert password not in kept


def test_check_passes_a_good_node_and_a_silent_party_is_only_a_warning(site: Path) -> None:
    said = here("check", "--root", str(site), "--json")
    found = {one["what"]: one for one in json.loads(said.stdout)}
    assert said.returncode == 0, said.stdout
    assert found["configuration"]["verdict"] == "good"
    assert found["listener api"]["verdict"] == "good"
    assert found["keys of his"]["verdict"] == "warning", "its secret was never given"


class _Somebody(http.server.BaseHTTPRequestHandler):
    """Who holds the port: an engine says it is alive."""

    said: ClassVar[bytes] = b'{"alive":true}'

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()
        self.wfile.write(self.said)

    def log_message(self, *words: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(("said", "verdict"), [(b'{"alive":true}', "good"), (b"<html>", "problem"), (b"", "problem")])
def test_check_knows_a_running_engine_from_somebody_else_at_its_port(site: Path, said: bytes, verdict: str) -> None:
    """It is asked beside a running engine too, where its own ports are no problem."""
    port = int(yaml.safe_load((site / "engine.yaml").read_text())["listeners"]["api"]["http"].rpartition(":")[2])
    handler = type("Handler", (_Somebody,), {"said": said})
    with http.server.HTTPServer(("127.0.0.1", port), handler) as holder:
        threading.Thread(target=holder.serve_forever, daemon=True).start()
        try:
            shown = here("check", "--root", str(site), "--json")
        finally:
            holder.shutdown()
    found = {one["what"]: one for one in json.loads(shown.stdout)}
    assert found["listener api"]["verdict"] == verdict
    assert shown.returncode == (0 if verdict == "good" else 1)


def test_check_names_a_missing_key_and_a_loose_one(tmp_path: Path) -> None:
    site = new_site(tmp_path / "site")
    (site / "var/keys/client-K01.secret").unlink()
    (site / "var/keys/index.key").chmod(0o644)
    said = here("check", "--root", str(site), "--json")
    found = {one["what"]: one["verdict"] for one in json.loads(said.stdout)}
    assert said.returncode == 1
    assert found["key client K01"] == "problem"


def test_check_says_when_two_clients_hold_the_same_secret(site: Path) -> None:
    """By another file, which lint cannot see: whoever has it may refund in the other's name."""
    here("keys", "--root", str(site))
    (site / "var/keys/client-C01.secret").write_bytes((site / "var/keys/client-K01.secret").read_bytes())
    said = here("check", "--root", str(site), "--json")
    told = {item["what"]: item["text"] for item in json.loads(said.stdout) if item["verdict"] == "problem"}
    pair = {"key client C01", "key client K01"}
    assert len(pair & told.keys()) == 1
    ((named,), (other,)) = pair & told.keys(), pair - told.keys()
    assert other.removeprefix("key ") in told[named]
    assert "key client H01" not in told


@pytest.mark.parametrize(("what", "expected"), [
    ("E-BUSY", "held by settlement"), ("E-NOT-SIGNED", "Three ways"), ("pay.code", "unknown"), ("listener", "http"),
    ("E507", "engine.yaml"), ("wechat", "micropay"),
])  # fmt: skip
def test_explain_knows_codes_calls_components_and_parties(site: Path, what: str, expected: str) -> None:
    said = here("explain", what, "--lang", "en", "--root", str(site))
    assert said.returncode == 0, said.stderr
    assert expected in said.stdout


def test_schemas_are_json_schemas_of_every_kind_of_file(tmp_path: Path) -> None:
    assert here("schema", str(tmp_path / "out")).returncode == 0
    for kind in ("engine", "channel", "map"):
        tree = json.loads((tmp_path / f"out/{kind}.schema.json").read_text())
        assert tree["$schema"].startswith("http://json-schema.org/")


def test_lists_of_a_folder_without_a_store_say_so(site: Path) -> None:
    said = here("list", "settlements", "--root", str(site))
    assert said.returncode == 3
    assert "no store" in said.stderr


def test_the_makefile_lists_its_targets() -> None:
    said = subprocess.run(["make"], cwd=HOME, capture_output=True, text=True, check=True).stdout  # noqa: S607 make of the path
    for target in ("setup", "demo", "test", "lint", "bench", "lock", "clean"):
        assert f"make {target}" in said


def test_a_scenario_that_is_none_is_told_at_once_and_one_that_plays_says_how(tmp_path: Path) -> None:
    """`simulate` waited half a minute for simulators that had ended, and showed nobody what was played."""
    lines, play = (HOME / "engine.yaml").read_text("utf-8"), tmp_path / "mine.yaml"
    (tmp_path / "engine.yaml").write_text(lines.replace("127.0.0.1:8731", f"127.0.0.1:{free_port()}"), "utf-8")
    play.write_text("steps: [{at: 0, party: einvoice, act: {act: nonsense}}]")
    wrong = engine("simulate", "einvoice", "--root", str(tmp_path), "--play", str(play), limit=20.0)
    assert (wrong.returncode, "nonsense" in wrong.stderr) == (2, True), wrong.stderr
    play.write_text("steps: [{at: 0, party: einvoice, act: {act: flush, no: NOBODY}}]")
    process = subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-m", "engine", "simulate", "einvoice", "--root", str(tmp_path), "--play", str(play)],
        stdout=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        heard = []
        while not heard or "over" not in heard[-1]:
            heard.append(process.stdout.readline())
            assert heard[-1], heard
        told = [text for text in heard if text.startswith("scenario: ")]
        assert "FAILED" in told[0]
        assert "1 failed" in told[1]
    finally:
        process.terminate()
        process.wait(20)
