"""Templates to replies: autoescape always, the headers every page carries, filters for instants and amounts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from engine.console.texts import say, word
from engine.core.errors import said
from engine.core.http import Headers, HttpReply
from engine.core.money import yuan_of_fen
from engine.core.times import BEIJING, beijing
from engine.masking.values import Masker

HERE = Path(__file__).resolve().parent
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
GUARDS: Headers = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
STATIC: Mapping[str, str] = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
TONES: Mapping[str, str] = {
    # settlement
    "forward": "run", "waiting": "run", "final": "run", "back": "warn", "settled": "good", "undone": "dim",
    "rejected": "dim", "manual": "bad",
    # leg
    "ready": "dim", "sent": "run", "unsure": "warn", "dead": "warn", "fenced": "warn", "ok": "good", "no": "dim",
    # outcome
    "accepted": "good", "refused": "no", "pending": "run", "unknown": "warn", "not_sent": "dim", "running": "run",
    "lost": "warn",
    # fact
    "there": "good", "closed": "dim", "not_there": "dim",
}  # fmt: skip
"""A state's badge: good, run, warn, bad, no or dim."""


def yuan(fen: int | None) -> str:
    """`1,075.00`; an en dash while unknown."""
    if fen is None:
        return "–"
    whole, _, cents = yuan_of_fen(fen).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}.{cents}"


def lasted(seconds: float | None, language: str = "zh") -> str:
    """A length of time as a person says it: 38 ms, 4.2 s, 3 min 05 s, 2 h 10 min."""
    if seconds is None:
        return "–"
    seconds = max(0.0, seconds)
    zh = language == "zh"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} {'毫秒' if zh else 'ms'}"
    if seconds < 60:
        return f"{seconds:.1f} {'秒' if zh else 's'}"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} 分 {rest:02d} 秒" if zh else f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} 小时 {minutes:02d} 分" if zh else f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days} 天 {hours} 小时" if zh else f"{days} d {hours} h"


def clock(instant: float | None) -> str:
    """`10:20:01`, in Beijing."""
    return "–" if instant is None else beijing(instant, "%H:%M:%S")


def fine_clock(instant: float) -> str:
    """`10:20:01.234`."""
    return datetime.fromtimestamp(instant, BEIJING).isoformat(timespec="milliseconds")[11:23]


def day_clock(instant: float | None) -> str:
    """`11-22 10:20:01`."""
    return "–" if instant is None else beijing(instant, "%m-%d %H:%M:%S")


def whole_clock(instant: float | None) -> str:
    """`2026-11-22 10:20:01`."""
    return "–" if instant is None else beijing(instant)


class Pages:
    """Renders pages and serves the console's own few files."""

    def __init__(self) -> None:
        self._env = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._env.filters.update(
            covered=lambda text: Masker().text(text),
            yuan=yuan,
            lasted=lasted,
            clock=clock,
            fine=fine_clock,
            day_clock=day_clock,
            whole_clock=whole_clock,
        )
        self._env.globals["explained_code"] = said
        self._env.globals["tone"] = lambda state: TONES.get(str(state), "dim")
        self._files = {name: (HERE / "static" / name).read_bytes() for name in STATIC}

    def page(
        self, name: str, language: str, values: Mapping[str, Any], status: int = 200, cookies: Headers = ()
    ) -> HttpReply:
        """One page. In a template `t(key)` says a text, `w(group, value)` the word for a value of ours."""

        def t(key: str, **parts: Any) -> str:
            text = say(name, key, language)
            return text.format(**parts) if parts else text

        def w(group: str, value: object) -> str:
            return word(group, value, language)

        text = self._env.get_template(f"{name}.html").render(
            **values, t=t, w=w, language=language, page=name, other="en" if language == "zh" else "zh"
        )
        headers: Headers = (("Content-Type", "text/html; charset=utf-8"), *GUARDS, *cookies)
        return HttpReply(status, headers, text.encode("utf-8", "replace"))

    def file(self, name: str) -> HttpReply | None:
        """One of our own files, None when it is none."""
        data = self._files.get(name)
        if data is None:
            return None
        guards = tuple(pair for pair in GUARDS if pair[0] != "Cache-Control")
        return HttpReply(200, (("Content-Type", STATIC[name]), ("Cache-Control", "no-cache"), *guards), data)


def moved(where: str, cookies: Headers = ()) -> HttpReply:
    """Go to another page of ours."""
    return HttpReply(303, (("Location", where), *GUARDS, *cookies))
