"""As much DER as SM2 needs: sequences, integers, octet and bit strings, object names; strict, and within bounds.

A number has one form only (shortest, not negative) and nothing may follow the end: two spellings of one signature would
be two signatures to whoever keeps their digests.
"""

from __future__ import annotations

from typing import Final

from engine.codecs.errors import Undecodable

INTEGER: Final = 0x02
BITS: Final = 0x03
OCTETS: Final = 0x04
NAME: Final = 0x06
SEQUENCE: Final = 0x30


def wrap(tag: int, content: bytes) -> bytes:
    """One element: tag, length, content."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(value: int) -> bytes:
    """A number that is not negative, in its shortest form."""
    return wrap(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


class Reader:
    """Reads the elements of one level, in order; whatever is not as expected is an Undecodable at its byte."""

    __slots__ = ("_at", "_base", "_data")

    def __init__(self, data: bytes, base: int = 0) -> None:
        self._data, self._at, self._base = data, 0, base

    def take(self, tag: int) -> bytes:
        """The content of the next element, which must have this tag."""
        if self.tag() != tag:
            raise self._broken(f"an element 0x{tag:02x} was expected")
        start, size = self._measure()
        self._at = start + size
        return self._data[start : start + size]

    def inside(self, tag: int = SEQUENCE) -> Reader:
        """A reader of the next element's content."""
        content = self.take(tag)
        return Reader(content, self._base + self._at - len(content))

    def integer(self, most: int) -> int:
        """The next number, of at most so many bytes."""
        content = self.take(INTEGER)
        shortest = len(content) == 1 or (len(content) > 1 and (content[0] or content[1] & 0x80))
        if not shortest or content[0] & 0x80 or len(content) > most + 1:
            raise self._broken("a number in its shortest form was expected")
        return int.from_bytes(content, "big")

    def tag(self) -> int:
        """The tag of the next element, 0 at the end."""
        return self._data[self._at] if self._at < len(self._data) else 0

    def end(self) -> None:
        """Nothing may follow."""
        if self._at != len(self._data):
            raise self._broken("nothing more was expected")

    def _measure(self) -> tuple[int, int]:
        data, at = self._data, self._at + 2
        size = data[at - 1] if at <= len(data) else -1
        if size >= 0x80:
            more = size & 0x7F
            size = int.from_bytes(data[at : at + more], "big") if 1 <= more <= 3 and at + more <= len(data) else -1
            at += more
            if size < 0x80 or size.bit_length() <= 8 * (more - 1):
                size = -1  # a longer form than needed
        if size < 0 or at + size > len(data):
            raise self._broken("the length is wrong")
        return at, size

    def _broken(self, text: str) -> Undecodable:
        return Undecodable("der", self._base + self._at, f"DER: {text}")
