"""What the shipped maps say to people: both languages, down to what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.pipeline.rejected import TEXTS

ROOT = Path(__file__).resolve().parents[2]
MAPS = sorted([*ROOT.glob("mappings/*.map.yaml"), *ROOT.glob("docs/examples/*/mappings/*.map.yaml")])


def texts_of(path: Path) -> dict[str, dict[str, Any]]:
    made: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 texts only
    return made.get("texts", {})


@pytest.mark.parametrize("path", [path for path in MAPS if texts_of(path)], ids=lambda path: path.stem)
def test_what_to_do_is_said_in_both_languages(path: Path) -> None:
    for code, text in texts_of(path).items():
        assert bool(text.get("next")) == bool(text.get("next_en")), f"{path.name}: {code}"


def test_so_is_what_to_do_about_a_map_that_refuses() -> None:
    assert [text.code for text in TEXTS.values() if bool(text.next) != bool(text.next_en)] == []
