"""Answers: `k=v&k=v` that is *not* URL-encoded. Values hold `=`, `+` and line ends; braces protect inner `&`."""

from __future__ import annotations

from engine.codecs.errors import Undecodable

_CLOSES = {"{": "}", "[": "]"}
_MAX_FIELDS = 200


def parse(data: bytes, *, max_bytes: int = 4 << 20) -> dict[str, str]:
    """Names and values in order. Undecodable: no `=`, a name twice or improper, an open brace, too much, not UTF-8."""
    if len(data) > max_bytes:
        raise Undecodable("form-size", max_bytes, f"an answer of more than {max_bytes} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Undecodable("charset", error.start, "not UTF-8") from None
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        equal = text.find("=", at)
        name = text[at:equal] if equal >= 0 else ""
        if not name or len(name) > 64 or not name.isascii() or not name.replace("_", "").isalnum():
            raise Undecodable("form-name", at, "a field without a proper name")
        end = _end(text, equal + 1)
        if name in found:
            raise Undecodable("form-duplicate", at, f"field {name!r} is given twice")
        if len(found) >= _MAX_FIELDS:
            raise Undecodable("form-size", at, f"more than {_MAX_FIELDS} fields")
        found[name] = text[equal + 1 : end]
        at = end + 1
    return found


def _end(text: str, at: int) -> int:
    """Where the value ends that begins at `at`: at the next `&`, or behind the brace that its first one opened."""
    closing = _CLOSES.get(text[at : at + 1])
    if closing is None:
        end = text.find("&", at)
        return len(text) if end < 0 else end
    opening, depth = text[at], 0
    for place in range(at, len(text)):
        if text[place] == opening:
            depth += 1
        elif text[place] == closing:
            depth -= 1
            if depth == 0:
                if text[place + 1 : place + 2] not in ("", "&"):
                    raise Undecodable("form-brace", place, "text behind a closing brace")
                return place + 1
    raise Undecodable("form-brace", at, "an open brace")
