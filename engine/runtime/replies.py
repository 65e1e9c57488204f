"""JSON replies of the settlement API, and the one shape of its errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.codecs.errors import Undecodable
from engine.codecs.json_text import print_json
from engine.core.http import HttpReply
from engine.runtime import told
from engine.runtime.answers import reason_json
from engine.runtime.reasons import of_code
from engine.runtime.told import Told

STATUS = {
    "working": 202, "busy": 409, "malformed": 400, "unsigned": 401, "forbidden": 403, "not_found": 404, "conflict": 409,
    "later": 503,
}  # fmt: skip
"""What a caller is told (engine/runtime/told.py) → HTTP status; every other word is 200."""
RETRY_AFTER = {429: "60", 503: "5"}
"""Seconds after which one may come again: a client that came too often, and anybody when the node cannot take work."""
JSON = (("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store"))


def json_reply(status: int, body: Mapping[str, Any]) -> HttpReply:
    """A JSON body in UTF-8; 429 and 503 say when to come again."""
    after = RETRY_AFTER.get(status)
    return HttpReply(status, JSON if after is None else (*JSON, ("Retry-After", after)), print_json(body))


def reply_of(what: Told) -> HttpReply:
    """What the settlement API says of it."""
    return json_reply(STATUS.get(what.word, 200), what.body)


def wrong_fields(problems: Sequence[tuple[str, str, str]]) -> HttpReply:
    """400 that names the fields: (path, Chinese, English) each; the first is told in full, "" is the body itself."""
    return reply_of(told.wrong_fields(problems))


def error(status: int, code: str, detail: str = "", **more: Any) -> HttpReply:
    """`{"state"?, "reason": {code, zh, en, side, next}}`; `more` adds fields such as `field` or `settlement_no`."""
    return json_reply(status, told.error("", code, detail, **more).body)


_NOT_JSON = {
    "json-size": ("太长", "too long"),
    "charset": ("不是 UTF-8 编码", "not UTF-8"),
    "json-syntax": ("不合 JSON 的语法", "not the syntax of JSON"),
    "json-duplicate": ("同一个名称给出了两次", "a name is given twice"),
    "json-number": ("不是 JSON 的数，或位数太多", "no number of JSON, or one of too many digits"),
    "json-depth": ("嵌套太深", "nested too deep"),
    "json-name": ("名称里有不能用的字符", "a name holds what no name may"),
    "json-surrogate": ("\\u 转义只有半个字符", "a \\u escape is half a character"),
}


def not_json(fault: Undecodable) -> HttpReply:
    """400: what is wrong with the body, and from which byte on."""
    zh, en = _NOT_JSON.get(fault.code, (fault.code, fault.code))
    at = f"{fault.code} @{fault.offset}"
    reason = reason_json(of_code("E-BODY", f"{zh}（{at}）", f"{en} ({at})"))
    return json_reply(400, {"offset": fault.offset, "reason": reason})


def not_this_method(methods: Sequence[str], said: str = "") -> HttpReply:
    """405: the address is right, the method is not. `said`: what it takes, where there is more to say of that."""
    allow = ", ".join(methods)
    reply = error(405, "E-METHOD", said or allow)
    return HttpReply(reply.status, (*reply.headers, ("Allow", allow)), reply.body)


def refused(status: int) -> HttpReply:
    """401 or 403, with no detail at all; 429 for a client that is known and comes too often."""
    if status == 429:
        return error(429, "E-RATE")
    return json_reply(status, {"reason": {"code": f"E-{status}"}})
