"""The examples of the interface document, made by what the doors themselves use: a signature, a message, its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engine.codecs.hl7_ack import ack
from engine.codecs.hl7_fields import Place
from engine.codecs.hl7v2 import Message, begin
from engine.core.http import HttpRequest
from engine.runtime.auth import signature
from engine.runtime.hl7_words import fields_of
from engine.runtime.interface.words import EXAMPLE, EXAMPLE_ANSWER, EXAMPLE_CODES
from engine.runtime.told import Told
from engine.site.hl7_spec import Hl7Ask, Hl7Spec

SECRET, STAMP, NONCE = b"example-secret", "1795313700", "5f0c1a9e"
AT = "20261122101500"


def signed(path: str) -> str:
    """A signed request as it goes over the wire."""
    body = json.dumps(EXAMPLE, ensure_ascii=False)
    request = HttpRequest("POST", path, (), body.encode())
    headers = {
        "X-Client": "K01",
        "X-Timestamp": STAMP,
        "X-Nonce": NONCE,
        "X-Signature": signature(SECRET, request, STAMP, NONCE),
        "Content-Type": "application/json",
    }
    return "\n".join([f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", body])


def answer() -> str:
    """The JSON answer."""
    return json.dumps(EXAMPLE_ANSWER, ensure_ascii=False, indent=1)


def message(spec: Hl7Spec, sender: str) -> Message | None:
    """The same order as a message of this channel; None when the channel has no action that starts."""
    found = next(((code, ask) for code, ask in spec.asks.items() if ask.what == "start"), None)
    if found is None:
        return None
    code, ask = found
    made = begin(*spec.message, "", declared="GBK")
    for place, value in (
        ("MSH-3", sender), ("MSH-4", "MAIN"), ("MSH-5", "ENGINE"), ("MSH-7", AT), ("MSH-10", "M000001"),
        ("EVN-1", spec.message[1]), ("EVN-2", AT), ("PID-3.1", EXAMPLE["patient"]["id"]), ("PID-5.1", "测试甲"),
        ("PV1-2", "O"), ("FT1-4", AT), ("FT1-6", "CG"), ("FT1-7", "WX"), (str(spec.action), code),
    ):  # fmt: skip
        made.set(place, str(value))
    for part, value in _parts(EXAMPLE).items():
        at = _place(ask, part)
        if at is not None:
            made.set(str(at), EXAMPLE_CODES.get(part, value))
    return made


def message_text(made: Message) -> str:
    """A message as people read it, one segment a line."""
    return made.to_text().replace("\r", "\n").strip()


def acknowledged(spec: Hl7Spec, made: Message, names: Mapping[str, Any]) -> str:
    """The acknowledgement that carries the example's answer."""
    fields = fields_of(spec.answer, Told("quoted", EXAMPLE_ANSWER), names)
    data = ack(made, "AA", control_id="A7331840004096000", at=AT, fields=fields)
    return data.decode("gb18030").replace("\r", "\n").strip()


def _parts(tree: Any, path: str = "") -> dict[str, str]:
    if isinstance(tree, dict):
        return {k: v for name, below in tree.items() for k, v in _parts(below, f"{path}.{name}".lstrip(".")).items()}
    return {path: str(tree[0] if isinstance(tree, list) else tree)}


def _place(ask: Hl7Ask, part: str) -> Place | None:
    return ask.places.get(part)
