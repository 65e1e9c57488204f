"""What a caller is told, whichever door it came through: one word, and a body of plain values.

The word is a settlement's state (`engine/runtime/answers.py`) or one of these, each of which a door says in its own way
(an HTTP status, a SOAP fault, AE or AR):

    malformed  the order is not as its schema says; `field` names the place    forbidden  known, but not for this
    unsigned   nobody we know, or not now                                      not_found  no such settlement for it
    conflict   not possible as things stand                                    later      cannot be taken now
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.runtime.answers import reason_json
from engine.runtime.reasons import of_code

ERROR_WORDS = ("malformed", "unsigned", "forbidden", "not_found", "conflict", "later")


@dataclass(frozen=True, slots=True)
class Told:
    """`body` as the JSON door prints it; amounts are integer fen."""

    word: str
    body: Mapping[str, Any]

    @property
    def code(self) -> str:
        """The reason's stable code, "" without one."""
        return str(self.body.get("reason", {}).get("code", ""))


def error(word: str, code: str, detail: str = "", detail_en: str = "", **more: Any) -> Told:
    """A word with its reason; `more` adds fields such as `field` or `settlement_no`. The place of a fault stands in
    the reason, too. `detail_en`: what the English text says in place of `detail`."""
    reason: dict[str, str] = reason_json(of_code(code, detail, detail_en))
    if "field" in more:
        reason["field"] = more["field"]
    return Told(word, {**more, "reason": reason})


WAIT: Final = ("wait", "应为 0 到 60 的整数（秒）", "must be a whole number of seconds, 0 to 60")
NOT_ONE: Final = ("与所填的结算单号不是同一笔结算", "is of another settlement than the number that is given")
UNKNOWN: Final = ("不认识的字段", "unknown field")
MISSING: Final = ("缺少必填字段", "a required field is missing")


def wrong_fields(problems: Sequence[tuple[str, str, str]]) -> Told:
    """`malformed`, naming the fields: (path, Chinese, English) each; the first is told in full, "" is the whole."""
    path, zh, en = problems[0]
    fields = list(dict.fromkeys(one for one, _, _ in problems))[:20]
    reason = of_code("E-FIELD", f"{path or '（正文）'}: {zh}", f"{path or '(body)'}: {en}")
    return Told("malformed", {"field": path, "fields": fields, "reason": {**reason_json(reason), "field": path}})


def stranger() -> Told:
    """Not you, or not now: no more is said."""
    return Told("unsigned", {"reason": {"code": "E-401"}})


def not_allowed() -> Told:
    """You, but not this: no more is said."""
    return Told("forbidden", {"reason": {"code": "E-403"}})
