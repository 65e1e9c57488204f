"""A directory, here or on an SFTP server, from which another system takes its messages: one file a message.

The name carries our number, so that the same message again is the same file. What the connector says of it is the
reply: `written`, `same` (it was there already, byte for byte), or that another file has this name, which is a no.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, field_validator

from engine.codecs import json_text
from engine.codecs.xml_tree import print_xml
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing
from engine.parties.settings import PartySettings

WRITTEN, SAME, CLASH, UNFIT = b"written", b"same", b"clash", b"unfit: "
"""What a connector that writes may say of one message; after the last, why."""
_NUMBER: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


class Settings(PartySettings):
    """The directory, and how to sign in where it is on an SFTP server."""

    name: str = Field(default="{number}.json", max_length=80, pattern=r"^[A-Za-z0-9_-]*\{number\}[A-Za-z0-9_.-]*$")
    """文件名，{number} 处是我方的消息编号：同一消息再写一次仍是同一个文件
    · the file's name; {number} is our number of the message, so that the same message again is the same file"""
    format: Literal["json", "xml"] = "json"
    """映射做出的内容写成什么格式；原文转发（forward）的照原样写
    · how what the map makes is written; a message that is forwarded is written as it is"""
    root: str = Field(default="message", pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")
    """XML 根元素的名称；json 不用
    · the name of the XML document; json has none"""
    marker: str = Field(default="", pattern=r"^(\.[A-Za-z0-9_]{1,20})?$")
    """写完后再放一个同名加此扩展名的空文件，告诉对方可以取；空：不放
    · the ending of an empty file that follows when the first is whole; empty: none follows"""
    user: str = ""
    """SFTP 的用户名；本机目录不用
    · the user at SFTP; a directory here has none"""
    host_keys: tuple[str, ...] = ()
    """SFTP 服务器公钥的指纹（SHA256:…），至少一个；不认识的服务器不登录
    · fingerprints of the SFTP server's keys (SHA256:…), one at least; a stranger's server is not signed in to"""
    password: str = Field(default="", repr=False)
    """SFTP 的口令；口令与 key 至少写一个
    · the password at SFTP; this, key, or both"""
    key: str = Field(default="", repr=False)
    """SFTP 的登录私钥（OpenSSH 或 PEM 格式）
    · the private key at SFTP (OpenSSH or PEM)"""

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
    if reply.body in (WRITTEN, SAME, CLASH):
        return Answer(True, reply.body.decode().upper())
    if reply.body.startswith(UNFIT):
        return Answer(True, "UNFIT", reply.body.removeprefix(UNFIT).decode())
    return wire.not_intact("no word of a connector that writes")


PARTY: Final = Files()
