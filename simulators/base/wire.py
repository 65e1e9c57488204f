"""A request and a reply as a party sees them, free of any network library."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any


def loads(text: str | bytes, **given: Any) -> Any:
    """JSON as a strict platform reads it; ValueError for what is none, for NaN and for half a character (\\ud83d)."""
    tree = json.loads(text, parse_constant=_no_number, **given)
    if "\\u" in text if isinstance(text, str) else b"\\u" in text:
        json.dumps(tree, ensure_ascii=False, default=str).encode()
    return tree


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


@dataclass(frozen=True)
class Req:
    """One HTTP request, complete; `target` is path and query as sent (absolute form already cut)."""

    method: str
    target: str
    path: str  # percent-decoded
    query: dict[str, str]
    headers: dict[str, str]  # lower-case names; repeated ones joined with ", "
    body: bytes
    peer: str = ""
    raw_head: bytes = field(default=b"", repr=False)  # request line and header lines exactly as received

    @cached_property
    def json(self) -> Any:
        """The body as JSON, parsed once; None when it is not JSON in UTF-8."""
        try:
            return loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass
class Resp:
    """One HTTP reply; Content-Length, Date and Connection are added when it is sent."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def head(self, more: dict[str, str]) -> bytes:
        """Status line and headers as bytes, with `more` where the party set none itself."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unknown"
        all_headers = {"Content-Length": str(len(self.body)), **more, **self.headers}
        lines = [f"HTTP/1.1 {self.status} {phrase}", *(f"{k}: {v}" for k, v in all_headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1")


def json_resp(obj: object, status: int = 200, headers: dict[str, str] | None = None) -> Resp:
    """A JSON reply in UTF-8, Chinese as itself, no blanks."""
    body = json.dumps(obj, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return Resp(status, body, {"Content-Type": "application/json;charset=utf-8", **(headers or {})})


def text_resp(text: str, status: int = 200, content_type: str = "text/plain;charset=utf-8") -> Resp:
    """A text reply in UTF-8; `content_type` for HTML, XML and the like."""
    return Resp(status, text.encode("utf-8"), {"Content-Type": content_type})
