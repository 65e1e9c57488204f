"""One outgoing connection of an HttpSender: one request at a time, its reply read strictly."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from engine.connectors.http_wire import END, ChunkReader, Refused, ReplyHead, reply_head
from engine.connectors.link import Link
from engine.connectors.sender import Call
from engine.core.http import HttpReply
from engine.core.world import World

if TYPE_CHECKING:
    from engine.connectors.http_sender import HttpSender

HEAD_MAX = 32 * 1024  # bytes of a reply's head
HEADERS_MAX = 200
_INTERIM_MAX = 8  # 1xx replies before the one that counts


class _Part(Enum):
    HEAD = auto()
    LENGTH = auto()
    CHUNKS = auto()
    UNTIL_CLOSE = auto()


# A member of an enum costs four times what a name of the module does.
_HEAD: Final = _Part.HEAD
_LENGTH: Final = _Part.LENGTH
_CHUNKS: Final = _Part.CHUNKS
_UNTIL_CLOSE: Final = _Part.UNTIL_CLOSE


class HttpCall(Call[HttpReply]):
    """A request on its way; `to_head`: it is a HEAD, so no body follows."""

    __slots__ = ("to_head",)

    def __init__(self, data: bytes, on_first_byte: Callable[[], None] | None, to_head: bool) -> None:
        self.data, self.on_first_byte, self.to_head = data, on_first_byte, to_head
        self.link = self.heard = None


class HttpLink(Link[HttpCall]):
    """Carries requests; a reply ends where its length, its last chunk, or the peer's clean goodbye says."""

    def __init__(self, owner: HttpSender, world: World, secure: bool) -> None:
        super().__init__(owner, world, secure)
        self._part = _HEAD
        self._buffer = b""
        self._head: ReplyHead | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._interim = 0
        self._chunks: ChunkReader | None = None

    def ask(self, call: HttpCall) -> None:
        """Write the whole request, in one piece."""
        self._part = _HEAD
        self._buffer = b""
        self._head = None
        self._interim = 0
        self.call = call
        self._write(call.data)

    def dataReceived(self, data: bytes) -> None:
        if self.gone:
            return
        if self.call is None:
            self._owner.link_spoke_unasked(self)
            return
        try:
            if self._part is _HEAD:
                data = self._buffer + data if self._buffer else data
                self._take_head(data)
            else:
                self._take_body(data)
        except Refused as refused:
            self._owner.link_failed(self, refused.why)

    def _take_head(self, data: bytes) -> None:
        while True:
            end = data.find(END)
            if end < 0:
                if len(data) > HEAD_MAX:
                    raise Refused("reply head too long")
                if not b"HTTP/1.".startswith(data[:7]):
                    raise Refused("not HTTP")
                self._buffer = data
                return
            end += len(END)
            if end > HEAD_MAX:
                raise Refused("reply head too long")
            assert self.call is not None
            head = reply_head(data[:end], to_head=self.call.to_head, headers_max=HEADERS_MAX)
            data = data[end:]
            if head.status >= 200:
                if head.length == len(data) <= self._owner.max_reply_bytes:  # whole, as most replies come
                    reply = HttpReply(head.status, head.headers, data)
                    self._owner.link_answered(self, reply, reusable=head.keep_alive, surplus=False)
                    return
                break
            self._interim += 1
            if head.status == 101 or self._interim > _INTERIM_MAX:
                raise Refused("interim replies")
            if not data:
                self._buffer = b""
                return
        self._start_body(head, data)

    def _start_body(self, head: ReplyHead, data: bytes) -> None:
        self._head = head
        self._size = 0
        length = head.length
        most = self._owner.max_reply_bytes
        if length is not None:
            if length > most:
                raise Refused("reply too long")
            if len(data) >= length:
                self._complete(data[:length], data[length:])
                return
            self._part = _LENGTH
        elif head.chunked:
            self._part = _CHUNKS
            self._chunks = ChunkReader(most)
        else:
            self._part = _UNTIL_CLOSE
        if data:
            self._take_body(data)

    def _take_body(self, data: bytes) -> None:
        if self._chunks is not None:
            rest = self._chunks.feed(data)
            if rest is not None:
                self._complete(self._chunks.body, rest)
            return
        self._pieces.append(data)
        self._size += len(data)
        length = None if self._head is None else self._head.length
        if length is None:
            if self._size > self._owner.max_reply_bytes:
                raise Refused("reply too long")
        elif self._size >= length:
            whole = b"".join(self._pieces)
            self._complete(whole[:length], whole[length:])

    def _complete(self, body: bytes, surplus: bytes) -> None:
        head = self._head
        assert head is not None
        if self._pieces:
            self._pieces = []
        self._chunks = None
        reply = HttpReply(head.status, head.headers, body)
        self._owner.link_answered(self, reply, reusable=head.keep_alive and not surplus, surplus=bool(surplus))

    def ended_well(self, reason: Failure) -> bool:
        """A clean end is the only end a reply without a length has. Under TLS, Twisted reports a FIN without
        close_notify as ConnectionLost, so a cut reply does not pass for a whole one."""
        if self._part is not _UNTIL_CLOSE or not isinstance(reason.value, ConnectionDone):
            return False
        self._complete(b"".join(self._pieces), b"")
        return True
