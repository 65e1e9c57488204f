"""Places inside a YAML word: where exactly in a quoted text a mistake stands."""

from __future__ import annotations

from engine.config.problems import Mark


def within(mark: Mark, text: str, offset: int, width: int = 1) -> Mark:
    """The place `offset` characters into `text`, whose YAML scalar has `mark`. A scalar with escapes or over
    several lines has no simple columns: its own place is the answer then."""
    if "\n" in text:
        return mark
    if mark.width == len(text):
        start = mark.col
    elif mark.width == len(text) + 2:  # in quotes
        start = mark.col + 1
    else:
        return mark
    return Mark(mark.file, mark.line, start + offset, max(1, min(width, len(text) - offset or 1)))
