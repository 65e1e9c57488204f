"""The conversations of the folder, played from the console."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from engine.cli.conversations import conversations
from engine.config.engine_parts import User
from engine.console import rehearsing
from engine.runtime.aside import Aside, AsideFailed

from .conftest import PASSWORD, Night, at_once
from .test_config import Desk
from .test_pages import words

TESTS = "/console/config/tests"
KEPT = "outpatient_bills.test.yaml"


@pytest.fixture
def desk(hall: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A folder with the conversations of one channel."""
    made = Desk(hall, tmp_path / "node")
    for place in (made.root / "channels").glob("*.test.yaml"):
        if place.name != KEPT:
            place.unlink()
    return made


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a process, which is slower and tested beside."""
    monkeypatch.setattr(Aside, "run", at_once)


def everything(root: Path) -> dict[str, tuple[int, int]]:
    return {str(one): (one.stat().st_mtime_ns, one.stat().st_size) for one in sorted(root.rglob("*"))}


def test_the_button_plays_them_and_the_page_shows_what_the_command_says(
    desk: Desk, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """In a process, as always; neither the folder nor the node's store is touched."""
    (desk.root / "var").mkdir()
    (desk.root / "var/engine.db").write_bytes(b"a store")
    assert "Run the conversation tests" in desk.page()
    before, store = everything(desk.root), everything(Path(desk.night.stage.path).parent)
    reply = desk.browser.post(TESTS, {})
    assert (reply.status, dict(reply.headers)["Location"]) == (303, "/console/config#tests")
    assert everything(desk.root) == before
    assert everything(Path(desk.night.stage.path).parent) == store
    conversations(desk.root, "", as_json=True)
    told = json.loads(capsys.readouterr().out)
    page = desk.page()
    assert told["failed"] == 0
    assert f"{told['passed']} passed" in page
    for row in told["rows"]:
        assert " ".join(row["name"].split()) in words(page)
    assert "全部通过" in desk.page("zh")


@pytest.mark.usefixtures("near")
def test_what_does_not_hold_stands_at_its_place(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.change(f"channels/{KEPT}", lambda text: text.replace("status: 200", "status: 299", 1))
    desk.browser.post(TESTS, {})
    conversations(desk.root, "", as_json=True)
    failed = [row for row in json.loads(capsys.readouterr().out)["rows"] if not row["passed"]]
    assert len(failed) == 1
    page = desk.page()
    assert "1 failed" in page
    assert f"channels/{KEPT}:" in page
    assert " ".join(failed[0]["text"].split()) in words(page)
    assert "changed since" not in page
    desk.change(f"channels/{KEPT}", lambda text: text.replace("status: 299", "status: 200", 1))
    assert "changed since" in desk.page()
    desk.browser.post(TESTS, {})
    assert "All passed" in desk.page()


@pytest.mark.usefixtures("near")
def test_a_folder_with_mistakes_says_them(desk: Desk) -> None:
    desk.change("channels/outpatient_bills.yaml", lambda text: text.replace("title:", "titel:", 1))
    desk.browser.post(TESTS, {})
    assert "channels/outpatient_bills.yaml:" in desk.page().partition('id="tests"')[2]


def test_they_are_played_once_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Deferred[None]] = []
    heard: list[Callable[[bytes], None]] = []

    async def run(one: Aside, work: str, root: Path, feed: Any, told: Callable[[bytes], None]) -> None:
        if work != "rehearse":
            return await at_once(one, work, root, feed, told)
        heard.append(told)
        waiting.append(Deferred())
        await waiting[-1]
        return None

    monkeypatch.setattr(Aside, "run", run)
    assert desk.browser.post(TESTS, {}).status == 303
    heard[0](b'{"count": 3, "version": "x"}')
    heard[0](b'{"name": "a: one", "passed": true, "text": ""}')
    page = desk.page()
    assert "1 of 3 played" in page
    assert 'data-refresh="2"' in page
    assert "Run the conversation tests" not in page
    again = desk.browser.post(f"{TESTS}?lang=en", {})
    assert again.status == 409
    assert "once at a time" in again.body.decode()
    assert len(waiting) == 1
    waiting[0].callback(None)
    page = desk.page()
    assert "not finished" in page, "two of three were never heard of"
    assert "Run them again" in page
    assert desk.browser.post(TESTS, {}).status == 303


@pytest.mark.parametrize("word", ["slow", "memory", "much", "died", "stopped"])
def test_a_run_that_was_cut_off_says_why(desk: Desk, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    async def run(one: Aside, work: str, root: Path, feed: Any, told: Callable[[bytes], None]) -> None:
        if work != "rehearse":
            return await at_once(one, work, root, feed, told)
        told(b'{"count": 3, "version": "x"}')
        raise AsideFailed(word)

    monkeypatch.setattr(Aside, "run", run)
    desk.browser.post(TESTS, {})
    for language in ("zh", "en"):
        page = desk.page(language)
        assert "0 / 3" in page or "0 of 3" in page
        assert 'class="late"' in page


@pytest.mark.parametrize(
    "line", [b"", b"nonsense", b"[]", b'{"name": "x"}', b'{"name": 1, "passed": 1, "text": ""}', b'{"count": 1e99}']
)
def test_what_cannot_be_understood_does_not_count(desk: Desk, monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    async def run(one: Aside, work: str, root: Path, feed: Any, told: Callable[[bytes], None]) -> None:
        if work != "rehearse":
            return await at_once(one, work, root, feed, told)
        told(b'{"count": 2, "version": "x"}')
        told(line)
        told(b'{"name": "a: one", "passed": true, "text": ""}')
        return None

    monkeypatch.setattr(Aside, "run", run)
    desk.browser.post(TESTS, {})
    page = desk.page()
    assert "cannot be understood" in page
    assert "All passed" not in page


def test_what_is_kept_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(one: Aside, work: str, root: Path, feed: Any, told: Callable[[bytes], None]) -> None:
        if work != "rehearse":
            return await at_once(one, work, root, feed, told)
        told(b'{"count": 5000, "version": "x"}')
        for _ in range(5000):
            told(json.dumps({"name": "n" * 9999, "passed": True, "text": "t" * 99_999}).encode())
        return None

    monkeypatch.setattr(Aside, "run", run)
    desk.browser.post(TESTS, {})
    page = desk.page()
    assert "3000 more are not listed" in page
    assert len(page) < 1_000_000
    desk.night.stage.clock.advance(rehearsing.KEPT_FOR + 1)
    assert "Run the conversation tests" in desk.page(), "after half a day it is forgotten"


@pytest.mark.usefixtures("near")
def test_only_who_changes_the_configuration_may(desk: Desk, users: dict[str, User]) -> None:
    for roles, good in ((("look",), False), (("finance",), False), (("operate",), True), (("admin",), True)):
        mine = {"admin": replace(users["admin"], roles=roles)}
        site = desk.night.site(mine, "production")
        browser = desk.night.browser(site, root=desk.root, peer="10.0.0.7", host="engine.hospital:8600")
        assert browser.post(TESTS, {}).status == 303, "nobody is there"
        assert browser.post("/console/login", {"user": "admin", "password": PASSWORD}).status == 303
        assert browser.post(TESTS, {}, ("Origin", "https://elsewhere.example")).status == 403
        assert browser.post(TESTS, {}).status == (303 if good else 403)
        begun = [values for event, values in browser.log.lines if event == "console_test"]
        assert begun == ([{"user": "admin"}] if good else [])
    assert os.listdir(desk.root / "channels")
