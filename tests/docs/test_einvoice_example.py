"""The example of the invoice desk: laid over the shipped site it lints, and its conversations hold."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.config.problems import failing
from engine.conversation import run
from engine.site.load import lint

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "einvoice"
REHEARSED = sorted(path.name.removesuffix(".test.yaml") for path in (EXAMPLE / "channels").glob("*.test.yaml"))


def test_it_lints_and_its_conversations_hold(tmp_path: Path) -> None:
    shutil.copyfile(ROOT / "engine.yaml", tmp_path / "engine.yaml")
    for name in ("channels", "mappings", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.test.yaml"))
        shutil.copytree(EXAMPLE / name, tmp_path / name, dirs_exist_ok=True)
    assert not failing(lint(tmp_path))
    results = run(tmp_path, REHEARSED)
    assert len(results) >= 40
    assert not [f"{one['name']}\n{one['text']}" for one in results if not one["passed"]]


def test_every_settlement_of_it_is_rehearsed() -> None:
    channels = {path.stem for path in (EXAMPLE / "channels").glob("*.yaml") if not path.name.endswith(".test.yaml")}
    assert channels - set(REHEARSED) == {"invoice_state", "invoice_paper_next"}  # plain questions: tests/flow asks them
