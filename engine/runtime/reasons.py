"""Why something was refused or undone, in words for the patient and the desk."""

from __future__ import annotations

from engine.core.errors import CODE_OF_PARTY, ERRORS, said
from engine.pipeline.rejected import CodeText
from engine.saga.case import Reason
from engine.saga.legs import Leg

UNREADABLE = "UNREADABLE"
"""The code of a leg whose last answer our map could not read; its text says where."""

SIDES = {"his": "his", "nhsa": "insurance", "wechat": "payment", "einvoice": "einvoice"}
NAMES = {
    "his": ("医院收费系统", "the hospital's system"), "insurance": ("医保平台", "the insurance platform"),
    "payment": ("支付平台", "the payment platform"), "einvoice": ("电子票据平台", "the e-invoice platform"),
}  # fmt: skip
"""A side's name in Chinese and in English."""


def of_code(code: str, detail: str = "", detail_en: str = "") -> Reason:
    """A Reason from the table of errors; `detail_en` (default: `detail`) fills the English text."""
    side, zh, en, next_zh, next_en = said(code, detail)
    if detail_en:
        en = said(code, detail_en)[2]
    return Reason(code, zh, en, side, next_zh, next_en)


def no_answer(code: str, side: str, party: str) -> Reason:
    """E-SILENT or E-NO-ANSWER of a party, in its side's words."""
    zh, en = NAMES.get(side, (party, party))
    told = of_code(code, zh, en[:1].upper() + en[1:])
    return Reason(told.code, told.zh, told.en, side, told.next, told.next_en)


def refusal(code: str, side: str, words: str) -> Reason:
    """A party's own words, which are Chinese: the English text says whose they are."""
    _, name = NAMES.get(side, (side, side))
    told = of_code(code, words, f"{name[:1].upper()}{name[1:]} refused: {words}")
    return Reason(told.code, told.zh, told.en, side, told.next, told.next_en)


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
        if paying:
            generic = of_code("E-PAY-REFUSED", leg.text or leg.code)
            return Reason(generic.code, generic.zh, generic.en, side, generic.next, generic.next_en)
        return refusal("E-REFUSED", side, leg.text or leg.code)
    if leg.code == UNREADABLE:
        zh, en = NAMES.get(side, (kind, kind))
        unread = of_code("E-UNREADABLE", f"{zh}：{leg.text}", f"{en}: {leg.text}")
        return Reason(unread.code, unread.zh, unread.en, side, unread.next, unread.next_en)
    if paying:
        return of_code("E-PAY-NOT-PAID")
    return no_answer("E-SILENT", side, kind)
