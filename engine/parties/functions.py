"""Functions of an insurance library, called through a SOAP bridge beside it: documented names, in and out parameters.

Interfaces that were only ever handed out as a COM object or a DLL cannot be called from here. The hospital puts a small
service beside the library whose operations are the functions; `schemas/wsdl/NAME.wsdl` describes it, and the connection
names that file. Parameters keep their documented names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from engine.codecs import soap
from engine.codecs.errors import Undecodable
from engine.codecs.soap_wsdl import BadWsdl, Wsdl, load_wsdl
from engine.core.http import HttpReply, HttpRequest
from engine.parties.contract import Answer

FOLDER = "schemas/wsdl/"
FAULT = "FAULT:"
Functions = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""Function → (its in parameters, its out parameters)."""


class BridgeSettings(BaseModel):
    """What every connection to a bridge says. `wsdl` names `schemas/wsdl/NAME.wsdl`; `path` replaces the path of the
    address it names; `version` of SOAP; `strict`: a reply must keep to the types of the description."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wsdl: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    version: Literal["1.1", "1.2"] = "1.1"
    path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._-]+)*$")
    strict: bool = True

    _files: Mapping[str, bytes] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _with_files(self, info: ValidationInfo) -> BridgeSettings:
        """The site's files come as the validation's context: a connection's settings name some of them."""
        context: Any = info.context or {}
        self._files = context.get("files", {})
        return self

    def file(self, name: str) -> bytes | None:
        """A file of the site by its path."""
        return self._files.get(name)

    def describe(self, functions: Functions) -> Bridge:
        """The description, compiled, with every function in it. ValueError names what is missing."""
        beside = {n.removeprefix(FOLDER): data for n, data in self._files.items() if n.startswith(FOLDER)}
        main = f"{self.wsdl}.wsdl"
        if main not in beside:
            raise ValueError(f"wsdl: there is no {FOLDER}{main}")
        try:
            wsdl = load_wsdl(beside, main)
        except BadWsdl as no:
            raise ValueError(f"wsdl: {no}") from None
        if self.version not in wsdl.bindings:
            raise ValueError(f"version: {main} has SOAP {' and '.join(wsdl.bindings)}")
        for name, (given, told) in functions.items():
            try:
                soap.write_request(wsdl, name, dict.fromkeys(given, "0"), version=self.version)
                soap.write_reply(wsdl, name, dict.fromkeys(told, "0"), version=self.version)
            except (ValueError, KeyError) as no:
                raise ValueError(f"wsdl: {main}: {name}({', '.join(given)}) -> {', '.join(told)}: {no}") from None
        path = self.path or urlsplit(wsdl.addresses[self.version]).path or "/"
        return Bridge(wsdl, self.version, path, self.strict, functions)


@dataclass(frozen=True, slots=True)
class Bridge:
    """A described bridge."""

    wsdl: Wsdl
    version: str
    path: str
    strict: bool
    functions: Functions

    def request(self, function: str, values: Mapping[str, str], cdata: tuple[str, ...] = ()) -> HttpRequest:
        """The call of a function. ValueError for a value its description does not take."""
        sent = soap.write_request(self.wsdl, function, dict(values), version=self.version, cdata=cdata)
        return HttpRequest("POST", self.path, sent.headers, sent.body)

    def told(self, function: str, reply: HttpReply) -> dict[str, str] | Answer:
        """The out parameters as texts, or the answer that tells why there are none: a fault of the bridge (intact, code
        `FAULT:…`), or what is no answer at all."""
        try:
            values = soap.read_reply(
                self.wsdl, function, reply.body, version=self.version, media=reply.header("Content-Type"),
                strict=self.strict,
            )  # fmt: skip
        except soap.SoapFault as fault:
            return Answer(True, f"{FAULT}{fault.code}", fault.text)
        except Undecodable as no:
            told = f"HTTP {reply.status}, {no.text}" if reply.status != 200 else no.text
            return Answer(False, no.code.upper(), told)
        if reply.status != 200:
            return Answer(False, "HTTP", f"HTTP {reply.status}")
        return {name: str(values.get(name) or "") for name in self.functions[function][1]}
