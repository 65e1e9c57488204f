"""`engine run`: the ready line, signals, and every reason not to start."""

from __future__ import annotations

import json
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Running, engine, here, new_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return new_site(tmp_path_factory.mktemp("node") / "site")


def test_it_says_ready_once_its_doors_are_open_and_sigterm_ends_it_well(site: Path) -> None:
    running = Running(site)
    assert running.first.startswith("engine ready http://127.0.0.1:"), (site / "run.log").read_text()
    with urllib.request.urlopen(f"{running.first.split()[-1]}/readyz", timeout=5) as reply:  # noqa: S310 loopback
        assert json.load(reply) == {"ready": True}
    assert running.tell(signal.SIGTERM) == 0


def test_ctrl_c_ends_it_with_130(site: Path) -> None:
    running = Running(site)
    assert running.first.startswith("engine ready")
    assert running.tell(signal.SIGINT) == 130


def test_a_second_engine_on_the_same_store_does_not_start(site: Path) -> None:
    running = Running(site)
    assert running.first.startswith("engine ready")
    second = engine("run", "--root", str(site))
    assert second.returncode == 3
    assert "another engine is running" in second.stderr
    assert running.process.poll() is None, "the first one went on"
    assert running.tell(signal.SIGTERM) == 0


def test_a_taken_port_is_exit_3_and_named(tmp_path: Path) -> None:
    site = new_site(tmp_path / "site")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = (site / "engine.yaml").read_text()
        old = text.split("http: 127.0.0.1:")[1].split("\n")[0]
        (site / "engine.yaml").write_text(text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{port}"))
        said = engine("run", "--root", str(site))
    assert said.returncode == 3
    assert str(port) in said.stderr
    assert "Traceback" not in said.stderr


def test_without_its_key_it_does_not_start(tmp_path: Path) -> None:
    site = new_site(tmp_path / "site")
    (site / "var/keys/store.key").unlink()
    said = here("run", "--root", str(site))
    assert said.returncode == 3
    assert "engine keys" in said.stderr
    assert not (site / "var/engine.db").exists(), "no store under an unknown key"


def test_another_master_key_does_not_open_the_store(tmp_path: Path) -> None:
    site = new_site(tmp_path / "site")
    assert Running(site).tell(signal.SIGTERM) == 0
    (site / "var/keys/store.key").write_text("another key of at least thirty-two bytes")
    said = engine("run", "--root", str(site))
    assert said.returncode == 3
    assert "key" in said.stderr


def test_a_wrong_configuration_is_shown_and_nothing_starts(tmp_path: Path) -> None:
    site = new_site(tmp_path / "site")
    (site / "engine.yaml").write_text((site / "engine.yaml").read_text() + "nonsense: 1\n")
    said = here("run", "--root", str(site))
    assert said.returncode == 3
    assert "engine.yaml:" in said.stderr
    assert "nonsense" in said.stderr


@pytest.mark.parametrize(("profile", "code"), [("production", 3), ("bogus", 2)])
def test_production_refuses_a_development_clock(tmp_path: Path, profile: str, code: int) -> None:
    site = new_site(tmp_path / "site", engine={"name": "n", "profile": "demo", "clock": {"rate": "10", "anchor": "1"}})
    assert here("run", "--root", str(site), "--profile", profile).returncode == code


def test_a_rule_is_taken_away_in_the_test_profile_only(site: Path) -> None:
    said = engine("run", "--root", str(site), ENGINE_TEST_RULE_OFF="fence")
    assert (said.returncode, "profile" in said.stderr) == (3, True), said.stderr
    said = engine("run", "--root", str(site), "--profile", "test", ENGINE_TEST_RULE_OFF="nonsense")
    assert (said.returncode, "bill_locked" in said.stderr) == (2, True), said.stderr
    running = Running(site, "--profile", "test", ENGINE_TEST_RULE_OFF="fence")
    assert running.first.startswith("engine ready")
    assert running.tell(signal.SIGTERM) == 0


def test_a_failpoint_of_the_environment_kills_it_there(site: Path) -> None:
    running = Running(site, ENGINE_FAILPOINT="recovery.marked")
    assert running.first == ""
    assert running.process.wait(20) == -signal.SIGKILL
