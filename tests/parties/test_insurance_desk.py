"""The example of the insurance desk over the shipped site: it lints, its conversations hold, and no transaction of the
party is without a call row that uses it. Provinces without the A forms need other numbers only."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from engine.config.problems import failing
from engine.conversation import run
from engine.parties.nhsa.operations import OPS
from engine.site.load import lint

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
EXAMPLE = EXAMPLES / "insurance_desk"
CHANNELS = sorted(p.stem for p in (EXAMPLE / "channels").glob("*.yaml") if not p.name.endswith(".test.yaml"))
WITHOUT_A = {"2203", "2206", "2207"}  # the same rows under other numbers, see below


@pytest.fixture
def site(tmp_path: Path) -> Path:
    text = (ROOT / "engine.yaml").read_text("utf-8")
    text = text.replace('  med_type:    "11"', '  signing_type: "03"\n  med_type:    "11"')
    (tmp_path / "engine.yaml").write_text(text, "utf-8")
    for name in ("channels", "mappings", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.test.yaml"))
        shutil.copytree(EXAMPLE / name, tmp_path / name, dirs_exist_ok=True)
    return tmp_path


def test_the_example_lints_and_its_conversations_hold(site: Path) -> None:
    assert [f"{one.file}:{one.line} {one.code} {one.en}" for one in failing(lint(site))] == []
    results = run(site, CHANNELS)
    assert len(results) >= 25
    assert [f"{one['name']}\n{one['text']}" for one in results if not one["passed"]] == []


def test_every_transaction_has_a_call_row_in_a_channel() -> None:
    used: set[str] = set()
    for folder in (ROOT, EXAMPLE, EXAMPLES / "inpatient"):
        for path in (folder / "channels").glob("*.yaml"):
            used |= set(re.findall(r"to: nhsa,\s*op: \"?([\w.]+)\"?", path.read_text("utf-8")))
    assert OPS.keys() - WITHOUT_A <= used, OPS.keys() - WITHOUT_A - used


def test_a_province_without_the_a_forms_needs_other_numbers_only(site: Path) -> None:
    channel = site / "channels" / "outpatient_settlement.yaml"
    text = channel.read_text("utf-8")
    for code in WITHOUT_A:
        text = text.replace(f"op: {code}A,", f'op: "{code}",')
    assert not re.search(r"op: \d+A", text)
    channel.write_text(text, "utf-8")
    reverse = site / "mappings" / "nhsa_2601.map.yaml"
    reverse.write_text(reverse.read_text("utf-8").replace("'2207A'", "'2207'"), "utf-8")
    talks = "channels/outpatient_settlement.test.yaml"
    shutil.copyfile(ROOT / talks, site / talks)
    assert failing(lint(site)) == []
    results = run(site, ["outpatient_settlement"])
    assert [f"{one['name']}\n{one['text']}" for one in results if not one["passed"]] == []
