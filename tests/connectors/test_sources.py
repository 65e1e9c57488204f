"""Files and rows become messages of a deliver channel: what the receiver gets, and where each file ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite3
import pytest

from engine.codecs.hl7_file import messages_in
from engine.config.problems import Problem
from engine.runtime.sources import failing
from engine.site.load import lint, load
from engine.site.site import Site
from tests.deliver.ward import ENGINE, MAP, Ward, adt

pytestmark = pytest.mark.filterwarnings("ignore:Dialect sqlite")
FILES = """channel: events
kind:    deliver
title:   文件
listen:  {at: lis_out, messages: [ADT^A01, ADT^A08]}
key:     hl7.PID_3_1
to:      {emr: {to: emr, op: post, send: event, wait: 5s}}
"""
ROWS = """channel: events
kind:    deliver
title:   视图
listen:  {at: his_view, rows: yes}
key:     request.PAT
to:      {emr: {to: emr, op: post, send: event, wait: 5s}}
"""
ROW_MAP = """map: event
make:
  - [no,      own.number]
  - [control, message.control]
  - [patient, request.PAT]
  - [name,    request.NAME]
  - [amount,  request.AMT | yuan]
"""


class Node(Ward):
    """A node with one listener that fetches beside the usual ones."""

    def __init__(self, folder: Path, listener: str, channel: str, made: str = MAP) -> None:
        super().__init__(folder)
        self._listener, self._channel, self._map = listener, channel, made

    def files(self) -> dict[str, str]:
        host = self.sim.node("engine").address
        engine = ENGINE.format(
            host=host, emr=self.sim.node("emr").address, gates="", lis=self.sim.node("lis").address, window=8,
            lis_more="",
        )
        return {
            "engine.yaml": engine.replace("listeners: {", "listeners: {" + self._listener + ", "),
            "channels/events.yaml": self._channel,
            "mappings/event.map.yaml": self._map,
        }

    def site(self) -> Site:
        made = load({name: text.encode() for name, text in self.files().items()})
        assert isinstance(made, Site), [f"{p.file}:{p.line}:{p.col} {p.code} {p.en}" for p in made]
        return made


@pytest.fixture
def box(tmp_path: Path) -> Path:
    made = tmp_path / "lis"
    made.mkdir()
    return made


def drop(box: Path, more: str = "") -> str:
    return f"lis_out: {{drop: {{directory: {box}, files: '*.hl7', every: 2s{more}}}, charset: GB18030}}"


def kept(box: Path, folder: str) -> list[str]:
    return sorted(path.name.split("-", 2)[2] for path in (box / folder).rglob("*-*-*") if path.is_file())


def test_files_are_delivered_in_order_and_kept_by_what_became_of_them(tmp_path: Path, box: Path) -> None:
    node = Node(tmp_path, drop(box), FILES)
    node.start()
    whole = adt("C1", "P1") + adt("C2", "P1", event="A08")
    (box / "a.hl7").write_bytes(whole.replace(b"\r", b"\r\n"))
    (box / "b.hl7").write_bytes(b"BHS|^~\\&|LIS\r" + adt("C3", "P1") + adt("C4", "P1", event="A03") + b"BTS|2\r")
    (box / "c.hl7").write_bytes(b"not HL7 at all")
    (box / "d.txt").write_bytes(adt("C5"))
    node.advance(10)
    assert [control for _, control in node.emr.got] == ["C1", "C2", "C3"]
    assert kept(box, "archive") == ["a.hl7"]
    assert kept(box, "error") == ["b.hl7", "b.hl7.json", "c.hl7", "c.hl7.json"]
    notes = {path.name.split("-", 2)[2]: json.loads(path.read_text()) for path in (box / "error").rglob("*.json")}
    assert notes["b.hl7.json"]["reason"] == (
        "1 of 2: C4: AR ADT^A03：MSH-9：这里不办理这种报文 · MSH-9: this type of message is not taken here"
    )
    assert notes["c.hl7.json"]["reason"].startswith("1 of 1: ?: AR")
    assert [path.name for path in box.iterdir() if path.is_file()] == ["d.txt"]
    node.stop()


def test_a_reason_is_told_in_both_languages_whichever_character_set_the_files_have(tmp_path: Path, box: Path) -> None:
    """A message that names no character set is answered, and read again, in the directory's own."""
    node = Node(tmp_path, drop(box), FILES)
    node.start()
    plain = adt("C1", name="张三").decode().replace("||||||UNICODE UTF-8", "")
    (box / "a.hl7").write_bytes(plain.encode("gb18030").replace("张".encode("gb18030"), b"\xff\xff"))
    (box / "b.hl7").write_bytes(plain.replace("19900101", "1990-1-1").encode("gb18030"))
    node.advance(10)
    notes = {path.name.split("-", 2)[2]: json.loads(path.read_text()) for path in (box / "error").rglob("*.json")}
    assert notes["a.hl7.json"]["reason"].startswith("1 of 1: C1: AR 有不合所写字符集的字节 · bytes that are not of")
    assert notes["b.hl7.json"]["reason"].startswith("1 of 1: C1: AE ")
    node.stop()


def test_the_same_file_again_is_taken_and_delivered_no_second_time(tmp_path: Path, box: Path) -> None:
    node = Node(tmp_path, drop(box), FILES)
    node.start()
    for name in ("a.hl7", "b.hl7"):
        (box / name).write_bytes(adt("C1"))
        node.advance(5)
    assert kept(box, "archive") == ["a.hl7", "b.hl7"]
    assert [control for _, control in node.emr.got] == ["C1"]
    (box / "c.hl7").write_bytes(adt("C1", name="测试乙"))
    node.advance(5)
    assert kept(box, "error") == ["c.hl7", "c.hl7.json"]
    node.stop()


def test_a_crash_between_taking_and_keeping_leaves_one_delivery_and_no_file(tmp_path: Path, box: Path) -> None:
    node = Node(tmp_path, drop(box), FILES)
    node.start()
    node.advance(0.5)
    for number in range(5):
        (box / f"{number}.hl7").write_bytes(adt(f"C{number}"))
    for step in range(1, 8):
        node.advance(0.37 * step)
        node.crash()
        node.start()
    node.advance(30)
    assert sorted({control for _, control in node.emr.got}) == [f"C{number}" for number in range(5)]
    assert kept(box, "archive") == [f"{number}.hl7" for number in range(5)]
    assert not [path for path in (box / ".engine").rglob("*") if path.is_file()]
    node.stop()


def test_while_the_disk_is_full_files_stay_where_they_are(tmp_path: Path, box: Path, monkeypatch: Any) -> None:
    node = Node(tmp_path, drop(box), FILES)
    node.start()
    assert node.engine is not None
    batches = node.engine.deliver.batches
    take = batches.take
    monkeypatch.setattr(batches, "take", batches.refused)
    (box / "a.hl7").write_bytes(adt("C1"))
    node.advance(10)
    assert (kept(box, "archive"), kept(box, "error")) == ([], [])
    monkeypatch.setattr(batches, "take", take)
    node.advance(70)
    assert [control for _, control in node.emr.got] == ["C1"]
    assert kept(box, "archive") == ["a.hl7"]
    node.stop()


def test_while_the_archive_is_full_no_file_is_stored_again(tmp_path: Path, box: Path, archive_full: Any) -> None:
    node = Node(tmp_path, drop(box), FILES)
    node.start()
    (box / "a.hl7").write_bytes(adt("C1"))
    (box / "b.hl7").write_bytes(adt("C2", event="A03"))
    node.advance(300)
    lines = [json.loads(line) for line in node.log.getvalue().splitlines()]
    assert sorted(row["control"] for row in lines if row["event"] == "message") == ["C1", "C2"]
    assert len(list((box / "error").rglob("*.json"))) == 1
    archive_full[0] = False
    node.advance(70)
    assert (kept(box, "archive"), kept(box, "error")) == (["a.hl7"], ["b.hl7", "b.hl7.json"])
    lines = [json.loads(line) for line in node.log.getvalue().splitlines()]
    told = [(row["event"], row["kind"]) for row in lines if row["event"].startswith("source_")]
    assert told == [("source_trouble", "place"), ("source_well", "place")]
    node.stop()


def test_taken_files_are_deleted_where_nothing_is_to_be_kept(tmp_path: Path, box: Path) -> None:
    node = Node(tmp_path, drop(box, ", keep: no"), FILES)
    node.start()
    (box / "a.hl7").write_bytes(adt("C1"))
    node.advance(5)
    assert [control for _, control in node.emr.got] == ["C1"]
    assert [path for path in box.rglob("*") if path.is_file()] == []
    node.stop()


def test_a_missing_directory_does_not_keep_the_engine_from_running(tmp_path: Path) -> None:
    node = Node(tmp_path, drop(tmp_path / "unmounted"), FILES)
    node.start()
    node.advance(60)
    assert node.engine is not None
    told = [json.loads(line) for line in node.log.getvalue().splitlines() if "source_trouble" in line]
    assert [(row["door"], row["kind"]) for row in told] == [("lis_out", "place")]
    assert 'engine_listener_failing{door="lis_out"} 1.0' in node.engine.meters.page().decode()
    assert [row[:3] for row in failing(node.engine.listening.by_name)] == [("lis_out", "place", told[0]["why"])]
    (tmp_path / "unmounted").mkdir()
    (tmp_path / "unmounted" / "a.hl7").write_bytes(adt("C1"))
    node.advance(70)
    (well,) = [json.loads(line) for line in node.log.getvalue().splitlines() if "source_well" in line]
    assert (well["door"], well["kind"], well["why"]) == ("lis_out", "place", told[0]["why"])
    assert well["since"] == "2026-09-21T22:13:20+08:00"
    assert 60 <= well["seconds"] <= 125
    assert 'engine_listener_failing{door="lis_out"} 0.0' in node.engine.meters.page().decode()
    assert failing(node.engine.listening.by_name) == []
    assert [control for _, control in node.emr.got] == ["C1"]
    node.stop()


def view(tmp_path: Path, more: str = "") -> str:
    return (
        f"his_view: {{poll: {{database: 'sqlite:{tmp_path}/his.db', view: V, mark: UPD, key: ID, every: 2s, lag: 3s,"
        f" columns: [PAT, NAME, AMT], yuan: [AMT]{more}}}}}"
    )


def his(tmp_path: Path, *statements: str) -> None:
    with sqlite3.connect(f"{tmp_path}/his.db") as line:
        for statement in statements:
            line.execute(statement)
    line.close()


V = "CREATE TABLE V (ID INTEGER, UPD INTEGER, PAT TEXT, NAME TEXT, AMT NUMERIC(10,2))"


def test_rows_of_a_view_are_delivered_once_and_in_order_across_restarts(tmp_path: Path) -> None:
    his(tmp_path, V, "INSERT INTO V VALUES (1, 10, 'P1', '历史', '1.00')")
    node = Node(tmp_path, view(tmp_path), ROWS, ROW_MAP)
    node.start()
    node.advance(4)
    his(tmp_path, "INSERT INTO V VALUES (3, 12, 'P1', '测试甲', '12.50')")
    node.advance(1)
    his(tmp_path, "INSERT INTO V VALUES (2, 11, 'P1', '测试甲', '0.05')")  # committed late, below the other
    node.advance(8)
    assert [(body["control"], body["amount"]) for body in node.emr.bodies] == [("2@11", "0.05"), ("3@12", "12.50")]
    node.crash()
    his(tmp_path, "INSERT INTO V VALUES (4, 13, 'P1', '测试甲', '7')")
    node.start()
    node.advance(12)
    assert [body["control"] for body in node.emr.bodies] == ["2@11", "3@12", "4@13"]
    his(tmp_path, "UPDATE V SET UPD = 14, AMT = '8' WHERE ID = 4")
    node.advance(8)
    assert [body["control"] for body in node.emr.bodies][3:] == ["4@14"]
    node.stop()


def test_a_crash_at_any_time_delivers_each_row(tmp_path: Path) -> None:
    his(tmp_path, V)
    node = Node(tmp_path, view(tmp_path, ", page: 3"), ROWS, ROW_MAP)
    node.start()
    node.advance(1)
    for number in range(20):
        his(tmp_path, f"INSERT INTO V VALUES ({number}, {number}, 'P{number % 3}', '测试甲', '1')")  # noqa: S608 test's own
    for step in range(1, 12):
        node.advance(0.61 * step)
        node.crash()
        node.start()
    node.advance(30)
    controls = [body["control"] for body in node.emr.bodies]
    assert sorted(set(controls)) == sorted(f"{number}@{number}" for number in range(20))
    assert node.rows("SELECT count(*) FROM messages WHERE state = 'done'") == [(20,)]
    node.stop()


def test_a_row_that_cannot_be_carried_exactly_is_kept_as_refused_and_holds_nothing_up(tmp_path: Path) -> None:
    his(tmp_path, V)
    node = Node(tmp_path, view(tmp_path), ROWS, ROW_MAP)
    node.start()
    node.advance(1)
    his(tmp_path, "INSERT INTO V VALUES (1, 1, 'P1', '测试甲', '0.005')", "INSERT INTO V VALUES (2, 2, 'P1', 'x', '1')")
    node.advance(10)
    assert [body["control"] for body in node.emr.bodies] == ["2@2"]
    assert node.state("1@1") == "refused"
    told = [json.loads(line) for line in node.log.getvalue().splitlines() if "row_refused" in line]
    assert [row["why"] for row in told] == ["AMT: not an exact amount in yuan"]
    node.stop()


@pytest.mark.parametrize(
    ("listener", "channel", "column"),
    [
        ("lis_out: {drop: {directory: /data}}", FILES.replace("at: lis_out", "at: lis_uot"), 15),
        ("lis_out: {drop: {directory: /data}}", ROWS.replace("his_view", "lis_out"), 15),
        (view(Path("/data")), FILES.replace("lis_out", "his_view"), 15),
    ],
    ids=["misspelt", "rows of a directory", "messages of a view"],
)
def test_a_channel_takes_files_where_files_are_and_rows_where_rows_are(
    tmp_path: Path, listener: str, channel: str, column: int
) -> None:
    node = Node(tmp_path, listener, channel, MAP if channel.startswith(FILES[:30]) else ROW_MAP)
    found = lint({name: text.encode() for name, text in node.files().items()})
    wrong = [one for one in found if isinstance(one, Problem) and one.code == "E308"]
    assert [(one.file, one.line, one.col) for one in wrong] == [("channels/events.yaml", 4, column)]


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        (b"MSH|1\rPID|2\r", [b"MSH|1\rPID|2\r"]),
        (b"MSH|1\nPID|2", [b"MSH|1\rPID|2\r"]),
        (b"\xef\xbb\xbfMSH|1\r\n\r\nPID|2\r\nMSH|3\r\n", [b"MSH|1\rPID|2\r", b"MSH|3\r"]),
        (b"FHS|x\rBHS|y\rMSH|1\rBTS|1\rFTS|1\r", [b"MSH|1\r"]),
        (b"\x0bMSH|1\r\x1c\r\x0bMSH|2\r\x1c\r", [b"MSH|1\r", b"MSH|2\r"]),
        (b"", [b""]),
        (b"nothing\rMSH|1\r", [b"nothing\rMSH|1\r"]),
        ("MSH|1\nPID|億\n".encode("gb18030"), ["MSH|1\rPID|億\r".encode("gb18030")]),
    ],
)
def test_messages_in_a_file(body: bytes, messages: list[bytes]) -> None:
    assert messages_in(body) == messages
