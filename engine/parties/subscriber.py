"""A system that takes messages by HTTP: JSON or XML, one POST a message.

Each carries our number of the message in `X-Message-No`: by it the receiver knows a repeat. 2xx says it has it, 4xx is
a clear no (but for 408, 409, 425 and 429, which ask for patience), anything else proves nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from engine.codecs import json_text
from engine.codecs.xml_tree import print_xml
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing
from engine.parties.settings import PartySettings

_PATIENCE: Final = ("408", "409", "425", "429")


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


class Subscriber:
    """A subscriber as a party."""

    kind = "subscriber"
    about = About("engine", "接收方系统", "the receiving system", simulator="subscribers")
    settings: type[BaseModel] = Settings
    ops: Final = {"post": Op("post", "送达一条消息", "deliver a message", changes=True)}
    outcomes: Final = (
        OutcomeRow("2*", Outcome.ACCEPTED),
        *(OutcomeRow(code, Outcome.UNKNOWN) for code in _PATIENCE),
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
        return Answer(True, str(reply.status))

    def verify(self, settings: Any, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


PARTY: Final = Subscriber()
