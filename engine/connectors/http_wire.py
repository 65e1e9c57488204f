"""HTTP/1.1 as bytes, strictly: heads are read by llhttp, framing is decided here, in one place.

Two parsers that disagree about where a message ends are how requests get smuggled, so whatever has
two readings is refused. Pure: no socket, no clock. Sizes are bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus

import httptools

from engine.core.http import Headers, HttpReply, HttpRequest

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
END = b"\r\n\r\n"
# What no line of a head may hold: every control character but tab, CR and LF.
_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32), 127])
_REQUEST_LINE = re.compile(rb"([A-Z]{1,24}) ([!-~]+) HTTP/(\d)\.(\d)\r\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] [1-5]\d\d[ \r]")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_ABSOLUTE = re.compile(r"https?://([^/?#]+)([/?].*)?", re.IGNORECASE)
_CHUNKED_START = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNK_SLACK = 16 * 1024  # framing bytes allowed besides eight for each byte of body
_HEAD_KEPT = 512  # bytes; a shorter head is worth remembering
_LENGTH_DIGITS = 15  # more digits than this is nobody's body
# Headers that are ours to say, whatever a reply or a request brings.
_FRAMING = {
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
}
_OURS = frozenset(_FRAMING | {"date"})
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_DECIDING = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "content-encoding"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~\x80-\xff]*")
_OURS_OUT = frozenset(_FRAMING | {"host", "accept-encoding"})
_TARGET = re.compile(r"/[!-\"$-~]*")


class Refused(Exception):
    """A message that must not be read further. `status` is what a listener answers; `why` is for the log."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.why = why
        self.status = status


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The head of a request. `length` is the body's size, None when it comes in chunks."""

    method: str
    target: str
    headers: Headers
    length: int | None
    keep_alive: bool
    expects_continue: bool


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """The head of a reply. `length` is the body's size; None with `chunked` False: until the peer closes."""

    status: int
    headers: Headers
    length: int | None
    chunked: bool
    keep_alive: bool


@lru_cache(256)
def _heard_name(raw: bytes) -> tuple[str, str]:
    """A header's name as it came, and in lower case if it decides how the message is read ("" otherwise)."""
    name = raw.decode("ascii")
    key = name.lower()
    return name, key if key in _DECIDING else ""


@lru_cache(256)
def _said_name(name: str) -> str:
    """A header's name in lower case if it may be ours to say, "plain" otherwise, "" if it is no name."""
    if _TOKEN.fullmatch(name) is None:
        return ""
    key = name.lower()
    return key if key in _OURS or key in _OURS_OUT else "plain"


class _Lines:
    """Collects what llhttp finds in a head; `deciding` holds the headers that decide how it is read."""

    __slots__ = ("deciding", "headers")

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.deciding: list[tuple[str, str]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        text = value.strip(b" \t").decode("latin-1")
        own_name, key = _heard_name(name)
        self.headers.append((own_name, text))
        if key:
            self.deciding.append((key, text))


def request_head(head: bytes, *, headers_max: int, target_max: int) -> RequestHead:
    """Read a request's head, from its first byte through the empty line. Raises Refused."""
    lines = _line_count(head, headers_max)
    start = _REQUEST_LINE.match(head)
    if start is None:
        raise Refused("request line")
    method, raw_target, major, minor = (part.decode("ascii") for part in start.groups())
    if major != "1" or minor not in "01":
        raise Refused("version", 505)
    if method in ("TRACE", "CONNECT"):
        raise Refused("method", 405)
    if method not in METHODS:
        raise Refused("method", 501)
    if len(raw_target) > target_max:
        raise Refused("target too long")
    collected = _Lines()
    try:
        httptools.HttpRequestParser(collected).feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # an offer to speak something else; we stay with HTTP/1.1, as RFC 9110 §7.8 allows
    except httptools.HttpParserError as fault:
        raise Refused(f"head: {fault}") from None
    if len(collected.headers) != lines:
        raise Refused("header lines")
    return _framed_request(method, raw_target, minor == "1", collected)


def _framed_request(method: str, raw_target: str, current: bool, lines: _Lines) -> RequestHead:
    hosts: list[str] = []
    lengths: list[str] = []
    codings: list[str] = []
    connection = expect = ""
    for key, value in lines.deciding:
        if key == "host":
            hosts.append(value)
        elif key == "content-length":
            lengths.append(value)
        elif key == "transfer-encoding":
            codings.append(value)
        elif key == "connection":
            connection += value.lower() + ","
        elif key == "expect":
            expect = value.lower()
    if codings and not current:
        raise Refused("chunks in HTTP/1.0")
    length = _body_length(lengths, codings)
    target = _origin_form(raw_target, method, hosts, current)
    if expect not in ("", "100-continue"):
        raise Refused("expectation", 417)
    keep_alive = not _says(connection, "close") if current else _says(connection, "keep-alive")
    return RequestHead(
        method=method,
        target=target,
        headers=tuple(lines.headers),
        length=0 if length is None and not codings else length,
        keep_alive=keep_alive,
        expects_continue=bool(expect) and current,
    )


def reply_head(head: bytes, *, to_head: bool, headers_max: int) -> ReplyHead:
    """Read a reply's head; `to_head`: it answers a HEAD request, so no body follows. Raises Refused."""
    if len(head) > _HEAD_KEPT:
        return _read_reply_head(head, to_head, headers_max)
    return _known_reply_head(head, to_head, headers_max)


def _read_reply_head(head: bytes, to_head: bool, headers_max: int) -> ReplyHead:
    lines = _line_count(head, headers_max)
    if _STATUS_LINE.match(head) is None:
        raise Refused("status line")
    collected = _Lines()
    parser = httptools.HttpResponseParser(collected)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        raise Refused("upgrade we never asked for") from None
    except httptools.HttpParserError as fault:
        raise Refused(f"head: {fault}") from None
    if len(collected.headers) != lines:
        raise Refused("header lines")
    lengths: list[str] = []
    codings: list[str] = []
    connection = ""
    for key, value in collected.deciding:
        if key == "content-length":
            lengths.append(value)
        elif key == "transfer-encoding":
            codings.append(value)
        elif key == "connection":
            connection += value.lower() + ","
        elif key == "content-encoding" and value.lower() not in ("", "identity"):
            raise Refused("compressed")
    status = parser.get_status_code()
    length = _body_length(lengths, codings)
    bare = to_head or status in (204, 304) or status < 200
    framed = bare or length is not None or bool(codings)
    return ReplyHead(
        status=status,
        headers=tuple(collected.headers),
        length=0 if bare else length,
        chunked=bool(codings) and not bare,
        keep_alive=framed and head[5:8] == b"1.1" and not _says(connection, "close"),
    )


# A busy server says the same head many times within a second.
_known_reply_head = lru_cache(128)(_read_reply_head)


def _line_count(head: bytes, headers_max: int) -> int:
    """How many header lines there are, after the checks that need no grammar."""
    breaks = head.count(b"\r\n")
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks:
        raise Refused("bare CR or LF")
    if len(head.translate(None, _CONTROLS)) != len(head):
        raise Refused("control character")
    if b"\r\n " in head or b"\r\n\t" in head:
        raise Refused("folded header")
    if breaks - 2 > headers_max:
        raise Refused("too many headers")
    return breaks - 2


def _body_length(lengths: list[str], codings: list[str]) -> int | None:
    if codings:
        if lengths:
            raise Refused("both Content-Length and Transfer-Encoding")
        if len(codings) != 1 or codings[0].lower() != "chunked":
            raise Refused("transfer coding")
        return None
    if not lengths:
        return None
    text = lengths[0]
    if len(lengths) > 1 or not (text.isascii() and text.isdigit()) or len(text) > _LENGTH_DIGITS:
        raise Refused("Content-Length")
    return int(text)


def _says(connection: str, wanted: str) -> bool:
    return wanted in connection and wanted in [token.strip() for token in connection.split(",")]


def _origin_form(target: str, method: str, hosts: list[str], current: bool) -> str:
    """`/path?query`, whatever form the request line used; an absolute address must name the Host."""
    if len(hosts) > 1 or (current and not hosts):
        raise Refused("Host")
    if hosts and _HOST.fullmatch(hosts[0]) is None:
        raise Refused("Host")
    if "#" in target:
        raise Refused("fragment")
    if target[0] == "/" or (target == "*" and method == "OPTIONS"):
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise Refused("target")
    authority, rest = absolute.group(1), absolute.group(2) or "/"
    if hosts and authority.lower() != hosts[0].lower():
        raise Refused("target and Host differ")
    return rest if rest[0] == "/" else "/" + rest


class ChunkReader:
    """Reads a chunked body. `feed` gives back what follows the body once it is complete, None before."""

    __slots__ = ("_body_max", "_parser", "_pieces", "_tail", "_wire", "done", "size")

    def __init__(self, body_max: int) -> None:
        self._body_max = body_max
        self._pieces: list[bytes] = []
        self._tail = b""
        self._wire = 0
        self.size = 0
        self.done = False
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(_CHUNKED_START)

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.size += len(piece)

    def on_message_complete(self) -> None:
        self.done = True

    @property
    def body(self) -> bytes:
        return b"".join(self._pieces)

    def feed(self, data: bytes) -> bytes | None:
        """Take the next bytes of the wire. Raises Refused (413: longer than allowed)."""
        start = 0
        while start < len(data):
            end = self._next_end(data, start)
            self._take(data[start:end])
            if self.done:
                return data[end:]
            start = end
        return None

    def _next_end(self, data: bytes, start: int) -> int:
        # llhttp does not tell where in its input a message ended. A chunked body can end only behind
        # an empty line, so it is fed up to each one of those and asked.
        across = (self._tail + data[start : start + 3]).find(END)
        if across >= 0:
            return start + across + len(END) - len(self._tail)
        found = data.find(END, start)
        return len(data) if found < 0 else found + len(END)

    def _take(self, piece: bytes) -> None:
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserError as fault:
            raise Refused(f"chunk: {fault}") from None
        self._wire += len(piece)
        last = self._tail + piece[-4:]
        ended = last.endswith(END)
        self._tail = b"" if ended else last[-3:]
        if self.size > self._body_max:
            raise Refused("body too long", 413)
        if self._wire > self.size * 9 + _CHUNK_SLACK:
            raise Refused("chunk framing too long")
        assert ended or not self.done  # or bytes behind the body would be lost


def reply_bytes(reply: HttpReply, *, to_head: bool, close: bool, date: str) -> bytes:
    """A reply for the wire. Framing, `Connection` and `Date` are ours, whatever the reply says of them.

    Raises ValueError on a status outside 200–599 or a header that is none.
    """
    if not 200 <= reply.status <= 599:
        raise ValueError("status")
    lines = [f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, 'Unnamed')}\r\nDate: {date}\r\n"]
    _add_headers(lines, reply.headers)
    body = reply.body
    if reply.status in (204, 304):
        body = b""
    else:
        lines.append(f"Content-Length: {len(body)}\r\n")
    lines.append("Connection: close\r\n\r\n" if close else "Connection: keep-alive\r\n\r\n")
    head = "".join(lines).encode("latin-1")
    return head if to_head else head + body


def request_bytes(request: HttpRequest, prefix: str, host: str) -> bytes:
    """A request for the wire: kept alive, uncompressed, framed by its length. Raises ValueError when it cannot be.

    `prefix` is the path of the base address without its last slash; `host` the value of Host unless the
    request brings its own.
    """
    text, hosts, body = "", 0, request.body
    for name, value in request.headers:
        key = _said_name(name)
        if not key or (not (value.isalnum() and value.isascii()) and _VALUE.fullmatch(value) is None):
            raise ValueError("header")
        if key not in _OURS_OUT:
            text += f"{name}: {value}\r\n"
        elif key == "host":
            host, hosts = value, hosts + 1
    if hosts > 1:
        raise ValueError("Host")
    start = _request_start(request.method, prefix + request.target or "/", host)
    length = f"Content-Length: {len(body)}\r\n" if body or request.method in ("POST", "PUT", "PATCH") else ""
    return f"{start}{text}Accept-Encoding: identity\r\n{length}\r\n".encode("latin-1") + body


@lru_cache(256)
def _request_start(method: str, target: str, host: str) -> str:
    """The lines that all requests of a kind have in common."""
    if method not in METHODS or _TARGET.fullmatch(target) is None:
        raise ValueError("request line")
    return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n"


def _add_headers(lines: list[str], headers: Headers) -> None:
    for name, value in headers:
        key = _said_name(name)
        if not key or _VALUE.fullmatch(value) is None:
            raise ValueError("header")
        if key not in _OURS:
            lines.append(f"{name}: {value}\r\n")
