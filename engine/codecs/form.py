"""`application/x-www-form-urlencoded`, where a name stands once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote_plus

from engine.codecs import charset as charsets
from engine.codecs.errors import Undecodable

_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})?")
_MAX_PAIRS: Final = 500


def parse(data: bytes, charset: str = "utf-8", *, max_bytes: int = 1 << 20) -> dict[str, str]:
    """Names and values in order. Undecodable: a name twice, a broken `%`, a wrong character, too many."""
    if len(data) > max_bytes:
        raise Undecodable("form-size", max_bytes, f"a form of more than {max_bytes} bytes")
    found: dict[str, str] = {}
    offset = 0
    for count, pair in enumerate(data.split(b"&") if data else ()):
        if count >= _MAX_PAIRS:
            raise Undecodable("form-size", offset, f"more than {_MAX_PAIRS} fields")
        raw_name, _, raw_value = pair.partition(b"=")
        name = _plain(raw_name, offset, charset)
        if not name or "\0" in name:
            raise Undecodable("form-name", offset, "a field without a proper name")
        if name in found:
            raise Undecodable("form-duplicate", offset, f"field {name[:40]!r} is given twice")
        found[name] = _plain(raw_value, offset + len(raw_name) + 1, charset)
        offset += len(pair) + 1
    return found


def _plain(raw: bytes, offset: int, charset: str) -> str:
    def byte(match: re.Match[bytes]) -> bytes:
        if match.group(1) is None:
            raise Undecodable("form-escape", offset + match.start(), "a % needs two hexadecimal digits")
        return bytes((int(match.group(1), 16),))

    try:
        return charsets.decode(_ESCAPE.sub(byte, raw.replace(b"+", b" ")), charset)
    except Undecodable as error:
        if error.code != "charset":
            raise
        raise Undecodable("charset", offset, error.text) from None


def print_form(fields: Mapping[str, str] | Iterable[tuple[str, str]], charset: str = "utf-8") -> bytes:
    """The body of a form; ValueError when a name stands twice."""
    pairs = list(fields.items()) if isinstance(fields, Mapping) else list(fields)
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a form field is given twice")
    return "&".join(
        f"{quote_plus(charsets.encode(name, charset))}={quote_plus(charsets.encode(value, charset))}"
        for name, value in pairs
    ).encode("ascii")
