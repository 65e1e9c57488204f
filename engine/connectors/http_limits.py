"""How much and how long a listener bears; the refusals it answers by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.core.http import HttpReply


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of one listener. Times are business seconds, absolute (a drip does not extend them); sizes bytes.

    `answer_s`: how long the handler may take before it is cancelled. `buffered`: bytes of bodies held at
    once over all connections. `body_limit(method, path)` gives a route's own limit; without it, `body`.
    """

    head_s: float = 10.0
    body_s: float = 30.0
    answer_s: float = 120.0
    write_s: float = 30.0
    idle_s: float = 60.0
    linger_s: float = 2.0
    head: int = 16 * 1024
    headers: int = 100
    target: int = 8 * 1024
    body: int = 1024 * 1024
    buffered: int = 64 * 1024 * 1024
    connections: int = 1000
    per_ip: int = 200
    in_flight: int = 200
    requests_per_connection: int = 10_000
    body_limit: Callable[[str, str], int] | None = None


_WORDS = {
    400: ("E-HTTP-MALFORMED", "请求格式不合规范", "The request is malformed."),
    405: ("E-HTTP-METHOD", "不支持的请求方法", "This method is not allowed."),
    408: ("E-HTTP-SLOW", "请求未在时限内收完", "The request did not arrive in time."),
    413: ("E-HTTP-TOO-LONG", "请求内容过长", "The request is too long."),
    417: ("E-HTTP-EXPECT", "不支持的 Expect", "This expectation cannot be met."),
    500: ("E-HTTP-INTERNAL", "系统内部错误", "Something went wrong on our side."),
    501: ("E-HTTP-METHOD", "不支持的请求方法", "This method is not known."),
    503: ("E-HTTP-BUSY", "系统繁忙，请稍后重试", "Too busy; please try again shortly."),
    505: ("E-HTTP-VERSION", "不支持的协议版本", "This protocol version is not spoken here."),
}


_NEXT = {
    408: ("请重发，一次发完", "Send it again, without a pause."),
    413: (
        "请减小请求；上限是该监听的 body_bytes（不写为 1 MiB）",
        "Send less: the limit is the listener's body_bytes (1 MiB where it says nothing).",
    ),
}


def refusal(status: int) -> HttpReply:
    """A refusal with nothing of the request in it, in the shape of the API's `reason`."""
    code, zh, en = _WORDS[status]
    side = "engine" if status in (500, 503) else "client"
    then = '","next":"{}","next_en":"{}'.format(*_NEXT[status]) if status in _NEXT else ""
    body = f'{{"reason":{{"code":"{code}","zh":"{zh}","en":"{en}","side":"{side}{then}"}}}}'
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json; charset=utf-8"),)
    if status == 503:
        headers += (("Retry-After", "1"),)
    if status == 405:
        headers += (("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),)
    return HttpReply(status, headers, body.encode())
