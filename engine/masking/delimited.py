"""Fields between `^`, `|` and `$`, without names: what may be a person is covered for its shape alone.

Two to four Chinese characters may be a name, a long run of digits or a letter with digits a card or a person's number.
That covers items and doctors too; amounts, days, short codes and sentences stay.
"""

from __future__ import annotations

import re
from typing import Final

from engine.masking.values import Masker, masked_name, masked_number

_FORM: Final = re.compile(r"[^^]*\^[^^]*\^.*\|.*\^", re.DOTALL)
_NAME: Final = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]{2,4}|[\u3400-\u9fff]{1,8}·[\u3400-\u9fff]{1,8}")
_NUMBER: Final = re.compile(r"[0-9]{12,}|[0-9]{17}[Xx]|[A-Z]{1,6}[0-9A-Z]{4,}", re.ASCII)
_OURS: Final = re.compile(r"(?:C|MZ|JS|YH)?20[0-9]{12,}", re.ASCII)
_FIELD: Final = re.compile(r"[^|^$]+")


def is_delimited(text: str) -> bool:
    """Whether a text looks like parts with `^` and fields with `|`."""
    return _FORM.fullmatch(text) is not None


def covered(masker: Masker, text: str) -> str:
    """The text with every field covered that may be a person's."""

    def field(found: re.Match[str]) -> str:
        value = found[0]
        if _NAME.fullmatch(value):
            masker.count += 1
            return masked_name(value)
        if _NUMBER.fullmatch(value) and not _OURS.fullmatch(value):
            masker.count += 1
            return masked_number(value)
        return masker.text(value, numbers=_OURS.fullmatch(value) is None)

    return _FIELD.sub(field, text)
