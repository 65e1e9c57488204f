"""The example site of commercial insurance lints, and its conversations hold."""

from __future__ import annotations

from pathlib import Path

from engine.config.problems import failing
from engine.conversation import run
from engine.site.load import lint
from tests.commercial.site import write_site


def test_the_example_of_commercial_insurance_holds(tmp_path: Path) -> None:
    write_site(tmp_path)
    assert not failing(lint(tmp_path))
    results = run(tmp_path, ["commercial_settlement"])
    assert len(results) >= 15
    assert not [f"{one['name']}\n{one['text']}" for one in results if not one["passed"]]
