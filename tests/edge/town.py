"""A hospital on a hand-moved clock: the whole engine and its parties in one simulated world, knocked at with raw bytes.

    town.ask("POST", "/v1/outpatient/settlements", body)  → Reply (status, headers, body bytes)
    town.callback(town.paid_notice(number))               → Reply of the engine to a callback signed by the platform
    town.pass_time(60)                                    let business seconds pass

Nothing waits for real time. What the engine logs as an error, or raises into the reactor, fails the test unless the
test says that it expects it (`town.expected_errors`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from simulators.base.wire import Req, Resp
from simulators.wechat import sign
from tests.rig.lab import SECRET, Lab
from tests.simulation.keys import TownKeys
from tests.simulation.reactor import SimReactor

PATIENT, BILL = "P0001", "B20261122001"
CASH = 107500
CODE = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}
QR = {"choice_no": "1", "kind": "wechat_qr"}
REST = ("settled", "undone", "rejected", "manual")
START = "/v1/outpatient/settlements"


@dataclass(frozen=True)
class Reply:
    """One reply as bytes, and its JSON."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found

    @property
    def state(self) -> str:
        return str(self.json.get("state", ""))

    @property
    def code(self) -> str:
        return str(self.json["reason"]["code"])


class Line(Protocol):
    """A connection to the engine: all it said, and whether it is closed."""

    transport: Any

    def __init__(self) -> None:
        self.heard = b""
        self.closed = False

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        self.closed = True

    def say(self, data: bytes) -> None:
        self.transport.write(data)

    @property
    def replies(self) -> list[Reply]:
        """The replies heard so far that are whole."""
        found, rest = [], self.heard
        while b"\r\n\r\n" in rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
            size = int(headers.get("content-length", "0"))
            if len(rest) < size:
                break
            found.append(Reply(int(first.split(" ")[1]), headers, rest[:size]))
            rest = rest[size:]
        return found


@dataclass
class Asked:
    """A request under way."""

    town: Town
    line: Line
    sent_at: float

    @property
    def answered(self) -> bool:
        return bool(self.line.replies)

    def reply(self, seconds: float = 130.0) -> Reply:
        """Its reply, waiting at most so many business seconds."""
        assert self.town.sim.run(lambda: self.answered or self.line.closed, seconds), "no answer"
        assert self.answered, f"hung up after {self.line.heard!r}"
        return self.line.replies[0]


@dataclass
class Notice:
    """A callback about to be posted: raw body and headers, open to tampering."""

    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)

    def without(self, name: str) -> Notice:
        return Notice(self.body, [(k, v) for k, v in self.headers if k.lower() != name.lower()])

    def with_(self, name: str, value: str) -> Notice:
        kept = self.without(name)
        return Notice(self.body, [*kept.headers, (name, value)])

    def header(self, name: str) -> str:
        return next(v for k, v in self.headers if k.lower() == name.lower())


class Town:
    """One hospital of one test."""

    def __init__(
        self, folder: Path, *, edit: tuple[tuple[str, str], ...] = (), more: Mapping[str, bytes] | None = None,
        seed: int = 1, start: bool = True, lab: type[Lab] | None = None,
    ) -> None:
        self.sim = SimReactor(seed)
        self.folder = folder
        self.on_store: Callable[[Any], None] = lambda store: None
        self.lab = (lab or Lab)(
            self.sim.node("town"), folder, engine_reactor=self.sim.node("engine"), seed=seed, inline=True,
            keys=TownKeys(), edit=edit, more=more or {}, on_store=lambda store: self.on_store(store),
        )  # fmt: skip
        self.stranger = self.sim.node("stranger")
        self.expected_errors: set[str] = set()
        self._nonce = 0
        self._request = 0
        self._ports: dict[str, int] = {}
        if start:
            self.do(self.lab.open())
            self.pass_time(1.0)  # the morning's sign-in

    # Time and life

    def do(self, coroutine: Any, seconds: float = 120.0) -> Any:
        """Let the world go on until the coroutine has ended."""
        ended: list[Any] = []
        Deferred.fromCoroutine(coroutine).addBoth(ended.append)
        assert self.sim.run(lambda: bool(ended), seconds), f"{coroutine.__qualname__} did not end in {seconds} s"
        if hasattr(ended[0], "raiseException"):
            ended[0].raiseException()
        return ended[0]

    def pass_time(self, seconds: float) -> None:
        self.sim.advance(seconds)

    @property
    def now(self) -> float:
        return self.sim.seconds()

    def kill(self) -> None:
        """The engine dies between two instructions."""
        self.lab.crash()

    def rise(self) -> None:
        self.do(self.lab.start_engine())

    def end(self) -> None:
        """Close, and hold the engine to having had no trouble that was not expected."""
        if self.lab.engine is not None and getattr(self.lab.engine.store, "state", "") == "open":
            self.do(self.lab.close(), 200.0)
        surprises = [row for row in self.logged("error") if row["event"] not in self.expected_errors]
        assert not surprises, surprises

    # Looking

    def logged(self, level: str = "", event: str = "") -> list[dict[str, Any]]:
        rows = [json.loads(line) for line in self.lab.log.getvalue().splitlines()]
        return [r for r in rows if (not level or r["level"] == level) and (not event or r["event"] == event)]

    def read(self, look: Callable[[Any], Any]) -> Any:
        """What the store says."""
        assert self.lab.engine is not None
        found: list[Any] = []
        self.lab.engine.store.read(look).addBoth(found.append)
        self.sim.run(lambda: bool(found), 5.0)
        if hasattr(found[0], "raiseException"):
            found[0].raiseException()
        return found[0]

    def select(self, text: str) -> list[dict[str, Any]]:
        """Rows of a plain query of the store."""
        import sqlalchemy as sa

        return [dict(row) for row in self.read(lambda conn: conn.select(sa.text(text)))]

    def tasks(self, kind: str = "") -> list[dict[str, Any]]:
        rows = self.select("SELECT * FROM tasks")
        return [row for row in rows if not kind or row["kind"] == kind]

    def ledger(self, party: str, *kinds: str) -> list[dict[str, Any]]:
        return self.lab.ledger(party, *kinds)

    def kept(self) -> int:
        """What the payment platform kept, in fen."""
        taken = sum(row["amount"] for row in self.ledger("wechat", "charge"))
        return taken - sum(row["amount"] for row in self.ledger("wechat", "refund", "reverse"))

    def touched(self) -> int:
        """How many requests the parties have had in all."""
        return sum(len(party.exchanges.rows) for party in self.lab.parties.values())

    # Knocking

    def connect(self) -> Line:
        """A raw connection to the engine's listener."""
        line = Line()
        factory = Factory.forProtocol(lambda: line)
        factory.noisy = False
        factory.startedConnecting = factory.clientConnectionFailed = factory.clientConnectionLost = lambda *_: None
        self.stranger.connectTCP(self.lab.engine_host, self.lab.engine_port, factory)
        assert self.sim.run(lambda: line.transport is not None, 5.0), "nobody listens"
        return line

    def raw(self, data: bytes, seconds: float = 5.0) -> Line:
        """Say these bytes on a new connection, and listen for a while."""
        line = self.connect()
        line.say(data)
        self.sim.advance(seconds)
        return line

    def signed(
        self, method: str, target: str, body: bytes, *, client: str = "K01", secret: str = SECRET, stamp: str = "",
        nonce: str = "",
    ) -> list[tuple[str, str]]:
        """The four headers of the public contract."""
        self._nonce += 1
        stamp, nonce = stamp or str(int(self.now)), nonce or f"nonce-{self._nonce}"
        text = f"{method}\n{target}\n{stamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}"
        mark = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        return [("X-Client", client), ("X-Timestamp", stamp), ("X-Nonce", nonce), ("X-Signature", mark)]

    def begin(
        self, method: str, target: str, body: bytes | Mapping[str, Any] = b"", *,
        headers: list[tuple[str, str]] | None = None, client: str = "K01",
    ) -> Asked:
        """Send one signed request; `headers` replaces the signature headers."""
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        given = self.signed(method, target, data, client=client) if headers is None else headers
        line = self.connect()
        line.say(request_bytes(method, target, given, data))
        return Asked(self, line, self.now)

    def ask(
        self, method: str, target: str, body: bytes | Mapping[str, Any] = b"", *,
        headers: list[tuple[str, str]] | None = None, client: str = "K01",
    ) -> Reply:
        return self.begin(method, target, body, headers=headers, client=client).reply()

    # A patient's way

    def bill_request(self, patient: str = PATIENT, bill: str = BILL, **more: Any) -> dict[str, Any]:
        self._request += 1
        return {**self.lab.bill_request(patient, bill, request_no=f"R{self._request}"), **more}

    def quoted(self, patient: str = PATIENT, bill: str = BILL, *, client: str = "K01", **more: Any) -> str:
        """A settlement that waits for the choice of payment; its number."""
        reply = self.ask("POST", START, self.bill_request(patient, bill, **more), client=client)
        assert (reply.status, reply.state) == (200, "quoted"), reply.body.decode()
        return str(reply.json["settlement_no"])

    def choose(self, no: str, choice: Mapping[str, Any] = CODE, *, client: str = "K01") -> Reply:
        return self.ask("POST", f"/v1/settlements/{no}/pay", choice, client=client)

    def paying(self, patient: str = PATIENT, bill: str = BILL) -> str:
        """A settlement whose QR code is on the screen; its number. No callback of the platform's own will come."""
        self.lab.fault("wechat", "paid", "callback_never", times=100)
        no = self.quoted(patient, bill)
        reply = self.choose(no, QR)
        assert (reply.status, reply.state) == (200, "paying"), reply.body.decode()
        return no

    def show(self, no: str, *, client: str = "K01", tail: str = "") -> Reply:
        return self.ask("GET", f"/v1/settlements/{no}{tail}", client=client)

    def rest(self, no: str, seconds: float = 3600.0, *, client: str = "K01") -> dict[str, Any]:
        """The answer once the settlement is at rest."""
        until = self.now + seconds
        while True:
            answer = self.show(no, client=client).json
            if answer["state"] in REST:
                return answer
            assert self.now < until, answer
            self.pass_time(5.0)

    # The payment platform's own callbacks

    def plain(self, number: str, *, amount: int = CASH, **more: Any) -> dict[str, Any]:
        """What the platform says inside its callback of a payment."""
        identity = self.wechat.identity
        return {
            "mchid": identity.mchid, "appid": identity.appid, "out_trade_no": number, "trade_type": "NATIVE",
            "transaction_id": "4200000000202611220000000001", "trade_state": "SUCCESS", "trade_state_desc": "支付成功",
            "bank_type": "OTHERS", "attach": "", "success_time": "2026-11-22T10:00:00+08:00",
            "payer": {"openid": "oTest"},
            "amount": {"total": amount, "payer_total": amount, "currency": "CNY", "payer_currency": "CNY"}, **more,
        }  # fmt: skip

    @property
    def wechat(self) -> Any:
        return self.lab.parties["wechat"]

    def notice(
        self, plain: Mapping[str, Any] | bytes, *, signer: Any = None, age: int = 0, event: str = "TRANSACTION.SUCCESS",
        associated: str = "transaction",
    ) -> Notice:
        """A callback sealed and signed by the platform."""
        identity = self.wechat.identity
        inner = plain if isinstance(plain, bytes) else json.dumps(plain, ensure_ascii=False).encode()
        body = json.dumps(
            {"id": "EV-1", "create_time": "2026-11-22T10:00:00+08:00", "resource_type": "encrypt-resource",
             "event_type": event, "summary": "支付成功",
             "resource": {"original_type": associated, **identity.seal(inner, associated)}},
            ensure_ascii=False,
        ).encode()  # fmt: skip
        signer = signer or identity.callback_signer("cert")
        return Notice(body, list(identity.headers(signer, body, age=age).items()))

    def resigned(self, notice: Notice) -> Notice:
        """The same notice with a good signature over its present body."""
        identity = self.wechat.identity
        return Notice(notice.body, list(identity.headers(identity.callback_signer("cert"), notice.body).items()))

    def post(self, notice: Notice) -> Asked:
        headers = [("Content-Type", "application/json"), *notice.headers]
        return self.begin("POST", "/callback/wechat", notice.body, headers=headers)

    def callback(self, notice: Notice) -> Reply:
        return self.post(notice).reply()

    # A party that answers in its own way

    def rewrite(self, party: str, op: str, edit: Callable[[Any], Any], *, times: int = 1) -> None:
        """The party's next answers to `op` carry `edit(tree)` (or bytes), signed as ever by the party itself."""
        sim, left = self.lab.parties[party], [times]
        before = sim.serve

        def serve(asked: str, req: Req) -> Any:
            resp = before(asked, req)
            if asked != op or left[0] <= 0 or not isinstance(resp, Resp):
                return resp
            left[0] -= 1
            made = edit(json.loads(resp.body))
            resp.body = made if isinstance(made, bytes) else json.dumps(made, ensure_ascii=False).encode()
            if party == "his":
                return sim.signed(resp, req)
            if party == "wechat" and "Wechatpay-Signature" in resp.headers:
                resp.headers.update(sim.identity.headers(sim.identity.certificates[-1], resp.body))
            return resp

        sim.serve = serve  # type: ignore[method-assign]  # the laboratory's own party, spoiled on purpose


def request_bytes(method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
    """A request as a well-behaved client writes it, closing afterwards."""
    lines = [f"{method} {target} HTTP/1.1", "Host: engine", "Connection: close", *(f"{k}: {v}" for k, v in headers)]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def refund_plain(town: Town, number: str, refund: str, amount: int) -> dict[str, Any]:
    """What the platform says inside its callback of a refund."""
    return {
        "mchid": town.wechat.identity.mchid, "out_trade_no": number, "transaction_id": "4200000000202611220000000001",
        "out_refund_no": refund, "refund_id": "5000000000202611220000000001", "refund_status": "SUCCESS",
        "success_time": "2026-11-22T10:00:00+08:00", "user_received_account": "零钱",
        "amount": {"total": amount, "refund": amount, "payer_total": amount, "payer_refund": amount},
    }  # fmt: skip


PROBE = sign.PROBE
