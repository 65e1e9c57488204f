"""The guards that stand before llhttp's own, so that neither has to be right alone."""

from __future__ import annotations

import pytest

from engine.connectors.http_wire import Refused, reply_head, request_head


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"X: a\nHost: b", "bare CR or LF"),
        (b"X: a\rb", "bare CR or LF"),
        (b"X: a\0", "control character"),
        (b"X: a\x7f", "control character"),
        (b"X: a\r\n b", "folded header"),
        (b"X: a\r\n\tb", "folded header"),
        (b"\r\n".join([b"X: y"] * 9), "too many headers"),
    ],
)
def test_lines_are_judged_before_they_are_parsed(line: bytes, why: str) -> None:
    with pytest.raises(Refused, match=f"^{why}$"):
        request_head(b"GET / HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n", headers_max=9, target_max=99)
    with pytest.raises(Refused, match=f"^{why}$"):
        reply_head(b"HTTP/1.1 200 OK\r\nA: b\r\n" + line + b"\r\n\r\n", to_head=False, headers_max=9)
