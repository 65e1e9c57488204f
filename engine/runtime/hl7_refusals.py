"""Why a HL7 message was not taken, for who sent it: Chinese and English, and what to look at."""

from __future__ import annotations

from typing import Final

from engine.codecs.errors import Undecodable
from engine.core.bilingual import both

_UNREADABLE: Final = {
    "hl7-no-msh": ("报文应以 MSH 段开头", "a message begins with MSH"),
    "hl7-delimiters": ("MSH-1、MSH-2 的分隔符不对", "the delimiters of MSH-1 and MSH-2 are wrong"),
    "charset-unknown": ("不认识 MSH-18 所写的字符集", "the character set of MSH-18 is not known here"),
    "charset": ("有不合所写字符集的字节", "bytes that are not of the character set it declares"),
}
_PLACES: Final = {
    "MSH-9": ("MSH-9：这里不办理这种报文", "MSH-9: this type of message is not taken here"),
    "MSH-10": ("MSH-10：缺少报文号", "MSH-10: the message's number is missing"),
    "MSH-12": ("MSH-12：不支持这个版本", "MSH-12: this version is not supported"),
}
NOT_OPEN: Final = both("E-STOPPING 这里正在启动或停机，请稍后重发", "this is starting or stopping; send it again later")


def of_place(place: str) -> str:
    """A field of MSH because of which nothing else was read."""
    return both(*_PLACES[place])


def no_action(segment: str) -> str:
    """A message of a type that is taken, without the segment that says what it asks."""
    return both(f"缺少 {segment} 段：要办什么写在其中", f"{segment} is missing: what is asked stands in it")


def of_bytes(fault: Undecodable) -> str:
    """Bytes that are no message: what is wrong with them, its stable name, and at which byte."""
    words = both(*_UNREADABLE.get(fault.code, ("报文无法读出", "the message cannot be read")))
    return f"{words} ({fault.code} at byte {fault.offset})"
