"""`engine conformance` as an interface person runs it: a simulator in a process of its own, exit codes, the sheet."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from engine.cli.conformance import WebGround
from engine.core.world import World
from tests.conformance.ground import ROOT, card_of
from tests.his_examples.ground import laid_over

LIMIT = 60.0


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder with engine.yaml and the HIS's secret, and the HIS's address."""
    folder = tmp_path_factory.mktemp("node")
    shutil.copy(ROOT / "engine.yaml", folder / "engine.yaml")
    process = subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-m", "simulators", "his", "--ports", "his=0", "--state", str(folder / "state")],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"{url}/sim/card.json", timeout=10) as reply:  # noqa: S310 loopback
            card = json.load(reply)
        secret = folder / "var/sim/his/secret"
        secret.parent.mkdir(parents=True)
        secret.write_text(card_of(card, "var/sim/his/secret"))
        yield folder, url
    finally:
        process.terminate()
        process.wait(20)


def engine(folder: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(  # noqa: S603 our own program
        [sys.executable, "-m", "engine", "conformance", *arguments, "--root", str(folder)],
        capture_output=True, text=True, timeout=LIMIT, cwd=ROOT,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_all_passed_is_0_and_the_sheet_is_written(town: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = town
    code, said = engine(folder, "his", "--against", url, "--out", str(tmp_path))
    assert code == 0, said
    sheet: dict[str, Any] = json.loads((tmp_path / "his.json").read_text())
    assert sheet["passed"] is True
    assert "逐一联调单" in (tmp_path / "his.html").read_text()


def test_something_differs_is_1_and_named(town: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = town
    values = tmp_path / "values.yaml"
    values.write_text("bill: BCONF002\namount: '19999'\n")
    code, said = engine(folder, "his", "--against", url, "--with", str(values), "--json")
    assert code == 1, said
    document, told = said.splitlines()[:2]  # what a simulator could not play is told beside the document, not in it
    assert "BCONF901 exists" in told
    lines = {one["title_en"]: one for one in json.loads(document)["interfaces"]}
    assert lines["lock a bill until its expiry"]["result"] == "refused"
    assert lines["book the settlement"]["result"] == "not_run"


def test_a_simulator_whose_clock_was_moved_is_met_in_its_own_time(town: tuple[Path, str]) -> None:
    folder, url = town
    request = urllib.request.Request(f"{url}/sim/clock", b'{"advance": 86400}')  # noqa: S310 loopback
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 loopback
    values = folder / "moved.yaml"
    values.write_text("bill: BCONF003\nled_bill: BCONF903\n")
    code, said = engine(folder, "his", "--against", url, "--with", str(values))
    assert code == 0, said
    for signing in (b"wall", b"clock"):
        request = urllib.request.Request(f"{url}/sim/clock", b'{"signing": "%s"}' % signing)  # noqa: S310 loopback
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 loopback
        if signing == b"wall":
            code, said = engine(folder, "his", "--against", url)
            assert (code, '{"signing": "clock"}' in said) == (3, True), said


def test_wrong_use_is_2_and_nobody_there_is_3(town: tuple[Path, str]) -> None:
    folder, url = town
    assert engine(folder, "nobody", "--against", url)[0] == 2
    assert engine(folder, "his", "--against", "his.example")[0] == 2
    code, said = engine(folder, "his", "--against", "http://127.0.0.1:9")
    assert (code, "write a bill" in said) == (3, False), "nobody is asked to do anything where nobody is"
    for place, name in ((url, "his"), ("http://127.0.0.1:9", "")):
        assert WebGround(place, World(MemoryReactorClock())).stands() == name
    assert engine(folder, "wechat", "--against", url)[0] == 3  # no keys of WeChat here
    for party, place in (("his_hl7", url), ("his", "mllp://127.0.0.1:9"), ("his_hl7", "mllp://127.0.0.1")):
        code, said = engine(folder, party, "--against", place)
        assert (code, "mllp://host:port" in said) == (2, True), said
    code, said = engine(folder, "his_hl7", "--against", "mllp://127.0.0.1:9")
    assert (code, "his_hl7" in said) == (3, True), "engine.yaml has no such connection"


def test_hl7_is_spoken_over_mllp(tmp_path: Path) -> None:
    (tmp_path / "engine.yaml").write_bytes(laid_over("his_hl7")["engine.yaml"])
    command = [sys.executable, "-m", "simulators", "his", "--ports", "his=0", "--state", str(tmp_path / "s")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)  # noqa: S603 our own program
    try:
        assert process.stdout is not None
        place = next(said.split()[-1] for said in process.stdout if "mllp://" in said)
        code, said = engine(tmp_path, "his_hl7", "--against", place, "--out", str(tmp_path))
        assert code == 0, said
        sheet = (tmp_path / "his_hl7.json").read_text()
        assert set(json.loads(sheet)["counts"]) == {"passed"}
        assert "测试𠮷" not in sheet, "persons are masked"
        assert engine(tmp_path, "his_hl7", "--against", "mllp://127.0.0.1:9")[0] == 3
    finally:
        process.terminate()
        process.wait(20)


def test_fixed_lengths_are_spoken_over_tcp(tmp_path: Path) -> None:
    shutil.copy(ROOT / "engine.yaml", tmp_path / "engine.yaml")
    layouts = tmp_path / "schemas" / "layouts"
    layouts.mkdir(parents=True)
    shutil.copy(ROOT / "schemas/layouts/qingdao_legacy.csv", layouts)
    command = [sys.executable, "-m", "simulators", "qingdao", "--ports", "qingdao=0", "--state", str(tmp_path / "s")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)  # noqa: S603 our own program
    try:
        assert process.stdout is not None
        place = process.stdout.readline().split()[-1].replace("http://", "tcp://")
        assert engine(tmp_path, "his", "--against", place)[0] == 2, "tcp is for fixed lengths only"
        code, said = engine(tmp_path, "qingdao_legacy", "--against", place, "--out", str(tmp_path))
        assert code == 0, said
        sheet = json.loads((tmp_path / "qingdao_legacy.json").read_text())
        assert sheet["counts"] == {"passed": 8}
        assert engine(tmp_path, "qingdao_legacy", "--against", "tcp://127.0.0.1:9")[0] == 3
    finally:
        process.terminate()
        process.wait(20)
