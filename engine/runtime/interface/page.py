"""The interface document as one HTML page, and where it is served. It holds no address of a party and no secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from engine.core.http import HttpReply, HttpRequest
from engine.runtime.hl7_words import CAME_TO_NOTHING
from engine.runtime.interface import examples, messages, tables, words
from engine.runtime.replies import STATUS
from engine.runtime.routes import Route
from engine.runtime.soap_service import SPACE, service_of
from engine.site.site import Channel, Site

PATH = "/docs/interface"
HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-cache"),
)
_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


def page(site: Site) -> str:
    """The document of a site."""
    settles = [channel for channel in site.channels.values() if channel.kind == "settle"]
    settles.sort(key=lambda channel: channel.hl7 is None)  # those that every door reaches first
    return _PAGES.get_template("page.html").render(
        name=site.engine.name,
        hospital=site.engine.hospital.get("name", ""),
        version=site.content_hash[:12],
        words=words,
        states=[(word, about, STATUS.get(word, 200), _acks(word)) for word, about in words.STATES.items()],
        refusals=[(word, about, STATUS.get(word, 200), _acks(word)) for word, about in words.REFUSALS.items()],
        settles=_settles(site, settles),
        events=_events(site, settles),
        answers=[_answer(site, channel) for channel in site.channels.values() if channel.kind == "answer"],
        schemas={name: tables.schema_rows(site, name) for name in ("cancel_request", "refund_request")},
        messages=messages.taken(site),
        hl7=[_hl7(site, channel) for channel in settles if channel.hl7 is not None],
        his=tables.his_calls(site),
        errors=tables.errors(site),
        sample=examples,
        soap=[_soap(site, channel) for channel in settles if channel.soap is not None],
        start=next((str(one.listen.request.path) for one in settles if one.listen is not None), ""),
    )


def _acks(word: str) -> str:
    """How HL7 says a word; the two for a state that is no success for who asked to settle."""
    if word in ("unsigned", "forbidden"):
        return "AR"
    if word in words.REFUSALS or word == "busy":
        return "AE"
    return "AE · AA" if word in CAME_TO_NOTHING else "AA"


def _settles(site: Site, channels: list[Channel]) -> list[dict[str, Any]]:
    """Each channel; `like` names the path of an earlier one whose request has the same schema."""
    shown: dict[str, str] = {}
    made = [_settle(site, channel) for channel in channels]
    for one in made:
        one["like"] = shown.get(one["schema"], "")
        shown.setdefault(one["schema"], one["path"])
    return made


def _settle(site: Site, channel: Channel) -> dict[str, Any]:
    listen = channel.listen
    assert listen is not None, "a settle channel listens"
    return {
        "title": channel.title,
        "name": channel.name,
        "path": listen.request.path,
        "once_by": ", ".join(str(one) for one in listen.once_by),
        "one_live": str(listen.one_live),
        "within": listen.answer_within,
        "schema": str(listen.schema),
        "like": "",
        "rows": tables.schema_rows(site, str(listen.schema)),
    }


def _events(site: Site, channels: list[Channel]) -> list[dict[str, Any]]:
    """What terminals tell a settlement, by address; channels that share one may take other fields (`kinds`: where
    those settlements begin, and the fields; nowhere in particular when all are alike)."""
    found: dict[str, tuple[str, dict[str, list[str]]]] = {}
    for channel in channels:
        assert channel.listen is not None, "a settle channel listens"
        for hears in channel.hears:
            if hears.request is not None:
                _, schemas = found.setdefault(hears.request.path, (hears.event, {}))
                schemas.setdefault(hears.schema, []).append(channel.listen.request.path)
    return [
        {
            "path": path,
            "about": words.EVENTS.get(event, words.Both(event, event)),
            "kinds": [
                (began if len(began) < len(channels) else [], tables.schema_rows(site, name))
                for name, began in schemas.items()
            ],
        }
        for path, (event, schemas) in found.items()
    ]


def _answer(site: Site, channel: Channel) -> dict[str, Any]:
    listen = channel.listen
    assert listen is not None, "an answer channel listens"
    return {
        "title": channel.title,
        "method": listen.request.method,
        "path": listen.request.path,
        "rows": tables.schema_rows(site, str(listen.schema)),
        "makes": tables.target_rows(channel),
    }


def _hl7(site: Site, channel: Channel) -> dict[str, Any]:
    spec = channel.hl7
    assert spec is not None
    door = site.engine.listeners[spec.at]
    sender = next(iter(door.senders), "HIS").partition("^")[0]
    made = examples.message(spec, sender)
    names: Mapping[str, Any] = {"hospital": site.engine.hospital, "now": 0}
    return {
        "title": channel.title,
        "message": "^".join(spec.message),
        "ack": f"ACK^{spec.message[1]}",
        "port": door.mllp[1] if door.mllp is not None else 0,
        "tls": door.tls is not None,
        "charset": door.usual_charset,
        "senders": list(door.senders),
        "unit": spec.profile.amounts,
        "action": str(spec.action),
        "actions": tables.actions(spec),
        "segments": spec.profile.segments,
        "answers": dict(tables.answer_places(spec)),
        "asked": "" if made is None else examples.message_text(made),
        "told": "" if made is None else examples.acknowledged(spec, made, names),
    }


def _soap(site: Site, channel: Channel) -> dict[str, Any]:
    assert channel.soap is not None
    deeds = service_of(site, channel).deeds.values()
    return {
        "title": channel.title,
        "path": channel.soap.path,
        "space": SPACE,
        "deeds": [(deed.name, deed.title, tables.rows_of(deed.takes)) for deed in deeds],
    }


def routes(site: Callable[[], Site]) -> list[Route]:
    """`GET /docs/interface`, without a signature: it holds nothing secret. Made once for each site."""
    made: dict[str, bytes] = {}

    def show(request: HttpRequest, parts: Mapping[str, str]) -> HttpReply:
        now = site()
        if now.content_hash not in made:
            made.clear()
            made[now.content_hash] = page(now).encode()
        return HttpReply(200, HEADERS, made[now.content_hash])

    return [Route("GET", PATH, show, "interface", 0)]
