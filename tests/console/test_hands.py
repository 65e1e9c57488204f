"""A person's hand on messages in the console: the buttons, who has them, and that a press counts once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from twisted.internet.defer import Deferred

from engine.cli.listing_messages import hand_rows, message_story
from engine.console.passwords import password_hash
from engine.console.texts.by_hand import TEXTS
from engine.core.http import HttpReply, HttpRequest
from engine.runtime.deliver_elsewhere import served
from engine.site.load import load
from engine.site.site import Site
from engine.store.contract import Unit, Write
from engine.store.open import open_workers
from tests.deliver.ward import CHANNEL, ENGINE, MAP, SECRET, Ward

from .test_pages import words

ROLES = ("look", "operate", "admin", "finance")
USERS = ", ".join(f"{one}: {{password: file:var/keys/user.hash, roles: [{one}]}}" for one in ROLES)
MESSAGES = "/console/messages"
WHY = {"reason": "接收方修好了"}


class Desk(Ward):
    """A ward with people at its console, one a role."""

    def __init__(self, folder: Path, **more: Any) -> None:
        super().__init__(folder, **more)
        (folder / "var/keys/user.hash").write_text(password_hash("geheim", bytes(16), log2n=4))
        self.cookie = ""

    def site(self) -> Site:
        here = {"host": self.sim.node("engine").address, "emr": self.sim.node("emr").address,
                "lis": self.sim.node("lis").address, "window": 8, "gates": "", "lis_more": ""}  # fmt: skip
        files = {
            "engine.yaml": ENGINE.format(**here) + f"console: {{at: api, users: {{{USERS}}}}}\n",
            "channels/events.yaml": self._channel, "mappings/event.map.yaml": MAP, **self._maps,
        }  # fmt: skip
        made = load({name: text.encode() for name, text in files.items()})
        assert isinstance(made, Site), made
        return made

    def ask(self, path: str, form: Mapping[str, str] | None = None, *more: tuple[str, str]) -> HttpReply:
        reply = self.begin(path, form, *more)
        found = self.wait(reply) if isinstance(reply, Deferred) else reply
        assert isinstance(found, HttpReply)
        return found

    def begin(self, path: str, form: Mapping[str, str] | None = None, *more: tuple[str, str]) -> Any:
        """What the engine's own listener does with such a request."""
        assert self.engine is not None
        headers = (("Host", "engine.hospital:8600"), ("Cookie", self.cookie), *more)
        method, body = ("GET", b"") if form is None else ("POST", urlencode(form).encode())
        return self.engine.doors.knock("api", HttpRequest(method, path, headers, body, "10.0.0.7"))

    def log_in(self, user: str) -> None:
        reply = self.ask("/console/login", {"user": user, "password": "geheim"})
        assert reply.status == 303
        self.cookie = reply.header("Set-Cookie").partition(";")[0]

    def page(self, path: str) -> str:
        reply = self.ask(path)
        assert reply.status == 200, (path, reply.status)
        return reply.body.decode()

    def press(self, page: str, action: str, **fields: str) -> HttpReply:
        """The form of a page that goes there, as a browser sends it."""
        return self.ask(action, {**form_of(page, action), **WHY, **fields})

    def told(self, reply: HttpReply) -> str:
        """The page that a press leads to, in words."""
        assert reply.status == 303, words(reply.body.decode())
        return words(self.page(reply.header("Location")))

    def hands(self) -> list[tuple[Any, ...]]:
        rows = self.read(lambda conn: hand_rows([conn], "", None, 100))
        return [(row["kind"], row["what"], row["by_whom"], row["reason"]) for row in reversed(rows)]


def form_of(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the page's form that goes to this address."""
    found = re.search(rf'<form[^>]* action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.DOTALL)
    assert found is not None, action
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', found[1])
    return {name: unescape(value) for name, value in hidden}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """C1 is a dead letter, C2 and C3 are delivered; the receiver is well again, and the operator logged in."""
    made = Desk(tmp_path)
    made.emr.answer = lambda body: 422 if body["control"] == "C1" else 200
    made.start()
    for control in ("C1", "C2", "C3"):
        made.send(control)
    made.advance(5)
    made.emr.answer = lambda body: 200
    made.log_in("operate")
    yield made
    made.stop()


def test_a_dead_letter_is_sent_again_once_however_often_the_button_is_pressed(desk: Desk) -> None:
    number = desk.number("C1")
    page = desk.page(f"{MESSAGES}/{number}")
    action = f"{MESSAGES}/{number}/resend"
    form = {**form_of(page, action), **WHY}
    both = [desk.begin(action, form), desk.begin(action, form)]  # a double click
    replies = [desk.wait(one) if isinstance(one, Deferred) else one for one in both]
    assert {one.header("Location") for one in replies} == {replies[0].header("Location")}
    assert "已用原消息号重发给：emr" in desk.told(replies[0])
    desk.advance(5)
    assert desk.ask(action, form).status == 303, "sent once more by a browser that was loaded anew"
    desk.advance(5)
    assert desk.emr.numbers.count(str(number)) == 1
    assert desk.state("C1") == "done"
    assert desk.hands() == [("resend", f"{number} emr", "operate", WHY["reason"])]
    assert f"operate 重发 {number} emr {WHY['reason']}" in words(desk.page(f"{MESSAGES}/{number}"))
    assert f"operate 重发 {number} emr" in words(desk.page(MESSAGES))
    story = desk.read(lambda conn: message_story(conn, str(number)))
    assert [(one["by"], one["did"], one["why"]) for one in story["hands"]] == [("operate", "resend", WHY["reason"])]


def test_two_people_press_and_the_second_hears_that_it_has_changed(desk: Desk) -> None:
    """It went out again under a new number: by then it was no dead letter any more."""
    number = desk.number("C1")
    action = f"{MESSAGES}/{number}/resend"
    first, second = (form_of(desk.page(f"{MESSAGES}/{number}"), action) for _ in range(2))
    desk.ask(action, {**first, **WHY})
    desk.advance(5)
    told = desk.told(desk.ask(action, {**second, **WHY}))
    for said in ("这期间情况已变", "Things have changed meanwhile", "看过现在的情况再决定", "E-CHANGED"):
        assert said in told
    assert desk.state("C1") == "done"
    assert len(desk.hands()) == 1


def test_of_two_dead_receivers_each_is_sent_to_once(tmp_path: Path) -> None:
    """The second press for one receiver made a new message for it, for the other one's dead letter was still there."""
    desk = Desk(tmp_path, more="  copy: {to: emr, op: post, send: event, wait: 5s, repeats: same_number}")
    desk.emr.answer = lambda body: 422
    desk.start()
    desk.send("C1")
    desk.advance(5)
    desk.emr.answer = lambda body: 200
    desk.log_in("operate")
    path = f"{MESSAGES}/{desk.number('C1')}"
    first, second = (form_of(desk.page(path), f"{path}/resend") for _ in range(2))
    assert "已用原消息号重发给：emr" in desk.told(desk.ask(f"{path}/resend", {**first, **WHY, "dest": "emr"}))
    desk.advance(5)
    assert "E-CHANGED" in desk.told(desk.ask(f"{path}/resend", {**second, **WHY, "dest": "emr"}))
    assert "已用原消息号重发给：copy" in desk.told(desk.press(desk.page(path), f"{path}/resend"))
    desk.advance(5)
    assert sorted(desk.emr.numbers) == [str(desk.number("C1")), f"{desk.number('C1')}-1"]
    desk.stop()


def test_what_was_delivered_goes_out_as_a_new_message(desk: Desk) -> None:
    number = desk.number("C2")
    page = desk.page(f"{MESSAGES}/{number}")
    assert "作为新消息再发" in page
    told = desk.told(desk.press(page, f"{MESSAGES}/{number}/resend"))
    desk.advance(5)
    new = int(desk.emr.numbers[-1])
    assert new != number
    assert f"已用新消息号发给 emr： {new}" in told
    assert f"{number} as {new}" in words(desk.page(f"{MESSAGES}/{new}")), "the new one says what it was made from"


def test_a_message_is_edited_on_a_page_and_sent(desk: Desk) -> None:
    number = desk.number("C2")
    action = f"{MESSAGES}/{number}/resend"
    page = desk.page(f"{MESSAGES}/{number}")
    assert "测试甲" not in page, "covered until somebody takes it out"
    shown = desk.press(page, f"{MESSAGES}/{number}/edit")
    taken = shown.body.decode()
    text = unescape(re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", taken, re.DOTALL)[0])
    assert text.startswith("MSH|^~\\&|NHIS")
    assert desk.hands() == [("read", str(number), "operate", WHY["reason"])]
    wrong = desk.press(taken, action, body=text.replace("ADT^A01", "DFT^P03").replace("\n", "\r\n"))
    assert wrong.status == 409
    told = words(wrong.body.decode())
    assert "改后的消息不能发：MSH-9: ADT^A01" in told
    assert "The edited message cannot be sent" in told
    assert "DFT^P03" in told, "what was typed is still there"
    good = desk.press(wrong.body.decode(), action, body=text.replace("测试甲", "测试丙").replace("\n", "\r\n"))
    assert "已用新消息号发给 emr" in desk.told(good)
    desk.advance(5)
    assert desk.emr.bodies[-1]["name"] == "测试丙"
    assert len(desk.emr.bodies) == 3


def test_a_dead_letter_is_given_up_with_a_reason(desk: Desk) -> None:
    number = desk.number("C1")
    page = desk.page(f"{MESSAGES}/{number}")
    action = f"{MESSAGES}/{number}/discard"
    none = desk.told(desk.press(page, action, reason="  "))
    assert "E-FIELD" in none
    assert desk.hands() == []
    again = desk.page(f"{MESSAGES}/{number}")
    assert "已放弃，不再发给：emr" in desk.told(desk.press(again, action))
    desk.advance(60)
    assert desk.emr.got == [("P1", "C2"), ("P1", "C3")]
    assert desk.hands() == [("discard", f"{number} emr", "operate", WHY["reason"])]
    page = desk.page(f"{MESSAGES}/{number}")
    assert action not in page
    assert "E-NOT-DEAD" in words(desk.page(f"{MESSAGES}/replay?state=dead")), "many do not bring it back"
    desk.told(desk.press(page, f"{MESSAGES}/{number}/resend"))
    desk.advance(5)
    assert desk.emr.got[-1] == ("P1", "C1"), "one person, who sees that it is a new message, may"


def test_many_are_counted_first_and_then_sent_again(desk: Desk) -> None:
    assert f'href="{MESSAGES}/replay?state=done"' in desk.page(f"{MESSAGES}?state=done")
    page = desk.page(f"{MESSAGES}/replay?state=done")
    assert "会重发 2 条 events 2" in words(page)
    assert desk.hands() == []
    assert len(desk.emr.got) == 2, "only counted"
    form = {**form_of(page, f"{MESSAGES}/replay"), **WHY}
    desk.send("C4")
    desk.advance(5)
    assert "2 → 3" in desk.told(desk.ask(f"{MESSAGES}/replay", form)), "not what was shown"
    page = desk.page(f"{MESSAGES}/replay?state=done&channel=events")
    done = desk.press(page, f"{MESSAGES}/replay")
    assert "已重发 3 条" in desk.told(done)
    desk.advance(5)
    assert sorted(desk.emr.got) == sorted([("P1", "C2"), ("P1", "C3"), ("P1", "C4")] * 2)
    assert desk.hands()[-1] == ("replay", "3 messages, channel events, state done", "operate", WHY["reason"])
    forged = {**form_of(page, f"{MESSAGES}/replay"), **WHY, "query": "state=dead"}
    assert desk.ask(f"{MESSAGES}/replay", forged).status == 403, "its ticket is for what was shown"


def test_one_that_cannot_be_sent_stops_none_of_many(desk: Desk) -> None:
    """The first whose bytes were purged ended a replay in the middle, and a repeat sent the ones before it twice."""
    assert desk.store is not None
    gone = desk.number("C2")
    purge = Write("purge_chunks", {"before_id": desk.number("C3"), "limit": 10})
    desk.wait(desk.store.submit(Unit("purge", (purge,))))
    page = desk.page(f"{MESSAGES}/replay?state=done")
    assert "会重发 1 条" in words(page)
    assert re.search(rf"有 1 条不能重发： {gone} E-BODY-GONE 消息 {gone} 的正文已过保存期", words(page))
    assert "已重发 1 条 另有 1 条没有办" in desk.told(desk.press(page, f"{MESSAGES}/replay"))


def test_channels_and_receivers_are_paused_stopped_and_let_go_on(desk: Desk) -> None:
    action = f"{MESSAGES}/switch"
    told = desk.told(desk.press(desk.page(MESSAGES), action, what="paused party emr"))
    assert "已暂停： emr" in told
    assert re.search(r"外部系统 emr 暂停：照收，不发 operate \d\d-\d\d [\d:]+ 接收方修好了", told), "who, when, why"
    desk.send("C5")
    desk.advance(60)
    assert ("P1", "C5") not in desk.emr.got
    for path in (MESSAGES, f"{MESSAGES}/{desk.number('C5')}"):
        page = words(desk.page(path))
        assert "恢复之后" in page
        assert "马上" not in page, "it was said to be sent at once, while a person had stopped it"
    desk.told(desk.press(desk.page(MESSAGES), action, what="killed channel events", reason="误发"))
    assert desk.send("C6").code == "AR"
    for what in ("running channel events", "running party emr"):
        desk.told(desk.press(desk.page(MESSAGES), action, what=what))
    desk.advance(60)
    assert desk.emr.got[-1] == ("P1", "C5")
    assert [kind for kind, *_ in desk.hands()] == ["pause", "kill", "resume", "resume"]
    assert "E-NO-CHANNEL" in desk.told(desk.press(desk.page(MESSAGES), action, what="killed party emr"))


@pytest.mark.parametrize(("role", "page_open"), [("look", 200), ("finance", 403)])
def test_who_has_not_the_right_sees_the_command_and_no_button(desk: Desk, role: str, page_open: int) -> None:
    number = desk.number("C1")
    forms = [form_of(desk.page(path), f"{MESSAGES}/{rest}") for path, rest in
             ((MESSAGES, "switch"), (f"{MESSAGES}/{number}", f"{number}/resend"))]  # fmt: skip
    desk.log_in(role)
    for path in (MESSAGES, f"{MESSAGES}?state=dead", f"{MESSAGES}/{number}"):
        reply = desk.ask(path)
        assert reply.status == page_open
        page = reply.body.decode()
        assert 'name="ticket"' not in page
        assert (f"engine messages resend {number}" in page) == (role == "look" and path.endswith(str(number)))
    assert desk.ask(f"{MESSAGES}/replay").status == 403
    for rest, form in (("switch", forms[0]), (f"{number}/resend", forms[1]), (f"{number}/edit", {}), ("replay", {})):
        assert desk.ask(f"{MESSAGES}/{rest}", {**form, **WHY, "what": "killed channel events"}).status == 403
    desk.log_in("admin")
    assert desk.ask(f"{MESSAGES}/{number}/resend", {**forms[1], **WHY}).status == 403, "another login's ticket"
    assert desk.hands() == []


def test_a_forged_form_does_nothing(desk: Desk) -> None:
    number = desk.number("C1")
    action = f"{MESSAGES}/{number}/resend"
    form = {**form_of(desk.page(f"{MESSAGES}/{number}"), action), **WHY}
    foreign = [("Origin", "http://elsewhere")], [("Sec-Fetch-Site", "cross-site")]
    assert [desk.ask(action, form, *one).status for one in foreign] == [403, 403]
    bad = ({**form, "ticket": ""}, {**form, "ticket": form["ticket"][:-1] + "x"}, {**form, "seen": "done"}, WHY)
    assert [desk.ask(action, one).status for one in bad] == [403] * 4
    assert desk.ask(f"{MESSAGES}/{desk.number('C2')}/resend", form).status == 403, "it is for that message"
    assert "没有办" in words(desk.ask(action, bad[0]).body.decode())
    desk.engine._console._logins._wall = lambda: desk.sim.seconds() - 1e6  # type: ignore[union-attr]  # logged in still
    desk.engine._console._hands.tickets._wall = lambda: desk.sim.seconds() + 3601  # type: ignore[union-attr]
    assert desk.ask(action, form).status == 403, "an hour old"
    desk.cookie = ""
    assert desk.ask(action, form).header("Location").startswith("/console/login")
    assert desk.hands() == []
    assert len(desk.emr.got) == 2


def test_a_lost_connection_stops_nothing_in_the_middle(desk: Desk) -> None:
    """The listener gives up what it answers when the browser goes: a second click makes it go, and another answers."""
    assert desk.store is not None
    read, held = desk.store.read, Deferred[None]()

    def later(fn: Any) -> Deferred[Any]:
        desk.store.read = read  # type: ignore[method-assign, union-attr]  # the next ones go through
        return held.addCallback(lambda _: read(fn))

    action = f"{MESSAGES}/replay"
    form = {**form_of(desk.page(f"{action}?state=done"), action), **WHY}
    desk.store.read = later  # type: ignore[method-assign]
    first = desk.begin(action, form)
    assert isinstance(first, Deferred)
    first.addErrback(lambda _: None).cancel()
    second = desk.ask(action, form)
    assert "正在办 请稍后刷新本页看结果" in desk.told(second)
    held.callback(None)
    desk.advance(5)
    assert "已重发 2 条" in desk.told(second)
    assert [kind for kind, *_ in desk.hands()] == ["resend", "resend", "replay"]
    assert len(desk.emr.got) == 4


def test_a_message_about_money_is_never_sent_anew(tmp_path: Path) -> None:
    made = Desk(tmp_path)
    made._channel = CHANNEL.replace("ADT^A08", "DFT^P03").format(
        ack="stored", dead="go_on", max_age="3d", more="", repeats="same_number"
    )
    made.emr.answer = lambda body: 422 if body["control"] == "D1" else 200
    made.start()
    for control in ("D1", "D2"):
        assert b"|AA|" in made.wait(made.raw(_dft(control)))
    made.advance(5)
    made.emr.answer = lambda body: 200
    made.log_in("operate")
    number = made.number("D2")
    page = made.page(f"{MESSAGES}/{number}")
    assert "这条消息涉及款项" in page
    assert 'name="ticket"' not in page
    many = words(made.page(f"{MESSAGES}/replay?state=done"))
    assert "E-REPLAY-MONEY" in many
    assert "重发这" not in many
    dead = made.number("D1")
    page = made.page(f"{MESSAGES}/{dead}")
    assert f"{MESSAGES}/{dead}/edit" not in page
    assert "已用原消息号重发给：emr" in made.told(made.press(page, f"{MESSAGES}/{dead}/resend"))
    made.advance(5)
    assert [control for _, control in made.emr.got] == ["D2", "D1"]
    assert made.emr.numbers[-1] == str(dead)
    made.stop()


def _dft(control: str) -> bytes:
    head = f"MSH|^~\\&|NHIS|MAIN|ENGINE|MAIN|20261122080000||DFT^P03|{control}|P|2.4||||||UNICODE UTF-8\r"
    return f"{head}EVN|P03|20261122080000\rPID|1||P1^^^MAIN||测试甲||19900101|M\rFT1|1|||20261122||CG|K1\r".encode()


def test_a_message_in_a_workers_store_is_sent_again_from_the_page(desk: Desk, tmp_path: Path) -> None:
    worker = Desk(tmp_path / "w")
    worker.emr.answer = lambda body: 422
    worker.start()
    worker.advance(60)  # its numbers are others
    worker.send("W1")
    worker.advance(5)
    worker.emr.answer = lambda body: 200
    number = worker.number("W1")
    (tmp_path / "node").mkdir()
    link = tmp_path / "node/engine-w1.db"
    for path in (tmp_path / "w").glob("engine.db*"):
        link.with_name(path.name.replace("engine.db", "engine-w1.db")).symlink_to(path)

    class Others:
        def indexes(self) -> list[int]:
            return [1]

        def ask(self, index: int, asked: Mapping[str, Any]) -> Deferred[Mapping[str, Any]]:
            assert worker.engine is not None
            assert worker.store is not None
            line = json.loads(json.dumps(asked))  # through a pipe
            return Deferred.fromCoroutine(served(worker.engine.deliver_api.hands._hands, worker.store, line))

    @contextmanager
    def beside() -> Iterator[Any]:
        with open_workers(str(link.with_name("engine.db")), SECRET.encode()) as found:
            yield found

    assert desk.engine is not None
    desk.engine.deliver_api.hands.others, desk.engine.beside = Others(), beside
    assert "会重发 2 条" in words(desk.page(f"{MESSAGES}/replay?state=dead")), "counted in both processes"
    page = desk.page(f"{MESSAGES}/{number}")
    assert "已用原消息号重发给：emr" in desk.told(desk.press(page, f"{MESSAGES}/{number}/resend"))
    worker.advance(5)
    assert worker.emr.numbers[-1] == str(number)
    assert desk.hands() == [("resend", f"{number} at worker 1", "operate", WHY["reason"])]
    assert worker.hands() == [("resend", f"{number} emr", "operate", WHY["reason"])]
    worker.stop()


def test_our_own_number_is_shown_in_what_was_sent(desk: Desk) -> None:
    """It has the length of a card's and was covered; under a person's key it is still, and so is any other number."""
    number = desk.number("C2")
    assert f"&#34;no&#34;: &#34;{number}&#34;" in desk.page(f"{MESSAGES}/{number}")
    told = desk.read(lambda conn: message_story(conn, str(number), with_bytes=True))
    assert str(number) in told["attempts"][0]["sent"]


def test_every_word_of_the_buttons_is_used_somewhere() -> None:
    folder = Path(__file__).resolve().parents[2] / "engine/console/templates"
    shown = " ".join(path.read_text(encoding="utf-8") for path in folder.glob("*.html"))
    unused = [key for key in TEXTS if f'"{key}"' not in shown and f'"{key.rpartition(".")[0]}.' not in shown
              and f'"{key.partition(".")[0]}." ~' not in shown]  # fmt: skip
    assert unused == []
