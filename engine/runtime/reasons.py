"""Why something was refused or undone, in words for the patient and the desk."""

from __future__ import annotations

from engine.core.errors import CODE_OF_PARTY, ERRORS, said
from engine.parties.registry import PARTIES
from engine.pipeline.rejected import TEXTS, CodeText
from engine.saga.case import Reason
from engine.saga.legs import Leg
from engine.site.site import Site

UNREADABLE = "UNREADABLE"
"""The code of a leg whose last answer our map could not read; its text says where."""


def side_of(kind: str) -> str:
    """Whose side a kind of party is on."""
    party = PARTIES.get(kind)
    return "engine" if party is None else party.about.side


def text_of_maps(site: Site, code: str) -> CodeText | None:
    """What a code means that maps refuse with: in the words of the site's own map, else those of any map."""
    texts = (made.texts.get(code) for made in site.maps.values())
    return next(filter(None, texts), None) or TEXTS.get(code)


def _names(kind: str) -> tuple[str, str]:
    party = PARTIES.get(kind)
    return (kind, kind) if party is None else (party.about.zh, party.about.en)


def of_code(code: str, detail: str = "", detail_en: str = "") -> Reason:
    """A Reason from the table of errors; `detail_en` (default: `detail`) fills the English text."""
    side, zh, en, next_zh, next_en = said(code, detail)
    if detail_en:
        en = said(code, detail_en)[2]
    return Reason(code, zh, en, side, next_zh, next_en)


def no_answer(code: str, kind: str) -> Reason:
    """E-SILENT or E-NO-ANSWER of a kind of party."""
    zh, en = _names(kind)
    told = of_code(code, zh, en[:1].upper() + en[1:])
    return Reason(told.code, told.zh, told.en, side_of(kind), told.next, told.next_en)


def refusal(code: str, kind: str, words: str) -> Reason:
    """A party's own words, which are Chinese: the English text says whose they are."""
    _, name = _names(kind)
    told = of_code(code, words, f"{name[:1].upper()}{name[1:]} refused: {words}")
    return Reason(told.code, told.zh, told.en, side_of(kind), told.next, told.next_en)


def left_out(leg: Leg, kind: str) -> Reason:
    """Why the settlement goes on without this leg (`refused: go_on`)."""
    zh, en = _names(kind)
    en = en[:1].upper() + en[1:]
    if leg.because == "refused":
        words = leg.text or leg.code
        told = of_code("E-WITHOUT", f"{zh}：{words}", f"{en} refused ({words})")
    else:
        told = of_code("E-WITHOUT", f"{zh}没有应答", f"{en} did not answer")
    return Reason(told.code, told.zh, told.en, side_of(kind), told.next, told.next_en)


def _declined(leg: Leg, kind: str) -> Reason:
    """Why a refund is off: whoever was asked for leave gave none."""
    zh, en = _names(kind)
    words = leg.text or leg.code
    told = of_code("E-REFUND-REFUSED", f"{zh}：{words}", f"{en[:1].upper()}{en[1:]}: {words}")
    return Reason(told.code, told.zh, told.en, side_of(kind), told.next, told.next_en)


def of_map(code: str, detail: str = "", text: CodeText | None = None) -> Reason:
    """A Reason for a rule or map that said no; the channel's own text wins over the table's."""
    if text is None or code in ERRORS:
        return of_code(code, detail)
    return Reason(code, text.zh, text.en, text.side, text.next, text.next_en)


def of_leg(leg: Leg, kind: str, paying: bool) -> Reason:
    """Why a leg is `no`. `kind` is the party's kind; `paying`: the leg is the patient's payment. The one undo that may
    be `no` is the first of a refund: whoever was asked for leave declined."""
    side = side_of(kind)
    if leg.undo:
        return _declined(leg, kind)
    if leg.because == "refused":
        known = CODE_OF_PARTY.get(leg.code)
        if known is not None:
            return of_code(known)
        if paying:
            generic = of_code("E-PAY-REFUSED", leg.text or leg.code)
            return Reason(generic.code, generic.zh, generic.en, side, generic.next, generic.next_en)
        return refusal("E-REFUSED", kind, leg.text or leg.code)
    if leg.code == UNREADABLE:
        zh, en = _names(kind)
        unread = of_code("E-UNREADABLE", f"{zh}：{leg.text}", f"{en}: {leg.text}")
        return Reason(unread.code, unread.zh, unread.en, side, unread.next, unread.next_en)
    if paying:
        return of_code("E-PAY-NOT-PAID")
    return no_answer("E-SILENT", kind)
