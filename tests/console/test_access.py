"""Who may look, and what every reply carries."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from engine.config.engine_parts import User
from engine.config.secret import SecretRef
from engine.console.passwords import password_fits, password_hash

from .conftest import PASSWORD, Browser, Night


@pytest.fixture
def door(hall: Night, users: dict[str, User]) -> Browser:
    """Somebody on the hospital's network, before a console with users."""
    return hall.browser(hall.site(users, "production"), peer="10.0.0.7", host="engine.hospital:8600")


def login(browser: Browser, user: str = "admin", password: str = PASSWORD, **more: str) -> int:
    return browser.post("/console/login", {"user": user, "password": password, **more}).status


def test_login_opens_the_console(door: Browser) -> None:
    first = door.get("/console/settlements?state=manual")
    assert first.status == 303
    where = first.header("Location")
    assert where == "/console/login?next=%2Fconsole%2Fsettlements%3Fstate%3Dmanual"
    form = door.text(where)
    assert 'value="/console/settlements?state=manual"' in form
    reply = door.post(
        "/console/login", {"user": "admin", "password": PASSWORD, "next": "/console/settlements?state=manual"}
    )
    assert (reply.status, reply.header("Location")) == (303, "/console/settlements?state=manual")
    cookie = reply.header("Set-Cookie")
    assert re.fullmatch(r"console_login=[0-9a-f]{64}; Path=/console/; HttpOnly; SameSite=Strict", cookie)
    assert "admin" in door.text("/console/")
    assert door.post("/console/logout", {}).status == 303
    assert door.get("/console/").status == 303


def test_wrong_password_and_unknown_user_look_the_same(door: Browser) -> None:
    wrong = door.post("/console/login", {"user": "admin", "password": "x"})
    unknown = door.post("/console/login", {"user": "nobody", "password": "x"})
    assert wrong.status == unknown.status == 401
    assert wrong.body == unknown.body
    assert "console_login" not in door.cookies


def test_unknown_user_costs_a_hash_too(door: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def fits(password: str, line: str) -> bool:
        seen.append(line)
        return True  # even a hash that fits lets nobody in who is not there

    monkeypatch.setattr("engine.console.console.password_fits", fits)
    assert login(door, "nobody") == 401
    assert seen[0].startswith("scrypt$15$8$1$")


def test_guessing_becomes_slow(door: Browser, hall: Night) -> None:
    assert [login(door, password=f"x{n}") for n in range(5)] == [401] * 5
    assert login(door, password="x") == 429
    assert login(door) == 429  # the right one must wait as well
    hall.stage.clock.advance(1.1)
    assert login(door, password="y") == 401
    assert login(door) == 429
    hall.stage.clock.advance(2.1)
    assert login(door) == 303


def test_guesses_from_many_addresses_slow_one_user(door: Browser, hall: Night) -> None:
    for n in range(20):
        assert login(replace(door, peer=f"10.0.1.{n}"), password="x") == 401
    assert login(replace(door, peer="10.0.2.1")) == 429
    hall.stage.clock.advance(10.1)
    assert login(replace(door, peer="10.0.2.1")) == 303


def test_login_ends_when_idle_and_after_eight_hours(hall: Night, users: dict[str, User]) -> None:
    browser = hall.browser(hall.site(users))
    clock = hall.stage.clock
    assert login(browser) == 303
    clock.advance(14 * 60)
    assert browser.get("/console/tasks").status == 200
    clock.advance(16 * 60)
    assert browser.get("/console/tasks").status == 303
    assert login(browser) == 303
    for _ in range(8 * 6 + 1):
        clock.advance(590)
        last = browser.get("/console/tasks").status
    assert last == 303


def test_user_who_was_removed_is_out(hall: Night, users: dict[str, User]) -> None:
    site = hall.site(users)
    browser = hall.browser(site)
    assert login(browser) == 303
    assert browser.get("/console/").status == 200
    del users["admin"]
    users["other"] = User(SecretRef("file", "/nowhere"), ("look",))
    assert browser.get("/console/").status == 303


def test_missing_hash_file_lets_nobody_in(hall: Night) -> None:
    browser = hall.browser(hall.site({"admin": User(SecretRef("file", "/nowhere/x"), ("admin",))}))
    assert login(browser, password="") == 401
    assert browser.log.lines[0][0] == "console_password_missing"


@pytest.mark.parametrize(
    "next_",
    ["//evil.example/", "https://evil.example/", "/v1/settlements/S0", "/console//evil", "/console/\r\nX: y", "\\evil"],
)
def test_next_stays_inside(door: Browser, next_: str) -> None:
    reply = door.post("/console/login", {"user": "admin", "password": PASSWORD, "next": next_})
    assert reply.header("Location") == "/console/"


def test_form_of_another_site_is_refused(door: Browser) -> None:
    form = {"user": "admin", "password": PASSWORD}
    assert door.post("/console/login", form, ("Sec-Fetch-Site", "cross-site")).status == 403
    assert door.post("/console/login", form, ("Origin", "http://evil.example")).status == 403
    assert door.post("/console/logout", {}, ("Origin", "http://evil.example")).status == 403
    assert door.post("/console/login", form, ("Origin", "null"), ("Sec-Fetch-Site", "same-origin")).status == 303


@pytest.mark.parametrize(
    ("profile", "peer", "host", "more", "status"),
    [
        ("demo", "127.0.0.1", "127.0.0.1:8600", (), 200),
        ("test", "::1", "[::1]:8600", (), 200),
        ("demo", "127.0.0.1", "localhost", (), 200),
        ("production", "127.0.0.1", "127.0.0.1:8600", (), 403),
        ("demo", "10.0.0.7", "127.0.0.1:8600", (), 403),
        ("demo", "127.0.0.1", "evil.example:8600", (), 403),
        ("demo", "127.0.0.1", "127.0.0.1:8600", (("X-Forwarded-For", "10.0.0.7"),), 403),
        ("demo", "127.0.0.1", "127.0.0.1:8600", (("forwarded", "for=10.0.0.7"),), 403),
    ],
)
def test_without_users_only_this_machine_in_a_demo(
    hall: Night, profile: str, peer: str, host: str, more: tuple[tuple[str, str], ...], status: int
) -> None:
    browser = hall.browser(hall.site(profile=profile), peer=peer, host=host, headers=more)
    for path in ("", "settlements", f"settlements/{hall.no['settled']}", "calls", "routes", "books", "help/states"):
        reply = browser.get(f"/console/{path}")
        assert reply.status == status, path
    if status == 403:
        assert "console.users" in reply.body.decode()
        assert browser.get("/console/login").status == 403
        assert login(browser) == 403


def test_every_reply_carries_the_guards(night: Night, door: Browser, open_browser: Browser) -> None:
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    no = night.no["settled"]
    replies = [
        open_browser.get(path) for path in ("/console/", f"/console/settlements/{no}", "/console/none", "/console")
    ]
    replies += [door.get("/console/"), door.get("/console/login"), door.post("/console/login", {"user": "a"})]
    statics = [open_browser.get(f"/console/static/{name}") for name in ("console.css", "console.js", "icon.svg")]
    for reply in (*replies, *statics):
        assert reply.header("Content-Security-Policy") == policy
        assert reply.header("X-Content-Type-Options") == "nosniff"
        assert reply.header("Referrer-Policy") == "no-referrer"
    assert {reply.header("Cache-Control") for reply in replies} == {"no-store"}


def test_pages_need_nothing_from_outside_and_nothing_inline(night: Night, open_browser: Browser) -> None:
    """The policy would break them: no style or handler in a tag, no address of another host."""
    paths = ["", "settlements", "tasks", "books", "calls", "messages", "channels", "channels/outpatient_settlement",
             "routes", "config", "history", "codes", "explain?what=filters", "help/states",
             f"settlements/{night.no['paid_again']}"]  # fmt: skip
    for path in paths:
        page = open_browser.text(f"/console/{path}")
        assert re.search(r"<[^>]+\s(style|on\w+)\s*=", page) is None, path
        assert "<style" not in page
        assert re.search(r"(?:src|href|action)=\"(?!/console/|#)", page) is None, path
    css = open_browser.text("/console/static/console.css")
    assert "url(" not in css
    assert "@import" not in css


def test_password_lines() -> None:
    line = password_hash("geheim", bytes(16), log2n=4)
    assert password_fits("geheim", line)
    assert not password_fits("Geheim", line)
    for bad in (
        "",
        "geheim",
        "scrypt$4$8$1$AA",
        line.replace("scrypt", "plain"),
        line.replace("$4$", "$40$"),
        line[:-20],
    ):
        assert not password_fits("geheim", bad), bad
    with pytest.raises(ValueError, match="salt"):
        password_hash("x", b"short")
