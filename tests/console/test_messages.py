"""Messages of deliver channels in the console: what waits, the list, one message; persons and secrets stay covered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.cli.listing_messages import message_story
from engine.console.console import routes
from engine.console.messages_page import ENDS, PAGE, SHOWN, together, why
from engine.console.texts.messages import TEXTS
from engine.runtime.routes import Routes
from engine.store.open import open_workers
from tests.deliver.ward import SECRET, Ward

from .conftest import Browser, Notes
from .test_pages import words

NAME, PATIENT = "测试甲", "P000017"
OURS = ("Origin", "http://127.0.0.1:8600")


class Desk(Browser):
    """A browser at a ward's engine."""

    def __init__(self, ward: Ward) -> None:
        assert ward.engine is not None
        table, log = Routes(), Notes()
        console = ward.engine._console  # mounted where engine.yaml says, which says nothing here
        console._log = log  # type: ignore[assignment]  # a log that remembers
        for route in routes(console):
            table.add(route)
        super().__init__(table, log)


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    """C1 is a dead letter, C2 is delivered, C3 cannot be delivered now."""
    made = Ward(tmp_path)
    made.emr.answer = lambda body: 422 if body["control"] == "C1" else 200
    made.start()
    for control in ("C1", "C2"):
        made.send(control, PATIENT, name=NAME)
    made.advance(5)
    made.emr.down()
    made.send("C3", "P2", name="测试乙")
    made.advance(5)
    yield made
    made.stop()


def test_what_waits_and_what_is_dead_stand_above_the_list(ward: Ward) -> None:
    page = words(Desk(ward).text("/console/messages?lang=en"))
    waiting = page.partition("Not delivered")[2].partition("Find this person")[0]
    assert re.search(r"events emr emr Dead letter 1 1 .* Refused by them 422", waiting), waiting
    assert re.search(r"events emr emr Waiting 1 1 ", waiting), waiting
    assert re.findall(r"\bC[123]\b", page) == ["C3", "C2", "C1"], "newest first"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=dead", ["C1"]), ("state=open", ["C3"]), ("state=done", ["C2"]), ("control=C2", ["C2"]),
        ("channel=none", []), ("kind=ADT^A01", ["C3", "C2", "C1"]), ("state=nonsense", ["C3", "C2", "C1"]),
        ("day=2001-01-01", []), ("day=nonsense", ["C3", "C2", "C1"]),
    ],
)  # fmt: skip
def test_the_list_by_what_is_asked(ward: Ward, query: str, found: list[str]) -> None:
    page = Desk(ward).text(f"/console/messages?{query}")
    assert re.findall(r">(C[123])<", page) == found
    assert ("日期写作" in page) == (query == "day=nonsense")


def test_one_message_shows_both_sides_and_what_to_type(ward: Ward) -> None:
    desk = Desk(ward)
    number = ward.number("C1")
    page = desk.text(f"/console/messages/{number}?lang=en")
    text = words(page)
    assert "Dead letter" in text
    assert "422" in text
    assert f"engine messages resend {number}" in text
    assert f"engine messages discard {number}" in text
    assert "ADT^A01" in text
    assert "We sent" in text
    assert "They answered" in text
    assert NAME not in page, "the patient's name is covered, also where a site gave it a key of its own"
    shown = ward.read(lambda conn: message_story(conn, str(number), with_bytes=True))
    assert "ADT^A01" in shown["bytes"]
    assert NAME not in str(shown), "on the command line too"
    assert ("console_bytes_seen", {"user": "", "message": str(number)}) in desk.log.lines
    done = desk.text(f"/console/messages/{ward.number('C2')}?lang=en")
    assert "engine messages discard" not in done
    assert desk.get("/console/messages/123").status == 404
    assert desk.get("/console/messages/x").status == 404


def test_a_person_is_found_and_the_address_does_not_say_who(ward: Ward) -> None:
    desk = Desk(ward)
    moved = desk.post("/console/messages", {"as": "patient", "number": f" {PATIENT} "}, OURS)
    assert moved.status == 303
    where = dict(moved.headers)["Location"]
    assert PATIENT not in where
    assert parse_qs(urlsplit(where).query).keys() == {"patient"}
    page = desk.text(where)
    assert re.findall(r">(C[123])<", page) == ["C2", "C1"]
    assert "一位患者的消息" in page
    assert PATIENT not in str(desk.log.lines)
    assert desk.text(f"{where}&state=dead").count(">C1<") == 1, "the filter keeps the person"
    nobody = desk.post("/console/messages", {"as": "patient", "number": ""}, OURS)
    assert dict(nobody.headers)["Location"] == "/console/messages"
    assert desk.post("/console/messages", {"as": "patient"}, ("Origin", "http://elsewhere")).status == 403


def test_what_a_person_stopped_is_told_with_the_word_that_lets_it_go_on(ward: Ward) -> None:
    assert ward.engine is not None
    ward.wait(ward.store.submit(_stopped()))  # type: ignore[union-attr]  # started
    page = words(Desk(ward).text("/console/messages?lang=en"))
    assert "Party emr" in page
    assert "值班甲" in page
    assert "engine resume emr" in page


def _stopped() -> Any:
    from engine.store.contract import Unit
    from engine.store.messages import set_switch

    return Unit("stop", (set_switch("party emr", "paused", 1_795_312_800.0, "值班甲", "维护"),))


def test_a_long_list_goes_by_pages_and_many_attempts_show_the_newest(ward: Ward) -> None:
    ward.emr.up()
    ward.emr.answer = lambda body: 200
    ward.advance(60)
    for number in range(PAGE):
        ward.send(f"L{number}", "P3")
    desk = Desk(ward)
    first = desk.text("/console/messages?lang=en")
    more = re.search(r'href="(/console/messages\?before=\d+)"', first)
    assert more is not None
    second = desk.text(more[1])
    shown = [re.findall(r">([CL]\d+)<", page) for page in (first, second)]
    assert shown[0] == [f"L{number}" for number in reversed(range(PAGE))]
    assert shown[1] == ["C3", "C2", "C1"]
    ward.emr.answer = lambda body: 503
    ward.send("M1", "P4")
    ward.advance(40 * (SHOWN + 5))
    page = desk.text(f"/console/messages/{ward.number('M1')}?lang=en")
    assert page.count("<pre>") == 1 + 2 * SHOWN, "the message, and both sides of the newest attempts"
    assert f"Bytes of the newest {SHOWN} attempts only" in page


def test_messages_in_a_workers_store_are_listed_and_shown(ward: Ward, tmp_path: Path) -> None:
    """Of a spread channel: the console showed the engine's own only."""
    other = tmp_path / "node/engine-w1.db"
    other.parent.mkdir()
    ward.stop()
    for path in tmp_path.glob("engine.db*"):
        path.rename(other.with_name(path.name.replace("engine.db", "engine-w1.db")))
    ward.start()
    assert ward.engine is not None
    desk = Desk(ward)
    assert ">C1<" not in desk.text("/console/messages")

    @contextmanager
    def workers() -> Iterator[Any]:
        with open_workers(str(other.with_name("engine.db")), SECRET.encode()) as found:
            yield found

    ward.engine.beside = workers
    page = desk.text("/console/messages?lang=en")
    assert re.findall(r">(C[123])<", page) == ["C3", "C2", "C1"]
    assert "Dead letter" in page
    number = re.search(r'href="/console/messages/(\d+)"', page)
    assert number is not None
    assert "测试乙" not in desk.text(f"/console/messages/{number[1]}")


@pytest.mark.parametrize(
    ("reason", "apart"),
    [
        ("refused 2001", ("refused", "2001")),
        ("silent: timeout; repeats: never", ("silent", "timeout; repeats: never")),
        ("not_sent: connect: ConnectionRefusedError", ("not_sent", "connect: ConnectionRefusedError")),
        ("E-UNMAPPED kind", ("", "E-UNMAPPED kind")), ("", ("", "")),
    ],
)  # fmt: skip
def test_why_something_is_not_delivered_is_told_in_both_languages(reason: str, apart: tuple[str, str]) -> None:
    assert why(reason) == apart
    assert {f"why.{end}" for end in ENDS} <= TEXTS.keys()


def test_the_stores_of_all_processes_are_one_list() -> None:
    row = {"channel": "c", "dest": "d", "party": "p", "state": "ready", "messages": 2, "lanes": 1,
           "oldest": 5_000_000 << 12, "next_at": 9.0, "tries": 1, "reason": ""}  # fmt: skip
    other = {**row, "messages": 3, "lanes": 2, "oldest": 4_000_000 << 12, "next_at": 7.0, "tries": 4, "reason": "why"}
    dead = {**row, "state": "dead"}
    first, second = together([row, dead, other])
    assert (first.state, first.messages) == ("dead", 2)
    assert (second.messages, second.lanes, second.oldest_at, second.next_at) == (5, 3, 4000.0, 7.0)
    assert (second.tries, second.reason) == (4, "why")
