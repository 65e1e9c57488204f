"""Character sets as HL7 partners name them in MSH-18, strictly both ways.

Reading, GBK means its superset GB18030: hospitals declare the old name and send rare characters. Writing, GBK
means GBK: a partner that said so may know nothing else, and is refused the character rather than sent a `?`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from engine.codecs.errors import NotWritable, Undecodable
from engine.core.bilingual import both

UTF_8: Final = "utf-8"
GB18030: Final = "gb18030"
GBK: Final = "gbk"

_NAMES: Final = {
    "UTF-8": UTF_8,
    "UTF8": UTF_8,
    "UNICODE UTF-8": UTF_8,
    "UNICODE-UTF-8": UTF_8,
    "GB18030": GB18030,
    "GB 18030": GB18030,
    "GB18030-2000": GB18030,
    "GB 18030-2000": GB18030,
    "GB18030-2005": GB18030,
    "GB 18030-2005": GB18030,
    "GB18030-2022": GB18030,
    "GB 18030-2022": GB18030,
    "GBK": GBK,
    "GB2312": GBK,
    "CP936": GBK,
}
_UNSAID: Final = ("", '""', "ASCII", "US-ASCII")  # says nothing about Chinese: the connection's default counts

# Python's table puts these code points of GB18030 into the private use area, where the 2000 edition had them;
# they have had characters of their own since Unicode 4.1 (GB 18030-2022 maps most of them there as well).
_PRIVATE_USE: Final = (
    "\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864"
    "\ue816\ue817\ue818\ue831\ue83b\ue855"
    "\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796"
)
_ASSIGNED: Final = (
    "\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb"
    "\U00020087\U00020089\U000200cc\U000215d7\U0002298f\U000241fe"
    "\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19"
)
_READ: Final = str.maketrans(_PRIVATE_USE, _ASSIGNED)
_WRITE: Final = str.maketrans(_ASSIGNED, _PRIVATE_USE)
_HAS_PRIVATE: Final = re.compile(f"[{_PRIVATE_USE}]").search  # nearly no text has one, and translating is slow
_HAS_ASSIGNED: Final = re.compile(f"[{_ASSIGNED}]").search


class Unwritable(NotWritable):
    """A text that the partner cannot be sent: `character`, its `offset` in the text, its `place` (`PID-5`) if known."""

    def __init__(self, character: str, offset: int, charset: str, place: str = "") -> None:
        where = f"{place}: " if place else ""
        words = both(f"不在字符集 {charset} 里", f"cannot be written in {charset}")
        super().__init__(f"{where}{character} (U+{ord(character):04X}) {words}")
        self.place = place
        self.character = character
        self.offset = offset
        self.charset = charset


@lru_cache(maxsize=256)
def charset_named(name: str) -> str:
    """`utf-8`, `gb18030` or `gbk` for a name from MSH-18 or a configuration, "" where it says nothing.

    ValueError for a name nobody uses. Of a repeated field the first counts.
    """
    said = name.partition("~")[0].strip().upper()
    if said in _UNSAID:
        return ""
    try:
        return _NAMES[said]
    except KeyError:
        raise ValueError(f"unknown character set {name[:40]!r}; write UNICODE UTF-8, GB18030 or GBK") from None


def to_text(data: bytes, charset: str) -> str:
    """The text of these bytes. Undecodable names the first byte that is no character: nothing is ever guessed."""
    codec = UTF_8 if charset == UTF_8 else GB18030
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        raise Undecodable("charset", error.start, f"not a {codec} character") from None
    return text.translate(_READ) if codec == GB18030 and _HAS_PRIVATE(text) else text


def to_bytes(text: str, charset: str) -> bytes:
    """The bytes of a text. Unwritable names the first character that the character set has not."""
    if text.isascii():
        return text.encode("ascii")
    wire = text.translate(_WRITE) if charset != UTF_8 and _HAS_ASSIGNED(text) else text
    try:
        return wire.encode(charset)
    except UnicodeEncodeError as error:  # the translation is one to one, so the position is the text's own
        raise Unwritable(text[error.start], error.start, charset) from None
