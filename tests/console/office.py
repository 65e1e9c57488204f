"""A hospital with somebody of finance at its console."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from lxml import etree
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, Protocol

from engine.console.passwords import password_hash
from engine.core.http import HttpReply, HttpRequest
from engine.core.times import beijing
from tests.books.test_bills import Morning
from tests.rig.lab import Lab

USERS = "{admin: {password: file:var/keys/user-admin.hash, roles: [look, operate, finance, admin]}}"
HASH = "password: file:var/keys/user.hash"


class Office(Morning):
    """A hospital with somebody of finance at the console: on this machine, or after a login as `user`."""

    def __init__(self, folder: Path, users: str = "{}") -> None:
        super().__init__(folder)
        self.lab = Lab(self.sim.node("parties"), folder, engine_reactor=self.sim.node("engine"), inline=True,
                       edit=((USERS, users),))  # fmt: skip
        keys = folder / "var" / "keys"
        keys.mkdir(parents=True, exist_ok=True)
        (keys / "user.hash").write_text(password_hash("geheim", bytes(16), log2n=4))
        self.cookie = ""

    def send(self, method: str, path: str, form: dict[str, str] | None = None, *more: tuple[str, str]) -> Any:
        """The reply, or what will be one."""
        engine = self.lab.engine
        assert engine is not None
        headers = (("Host", "127.0.0.1:8600"), ("Cookie", self.cookie), *more)
        body = urlencode(form or {}).encode()
        return engine.doors.knock("api", HttpRequest(method, path, headers, body, "127.0.0.1"))

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, *more: tuple[str, str]) -> HttpReply:
        reply = self.send(method, path, form, *more)
        ended: list[Any] = []
        if isinstance(reply, Deferred):
            reply.addBoth(ended.append)
            assert self.sim.run(lambda: bool(ended), 600.0)
            reply = ended[0]
        assert isinstance(reply, HttpReply), reply
        return reply

    def bytes_in(self, data: bytes) -> bytes:
        """What the engine's own listener answers to these bytes, sent over a connection, until it hangs up."""
        got: list[bytes] = []
        over: list[Any] = []

        class Client(Protocol):
            def connectionMade(self) -> None:
                self.transport.write(data)  # type: ignore[union-attr]  # it is connected

            def dataReceived(self, piece: bytes) -> None:
                got.append(piece)

            def connectionLost(self, reason: Any = None) -> None:
                over.append(reason)

        self.lab.reactor.connectTCP(self.lab.engine_host, self.lab.engine_port, ClientFactory.forProtocol(Client))
        assert self.sim.run(lambda: bool(over), 600.0)
        return b"".join(got)

    def hand_in(
        self, files: Sequence[tuple[str, bytes]], *more: tuple[str, str], path: str = "/console/books", **form: str
    ) -> HttpReply:  # fmt: skip
        """The page's form as a browser sends it, byte by byte, with these files."""
        fields = {"first": self.today(), "last": self.today(), "by": "ledgers", **form}
        kind, body = multipart(fields, files)
        head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1:8600", f"Cookie: {self.cookie}", f"Content-Type: {kind}",
                f"Content-Length: {len(body)}", "Connection: close", *(f"{a}: {b}" for a, b in more)]  # fmt: skip
        got = self.bytes_in("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        begin, _, page = got.partition(b"\r\n\r\n")
        status, *headers = begin.decode().split("\r\n")
        told = tuple((line.partition(": ")[0], line.partition(": ")[2]) for line in headers)
        return HttpReply(int(status.split()[1]), told, page)

    def post(self, kind: str, body: bytes) -> Any:
        """The page's form, handed to the door at once: what will be the reply."""
        engine = self.lab.engine
        assert engine is not None
        headers = (("Host", "127.0.0.1:8600"), ("Cookie", self.cookie), ("Content-Type", kind))
        return engine.doors.knock("api", HttpRequest("POST", "/console/books", headers, body, "127.0.0.1"))

    def log_in(self, user: str) -> None:
        reply = self.ask("POST", "/console/login", {"user": user, "password": "geheim"})
        assert reply.status == 303, reply.body
        self.cookie = reply.header("Set-Cookie").partition(";")[0]

    def today(self, ago: int = 0) -> str:
        return beijing(self.now() - ago * 86_400.0, "%Y-%m-%d")

    def compare(self, first: str = "", last: str = "", by: str = "ledgers", *more: tuple[str, str]) -> HttpReply:
        first = first or self.today()
        return self.ask("POST", "/console/books", {"first": first, "last": last or first, "by": by}, *more)

    def page(self, path: str = "/console/books", language: str = "zh") -> str:
        sign = "&" if "?" in path else "?"
        reply = self.ask("GET", f"{path}{sign}lang={language}")
        assert reply.status == 200, (path, reply.status)
        return words(reply)

    def result(self, reply: HttpReply, language: str = "zh") -> str:
        """The page of a comparison that was begun, once it has ended."""
        assert reply.status == 303, words(reply)
        where = reply.header("Location")
        for _ in range(100):
            page = self.page(where, language)
            if "data-refresh" not in self.ask("GET", where).body.decode():
                return page
            self.sim.advance(1.0)
        raise AssertionError("it never ended")

    def workbook(self, reply: HttpReply) -> list[dict[str, str]]:
        """Its sheets: place → what is there."""
        name = reply.header("Location").rpartition("=")[2]
        got = self.ask("GET", f"/console/books/{name}/workbook")
        assert got.status == 200
        named = got.header("Content-Disposition")
        assert re.fullmatch(r'attachment; filename="books-[0-9-]+(to-[0-9-]+)?\.xlsx"', named), named
        assert got.header("Content-Type").endswith("spreadsheetml.sheet")
        with zipfile.ZipFile(BytesIO(got.body)) as book:
            sheets = [etree.fromstring(book.read(f"xl/worksheets/sheet{n}.xml")) for n in (1, 2, 3)]
        cells = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}c"
        return [{str(one.get("r")): "".join(one.itertext()) for one in sheet.iter(cells)} for sheet in sheets]


def multipart(fields: Mapping[str, str], files: Sequence[tuple[str, bytes]]) -> tuple[str, bytes]:
    """Content-Type and body of such a form."""
    mark = "----WebKitFormBoundaryO9kQyJ2mW1b7Zx3A"
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode() for name, text in fields.items()]
    for name, data in files:
        head = f'Content-Disposition: form-data; name="tables"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
        parts.append(head.encode() + data)
    lines = b"".join(b"--%s\r\n%s\r\n" % (mark.encode(), part) for part in parts)
    return f"multipart/form-data; boundary={mark}", lines + b"--%s--\r\n" % mark.encode()


def words(reply: HttpReply) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", reply.body.decode())))


def paid_twice(office: Office) -> str:
    answer = office.do(lambda: office.settle("B20261122001"))
    assert answer["state"] == "settled"
    office.lab.act("wechat", "pay_twice", no=answer["numbers"]["trade"])
    office.sim.advance(10.0)
    return str(answer["settlement_no"])


def hold(office: Office) -> Any:
    """The store's readers answer no more until the call that is given back."""
    engine = office.lab.engine
    assert engine is not None
    waiting: list[tuple[Any, Deferred[Any]]] = []
    read = engine.store.read

    def later(fn: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        waiting.append((fn, done))
        return done

    def let_go() -> None:
        engine.store.read = read  # type: ignore[method-assign]
        for fn, done in waiting:
            if not done.called:
                read(fn).chainDeferred(done)

    engine.store.read = later  # type: ignore[method-assign, assignment]
    return let_go
