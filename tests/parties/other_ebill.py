"""A made-up second platform for the e-invoice port: XML in the body, HMAC-SHA256 in a header, codes of its own, and no
list by business number. It shows what a table and two functions must say; nobody's real interface."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from lxml import etree
from pydantic import BaseModel, Field

from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, OutcomeRow
from engine.parties.einvoice.port import CHANGES, WRITE_OFFS, EInvoice, Platform


class Settings(BaseModel):
    """The connection."""

    hospital: str
    secret: str = Field(repr=False)


def seal(secret: str, body: bytes) -> str:
    """The signature of a body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def wrap(settings: Settings, service: str, body: Mapping[str, Any], nonce: str) -> HttpRequest:
    root = etree.Element("request", service=service, hospital=settings.hospital, nonce=nonce)
    for name, value in body.items():
        etree.SubElement(root, name).text = str(value)
    data = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    headers = (("Content-Type", "application/xml"), ("X-Seal", seal(settings.secret, data)))
    return HttpRequest("POST", "/ebill", headers, data)


def unwrap(settings: Settings, reply: HttpReply) -> Answer:
    if not hmac.compare_digest(reply.header("X-Seal"), seal(settings.secret, reply.body)):
        return wire.not_intact("bad seal")
    root = etree.fromstring(reply.body, etree.XMLParser(resolve_entities=False, no_network=True))
    fields = {str(one.tag): one.text or "" for one in root if isinstance(one.tag, str)}
    return Answer(intact=True, code=root.get("code", ""), text=root.get("text", ""), body=fields)


PLATFORM: Final = Platform(
    kind="other_ebill",
    about=About("einvoice", "另一家电子票据", "another e-invoice platform", role="invoice"),
    settings=Settings,
    services={"issue": "ISSUE", "write_off": "RED", "state": "STATE", "day_list": "LIST", "paper_exchange": "PRINT"},
    number="serial",
    outcomes=(
        OutcomeRow("0", Outcome.ACCEPTED),
        OutcomeRow("RED", Outcome.ACCEPTED, WRITE_OFFS, because="red already"),
        OutcomeRow("BUSY", Outcome.UNKNOWN, CHANGES),
        OutcomeRow("NO*", Outcome.REFUSED, because="an explicit no"),
    ),
    wrap=wrap,
    unwrap=unwrap,
)
PARTY: Final = EInvoice(PLATFORM)
