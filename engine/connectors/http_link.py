"""One outgoing connection of an HttpSender: one request at a time, its reply read strictly."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]  # zope ships no types

from engine.connectors.http_wire import END, ChunkReader, Refused, ReplyHead, reply_head
from engine.core.http import HttpReply
from engine.core.world import World

if TYPE_CHECKING:
    from engine.connectors.http_sender import HttpSender, Sending

HEAD_MAX = 32 * 1024  # bytes of a reply's head
HEADERS_MAX = 200
_GOODBYE_S = 2.0  # how long TLS may take to say goodbye
_INTERIM_MAX = 8  # 1xx replies before the one that counts


class _Part(Enum):
    HEAD = auto()
    LENGTH = auto()
    CHUNKS = auto()
    UNTIL_CLOSE = auto()


@implementer(IHandshakeListener)
class HttpLink(Protocol):
    """Carries requests for its sender. With TLS it is ready only after the handshake: before that, a failure
    is still one where nothing of the request was sent."""

    def __init__(self, owner: HttpSender, world: World, secure: bool) -> None:
        self._owner = owner
        self._world = world
        self._secure = secure
        self.call: Sending | None = None
        self.idle_since = 0.0
        self.ready = False
        self.gone = False
        self.connecting: Any = None  # the endpoint's Deferred, then None
        self.timer: Any = None  # bounds the time until ready
        self._wire: Any = None
        self._lost = False
        self._goodbye: Any = None
        self._part = _Part.HEAD
        self._buffer = b""
        self._head: ReplyHead | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._interim = 0
        self._chunks: ChunkReader | None = None

    def connectionMade(self) -> None:
        self._wire = self.transport
        self._wire.setTcpNoDelay(True)
        if not self._secure:
            self._owner.link_ready(self)

    def handshakeCompleted(self) -> None:
        """TLS is up and the peer is who it should be."""
        self._owner.link_ready(self)

    def ask(self, call: Sending, data: bytes) -> None:
        """Write the whole request, in one piece."""
        self.call = call
        self._part = _Part.HEAD
        self._buffer = b""
        self._head = None
        self._pieces = []
        self._size = 0
        self._interim = 0
        self._chunks = None
        self._wire.write(data)

    def dataReceived(self, data: bytes) -> None:
        if self.gone:
            return
        if self.call is None:
            self._owner.link_spoke_unasked(self)
            return
        try:
            if self._part is _Part.HEAD:
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
        length = head.length
        most = self._owner.max_reply_bytes
        if length is not None:
            if length > most:
                raise Refused("reply too long")
            if len(data) >= length:
                self._complete(data[:length], data[length:])
                return
            self._part = _Part.LENGTH
        elif head.chunked:
            self._part = _Part.CHUNKS
            self._chunks = ChunkReader(most)
        else:
            self._part = _Part.UNTIL_CLOSE
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
        self._pieces = []
        self._chunks = None
        reply = HttpReply(head.status, head.headers, body)
        self._owner.link_answered(self, reply, reusable=head.keep_alive and not surplus, surplus=bool(surplus))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.gone:
            return
        if self.call is not None and self._part is _Part.UNTIL_CLOSE and isinstance(reason.value, ConnectionDone):
            # A clean end is the only end such a reply has. Under TLS, Twisted reports a FIN without
            # close_notify as ConnectionLost, so a cut reply does not pass for a whole one.
            self._complete(b"".join(self._pieces), b"")
        elif self.call is not None:
            self._owner.link_failed(self, f"connection lost: {type(reason.value).__name__}")
        else:
            self._owner.link_lost(self, type(reason.value).__name__)

    def close(self, *, hard: bool = False) -> None:
        """Let go of the connection; nothing it still brings is heard."""
        self.gone = True
        if self.connecting is not None:
            connecting, self.connecting = self.connecting, None
            connecting.cancel()
        if self._wire is None or self._lost:
            return
        if hard:
            self._wire.abortConnection()
            return
        self._wire.loseConnection()
        if self._secure and not self._lost:  # a mute peer would keep the socket open for ever
            self._goodbye = self._world.later(_GOODBYE_S, self._wire.abortConnection)
