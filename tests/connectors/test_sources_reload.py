"""Another configuration for listeners that fetch, while they fetch: nothing twice, nothing left out, no noise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from engine.runtime.reload import NotApplied, Proposal
from tests.connectors.test_sources import FILES, ROW_MAP, ROWS, Node, V, box, drop, his, kept, view
from tests.deliver.ward import adt

__all__ = ["box"]
pytestmark = pytest.mark.filterwarnings("ignore:Dialect sqlite")


def change(node: Node, edit: Callable[[str], str], channel: Callable[[str], str] = str) -> None:
    """Have the running engine take an edited engine.yaml (and channel)."""
    assert node.engine is not None
    files = dict(node.engine.sites.current.source)
    files["engine.yaml"] = edit(files["engine.yaml"].decode()).encode()
    files["channels/events.yaml"] = channel(files["channels/events.yaml"].decode()).encode()
    base = node.engine.sites.current.version
    _, changed = node.wait(Deferred.fromCoroutine(node.engine.reload.apply(Proposal(files, base, "测试", "换目录"))))
    assert changed


def told(node: Node) -> list[tuple[str, str]]:
    """What the engine complained of."""
    rows = [json.loads(line) for line in node.log.getvalue().splitlines()]
    return [(row["event"], str(row.get("why", ""))) for row in rows if row["level"] in ("warning", "error")]


def said(node: Node, event: str) -> list[tuple[str, str]]:
    rows = [json.loads(line) for line in node.log.getvalue().splitlines()]
    return [(row["event"], str(row.get("why", ""))) for row in rows if row["event"] == event]


class Renamed(Node):
    """The node of before, started again with its listener under another name."""

    def __init__(self, folder: Path, listener: str, channel: str, made: str, before: Node) -> None:
        self.__dict__ = before.__dict__
        self._listener = listener.replace("his_view:", "his_rows:")
        self._channel = channel.replace("his_view", "his_rows")


def names(node: Node) -> list[str]:
    return [control for _, control in node.emr.got]


def test_another_directory_is_emptied_from_now_on_and_the_old_one_is_let_be(tmp_path: Path, box: Path) -> None:
    node = Node(tmp_path, drop(box), FILES)
    node.start()
    (box / "a.hl7").write_bytes(adt("C1"))
    node.advance(5)
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.hl7").write_bytes(adt("C2"))
    change(node, lambda text: text.replace(str(box), str(other)))
    (box / "left.hl7").write_bytes(adt("C3"))
    node.advance(10)
    assert names(node) == ["C1", "C2"]
    assert [path.name for path in box.iterdir() if path.is_file()] == ["left.hl7"]
    assert kept(other, "archive") == ["b.hl7"]
    assert told(node) == []
    node.stop()


def test_other_file_names_in_the_same_directory_while_files_are_being_taken(tmp_path: Path, box: Path) -> None:
    """The old fetcher is in the middle of a round when it is replaced: each file is handed over by one of them."""
    node = Node(tmp_path, drop(box), FILES)
    node.start()
    node.advance(0.5)
    for number in range(30):
        (box / f"{number:02}.hl7").write_bytes(adt(f"C{number:02}", f"P{number}"))
        (box / f"{number:02}.txt").write_bytes(adt(f"T{number:02}", f"P{number}"))
    for step in range(6):
        node.advance(0.31 * (step + 1))
        before, after = ("'*.hl7'", "'*'") if step % 2 == 0 else ("'*'", "'*.hl7'")
        change(node, lambda text, pair=(before, after): text.replace(*pair))  # type: ignore[misc]  # bound now
    change(node, lambda text: text.replace("'*.hl7'", "'*'"))
    node.advance(30)
    assert sorted(names(node)) == sorted([f"C{n:02}" for n in range(30)] + [f"T{n:02}" for n in range(30)])
    assert len(kept(box, "archive")) == 60
    assert kept(box, "error") == []
    assert told(node) == []
    assert node.rows("SELECT count(*) FROM messages") == [(60,)]
    node.stop()


def test_a_file_that_is_being_taken_is_not_taken_by_the_successor_too(
    tmp_path: Path, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Node(tmp_path, drop(box), FILES)
    node.start()
    assert node.engine is not None
    batches, waiting = node.engine.deliver.batches, []
    take = batches.take
    monkeypatch.setattr(batches, "take", waiting.append)  # the disk is slow
    (box / "a.hl7").write_bytes(adt("C1"))
    node.advance(3)
    assert len(waiting) == 1
    change(node, lambda text: text.replace("'*.hl7'", "'*'"))
    node.advance(5)
    monkeypatch.setattr(batches, "take", take)
    for held in waiting:
        take(held)
    node.advance(10)
    assert len(waiting) == 1, "handed over once"
    assert (names(node), kept(box, "archive"), kept(box, "error")) == (["C1"], ["a.hl7"], [])
    (box / "b.txt").write_bytes(adt("C2"))
    node.advance(5)
    assert names(node) == ["C1", "C2"], "and the successor is at work"
    assert told(node) == []
    node.stop()


def test_a_listener_that_fetches_comes_and_goes(tmp_path: Path, box: Path) -> None:
    node = Node(tmp_path, drop(box), FILES)
    node.start()
    engine = node.engine
    assert engine is not None
    row = drop(box) + ", "
    change(node, lambda text: text.replace(row, ""), lambda text: text.replace("at: lis_out", "at: hl7"))
    (box / "a.hl7").write_bytes(adt("C1"))
    node.advance(10)
    assert names(node) == []
    assert "lis_out" not in engine.listeners
    change(node, lambda text: text.replace("listeners: {", "listeners: {" + row),
           lambda text: text.replace("at: hl7", "at: lis_out"))  # fmt: skip
    node.advance(10)
    assert names(node) == ["C1"]
    assert told(node) == []
    node.stop()


def test_a_refused_configuration_leaves_the_fetcher_at_work(tmp_path: Path, box: Path) -> None:
    node = Node(tmp_path, drop(box), FILES)
    node.start()
    assert node.engine is not None
    with pytest.raises(NotApplied):
        change(node, lambda text: text.replace(str(box), f"{box}2").replace("kind: subscriber", "kind: subscriberr"))
    (box / "a.hl7").write_bytes(adt("C1"))
    node.advance(10)
    assert names(node) == ["C1"]
    node.stop()


def test_more_columns_of_a_view_and_a_shorter_round_go_on_where_it_was_read_to(tmp_path: Path) -> None:
    his(tmp_path, V, "INSERT INTO V VALUES (1, 10, 'P1', '历史', '1.00')")
    node = Node(tmp_path, view(tmp_path), ROWS, ROW_MAP)
    node.start()
    node.advance(4)
    change(node, lambda text: text.replace("every: 2s", "every: 1s"))
    for number in range(2, 40):
        his(tmp_path, f"INSERT INTO V VALUES ({number}, {number + 9}, 'P{number % 3}', '测试甲', '1')")  # noqa: S608
        if number % 9 == 0:
            before, after = ("1s", "2s") if number % 2 else ("2s", "1s")
            change(node, lambda text, b=before, a=after: text.replace(f"every: {b}", f"every: {a}"))  # type: ignore[misc]  # bound now
        node.advance(0.4)
    node.advance(15)
    controls = [body["control"] for body in node.emr.bodies]
    assert sorted(controls) == sorted(f"{number}@{number + 9}" for number in range(2, 40))
    assert node.rows("SELECT count(*) FROM messages") == [(38,)]
    assert told(node) == []
    node.stop()


def test_another_view_begins_with_its_own_mark(tmp_path: Path) -> None:
    """Its marks have nothing to do with the old one's: lower ones must not be passed over, and the first one's place
    is remembered for the day it is read again."""
    his(tmp_path, V, V.replace("V (", "W ("))
    node = Node(tmp_path, view(tmp_path), ROWS, ROW_MAP)
    node.start()
    node.advance(1)
    his(tmp_path, "INSERT INTO V VALUES (1, 900, 'P1', '甲', '1')")
    node.advance(10)
    change(node, lambda text: text.replace("view: V,", "view: W,"))
    node.advance(1)
    his(tmp_path, "INSERT INTO W VALUES (7, 5, 'P1', '乙', '1')", "INSERT INTO V VALUES (2, 901, 'P1', '甲', '1')")
    node.advance(10)
    assert [body["control"] for body in node.emr.bodies] == ["1@900", "7@5"]
    change(node, lambda text: text.replace("view: W,", "view: V,"))
    node.advance(10)
    assert [body["control"] for body in node.emr.bodies] == ["1@900", "7@5", "2@901"]
    assert told(node) == []
    node.stop()


def test_a_view_whose_listener_gets_another_name_is_read_on_where_it_was(tmp_path: Path) -> None:
    """Rows that came between the last round under the old name and the first under the new one are not history."""
    his(tmp_path, V)
    node = Node(tmp_path, view(tmp_path), ROWS, ROW_MAP)
    node.start()
    node.advance(1)
    his(tmp_path, "INSERT INTO V VALUES (1, 10, 'P1', '甲', '1')")
    node.advance(10)
    node.crash()
    his(tmp_path, "INSERT INTO V VALUES (2, 11, 'P1', '乙', '1')")
    node = Renamed(tmp_path, view(tmp_path), ROWS, ROW_MAP, node)
    node.start()
    node.advance(10)
    his(tmp_path, "INSERT INTO V VALUES (3, 12, 'P1', '丙', '1')")
    node.advance(10)
    assert [body["control"] for body in node.emr.bodies] == ["1@10", "2@11", "3@12"]
    assert [why for event, why in said(node, "source_goes_on")] == ["read so far as his_view"]
    node.stop()


def test_renamed_while_it_runs_a_row_that_just_came_is_not_passed_over(tmp_path: Path) -> None:
    his(tmp_path, V)
    node = Node(tmp_path, view(tmp_path), ROWS, ROW_MAP)
    node.start()
    node.advance(1)
    his(tmp_path, "INSERT INTO V VALUES (1, 10, 'P1', '甲', '1')")
    node.advance(10)
    his(tmp_path, "INSERT INTO V VALUES (2, 11, 'P1', '乙', '1')")
    change(node, lambda text: text.replace("his_view:", "his_rows:"), lambda text: text.replace("his_view", "his_rows"))
    node.advance(10)
    assert [body["control"] for body in node.emr.bodies] == ["1@10", "2@11"]
    node.stop()


def test_two_listeners_of_one_view_each_have_their_own_place(tmp_path: Path) -> None:
    """One that is new takes over nothing of one that is still there: what was there before it is history to it."""
    his(tmp_path, V)
    node = Node(tmp_path, view(tmp_path), ROWS, ROW_MAP)
    node.start()
    node.advance(1)
    his(tmp_path, "INSERT INTO V VALUES (1, 10, 'P1', '甲', '1')")
    node.advance(10)
    second = view(tmp_path).replace("his_view:", "second:")
    change(node, lambda text: text.replace("listeners: {", "listeners: {" + second + ", "))
    node.advance(10)
    assert len(node.rows("SELECT source FROM marks")) == 2
    assert said(node, "source_goes_on") == []
    node.stop()
