"""The example over the shipped site: it lints, and its conversations hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.problems import failing
from engine.conversation import run
from engine.site.load import lint
from tests.inpatient.ward import EXAMPLE, overlaid

CHANNELS = ("inpatient_settlement", "inpatient_admission", "inpatient_deposit", "inpatient_fees", "inpatient_change",
            "inpatient_stays")  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The composed folder, with the example's conversations."""
    folder = tmp_path_factory.mktemp("inpatient")
    for name, content in overlaid().items():
        if not name.endswith(".test.yaml"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    for path in (EXAMPLE / "channels").glob("*.test.yaml"):
        (folder / "channels" / path.name).write_bytes(path.read_bytes())
    return folder


def test_it_lints(site: Path) -> None:
    assert [f"{one.file}:{one.line} {one.code} {one.en}" for one in failing(lint(site))] == []


def test_every_channel_has_conversations() -> None:
    found = {path.name for path in (EXAMPLE / "channels").glob("*.test.yaml")}
    assert found == {f"{one}.test.yaml" for one in CHANNELS}


def test_its_conversations_hold(site: Path) -> None:
    results = run(site, list(CHANNELS))
    assert len(results) >= 20
    assert [f"{one['name']}\n{one['text']}" for one in results if not one["passed"]] == []
