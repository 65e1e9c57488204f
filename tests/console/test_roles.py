"""Roles of engine.yaml: which pages they open, and that nothing shown leads to one they do not."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest

from engine.config.engine_parts import ROLES, User
from engine.console.pages import PAGE_TABLE
from engine.console.roles import OPENS

from .conftest import PASSWORD, Browser, Night

PATHS = {
    "overview": "", "settlements": "settlements", "tasks": "tasks", "calls": "calls", "messages": "messages",
    "one_message": "messages/1", "replay": "messages/replay", "channels": "channels",
    "channel": "channels/outpatient_settlement", "routes": "routes", "history": "history", "codes": "codes",
    "states": "help/states", "config": "config", "turn": "history/1", "explain": "explain", "books": "books",
    "tables": "books/tables",
}  # fmt: skip
FOR_FINANCE = {"overview", "settlements", "settlement", "tasks", "states", "books", "tables"}
FOR_BOOKS = {"books", "tables"}
FOR_CHANGES = {"config", "turn", "replay"}
NOT_LOOKED_AT = re.compile(r"/console/(static/|logout|$|\?)")


def logged_in(night: Night, users: dict[str, User], *roles: str) -> Browser:
    mine = {"admin": replace(users["admin"], roles=roles)}
    browser = night.browser(night.site(mine, "production"), peer="10.0.0.7", host="engine.hospital:8600")
    assert browser.post("/console/login", {"user": "admin", "password": PASSWORD}).status == 303
    return browser


def a_call(night: Night, no: str) -> str:
    page = night.browser(night.site()).text(f"/console/settlements/{no}")
    return re.findall(r'href="/console/calls/(\d+)"', page)[0]


def test_every_page_is_for_somebody() -> None:
    assert set(OPENS) == set(PAGE_TABLE)
    assert all(roles and roles <= set(ROLES) for roles in OPENS.values())


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_its_pages_and_no_others(night: Night, users: dict[str, User], role: str) -> None:
    browser = logged_in(night, users, role)
    no = night.no["settled"]
    paths = {**PATHS, "settlement": f"settlements/{no}", "call": f"calls/{a_call(night, no)}"}
    assert set(paths) == set(PAGE_TABLE)
    # a turn that no store here has is missing, which is told only to those it is for
    seen = {page for page, path in paths.items() if browser.get(f"/console/{path}").status in (200, 404)}
    open_to = {
        "finance": FOR_FINANCE, "look": set(paths) - FOR_CHANGES - FOR_BOOKS, "operate": set(paths) - FOR_BOOKS,
    }  # fmt: skip
    assert seen == open_to.get(role, set(paths))


def test_roles_add_up(night: Night, users: dict[str, User]) -> None:
    assert logged_in(night, users, "finance", "look").get("/console/calls").status == 200


@pytest.mark.parametrize("role", ROLES)
def test_nothing_shown_leads_to_a_page_that_is_refused(night: Night, users: dict[str, User], role: str) -> None:
    browser = logged_in(night, users, role)
    scenes = [f"settlements/{night.no[name]}" for name in ("settled", "manual", "paid_again", "waiting")]
    more = ["books"] if role in ("finance", "admin") else []
    for path in ("", "settlements", "tasks", "help/states", *more, *scenes):
        page = browser.text(f"/console/{path}")
        hrefs = {unescape(one).partition("#")[0] for one in re.findall(r'href="(/console/[^"]*)"', page)}
        wanted = sorted(one for one in hrefs if not NOT_LOOKED_AT.match(one) and "/settlements/" not in one)
        assert wanted
        # of many calls and channels one each: it is the page that is refused, not the row
        for href in {re.sub(r"[^/]+$", "", one) if "/calls/" in one else one: one for one in wanted}.values():
            assert browser.get(href).status == 200, (path, href)


def test_finance_sees_no_bytes_on_a_settlement(night: Night, users: dict[str, User]) -> None:
    path = f"/console/settlements/{night.no['manual']}"
    page = logged_in(night, users, "finance").text(path)
    assert "/console/calls" not in page
    assert "<details" not in page  # the raw history
    assert night.no["manual"] + "P1" in page  # the numbers that finance looks up at a platform
    assert "1,200.00" in page
    assert "/console/calls/" in logged_in(night, users, "look").text(path)


def test_a_refusal_says_whose_page_it_is(night: Night, users: dict[str, User]) -> None:
    browser = logged_in(night, users, "finance")
    told = {
        "zh": ("这一页不对您的角色开放", "查看", "运维", "管理员", "您的角色", "财务"),
        "en": ("This page is not for your role", "operator", "administrator", "finance"),
    }
    for language, said in told.items():
        reply = browser.get(f"/console/calls?lang={language}")
        assert reply.status == 403
        page = reply.body.decode()
        for word in said:
            assert word in page, word
        nav = re.findall(r'<a href="/console/([^"]*)"', page.partition("<nav>")[2].partition("</nav>")[0])
        assert nav == ["", "settlements", "tasks", "books", "help/states"]
        assert "Content-Security-Policy" in dict(reply.headers)
    assert ("console_page_refused", {"user": "admin", "page": "calls"}) in browser.log.lines


def test_nobody_without_a_login_learns_whose_a_page_is(night: Night, users: dict[str, User]) -> None:
    browser = night.browser(night.site(users, "production"), peer="10.0.0.7", host="engine.hospital:8600")
    assert browser.get("/console/calls").status == 303
