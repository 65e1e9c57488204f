"""How a request is carried out under a fault: what is executed, what is said, how the connection ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from simulators.base.exchanges import Exchange, Exchanges
from simulators.base.faults import BREAKS, REFUSALS, Fault
from simulators.base.objection import Objection
from simulators.base.wire import Req, Resp, text_resp
from simulators.base.world import SimWorld

_log = Logger()
_LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>统一身份认证</title></head>"
    "<body><form method=\"post\" action=\"/login\"><h1>请登录</h1>"
    "<input name=\"user\"><input name=\"password\" type=\"password\"><button>登录</button></form>"
    "</body></html>"
)
_GATEWAY_PAGES = {"http_502": (502, "502 Bad Gateway"), "http_503": (503, "503 Service Temporarily Unavailable"),
                  "http_504": (504, "504 Gateway Time-out")}  # fmt: skip
RETRY_AFTER = "5"  # seconds a 503 asks for
DROPS = 20  # pieces of a reply that trickles


class Host(Protocol):
    """What is called: a party, or one of its doors."""

    @property
    def name(self) -> str: ...
    @property
    def world(self) -> SimWorld: ...
    @property
    def exchanges(self) -> Exchanges: ...
    @property
    def own_refusals(self) -> frozenset[str]: ...
    @property
    def own_breaks(self) -> frozenset[str]: ...
    @property
    def life(self) -> int: ...
    @property
    def objection(self) -> Objection | None: ...
    @objection.setter
    def objection(self, why: Objection | None) -> None: ...
    def serve(self, op: str, req: Req) -> Resp | Deferred[Resp]: ...
    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp: ...


class Line(Protocol):
    """The connection a request came on."""

    def reply_bytes(self, resp: Resp) -> tuple[bytes, bytes]: ...
    def part(self, content: bytes) -> bool: ...
    def send(self, content: bytes, *, and_close: bool = False) -> bool: ...
    def drop(self) -> None: ...
    def close(self) -> None: ...


class Conduct:
    """One request of one party on its way; `run` starts it."""

    def __init__(
        self, party: Host, op: str, req: Req, line: Line, fault: Fault | None, row: Exchange
    ) -> None:
        self.party, self.op, self.req, self.line, self.row = party, op, req, line, row
        self.kind = fault.fault if fault else ""
        self.seconds = fault.seconds if fault else 0.0
        self._life = party.life  # a reset in between ends what has not been executed yet

    def run(self) -> None:
        """Execute or not, answer or not, as the fault says; without one: execute and answer."""
        party, kind = self.party, self.kind
        if kind in ("refuse_connection", "reset_before_commit"):
            self._reset()
        elif kind == "timeout_before_commit":
            self._never(self.seconds)
        elif kind == "html":
            self._answer(text_resp(_LOGIN_PAGE, content_type="text/html;charset=utf-8"))
        elif kind == "http_500":
            self._answer(text_resp("Internal Server Error", 500))
        elif kind in ("http_502", "http_503"):
            self._answer(gateway_page(kind))
        elif kind in REFUSALS or kind in party.own_refusals:
            self._answer(self._spoiled(None))
        elif kind == "slow":
            party.world.later(self.seconds, self._if_alive, self._execute_and_answer)
        elif kind == "late_commit":
            party.world.later(self.seconds, self._if_alive, self._execute_late)
        else:
            self._execute_and_answer()

    def _if_alive(self, then: Callable[[], None]) -> None:
        if self.party.life == self._life:
            then()
        else:
            self._reset()

    def _execute_and_answer(self) -> None:
        self._execute(self._after)

    def _execute_late(self) -> None:
        self._execute(lambda resp: self._never(0.0))

    def _execute(self, then: Callable[[Resp], None]) -> None:
        self.party.objection = None
        try:
            result = self.party.serve(self.op, self.req)
        except Exception:  # noqa: BLE001 - a party's own mistake must answer as a broken server does
            self._broken(Failure())  # type: ignore[no-untyped-call]  # Twisted left it untyped
            return
        self.row.objection = self.party.objection
        if self.row.objection is None and isinstance(result, Resp) and result.status in (404, 405):
            self.row.objection = _no_such_door(self.req, result)
        if isinstance(result, Deferred):
            result.addCallbacks(then, self._broken).addErrback(self._broken)
        else:
            then(result)

    def _broken(self, failure: Failure) -> None:
        _log.failure("simulator {name} failed at {op}", failure, name=self.party.name, op=self.op)
        self._answer(text_resp(f"simulator error: {failure.getErrorMessage()}", 500))

    def _spoiled(self, resp: Resp | None) -> Resp:
        return self.party.break_reply(self.kind, self.op, self.req, resp)

    def _after(self, resp: Resp) -> None:
        kind = self.kind
        if kind == "reset_after_commit":
            self._reset()
        elif kind == "timeout_after_commit":
            self._never(self.seconds)
        elif kind == "half_reply":
            head, body = self.line.reply_bytes(resp)
            self._send(head + body[: len(body) // 2], "half", and_close=True)
        elif kind == "duplicate_reply":
            head, body = self.line.reply_bytes(resp)
            self._send((head + body) * 2, "twice")
        elif kind == "http_504":
            self._answer(gateway_page(kind))
        elif kind == "drip":
            head, body = self.line.reply_bytes(resp)
            self._drip(head + body, b"")
        elif kind in BREAKS or kind in self.party.own_breaks:
            self._answer(self._spoiled(resp))
        else:
            self._answer(resp)

    def _answer(self, resp: Resp) -> None:
        head, body = self.line.reply_bytes(resp)
        self._send(head + body, "answered")

    def _send(self, content: bytes, outcome: str, *, and_close: bool = False) -> None:
        sent = self.line.send(content, and_close=and_close)
        self.party.exchanges.end(self.row, content if sent else b"", outcome if sent else "gone")

    def _drip(self, rest: bytes, said: bytes) -> None:
        """A piece now and the rest later, until all is out or the other side has hung up."""
        size = max(1, -(-(len(said) + len(rest)) // DROPS))
        if len(rest) <= size:
            sent = self.line.send(rest)
            self.party.exchanges.end(self.row, said + (rest if sent else b""), "answered" if sent else "gone")
        elif self.line.part(rest[:size]):
            wait, more = self.seconds / DROPS, partial(self._drip, rest[size:], said + rest[:size])
            self.party.world.later(wait, self._if_alive, more)
        else:
            self.party.exchanges.end(self.row, said, "gone")

    def _reset(self) -> None:
        self.line.drop()
        self.party.exchanges.end(self.row, b"", "reset")

    def _never(self, seconds: float) -> None:
        self.party.exchanges.end(self.row, b"", "never")
        self.party.world.later(seconds, self.line.close)


def _no_such_door(req: Req, resp: Resp) -> Objection:
    """A request to a wrong address, or by a wrong method, has broken the first rule of all."""
    field, got = ("address", req.path) if resp.status == 404 else ("method", req.method)
    return Objection(f"HTTP {resp.status}", resp.body.decode("utf-8", "replace")[:200], field, "", got[:200])


def gateway_page(kind: str) -> Resp:
    """What stands between us and the party says by itself."""
    status, title = _GATEWAY_PAGES[kind]
    page = f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"
    resp = text_resp(page, status, "text/html")
    if status == 503:
        resp.headers["Retry-After"] = RETRY_AFTER
    return resp
