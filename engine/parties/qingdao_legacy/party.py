"""The former platform of Qingdao as a party: `SSSS`, a header, a body, an exchange field, `ZZZZ`.

Every message is `frame` bytes long, whatever it says. Our serial number travels in a field of the header (or of the
trailer), since the documented bodies have none: under it a payment is asked for and taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel

from engine.codecs.errors import Undecodable
from engine.codecs.fixed_length import Field, Layout, Part, size_of
from engine.core.http import HttpReply, HttpRequest
from engine.core.money import BadAmount, fen_of, fen_of_yuan, yuan_of_fen
from engine.core.times import beijing
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Outgoing
from engine.parties.qingdao_legacy import operations, outcomes
from engine.parties.qingdao_legacy.settings import Settings

BINARY: Final = "application/octet-stream"
REQUEST, REPLY = "X-Request-Layout", "X-Reply-Layout"
"""Where a request says how its bytes and those of its answer are laid out, for whoever shows them to people."""
_TEXT_MAX: Final = 200  # characters of a refusal's words


@dataclass(frozen=True, slots=True)
class Opened:
    """The settings with every message's layout compiled. `heads` is what is read
    of an answer before its body, `refusal` a body that is nothing but words."""

    plain: Settings
    requests: Mapping[str, Layout]
    replies: Mapping[str, Layout]
    heads: Layout
    refusal: Layout


class QingdaoLegacy:
    """The send map makes the body's fields; read maps see those of the answer. Amounts are yuan with two places."""

    kind = "qingdao_legacy"
    about = About(
        "insurance", "青岛原医保平台", "the former Qingdao insurance platform", role="insurance", simulator="qingdao"
    )
    settings: type[BaseModel] = Settings
    ops = operations.OPS
    outcomes = outcomes.OUTCOMES

    def open(self, settings: Settings) -> Opened:
        messages = settings.messages()
        header, trailer, room = messages["header"], messages["trailer"], size_of(messages["body"])
        size = size_of(header) + room + size_of(trailer)
        if size != settings.frame:
            raise ValueError(f"frame: header, body and trailer of {settings.layout} are {size} bytes long")

        def whole(name: str, body: tuple[Part, ...]) -> Layout:
            left = room - size_of(body)
            if left < 0:
                raise ValueError(f"layout: {name} has {-left} bytes more than a body")
            filler = (Field("", left, "blank"),) if left else ()
            return Layout(name, (*header, *body, *filler, *trailer), settings.charset)

        names = [part.name for part in (*header, *trailer)]
        if missing := [one for one in ("type", "back", settings.number_in) if one not in names]:
            raise ValueError(f"layout: the header of {settings.layout} has no {missing[0]}")
        return Opened(
            settings,
            {name: whole(name, messages[f"{name}.request"]) for name in self.ops},
            {name: whole(name, messages[f"{name}.reply"]) for name in self.ops},
            whole("answer", (Field("", room, "blank"),)),
            whole("refusal", (Field("words", room),)),
        )

    def build(self, call: Outgoing) -> HttpRequest:
        opened: Opened = call.settings
        settings, layout = opened.plain, opened.requests[call.op]
        head = {
            "received": beijing(call.now, "%Y%m%d/%H%M%S/"), "type": self._code(settings, call.op),
            "hospital": settings.hospital, "terminal": settings.terminal, "verify": settings.verify_code,
            "operator": settings.operator, "version": settings.version, settings.number_in: call.number,
        }  # fmt: skip
        body = wire.body_of(call)
        if taken := sorted(head.keys() & body.keys()):
            raise ValueError(f"{call.op}: {taken[0]} is the engine's own field")
        data = layout.write({**head, **_out(body, settings)})
        headers = (("Content-Type", BINARY), (REQUEST, layout.places()), (REPLY, opened.replies[call.op].places()))
        return HttpRequest("POST", settings.path, headers, data)

    def _code(self, settings: Settings, op: str) -> str:
        return settings.codes.get(op, operations.CODES[op])

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        opened: Opened = call.settings
        settings = opened.plain
        if reply.status != 200:
            return wire.not_intact(f"HTTP {reply.status}")
        try:
            head = opened.heads.read(reply.body)
            if why := self._strange(call, head):
                return wire.not_intact(why)
            if head["back"] != outcomes.GOOD:
                return Answer(True, head["back"], _words(opened.refusal, reply.body))
            tree = opened.replies[call.op].read(reply.body)
            body = _in({name: value for name, value in tree.items() if name not in head}, settings)
        except Undecodable as no:
            return Answer(False, no.code.upper(), str(no))
        except BadAmount as no:
            return wire.not_intact(str(no))
        state, text = body.get("state", outcomes.DONE), str(body.get("text", ""))
        code = outcomes.GOOD if state == outcomes.DONE else f"{outcomes.STATE}{state}"
        return Answer(True, code, text, body)

    def _strange(self, call: Outgoing, head: Mapping[str, Any]) -> str:
        """Why this is no answer to the call, "" when it is."""
        settings: Settings = call.settings.plain
        number = head[settings.number_in]
        if head["type"] != self._code(settings, call.op):
            return f"the answer is of type {head['type']!r}"
        if not head["back"]:
            return "no back code"
        if settings.echoed and number != call.number:
            return "the answer is not about our serial number"
        return ""

    def verify(self, settings: Opened, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


def _words(refusal: Layout, data: bytes) -> str:
    """The words of a refusal where its body has some that can be read."""
    try:
        return str(refusal.read(data)["words"])[:_TEXT_MAX].strip()
    except Undecodable:
        return ""


def _out(body: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Amounts as the wire has them; BadAmount (a ValueError) for one that is none."""
    return {
        name: _amount_out(name, value, settings) if name in operations.MONEY and value is not None else value
        for name, value in body.items()
    }


def _amount_out(name: str, value: Any, settings: Settings) -> str:
    try:
        fen = fen_of_yuan(value)
    except BadAmount:
        raise BadAmount(f"{name}: no amount in yuan") from None
    return str(fen) if settings.amounts == "fen" else yuan_of_fen(fen)


def _in(body: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Amounts as maps know them: yuan with two places."""
    return {
        name: _amount_in(name, value, settings) if name in operations.MONEY and value else value
        for name, value in body.items()
    }


def _amount_in(name: str, value: str, settings: Settings) -> str:
    try:
        return yuan_of_fen(fen_of(int(value)) if settings.amounts == "fen" else fen_of_yuan(Decimal(value)))
    except (BadAmount, ValueError):
        raise BadAmount(f"{name}: no amount in the agreed form") from None


PARTY: Final = QingdaoLegacy()
