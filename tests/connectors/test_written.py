"""Messages that leave as files and as rows: what the other side finds, and what becomes of a repeat."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite3
import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251 - SFTP needs a real port
from twisted.internet.defer import Deferred

from engine.config.engine_parts import PartyEntry
from engine.connectors.contract import NotSent
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from engine.parties.contract import NotHeard, Outgoing
from engine.parties.files import PARTY as FILES
from engine.parties.files import Settings
from engine.parties.table import PARTY as TABLE
from engine.parties.table import Settings as TableSettings
from engine.runtime.senders import sender_for
from engine.site.load import lint
from tests.connectors.sftp_server import House
from tests.connectors.test_sources import Node
from tests.deliver.ward import adt

pytestmark = pytest.mark.filterwarnings("ignore:Dialect sqlite")
CHANNEL = """channel: events
kind:    deliver
title:   写出
listen:  {at: hl7, messages: [ADT^A01]}
key:     hl7.PID_3_1
to:
  lis: {to: out, op: OP, SENDwait: 5s}
retry:   {not_sent: {first: 2s, cap: 10s}, silent: {first: 2s, cap: 10s}}
"""
EVENT = """map: event
make:
  - [control, message.control]
  - [name,    hl7.PID_5_1]
"""
ROW = """map: event
make:
  - [CONTROL, message.control]
  - [NAME,    hl7.PID_5_1]
"""


class Desk(Node):
    """A node that takes HL7 and writes to `out`."""

    def __init__(self, folder: Path, party: str, op: str, made: str = EVENT) -> None:
        send = "" if op == "forward" else "send: event, "
        super().__init__(folder, "spare: {http: 10.0.0.9:1}", CHANNEL.replace("OP", op).replace("SEND", send), made)
        self._party = party

    def files(self) -> dict[str, str]:
        found = super().files()
        engine = found["engine.yaml"].replace("spare: {http: 10.0.0.9:1}, ", "")
        found["engine.yaml"] = engine.replace("parties:\n", f"parties:\n  out: {self._party}\n")
        if "send: event" not in found["channels/events.yaml"]:
            del found["mappings/event.map.yaml"]
        return found


@pytest.fixture
def box(tmp_path: Path) -> Path:
    made = tmp_path / "lis in"
    made.mkdir()
    return made


def address(box: Path) -> str:
    return f"file://{str(box).replace(' ', '%20')}"


def test_each_message_is_one_file_under_our_number(tmp_path: Path, box: Path) -> None:
    node = Desk(tmp_path, f"{{kind: files, url: '{address(box)}', name: 'ADT_{{number}}.json', marker: .ok}}", "write")
    node.start()
    assert node.send("C1", "P1").code == "AA"
    node.advance(2)
    number = node.number("C1")
    found = {path.name: path.read_bytes() for path in box.iterdir()}
    assert set(found) == {f"ADT_{number}.json", f"ADT_{number}.json.ok"}
    assert json.loads(found[f"ADT_{number}.json"]) == {"control": "C1", "name": "测试甲"}
    assert node.state("C1") == "done"
    _, _, tried = node.story("C1")
    assert [(one.outcome, one.code) for one in tried] == [("accepted", "WRITTEN")]
    node.stop()


def test_a_message_can_be_written_as_it_came(tmp_path: Path, box: Path) -> None:
    node = Desk(tmp_path, f"{{kind: files, url: '{address(box)}', name: '{{number}}.hl7'}}", "forward")
    node.start()
    node.send("C1", "P1")
    node.advance(2)
    assert [path.read_bytes() for path in box.iterdir()] == [adt("C1", "P1")]
    node.stop()


def test_an_absent_directory_is_waited_for_and_the_order_is_kept(tmp_path: Path) -> None:
    box = tmp_path / "unmounted"
    node = Desk(tmp_path, f"{{kind: files, url: '{address(box)}'}}", "write")
    node.start()
    for number in range(3):
        node.send(f"C{number}", "P1")
    node.advance(60)
    assert [node.state(f"C{number}") for number in range(3)] == ["open"] * 3
    box.mkdir()
    node.advance(120)
    names = sorted(box.iterdir(), key=lambda path: (path.stat().st_mtime_ns, path.name))  # the clock is coarse
    assert [json.loads(path.read_bytes())["control"] for path in names] == ["C0", "C1", "C2"]
    node.stop()


def test_another_file_under_our_number_is_a_dead_letter_and_stays(tmp_path: Path, box: Path) -> None:
    node = Desk(tmp_path, f"{{kind: files, url: '{address(box)}', name: '{{number}}'}}", "write")
    node.start()
    box.rename(tmp_path / "away")
    node.send("C1", "P1")
    node.advance(1)
    (tmp_path / "away").rename(box)
    theirs = box / str(node.number("C1"))
    theirs.write_bytes(b"theirs")
    node.advance(60)
    assert node.state("C1") == "dead"
    assert theirs.read_bytes() == b"theirs"
    node.stop()


def test_each_message_is_one_row_under_our_number(tmp_path: Path) -> None:
    with sqlite3.connect(f"{tmp_path}/his.db") as line:
        line.execute(
            "CREATE TABLE IN_MSG (NO VARCHAR(20), CONTROL VARCHAR(20), NAME VARCHAR(20), STATE INTEGER DEFAULT 0)"
        )
    node = Desk(tmp_path, f"{{kind: table, url: 'sqlite:{tmp_path}/his.db', table: IN_MSG, number: NO}}", "insert", ROW)
    node.start()
    node.send("C1", "P1")
    node.advance(2)
    with sqlite3.connect(f"{tmp_path}/his.db") as line:
        assert line.execute("SELECT * FROM IN_MSG").fetchall() == [(str(node.number("C1")), "C1", "测试甲", 0)]
        line.execute("UPDATE IN_MSG SET STATE = 1")
    assert node.state("C1") == "done"
    node.stop()


def test_a_row_the_table_can_never_take_is_a_dead_letter_and_holds_nobody_up(tmp_path: Path) -> None:
    """It was tried again for days, without a word, and the patient's later messages waited behind it."""
    with sqlite3.connect(f"{tmp_path}/his.db") as line:
        rule = "CHECK (CONTROL <> 'C1')"
        line.execute(f"CREATE TABLE IN_MSG (NO VARCHAR(20), CONTROL VARCHAR(20), NAME VARCHAR(20), {rule})")
    node = Desk(tmp_path, f"{{kind: table, url: 'sqlite:{tmp_path}/his.db', table: IN_MSG, number: NO}}", "insert", ROW)
    node.start()
    node.send("C1", "P1")
    node.send("C2", "P1")
    node.advance(5)
    assert (node.state("C1"), node.state("C2")) == ("dead", "done")
    _, _, tried = node.story("C1")
    assert [(one.outcome, one.code) for one in tried] == [("refused", "UNFIT")]
    assert "the table refuses the row" in str(tried)
    node.stop()


def test_a_row_is_written_once_though_the_process_dies(tmp_path: Path) -> None:
    with sqlite3.connect(f"{tmp_path}/his.db") as line:
        line.execute("CREATE TABLE IN_MSG (NO VARCHAR(20), CONTROL VARCHAR(20), NAME VARCHAR(20))")
    node = Desk(tmp_path, f"{{kind: table, url: 'sqlite:{tmp_path}/his.db', table: IN_MSG, number: NO}}", "insert", ROW)
    node.start()
    for number in range(6):
        node.send(f"C{number}", f"P{number % 2}")
        if number % 2:
            node.crash()
            node.start()
    node.advance(30)
    with sqlite3.connect(f"{tmp_path}/his.db") as line:
        rows = line.execute("SELECT CONTROL FROM IN_MSG ORDER BY CONTROL").fetchall()
    assert rows == [(f"C{number}",) for number in range(6)]
    node.stop()


@pytest.mark.parametrize(
    ("party", "op", "wrong"),
    [
        ("{kind: files, url: 'http://10.1.2.3/in'}", "write", "E335"),
        ("{kind: files, url: 'oracle://e@10.1.2.3/his'}", "write", "E335"),
        ("{kind: table, url: 'sftp://10.1.2.3/in', table: T, number: NO}", "insert", "E335"),
        ("{kind: table, url: 'oracle://e:Ab123456@10.1.2.3/his', table: T, number: NO}", "insert", "E209"),
        ("{kind: table, url: 'oracle://e@10.1.2.3/his', number: NO}", "insert", "E202"),
        ("{kind: table, url: 'oracle://e@10.1.2.3/his', table: T, number: NO, password: Ab123456}", "insert", "E208"),
        ("{kind: files, url: 'file:///in', name: 'a/{number}'}", "write", "E211"),
        ("{kind: files, url: 'file:///in', name: 'same.json'}", "write", "E211"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, party: str, op: str, wrong: str) -> None:
    node = Desk(tmp_path, party, op)
    found = lint({name: text.encode() for name, text in node.files().items()})
    assert [(one.file, one.line, one.code) for one in found if one.code != "W521"] == [("engine.yaml", 9, wrong)]


CALLS = [
    (FILES, Settings(), "write", {"a": "億"}, b'{"a":"\xe5\x84\x84"}'),
    (FILES, Settings(format="xml"), "write", {"a": "b"}, None),
    (FILES, Settings(), "forward", b"MSH|", b"MSH|"),
    (TABLE, TableSettings(table="T", number="NO"), "insert", {"A": "b", "N": 7}, b'{"NO":"41-1","A":"b","N":7}'),
]


@pytest.mark.parametrize(("party", "settings", "op", "body", "bytes_"), CALLS)
def test_parties_that_are_written_to_are_pure_and_believe_no_noise(
    party: Any, settings: Any, op: str, body: Any, bytes_: bytes | None
) -> None:
    call = Outgoing(op, body, "41-1", settings, {}, 0.0, "")
    request = party.build(call)
    assert request == party.build(call)
    assert bytes_ is None or request.body == bytes_
    for noise in (b"", b"{}", b"WRITTEN", b"written ", b"<html>", b"ok"):
        for status in (200, 201, 204, 409, 500):
            assert not party.read(call, request, HttpReply(status, (), noise)).intact
    heard = party.verify(settings, HttpRequest("POST", "/x", (), b"x"), 0.0)
    assert isinstance(heard, NotHeard)
    for secret in ("password", "key"):
        if hasattr(settings, secret):
            assert "s3cret" not in repr(settings.model_copy(update={secret: "s3cret"}))


@pytest.mark.parametrize("number", ["", "../1", "a/b", "1 2", "1\n", "x" * 65])
def test_a_number_that_is_no_part_of_a_file_name_is_not_written(number: str) -> None:
    with pytest.raises(ValueError, match="number"):
        FILES.build(Outgoing("write", {}, number, Settings(), {}, 0.0, ""))


@pytest.mark.parametrize("body", [[], "x", {"A": 1.5}, {"A": ["x"]}, {"A": {"b": "c"}}])
def test_a_row_is_texts_and_whole_numbers(body: Any) -> None:
    with pytest.raises(ValueError, match="row"):
        TABLE.build(Outgoing("insert", body, "1", TableSettings(table="T", number="NO"), {}, 0.0, ""))


def entry(url: str, **settings: Any) -> PartyEntry:
    return PartyEntry("files", url, 1, 10, 5.0, None, settings)


@pytest_twisted.ensureDeferred
async def test_a_file_goes_to_an_sftp_server(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    house = House(tmp_path)
    made = Settings(user="lab", host_keys=(house.fingerprint,), key=house.client_pem.decode())
    sender = sender_for(World(reactor), entry(f"sftp://127.0.0.1:{house.port}/in"), "n1", 1000, lambda: made)
    request = HttpRequest("WRITE", "/7.json", (), b"{}")
    for status, body in ((201, b"written"), (200, b"same")):
        reply = await sender.send(request, 10)
        assert (reply.status, reply.body) == (status, body)
        assert FILES.read(None, request, reply).intact  # type: ignore[arg-type]  # it looks at the reply alone
    reply = await sender.send(HttpRequest("WRITE", "/7.json", (), b"other"), 10)
    assert (reply.status, reply.body) == (409, b"clash")
    assert (tmp_path / "in" / "7.json").read_bytes() == b"{}"
    await sender.stop()
    await house.stop()
    waited: Deferred[None] = Deferred()
    World(reactor).later(0.05, waited.callback, None)
    await waited
    with pytest.raises(NotSent):
        await sender_for(World(reactor), entry(f"sftp://127.0.0.1:{house.port}/in"), "n1", 1, lambda: made).send(
            request, 5
        )
