"""Every mistake an administrator makes, and exactly what lint says of it: place, code and nearest word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.config.problems import CODES, render
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
    assert len(CASES) >= 200


@pytest.mark.parametrize("case", CASES)
def test_its_place_is_there_and_it_says_what_to_write_in_both_languages(case: dict[str, Any]) -> None:
    files = patched(*case["patch"], base=case.get("site", ""))
    for item in lint(files, parties=PARTIES):
        lines = files.get(item.file, b"").decode("utf-8", "replace").splitlines() or [""]
        assert 1 <= item.line <= len(lines), told(item)
        assert 1 <= item.col <= len(lines[item.line - 1]) + 1, told(item)
        assert len(item.zh) > 5, told(item)
        assert len(item.en) > 8, told(item)
        shown = render(item, {item.file: "\n".join(lines)}, "en").split("\n")
        assert shown[0].startswith(f"{item.file}:{item.line}:{item.col}  {item.code}  {item.en}")
        assert item.file not in files or "^" in shown[-1], "the place is underlined"


@pytest.mark.parametrize("case", [case for case in CASES if any(len(e.split()) > 2 for e in case.values[0]["expect"])])
def test_the_nearest_word_written_in_its_place_mends_it(case: dict[str, Any]) -> None:
    files = patched(*case["patch"], base=case.get("site", ""))
    before = [item for item in lint(files, parties=PARTIES) if item.hint]
    mended = dict(files)
    for item in sorted(before, reverse=True):  # from the end, so that places before it stay
        lines = mended[item.file].decode().split("\n")
        line, at = lines[item.line - 1], item.col - 1
        end = at + item.width
        if line[at : at + 1] in "'\"":
            at, end = at + 1, end - 1
        lines[item.line - 1] = line[:at] + item.hint + line[end:]
        mended[item.file] = "\n".join(lines).encode()
    left = {(item.file, item.line, item.code) for item in lint(mended, parties=PARTIES) if item.hint}
    assert not left & {(item.file, item.line, item.code) for item in before}, mended


def test_mistakes_in_many_files_are_told_all_at_once() -> None:
    """One mistake in each of several files, those that leave the rest readable: nobody mends one to see the next."""
    chosen: dict[str, dict[str, Any]] = {}
    for param in CASES:
        case = param.values[0]
        files = {patch["file"] for patch in case["patch"]}
        if len(case["patch"]) == 1 and "old" in case["patch"][0] and not case.get("site") and len(case["expect"]) == 1:
            code = case["expect"][0].split()[1]
            if code in ("E201", "E204", "E301", "E302", "E401", "E416", "E419", "E606", "E609", "E208"):
                chosen.setdefault(min(files), case)
    assert len(chosen) >= 3, chosen
    said = {told(item) for item in lint(patched(*(one["patch"][0] for one in chosen.values())), parties=PARTIES)}
    assert {line for one in chosen.values() for line in one["expect"]} <= said


def test_cases_are_written_once() -> None:
    names = [param.id for param in CASES]
    assert len(set(names)) == len(names)
    assert all(Path(name).name for name in names)
