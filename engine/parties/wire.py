"""What all parties do with bytes: print a JSON body, read one, and say no to callbacks they do not have."""

from __future__ import annotations

from typing import Any

from engine.codecs import json_text
from engine.codecs.errors import Undecodable
from engine.core.http import HttpReply, HttpRequest
from engine.parties.contract import Answer, NotHeard, Outgoing

JSON = "application/json; charset=utf-8"
MAX_REPLY = 4 << 20  # bytes of a decoded reply: more is no answer to a settlement


def not_intact(why: str) -> Answer:
    """An answer that must count as UNKNOWN, with the reason for the timeline."""
    return Answer(intact=False, code="", text=why)


def object_of(data: bytes) -> dict[str, Any] | str:
    """The JSON object in these bytes, or why there is none."""
    try:
        tree = json_text.parse(data, max_bytes=MAX_REPLY)
    except Undecodable as error:
        return f"{error.code}: {error}"
    return tree if isinstance(tree, dict) else "a JSON object was expected"


def body_of(call: Outgoing) -> dict[str, Any]:
    """The object the send map made; ValueError otherwise (a map's fault, found before anything is sent)."""
    if not isinstance(call.body, dict):
        raise ValueError(f"{call.op}: the send map must make an object")
    return call.body


def own_number(call: Outgoing, field: str) -> None:
    """ValueError unless the body carries the number the engine recorded: nothing else may go out under it."""
    if body_of(call).get(field) != call.number:
        raise ValueError(f"{call.op}: {field} must be own.number ({call.number})")


def no_callbacks(_settings: Any, _request: HttpRequest, _now: float) -> NotHeard:
    """For parties that never call us."""
    return NotHeard(HttpReply(404, (("Content-Type", "text/plain"),), b""), "this party sends no callbacks")
