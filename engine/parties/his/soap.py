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

from pydantic import BaseModel

from engine.codecs import charset as charsets
from engine.codecs import json_text
from engine.codecs.errors import Undecodable
from engine.core.http import HttpReply, HttpRequest
from engine.core.money import BadAmount
from engine.core.times import beijing
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Outgoing
from engine.parties.described import Described, unread
from engine.parties.his import amounts
from engine.parties.his.document import carried, parse_document, print_document, uncarried
from engine.parties.his.operations import CODES, INNER_LISTS, LISTS, OPS, number_field
from engine.parties.his.outcomes import SOAP_OUTCOMES
from engine.parties.his.soap_settings import Settings

_DECLARATION: Final = re.compile(rb"^\s*<\?xml\b[^>]{0,120}\?>")


@dataclass(frozen=True, slots=True)
class Opened:
    """The settings with their description compiled."""

    plain: Settings
    described: Described


class HisSoap:
    """The send map makes the params of the request; read maps see the data of the answer."""

    kind = "his_soap"
    about = About("his", "医院收费系统", "the hospital's system", role="his", simulator="his")
    settings: type[BaseModel] = Settings
    ops = OPS
    outcomes = SOAP_OUTCOMES

    def open(self, settings: Settings) -> Opened:
        return Opened(settings, settings.opened(CODES))

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
        return settings.asked(opened.described, code, carried(text, settings.carried, settings.charset))

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        opened: Opened = call.settings
        settings, method = opened.plain, opened.plain.method or _code(opened.plain, call.op)
        try:
            values = opened.described.values(method, _spoken(settings, reply))
            if isinstance(values, Answer):
                return values
            text = str(values.get(settings.output_field) or "")
            document = uncarried(text, settings.carried, settings.charset)
            tree = parse_document(document, (*LISTS.get(call.op, ()), *INNER_LISTS), settings.name("row"))
        except Undecodable as no:
            return unread(reply, no)
        return self._answer(call, settings, tree)

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


def _spoken(settings: Settings, reply: HttpReply) -> HttpReply:
    """The reply with its bytes in what its envelope says they are."""
    if settings.reply_bytes == "declared":
        return reply
    plain = _DECLARATION.sub(b"", reply.body.removeprefix(b"\xef\xbb\xbf"), count=1)
    media = reply.header("Content-Type").partition(";")[0]
    return HttpReply(reply.status, (("Content-Type", media),), charsets.decode(plain, "GBK").encode("utf-8"))


PARTY: Final = HisSoap()
