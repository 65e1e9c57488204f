"""JSON replies of the settlement API, and the one shape of its errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.codecs.json_text import print_json
from engine.core.http import HttpReply
from engine.runtime.answers import reason_json
from engine.runtime.reasons import of_code

JSON = (("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store"))


def json_reply(status: int, body: Mapping[str, Any]) -> HttpReply:
    """A JSON body in UTF-8."""
    return HttpReply(status, JSON, print_json(body))


def error(status: int, code: str, detail: str = "", **more: Any) -> HttpReply:
    """`{"state"?, "reason": {code, zh, en, side, next}}`; `more` adds fields such as `field` or `settlement_no`."""
    return json_reply(status, {**more, "reason": reason_json(of_code(code, detail))})


def refused(status: int) -> HttpReply:
    """401 or 403, with no detail at all."""
    return json_reply(status, {"reason": {"code": f"E-{status}"}})
