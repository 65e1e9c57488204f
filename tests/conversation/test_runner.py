"""The runner itself: a conversation that does not hold fails, at its place and in words; a wrong file is told where."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.conversation import Result, run

ROOT = Path(__file__).resolve().parents[2]
HEAD = """\
channel: outpatient_bills
request: {patient: P0001}
answers:
  his.bills: {body: {bills: []}}
conversations:
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped configuration without its conversations."""
    shutil.copy(ROOT / "engine.yaml", tmp_path)
    for name in ("channels", "mappings", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.test.yaml"))
    return tmp_path


def _play(folder: Path, conversations: str, head: str = HEAD) -> list[Result]:
    (folder / "channels" / "outpatient_bills.test.yaml").write_text(head + conversations, "utf-8")
    return run(folder)


def _one(folder: Path, steps: str) -> Result:
    (result,) = _play(folder, f"  - name: one\n    steps:\n{steps}")
    return result


def test_a_conversation_that_holds(folder: Path) -> None:
    result = _one(folder, "      - kiosk says: ask\n      - expect: {status: 200, calls: [his.bills]}\n")
    assert result == {"name": "outpatient_bills: one", "passed": True, "text": ""}


@pytest.mark.parametrize(
    ("expect", "says"),
    [
        ("{status: 404}", "status: 预期 · expected 404，实际 · found 200"),
        ("{answer: {total: 1}}", "total: 预期 · expected 1，实际 · found 0"),
        ("{answer: {total: '0'}}", "total"),
        ("{calls: []}", "found [his.bills]"),
        ("{calls: [his.bills, his.bills]}", "found [his.bills]"),
        ("{never: [his.bills]}", "it was made: his.bills"),
        ("{bodies: {his.bills: {patientId: P0002}}}", "patientId: 预期 · expected P0002，实际 · found P0001"),
        ("{reason: E-SILENT}", "reason: 预期 · expected E-SILENT，实际 · found None"),
        ("{tasks: [differs]}", "tasks"),
    ],
)
def test_an_expectation_that_does_not_hold_is_told_at_its_place(folder: Path, expect: str, says: str) -> None:
    result = _one(folder, f"      - kiosk says: ask\n      - expect: {expect}\n")
    assert not result["passed"]
    place, _, text = result["text"].partition("  ")
    file, line, col = place.split(":")
    assert (file, line) == ("channels/outpatient_bills.test.yaml", "9")
    assert int(col) > 17, "the value itself is pointed at, not the step"
    assert says in text


def test_one_that_fails_does_not_stop_the_others(folder: Path) -> None:
    results = _play(
        folder,
        """\
  - {name: bad, steps: [{kiosk says: ask}, {expect: {status: 500}}]}
  - {name: good, steps: [{kiosk says: ask}, {expect: {status: 200}}]}
""",
    )
    assert [(r["name"], r["passed"]) for r in results] == [
        ("outpatient_bills: bad", False), ("outpatient_bills: good", True),
    ]  # fmt: skip


def test_a_call_nobody_scripted_is_a_failure_not_a_silence(folder: Path) -> None:
    head = HEAD.replace("  his.bills: {body: {bills: []}}\n", "").replace("answers:", "answers: {}")
    (result,) = _play(folder, "  - {name: one, steps: [{kiosk says: ask}]}\n", head)
    assert not result["passed"]
    assert "his.bills" in result["text"]


@pytest.mark.parametrize(
    ("steps", "code", "place"),
    [
        ("      - kiosk sais: ask\n", "E901", "8:9"),
        ("      - kiosk says: aks\n", "E204", "8:21"),
        ("      - his answers: {call: his.bilz, body: {}}\n", "E902", "8:29"),
        ("      - his is silent: his.bilz\n", "E902", "8:24"),
        ("      - expect: {calls: [his.bilz]}\n", "E902", "8:26"),
        ("      - expect: {never: [his.bilz]}\n", "E902", "8:26"),
        ("      - expect: {stat: 1}\n", "E201", "8:18"),
        ("      - wait: soon\n", "E205", "8:15"),
        ("      - wait until: tomorrow\n", "E904", "8:21"),
        ("      - his answers: {body: {}}\n", "E202", "8:22"),
    ],
)
def test_a_wrong_file_is_told_with_line_and_column(folder: Path, steps: str, code: str, place: str) -> None:
    (result,) = _play(folder, f"  - name: one\n    steps:\n{steps}")
    assert (result["name"], result["passed"]) == ("channels/outpatient_bills.test.yaml", False)
    assert result["text"].startswith(f"channels/outpatient_bills.test.yaml:{place}  {code}  "), result["text"]


@pytest.mark.parametrize(
    ("text", "code"),
    [("channel: outpatient_bils\nconversations: [{name: x, steps: [{kiosk says: ask}]}]\n", "E903"),
     ("channel: outpatient_bills\n", "E202"), ("", "E202"), ("a: [\n", "E101"), ("- 1\n", "E203")],
)  # fmt: skip
def test_a_file_that_is_no_test_file(folder: Path, text: str, code: str) -> None:
    (result,) = _play(folder, "", head=text)
    assert not result["passed"]
    assert f"  {code}  " in result["text"], result["text"]


def test_a_site_that_does_not_load_is_one_failed_result_with_its_problems(folder: Path) -> None:
    channel = folder / "channels" / "outpatient_bills.yaml"
    channel.write_text(channel.read_text("utf-8").replace("read: his_bills", "read: his_bils"), "utf-8")
    (result,) = run(folder)
    assert (result["name"], result["passed"]) == ("site", False)
    assert "his_bils" in result["text"]
    assert "channels/outpatient_bills.yaml:" in result["text"]


def test_a_conversation_finds_a_fault_in_the_channel(folder: Path) -> None:
    shipped = ROOT / "channels" / "outpatient_bills.test.yaml"
    shutil.copy(shipped, folder / "channels")
    assert all(result["passed"] for result in run(folder, ["outpatient_bills"]))
    answer = folder / "mappings" / "his_bills.map.yaml"
    answer.write_text(answer.read_text("utf-8").replace("bill.status == 'unpaid' || ", ""), "utf-8")
    failed = [result["name"] for result in run(folder, ["outpatient_bills"]) if not result["passed"]]
    assert "outpatient_bills: 待缴账单与合计，已结清的不列出" in failed
    assert "outpatient_bills: HIS 没有应答" not in failed


def test_nothing_is_left_in_the_folder_and_no_secret_is_read(folder: Path) -> None:
    before = sorted(path for path in folder.rglob("*"))
    _one(folder, "      - kiosk says: ask\n      - expect: {status: 200}\n")
    assert sorted(set(folder.rglob("*")) - set(before)) == [folder / "channels" / "outpatient_bills.test.yaml"]
