"""Why something was refused or undone, in words for the patient and the desk."""

from __future__ import annotations

from engine.core.errors import CODE_OF_PARTY, ERRORS, said
from engine.pipeline.rejected import CodeText
from engine.saga.case import Reason
from engine.saga.legs import Leg

UNREADABLE = "UNREADABLE"
"""The code of a leg whose last answer our map could not read; its text says where."""

SIDES = {"his": "his", "nhsa": "insurance", "wechat": "payment", "einvoice": "einvoice"}
NAMES = {"his": "医院收费系统", "insurance": "医保平台", "payment": "支付平台", "einvoice": "电子票据平台"}


def of_code(code: str, detail: str = "") -> Reason:
    """A Reason from the table of errors."""
    side, zh, en, next_zh, next_en = said(code, detail)
    return Reason(code, zh, en, side, next_zh, next_en)


def of_map(code: str, detail: str = "", text: CodeText | None = None) -> Reason:
    """A Reason for a rule or map that said no; the channel's own text wins over the table's."""
    if text is None or code in ERRORS:
        return of_code(code, detail)
    return Reason(code, text.zh, text.en, text.side, text.next)


def of_leg(leg: Leg, kind: str, paying: bool) -> Reason:
    """Why a leg is `no`. `kind` is the party's kind; `paying`: the leg is the patient's payment."""
    side = SIDES.get(kind, "engine")
    if leg.because == "refused":
        known = CODE_OF_PARTY.get(leg.code)
        if known is not None:
            return of_code(known)
        generic = of_code("E-PAY-REFUSED" if paying else "E-REFUSED", leg.text or leg.code)
        return Reason(generic.code, generic.zh, generic.en, side, generic.next, generic.next_en)
    if leg.code == UNREADABLE:
        unread = of_code("E-UNREADABLE", f"{NAMES.get(side, kind)}：{leg.text}")
        return Reason(unread.code, unread.zh, unread.en, side, unread.next, unread.next_en)
    if paying:
        return of_code("E-PAY-NOT-PAID")
    silent = of_code("E-SILENT", NAMES.get(side, kind))
    return Reason(silent.code, silent.zh, silent.en, side, silent.next, silent.next_en)
