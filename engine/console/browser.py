"""What a browser's request says of its person: the language, the login, the page they are on and where to go next."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from engine.console.access import cookies_of
from engine.console.form_data import fields_of
from engine.console.texts import LANGUAGES
from engine.core.http import Headers, HttpRequest

ROOT = "/console/"
LOGIN_COOKIE, LANGUAGE_COOKIE = "console_login", "console_lang"


def inside(where: str) -> str:
    """A place of ours to go on to; never another site's."""
    good = where.startswith(ROOT) and "//" not in where and "\\" not in where and where.isprintable()
    return quote(where, safe="/?=&%-._~") if good and where.isascii() else ROOT


def login_of(request: HttpRequest) -> str:
    """The token of who is logged in, "" for nobody's."""
    return cookies_of(request).get(LOGIN_COOKIE, "")


def language_of(request: HttpRequest) -> tuple[str, Headers]:
    """In which language, and the cookie that keeps it when the address asks for one."""
    asked = fields_of(request.query.encode()).get("lang", "")
    if asked in LANGUAGES:
        kept = f"{LANGUAGE_COOKIE}={asked}; Path={ROOT}; HttpOnly; SameSite=Strict; Max-Age=31536000"
        return asked, (("Set-Cookie", kept),)
    kept = cookies_of(request).get(LANGUAGE_COOKIE, "")
    return kept if kept in LANGUAGES else LANGUAGES[0], ()


def other_language(request: HttpRequest, path: str = "") -> str:
    """This page's address, to which `lang=` is added."""
    rest = [(key, value) for key, value in fields_of(request.query.encode()).items() if key != "lang"]
    return f"{path or request.path}?{urlencode(rest)}{'&' if rest else ''}lang="
