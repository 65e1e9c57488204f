"""Parties called by a description: SOAP messages as `schemas/wsdl/NAME.wsdl` says, at the path it names.

Whatever stands inside the messages (functions with parameters, one string with a document) is each party's own; the
description, its compiling, the request's form and what a reply is that holds no answer are the same for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from engine.codecs import soap
from engine.codecs.errors import Undecodable
from engine.codecs.soap_wsdl import BadWsdl, Wsdl, load_wsdl
from engine.core.http import HttpReply, HttpRequest
from engine.parties.contract import Answer
from engine.parties.settings import PartySettings

FOLDER: Final = "schemas/wsdl/"
FAULT: Final = "FAULT:"
"""What stands before the code of a SOAP fault in an answer's code."""


@dataclass(frozen=True, slots=True)
class Described:
    """A compiled description, and how the connection uses it."""

    wsdl: Wsdl
    version: str
    path: str
    strict: bool

    def request(self, method: str, values: Mapping[str, str], cdata: tuple[str, ...] = ()) -> HttpRequest:
        """The call of an operation. ValueError for a value its description does not take."""
        sent = soap.write_request(self.wsdl, method, dict(values), version=self.version, cdata=cdata)
        return HttpRequest("POST", self.path, sent.headers, sent.body)

    def values(self, method: str, reply: HttpReply) -> dict[str, Any] | Answer:
        """The elements of the reply, or the answer that tells why there are none: a fault (intact, code `FAULT:…`), or
        what is no answer at all."""
        media = reply.header("Content-Type")
        try:
            found = soap.read_reply(
                self.wsdl, method, reply.body, version=self.version, media=media, strict=self.strict
            )
        except soap.SoapFault as fault:
            return Answer(True, f"{FAULT}{fault.code}", fault.text)
        except Undecodable as no:
            return unread(reply, no)
        return found if reply.status == 200 else Answer(False, "HTTP", f"HTTP {reply.status}")

    def takes(self, method: str, given: Iterable[str], told: Iterable[str]) -> None:
        """ValueError unless the operation has these elements going in and coming out."""
        soap.write_request(self.wsdl, method, dict.fromkeys(given, "0"), version=self.version)
        soap.write_reply(self.wsdl, method, dict.fromkeys(told, "0"), version=self.version)


def unread(reply: HttpReply, no: Undecodable) -> Answer:
    """The answer to a reply that cannot be read: nobody knows what became of the call."""
    told = f"HTTP {reply.status}, {no.text}" if reply.status != 200 else no.text
    return Answer(False, no.code.upper(), told)


class DescribedSettings(PartySettings):
    """What every connection by a description says."""

    wsdl: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """服务描述文件：schemas/wsdl/NAME.wsdl 的 NAME
    · the service's description: NAME of schemas/wsdl/NAME.wsdl"""
    version: Literal["1.1", "1.2"] = "1.1"
    """SOAP 版本；描述文件里要有这个版本的端口
    · the version of SOAP; the description must have a port of it"""
    path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._-]+)*$")
    """连接地址之后的路径；空：用描述文件里服务地址的路径
    · the path behind the connection's address; empty: that of the address in the description"""
    strict: bool = True
    """应答必须符合描述文件里的类型；对方自己都不守时才写 no
    · replies must keep to the description's types; no only where the other side itself does not"""

    _files: Mapping[str, bytes] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _with_files(self, info: ValidationInfo) -> DescribedSettings:
        """The site's files come as the validation's context: a connection's settings name some of them."""
        context: Any = info.context or {}
        self._files = context.get("files", {})
        return self

    def file(self, name: str) -> bytes | None:
        """A file of the site by its path."""
        return self._files.get(name)

    @property
    def main(self) -> str:
        """The description's name among the files beside it."""
        return f"{self.wsdl}.wsdl"

    def described(self) -> Described:
        """The description, compiled. ValueError names what is missing."""
        beside = {n.removeprefix(FOLDER): data for n, data in self._files.items() if n.startswith(FOLDER)}
        if self.main not in beside:
            raise ValueError(f"wsdl: there is no {FOLDER}{self.main}")
        try:
            wsdl = load_wsdl(beside, self.main)
        except BadWsdl as no:
            raise ValueError(f"wsdl: {no}") from None
        if self.version not in wsdl.bindings:
            raise ValueError(f"version: {self.main} has SOAP {' and '.join(wsdl.bindings)}")
        path = self.path or urlsplit(wsdl.addresses[self.version]).path or "/"
        return Described(wsdl, self.version, path, self.strict)


class OneMethodSettings(DescribedSettings):
    """A connection to one operation that takes a transaction's code and a document as text, and gives one back."""

    method: str = Field(max_length=64)
    """WSDL 里要调用的方法
    · the operation of the WSDL to call"""
    code_field: str = Field(max_length=64)
    """放交易编号（服务编码）的元素名；空：请求里没有这个元素
    · the element that takes the transaction's or service's code; empty: there is none"""
    input_field: str = Field(max_length=64)
    """放请求文档的元素名
    · the element that takes the request's document"""
    output_field: str = Field(max_length=64)
    """放应答文档的元素名
    · the element that holds the answer's document"""
    cdata: bool = True
    """请求文档放进 CDATA 段；no：转义成文本。对方只认其中一种时才改
    · the request's document goes out as a CDATA section; no: as escaped text. To be changed where the other side reads
    only one of them"""
    codes: dict[str, str] = Field(default_factory=dict)
    """对方改用的编号，本引擎的操作名: 对方的编号；没写的用通常的编号
    · codes that differ here, our operation: their code; the others are the usual ones"""

    def opened(self, codes: Mapping[str, str]) -> Described:
        """The description with the operation in it; `codes` are the party's, by its operations' names."""
        described = self.described()
        there = described.wsdl.operations
        for name in self.codes:
            if name not in codes:
                raise ValueError(f"codes: {name}: there is {', '.join(codes)}")
        if self.method and self.method not in there:
            raise ValueError(f"method: {self.main} has {', '.join(there)}")
        own = {**codes, **self.codes}.values()
        for method in (self.method,) if self.method else [name for name in there if name in own]:
            try:
                described.takes(method, self.sent("0", "0"), (self.output_field,))
            except ValueError as no:
                raise ValueError(f"code_field, input_field, output_field: {method}: {no}") from None
        return described

    def sent(self, code: str, text: str) -> dict[str, str]:
        """The elements of a call."""
        return {**({self.code_field: code} if self.code_field else {}), self.input_field: text}

    def asked(self, described: Described, code: str, text: str) -> HttpRequest:
        """The call of a transaction with its document."""
        cdata = (self.input_field,) if self.cdata else ()
        return described.request(self.method or code, self.sent(code, text), cdata)
