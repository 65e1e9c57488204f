"""How a request is carried out under a fault: what is executed, what is said, how the connection ends."""

from __future__ import annotations

from collections.abc import Callable
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

    def _reset(self) -> None:
        self.line.drop()
        self.party.exchanges.end(self.row, b"", "reset")

    def _never(self, seconds: float) -> None:
        self.party.exchanges.end(self.row, b"", "never")
        self.party.world.later(seconds, self.line.close)
