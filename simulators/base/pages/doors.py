"""The pages every party has: `/sim/` itself, `/sim/all`, one exchange, and the forms behind their buttons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width
from urllib.parse import parse_qsl, quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from simulators.base.menu import GROUPS, Words, group_of
from simulators.base.pages.playing import play
from simulators.base.pages.reading import shown
from simulators.base.pages.texts import KINDS, STATES, TEXTS, TONES
from simulators.base.wire import Req, Resp
from simulators.base.world import BEIJING, SimWorld

if TYPE_CHECKING:
    from simulators.base.exchanges import Exchange
    from simulators.base.ledger import Row
    from simulators.base.party import SimParty

HERE = Path(__file__).resolve().parent
_FILES = {"/sim/page.css": "text/css; charset=utf-8", "/sim/page.js": "text/javascript; charset=utf-8"}
PAGES = frozenset({"/sim", "/sim/", "/sim/all", "/sim/exchange", "/sim/do", *_FILES})
GUARDS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; script-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
}  # fmt: skip
SHOWN_EXCHANGES, SHOWN_LEDGER = 40, 60
_DAY = timedelta(days=1)


def page(party: SimParty, req: Req) -> Resp:
    """Answer one of PAGES."""
    if kind := _FILES.get(req.path):
        return Resp(200, _file(req.path.rpartition("/")[2]), {"Content-Type": kind, "Cache-Control": "no-cache"})
    language = _language(req)
    if req.path == "/sim/do":
        return _do(party, req, language)
    if req.method not in ("GET", "HEAD"):
        return Resp(405, b"", {"Allow": "GET"})
    if req.path == "/sim/all":
        return _html("all", party, req, language, {"back": "/sim/all", "here": ""})
    if req.path == "/sim/exchange":
        return _exchange(party, req, language)
    return _html("party", party, req, language, _party(party, req, language))


@dataclass(frozen=True)
class _Neighbour:
    """A party of the same process, for the bar and the list of all."""

    name: str
    title: Words
    url: str
    mllp: str
    exchanges: int
    ledger: int
    faults: int
    objections: int


def _neighbours(world: SimWorld) -> list[_Neighbour]:
    return [
        _Neighbour(
            one.name, one.title, world.addresses[one.name], one.mllp_address, len(one.exchanges.rows),
            len(one.ledger.rows), len(one.faults.orders),
                sum(row.objection is not None for row in one.exchanges.rows),
        )
        for one in world.parties.values()
    ]  # fmt: skip


def _language(req: Req) -> str:
    asked = req.query.get("lang", "")
    if asked not in ("zh", "en"):
        asked = dict(pair.strip().partition("=")[::2] for pair in req.headers.get("cookie", "").split(";")).get("sim",
            "")
    if asked not in ("zh", "en"):
        asked = "en" if req.headers.get("accept-language", "zh").lower().startswith("en") else "zh"
    return asked


def _html(name: str, party: SimParty, req: Req, language: str, values: Mapping[str, Any], status: int = 200) -> Resp:
    def t(key: str, **parts: Any) -> str:
        text = TEXTS[key].of(language)
        return text.format(**parts) if parts else text

    def op_words(op: str) -> str:
        words = party.ops_said.get(op)
        if op == "*":
            return t("any_op")
        return op if words is None else words.of(language) if op in words.of(language) else f"{words.of(language)} {op}"

    def state(name: Any) -> Any:
        words = STATES.get(name) if isinstance(name, str) else None
        return name if words is None else words.of(language)

    other = "en" if language == "zh" else "zh"
    rest = "&".join(f"{k}={quote(v)}" for k, v in req.query.items() if k != "lang")
    everything = {
        "t": t, "op_words": op_words, "kind": lambda kind: KINDS[kind].of(language), "state": state,
        "language": language, "here": party.name, "others": _neighbours(party.world), "now": party.world.stamp(),
        "rate": party.world.rate, "shared": party.world.shared is not None, "by_wall": party.world.by_wall,
        "jumps": _jumps(party.world, t), "back": "/sim/",
        "switch": f"{req.path}?{rest + '&' if rest else ''}lang={other}", "party": party, "menu": party.fault_menu(),
        **values,
    }  # fmt: skip
    text = _templates().get_template(f"{name}.html").render(everything)
    headers = {"Content-Type": "text/html; charset=utf-8", **GUARDS}
    if req.query.get("lang") in ("zh", "en"):
        headers["Set-Cookie"] = f"sim={language}; Path=/sim; SameSite=Strict; HttpOnly"
    return Resp(status, text.encode("utf-8", "replace"), headers)


def _party(party: SimParty, req: Req, language: str) -> dict[str, Any]:
    q = req.query.get("q", "").strip()
    groups: dict[str, list[tuple[str, Any]]] = {name: [] for name in GROUPS}
    for name, one in party.fault_menu().items():
        groups[group_of(name)].append((name, one))
    return {
        "url": party.world.addresses.get(party.name, ""), "q": q, "note": party.notes[-1] if party.notes else None,
        "sections": party.sections(), "acts": {act.name: act for act in party.acts_said},
        "orders": party.faults.orders, "groups": [(GROUPS[name], faults) for name,
            faults in groups.items() if faults],
        "picked": {"op": "*", "times": "1", "bill": "", "seconds": "30", **party.picked},
        "exchanges": [row for row in reversed(party.exchanges.rows) if _hit(row, q)][:SHOWN_EXCHANGES],
        "ledger": [row for row in reversed(party.ledger.rows) if _entry(row, q)][:SHOWN_LEDGER],
    }  # fmt: skip


def _hit(row: Exchange, q: str) -> bool:
    return not q or q == row.op or q.encode() in row.request or q.encode() in row.reply


def _entry(row: Row, q: str) -> bool:
    return not q or any(q in text for text in (row.no, row.party_no, row.bill, row.ref, row.kind))


def _exchange(party: SimParty, req: Req, language: str) -> Resp:
    seq = req.query.get("seq", "")
    row = party.exchanges.find(int(seq)) if seq.isdecimal() and len(seq) < 18 else None
    if row is None:
        return Resp(404, TEXTS["gone"].of(language).encode(), {"Content-Type": "text/plain; charset=utf-8", **GUARDS})
    values = {"row": row, "request": shown(row.request), "reply": shown(row.reply)}
    return _html("exchange", party, req, language, values)


def _do(party: SimParty, req: Req, language: str) -> Resp:
    """A button was pressed; only one of our own pages may press it."""
    if req.method != "POST":
        return Resp(405, b"", {"Allow": "POST"})
    origin = req.headers.get("origin")
    if origin is not None and origin.partition("//")[2] != req.headers.get("host", ""):
        return Resp(403, TEXTS["foreign"].of(language).encode(), {"Content-Type": "text/plain; charset=utf-8"})
    form = dict(parse_qsl(req.body.decode("utf-8", "replace"), keep_blank_values=True))
    back = form.pop("back", "/sim/")
    play(party, form, language)
    return Resp(303, b"", {"Location": back if back in ("/sim/", "/sim/all") else "/sim/", **GUARDS})


def _jumps(world: SimWorld, t: Any) -> list[tuple[str, int]]:
    now = world.moment()
    tomorrow = (now + _DAY).replace(hour=9, minute=0, second=0, microsecond=0)
    year_end = now.replace(month=12, day=31, hour=23, minute=59, second=30, microsecond=0)
    if year_end <= now:
        year_end = year_end.replace(year=now.year + 1)
    places = [
        ("tomorrow", tomorrow), ("bills", tomorrow.replace(hour=10, minute=30)), ("year_end", year_end),
    ]  # fmt: skip
    fixed = [("minute", 60), ("quarter", 900), ("hour", 3600)]
    return [(t(name), seconds) for name, seconds in fixed] + [
        (t(name), int((place - now).total_seconds()) + 1) for name, place in places
    ]


@cache
def _file(name: str) -> bytes:
    return (HERE / name).read_bytes()


@cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True
    )
    made.filters.update(
        cell=_cell, narrow=_narrow, tone=lambda state: TONES.get(str(state), "dim"),
        clock=lambda at: datetime.fromtimestamp(at, BEIJING).strftime("%H:%M:%S"),
        day=lambda at: datetime.fromtimestamp(at, BEIJING).strftime("%m-%d %H:%M:%S"),
    )  # fmt: skip
    return made


def _narrow(shown: str) -> bool:
    """Whether a cell's text stays on one line: up to 18 letters, a Chinese character counting for two."""
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in shown) <= 18


def _cell(value: Any, money: bool, language: str) -> str:
    if isinstance(value, Words):
        return value.of(language)
    if money and isinstance(value, int):
        return f"{'-' if value < 0 else ''}{abs(value) // 100:,}.{abs(value) % 100:02d}"
    return "" if value is None else str(value)

