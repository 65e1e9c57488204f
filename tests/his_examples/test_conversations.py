"""Each example over the shipped site lints, and every channel of it has conversations that hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.problems import failing
from engine.conversation import run
from engine.site.files import read_files
from engine.site.load import lint
from tests.his_examples.ground import EXAMPLES, laid_over
from tests.rig.lab import ROOT


@pytest.mark.parametrize(
    ("name", "least"),
    [("his_desk", 20), ("his_registration", 19), ("his_hl7", 38), ("insured_registration", 25)],
)
def test_it_lints_and_its_conversations_hold(name: str, least: int, tmp_path: Path) -> None:
    shipped = {path: data for path, data in read_files(ROOT).items() if not path.endswith(".test.yaml")}
    folder = EXAMPLES / name / "channels"
    tests = {f"channels/{path.name}": path.read_bytes() for path in folder.glob("*.test.yaml")}
    for path, data in {**shipped, **laid_over(name), **tests}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    assert [f"{one.file}:{one.line} {one.code} {one.en}" for one in failing(lint(tmp_path))] == []
    channels = sorted(path.name.partition(".")[0] for path in folder.glob("*.test.yaml"))
    assert channels == sorted(path.stem for path in folder.glob("*.yaml") if not path.name.endswith(".test.yaml"))
    results = run(tmp_path, channels)
    assert [f"{one['name']}\n{one['text']}" for one in results if not one["passed"]] == []
    assert len(results) >= least
