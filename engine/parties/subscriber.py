"""A system that takes messages by HTTP: JSON or XML, one POST a message.

Each carries our number of the message in `X-Message-No`: by it the receiver knows a repeat. 2xx says it has it, 4xx is
a clear no, but for some that are not about this message: 408, 409, 425 and 429 ask for patience, 401 is about our
credentials, 404 about the address that every message is posted to (a receiver that is being deployed says it to all).
These, and anything else, prove nothing. Where a receiver says no inside HTTP 200, `answer_code` is the place that
counts: a code that is not good proves nothing either, unless the site lists it (`no-CODE`).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from engine.codecs import json_text, xml_text
from engine.codecs.errors import Undecodable
from engine.codecs.xml_tree import print_xml
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing
from engine.parties.settings import PartySettings

_OF_NO_MESSAGE: Final = ("401", "404", "408", "409", "425", "429")


class Settings(PartySettings):
    """The connection to a subscriber."""

    format: Literal["json", "xml"] = "json"
    """消息正文的格式
    · the form of messages"""
    path: str = Field(default="/", pattern=r"^/[A-Za-z0-9._~/-]*$")
    """消息投到哪个路径（POST）
    · the path messages are posted to"""
    root: str = Field(default="message", pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")
    """XML 根元素的名称；json 不用
    · the name of the XML document; json has none"""
    secret: str = Field(default="", repr=False)
    """签名密钥：X-Signature 是对 编号、换行、正文 的 HMAC-SHA256（小写十六进制）；空：不签名
    · signs messages: X-Signature is lower-case hex HMAC-SHA256 over number, LF, body; empty: not signed"""


    answer_code: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*)?$")
    """应答正文（与消息同一格式）里业务码的位置，逐级用点连接；空：HTTP 2xx 就是收下了。对方在 HTTP 200 里拒绝的，必须写
    · where the answer's body (of the messages' format) says what became of it, names joined by dots; empty: HTTP 2xx
    alone means taken. Needed where a receiver refuses inside HTTP 200"""
    good: tuple[str, ...] = ("0",)
    """表示收下了的业务码；其余的不算收下，按“说明不了”重发（判定用的代码是 no-业务码，可在应答映射里列出）
    · the codes that mean taken; after any other it counts as unknown and is sent again (the reply's map may list it, as
    no-CODE)"""


class Subscriber:
    """A subscriber as a party."""

    kind = "subscriber"
    about = About("engine", "接收方系统", "the receiving system", simulator="subscribers")
    settings: type[BaseModel] = Settings
    ops: Final = {"post": Op("post", "送达一条消息", "deliver a message", changes=True)}
    outcomes: Final = (
        OutcomeRow("2*", Outcome.ACCEPTED),
        *(OutcomeRow(code, Outcome.UNKNOWN) for code in _OF_NO_MESSAGE),
        OutcomeRow("4*", Outcome.REFUSED),
    )

    def open(self, settings: Settings) -> Settings:
        return settings

    def build(self, call: Outgoing) -> HttpRequest:
        settings: Settings = call.settings
        if settings.format == "json":
            kind, body = wire.JSON, json_text.print_json(call.body)
        else:
            kind, body = "application/xml; charset=utf-8", print_xml(settings.root, call.body)
        headers: tuple[tuple[str, str], ...] = (("Content-Type", kind), ("X-Message-No", call.number))
        if settings.secret:
            text = call.number.encode() + b"\n" + body
            sign = hmac.new(settings.secret.encode(), text, hashlib.sha256).hexdigest()
            headers = (*headers, ("X-Signature", sign))
        return HttpRequest("POST", settings.path, headers, body)

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        if reply.body[:1] == b"<" and reply.body[:15].lower().startswith((b"<html", b"<!doctype html")):
            return wire.not_intact("an HTML page")  # a proxy's or a login's: nobody has taken the message
        settings: Settings = call.settings
        if not settings.answer_code or reply.status // 100 != 2:
            return Answer(True, str(reply.status))
        code = _code_in(reply.body, settings)
        if code is None:
            return wire.not_intact(f"no {settings.answer_code} in the answer")
        return Answer(True, str(reply.status) if code in settings.good else f"no-{code[:40]}")

    def verify(self, settings: Any, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


def _code_in(body: bytes, settings: Settings) -> str | None:
    """What the answer says under `answer_code`; None when it cannot be read, or says nothing there."""
    names = settings.answer_code.split(".")
    at: Any
    try:
        if settings.format == "xml":
            root = xml_text.parse(body, max_bytes=wire.MAX_REPLY)
            element = root.find("/".join(f"{{*}}{name}" for name in names))
            at = None if element is None else (element.text or "").strip()
        else:
            at = json_text.parse(body, max_bytes=wire.MAX_REPLY)
            for name in names:
                at = at.get(name) if isinstance(at, dict) else None
    except Undecodable:
        return None
    if isinstance(at, bool):
        return "true" if at else "false"
    return str(at) if isinstance(at, str | int) and at != "" else None


PARTY: Final = Subscriber()
