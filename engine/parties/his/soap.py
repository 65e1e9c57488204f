"""A HIS behind one SOAP method: a service code and one string, answered by one string.

The operations, their fields and their outcomes are those of the JSON gateway; channels and maps do not know which it
is.
The string holds a document `{serviceCode, token, msgId, time, params}`, as XML or JSON, and the answer's
`{resultCode, resultMsg, msgId, data}`; where it says `msgId`, it must be the request's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel

from engine.codecs import charset as charsets
from engine.codecs import json_text, soap
from engine.codecs.errors import Undecodable
from engine.codecs.soap_wsdl import BadWsdl, Wsdl, load_wsdl
from engine.core.http import HttpReply, HttpRequest
from engine.core.money import BadAmount
from engine.core.times import beijing
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Outgoing
from engine.parties.his import amounts
from engine.parties.his.document import carried, parse_document, print_document, uncarried
from engine.parties.his.operations import CODES, INNER_LISTS, LISTS, OPS, number_field
from engine.parties.his.outcomes import FAULT, SOAP_OUTCOMES
from engine.parties.his.soap_settings import Settings

_DECLARATION: Final = re.compile(rb"^\s*<\?xml\b[^>]{0,120}\?>")


@dataclass(frozen=True, slots=True)
class Opened:
    """The settings with their description compiled."""

    plain: Settings
    wsdl: Wsdl
    path: str


class HisSoap:
    """The send map makes the params of the request; read maps see the data of the answer."""

    kind = "his_soap"
    about = About("his", "医院收费系统", "the hospital's system", role="his", simulator="his")
    settings: type[BaseModel] = Settings
    ops = OPS
    outcomes = SOAP_OUTCOMES

    def open(self, settings: Settings) -> Opened:
        files, main = settings.descriptions(), f"{settings.wsdl}.wsdl"
        if main not in files:
            raise ValueError(f"wsdl: there is no schemas/wsdl/{main}")
        try:
            wsdl = load_wsdl(files, main)
        except BadWsdl as no:
            raise ValueError(f"wsdl: {no}") from None
        if settings.version not in wsdl.bindings:
            raise ValueError(f"version: {main} has SOAP {' and '.join(wsdl.bindings)}")
        if settings.method and settings.method not in wsdl.operations:
            raise ValueError(f"method: {main} has {', '.join(wsdl.operations)}")
        for name in settings.codes:
            if name not in self.ops:
                raise ValueError(f"codes: {name}: there is {', '.join(self.ops)}")
        self._try(settings, wsdl)
        path = settings.path or urlsplit(wsdl.addresses[settings.version]).path or "/"
        return Opened(settings, wsdl, path)

    def _try(self, settings: Settings, wsdl: Wsdl) -> None:
        """The elements named in the settings must be those of the description."""
        codes = {_code(settings, op) for op in self.ops}
        for method in [settings.method] if settings.method else [one for one in wsdl.operations if one in codes]:
            try:
                soap.write_request(wsdl, method, _values(settings, "0", "0"), version=settings.version)
                soap.write_reply(wsdl, method, {settings.output_field: "0"}, version=settings.version)
            except ValueError as no:
                raise ValueError(f"code_field, input_field, output_field: {method}: {no}") from None

    def build(self, call: Outgoing) -> HttpRequest:
        opened: Opened = call.settings
        settings, op = opened.plain, self.ops[call.op]
        if op.number:
            wire.own_number(call, number_field(op))
        code = _code(settings, call.op)
        params = amounts.written(wire.body_of(call), settings.amounts)
        head = {"code": code, "token": settings.token, "message": call.nonce, "time": beijing(call.now)}
        tree = {settings.name(what): value for what, value in head.items() if settings.name(what) and value}
        if settings.name("params"):
            tree[settings.name("params")] = params
        elif taken := sorted(tree.keys() & params.keys()):
            raise ValueError(f"{call.op}: {taken[0]} is the engine's own")
        else:
            tree |= params
        text = print_document(settings.content, settings.name("request"), tree, settings.charset, settings.name("row"))
        method = settings.method or code
        values = _values(settings, code, carried(text, settings.carried, settings.charset))
        cdata = (settings.input_field,) if settings.cdata else ()
        sent = soap.write_request(opened.wsdl, method, values, version=settings.version, cdata=cdata)
        return HttpRequest("POST", opened.path, sent.headers, sent.body)

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        settings: Settings = call.settings.plain
        try:
            text = self._string(call, settings, reply)
            document = uncarried(text, settings.carried, settings.charset)
            tree = parse_document(document, (*LISTS.get(call.op, ()), *INNER_LISTS), settings.name("row"))
        except soap.SoapFault as fault:
            return Answer(True, f"{FAULT}{fault.code}", fault.text)
        except Undecodable as no:
            told = f"HTTP {reply.status}, {no.text}" if reply.status != 200 else no.text
            return Answer(False, no.code.upper(), told)
        if reply.status != 200:
            return Answer(False, "HTTP", f"HTTP {reply.status}")
        return self._answer(call, settings, tree)

    def _string(self, call: Outgoing, settings: Settings, reply: HttpReply) -> str:
        body, media = reply.body, reply.header("Content-Type")
        if settings.reply_bytes == "GBK":
            text = charsets.decode(_DECLARATION.sub(b"", body.removeprefix(b"\xef\xbb\xbf"), count=1), "GBK")
            body, media = text.encode("utf-8"), media.partition(";")[0]
        values = soap.read_reply(
            call.settings.wsdl, settings.method or _code(settings, call.op), body, version=settings.version,
            media=media, strict=settings.strict,
        )  # fmt: skip
        return str(values.get(settings.output_field) or "")

    def _answer(self, call: Outgoing, settings: Settings, tree: Mapping[str, Any]) -> Answer:
        result = tree.get(settings.name("result"))
        if isinstance(result, bool):
            result = "true" if result else "false"
        if not isinstance(result, str | int) or not str(result).strip():
            return wire.not_intact(f"no {settings.name('result')}")
        code, text = str(result).strip(), tree.get(settings.name("text"))
        text = text if isinstance(text, str) else ""
        echoed = tree.get(settings.name("message"))
        if echoed and echoed != call.nonce:
            return wire.not_intact("the answer is not about this request")
        try:
            data = self._data(settings, tree)
            if code not in settings.good:
                # A HIS may call its failures 0 too: only what is listed as good is taken for done.
                return Answer(True, "" if code == "OK" else code, text, data)
            return Answer(True, "OK", text, amounts.understood(call.op, data, settings.amounts))
        except (BadAmount, Undecodable) as no:
            return wire.not_intact(str(no))

    def _data(self, settings: Settings, tree: Mapping[str, Any]) -> Any:
        name = settings.name("data")
        if not name:
            head = {settings.name(one) for one in ("result", "text", "message")}
            return {key: value for key, value in tree.items() if key not in head}
        data = tree.get(name)
        if isinstance(data, str) and data.lstrip()[:1] in ("{", "["):  # JSON once more, as text
            data = json_text.parse(data.strip().encode("utf-8", "surrogatepass"))
        return None if data == "" else data

    def verify(self, settings: Opened, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


def _code(settings: Settings, op: str) -> str:
    return settings.codes.get(op, CODES[op])


def _values(settings: Settings, code: str, text: str) -> dict[str, str]:
    named = {settings.code_field: code} if settings.code_field else {}
    return {**named, settings.input_field: text}


PARTY: Final = HisSoap()
