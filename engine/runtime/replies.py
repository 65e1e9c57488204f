"""JSON replies of the settlement API, and the one shape of its errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.codecs.json_text import print_json
from engine.core.http import HttpReply
from engine.runtime.answers import reason_json
from engine.runtime.reasons import of_code

JSON = (("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store"))


def json_reply(status: int, body: Mapping[str, Any]) -> HttpReply:
    """A JSON body in UTF-8."""
    return HttpReply(status, JSON, print_json(body))


def wrong_fields(problems: Sequence[tuple[str, str, str]]) -> HttpReply:
    """400 that names the fields: (path, Chinese, English) each; the first is told in full, "" is the body itself."""
    path, zh, en = problems[0]
    fields = list(dict.fromkeys(one for one, _, _ in problems))[:20]
    reason = of_code("E-FIELD", f"{path or '（正文）'}: {zh}", f"{path or '(body)'}: {en}")
    return json_reply(400, {"field": path, "fields": fields, "reason": reason_json(reason)})


def error(status: int, code: str, detail: str = "", **more: Any) -> HttpReply:
    """`{"state"?, "reason": {code, zh, en, side, next}}`; `more` adds fields such as `field` or `settlement_no`."""
    return json_reply(status, {**more, "reason": reason_json(of_code(code, detail))})


def refused(status: int) -> HttpReply:
    """401 or 403, with no detail at all."""
    return json_reply(status, {"reason": {"code": f"E-{status}"}})
