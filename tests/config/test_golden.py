"""Every mistake an administrator makes, and exactly what lint says of it: place, code and nearest word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.config.problems import CODES
from engine.config.tree import plain, read_tree
from engine.site.load import lint
from tests.config.fake_parties import PARTIES
from tests.config.sites import BASES, HERE, patched, told


def _cases() -> list[Any]:
    found = []
    for file in sorted((HERE / "golden").glob("*.yaml")):
        tree, problems = read_tree(file.read_text("utf-8"), file.name)
        assert not problems, problems
        found += [pytest.param(case, id=f"{file.stem}: {case['case']}") for case in plain(tree)]
    return found


CASES = _cases()


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told_at_its_place(case: dict[str, Any]) -> None:
    said = [told(item) for item in lint(patched(*case["patch"], base=case.get("site", "")), parties=PARTIES)]
    assert said == case["expect"]


@pytest.mark.parametrize("base", BASES)
def test_the_good_site_has_nothing_to_say(base: str) -> None:
    assert lint(BASES[base], parties=PARTIES) == []


def test_every_code_of_the_configuration_layer_has_a_case() -> None:
    seen = {line.split()[1] for case in (param.values[0] for param in CASES) for line in case["expect"]}
    own = {code for code in CODES if code[:2] in ("E1", "E2", "E3", "E4", "E5", "W5")}
    only_elsewhere = {"E102"}  # a file over 1 MiB: test_tree
    assert own - seen - only_elsewhere == set()


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 60


def test_cases_are_written_once() -> None:
    names = [param.id for param in CASES]
    assert len(set(names)) == len(names)
    assert all(Path(name).name for name in names)
