"""A directory, here or on an SFTP server, from which another system takes its messages: one file a message.

The name carries our number, so that the same message again is the same file. What the connector says of it is the
reply: `written`, `same` (it was there already, byte for byte), or that another file has this name, which is a no.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.codecs import json_text
from engine.codecs.xml_tree import print_xml
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing

WRITTEN, SAME, CLASH = b"written", b"same", b"clash"
"""What a connector that writes may say of one message."""
_NUMBER: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


class Settings(BaseModel):
    """The directory. `name` with `{number}` in it; `format` of what the map makes (a message that is forwarded is
    written as it is); `root`: the name of the XML document; `marker`: an empty file with this ending follows. Over
    SFTP: `user`, `host_keys` (fingerprints), and `password` or `key`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="{number}.json", max_length=80, pattern=r"^[A-Za-z0-9_-]*\{number\}[A-Za-z0-9_.-]*$")
    format: Literal["json", "xml"] = "json"
    root: str = Field(default="message", pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")
    marker: str = Field(default="", pattern=r"^(\.[A-Za-z0-9_]{1,20})?$")
    user: str = ""
    host_keys: tuple[str, ...] = ()
    password: str = Field(default="", repr=False)
    key: str = Field(default="", repr=False)

    @field_validator("name")
    @classmethod
    def _ends(cls, name: str) -> str:
        if name.endswith("."):
            raise ValueError("a file name does not end with a dot")
        return name


class Files:
    """A directory as a party."""

    kind = "files"
    about = About("engine", "接收目录", "the receiving directory")
    settings: type[BaseModel] = Settings
    ops: Final = {
        "write": Op("write", "写一个文件", "write a file", changes=True),
        "forward": Op("forward", "原文写成文件", "write a message as it came", changes=True),
    }
    outcomes: Final = (
        OutcomeRow("WRITTEN", Outcome.ACCEPTED),
        OutcomeRow("SAME", Outcome.ACCEPTED),
        OutcomeRow("CLASH", Outcome.REFUSED),
    )

    def open(self, settings: Settings) -> Settings:
        return settings

    def build(self, call: Outgoing) -> HttpRequest:
        settings: Settings = call.settings
        if _NUMBER.fullmatch(call.number) is None:
            raise ValueError("our number is no part of a file name")
        if isinstance(call.body, bytes):
            body = call.body
        elif settings.format == "json":
            body = json_text.print_json(call.body)
        else:
            body = print_xml(settings.root, call.body)
        return HttpRequest("WRITE", "/" + settings.name.replace("{number}", call.number), (), body)

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        return said(reply)

    def verify(self, settings: Any, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


def said(reply: HttpReply) -> Answer:
    """What a connector that writes said of one message."""
    if reply.body not in (WRITTEN, SAME, CLASH):
        return wire.not_intact("no word of a connector that writes")
    return Answer(True, reply.body.decode().upper())


PARTY: Final = Files()
