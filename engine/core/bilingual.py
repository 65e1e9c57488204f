"""A text in Chinese and English where there is one place for both, such as a field of a HL7 acknowledgement."""

from __future__ import annotations

_BETWEEN = " · "


def both(zh: str, en: str) -> str:
    """One text of the two."""
    return f"{zh}{_BETWEEN}{en}"


def apart(text: str) -> tuple[str, str]:
    """The two of one: Chinese, English. A text in one language alone stands for both."""
    zh, _, en = text.partition(_BETWEEN)
    return zh, en or zh
