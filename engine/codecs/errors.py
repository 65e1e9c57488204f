"""The errors of all codecs: these bytes cannot be read, this value cannot be written, and here is where."""

from __future__ import annotations


class Undecodable(ValueError):
    """Bytes that break the rules of their format.

    `code` is a stable name for programs (`json-duplicate`), `offset` the first offending byte (0-based,
    in the bytes as given), `text` one sentence for people.
    """

    def __init__(self, code: str, offset: int, text: str) -> None:
        super().__init__(f"{text} (byte {offset})")
        self.code = code
        self.offset = offset
        self.text = text


class NotWritable(ValueError):
    """A value that the partner's format or character set cannot carry. Its text names the place and the character, and
    never the value: it stands in lists that people read."""
