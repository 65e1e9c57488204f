"""Every mistake made with a service description, and exactly what lint says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.config.problems import CODES, Problem
from engine.site.files import read_files
from engine.site.load import lint

HERE = Path(__file__).parent
SHIPPED: Mapping[str, bytes] = read_files(HERE.parents[1])
CASES: list[dict[str, Any]] = yaml.safe_load((HERE / "golden.yaml").read_text("utf-8"))
OWN = {f"E8{number:02d}" for number in range(3, 15)} | {"W803"}


def patched(*patches: Mapping[str, str]) -> dict[str, bytes]:
    files = dict(SHIPPED)
    for patch in patches:
        file = patch["file"]
        if "old" in patch:
            text = files[file].decode()
            assert patch["old"] in text, f"{file} no longer has {patch['old']!r}"
            files[file] = text.replace(patch["old"], patch["new"], 1).encode()
        elif "copy" in patch:
            files[file] = files[patch["copy"]]
        elif "new" in patch:
            files[file] = patch["new"].encode()
        else:
            del files[file]
    return files


def told(item: Problem) -> str:
    return f"{item.file}:{item.line}:{item.col} {item.code} {item.hint}".rstrip()


def placed(line: str) -> str:
    """`engine.yaml:+6:20` counts from the connection, `…:@soap+1:9` from the line that begins with that word."""
    match = re.match(r"^([^:]+):(?:@([A-Za-z0-9]+))?\+([0-9]+):", line)
    if match is None:
        return line
    file, word = match[1], match[2] or "municipal"
    lines = SHIPPED[file].decode().split("\n")
    first = next(number for number, text in enumerate(lines, 1) if text.strip().startswith(f"{word}:"))
    return f"{file}:{first + int(match[3])}:{line[match.end() :]}"


BEFORE = {told(item) for item in lint(SHIPPED)}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["case"]) for case in CASES])
def test_a_mistake_is_told_at_its_place(case: dict[str, Any]) -> None:
    said = [told(item) for item in lint(patched(*case["patch"]))]
    assert [line for line in said if line not in BEFORE] == list(map(placed, case["expect"]))


def test_every_code_has_a_case() -> None:
    seen = {line.split()[1] for case in CASES for line in case["expect"]}
    assert {code for code in OWN if code in CODES} - seen == {"E811"}, "E811: what only zeep finds, test_wsdl"
    assert set(CODES) >= OWN
