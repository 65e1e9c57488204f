"""A merchant for the tests of the WeChat simulator: own wire code, real bytes over loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from twisted.internet import defer, task
from twisted.internet import reactor as real_reactor  # noqa: TID251 - tests hand it in
from twisted.internet.protocol import Protocol
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer

from simulators.base.keys import KeyRing
from simulators.base.world import SimWorld
from simulators.wechat import WeChatSim

reactor: Any = real_reactor
START = 1795320000.0  # 2026-11-22 12:00:00 in Beijing
KEYS = KeyRing(None, 7, lambda: START)
SCHEMA = "WECHATPAY2-SHA256-RSA2048"


@implementer(IBodyProducer)
class Bytes:
    def __init__(self, content: bytes) -> None:
        self.content, self.length = content, len(content)

    def startProducing(self, consumer: Any) -> Any:
        consumer.write(self.content)
        return defer.succeed(None)

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...

    def stopProducing(self) -> None: ...


class Collector(Protocol):
    def __init__(self, done: defer.Deferred[bytes]) -> None:
        self.done, self.parts = done, [b""]

    def dataReceived(self, data: bytes) -> None:
        self.parts.append(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.done.callback(b"".join(self.parts))


def whole(resp: Any) -> defer.Deferred[bytes]:
    done: defer.Deferred[bytes] = defer.Deferred()
    resp.deliverBody(Collector(done))
    return done


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def number(self) -> int:
        return int(self.headers["request-id"].rpartition("-")[2])

    @property
    def xml(self) -> dict[str, str]:
        text = self.body.decode("utf-8")
        assert text.startswith("<xml>")
        assert text.endswith("</xml>")
        found = re.findall(r"<(\w+)>(?:<!\[CDATA\[(.*?)\]\]>|([^<]*))</\1>", text[5:-6], re.DOTALL)
        return {k: a or b for k, a, b in found}


class Receiver(Resource):
    """The merchant's callback address: keeps what came, answers what it was told (then 200 for ever)."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.replies: list[int] = []
        self.body = b'{"code":"SUCCESS"}'

    def render_POST(self, request: Any) -> bytes | int:
        names = request.requestHeaders.getAllRawHeaders()
        self.got.append(({k.decode().lower(): v[0].decode() for k, v in names}, request.content.read()))
        status = self.replies.pop(0) if self.replies else 200
        if status == 0:
            return NOT_DONE_YET
        request.setResponseCode(status)
        return b"" if status == 204 else self.body


@dataclass
class Town:
    sim: WeChatSim
    port: int
    receiver: Receiver
    notify_url: str
    close: list[Any] = field(default_factory=list)

    async def settle(self, count: int, steps: int = 400) -> None:
        """Wait (real, short) until so many callbacks have come."""
        for _ in range(steps):
            if len(self.receiver.got) >= count:
                break
            await task.deferLater(reactor, 0.005, lambda: None)
        await self.breathe()

    async def breathe(self) -> None:
        """Let what is under way on loopback arrive."""
        for _ in range(4):
            await task.deferLater(reactor, 0.004, lambda: None)


class Merchant:
    """Signs requests and verifies answers with what the card gives."""

    def __init__(self, town: Town, pool: HTTPConnectionPool) -> None:
        self.town, self.sim = town, town.sim
        self.base = f"http://127.0.0.1:{town.port}"
        self.agent = Agent(reactor, pool=pool)
        self.card: dict[str, Any] = {}
        self.count = 0

    async def http(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        sent = Headers({k: [v] for k, v in headers.items()})
        resp = await self.agent.request(
            method.encode(), (self.base + target).encode(), sent, Bytes(body) if body else None
        )
        content = await whole(resp)
        got = {k.decode().lower(): v[0].decode("latin-1") for k, v in resp.headers.getAllRawHeaders()}
        return Answer(resp.code, got, content)

    async def sim_door(self, path: str, body: Any = None) -> Any:
        sent = b"" if body is None else json.dumps(body).encode()
        return (await self.http("POST" if sent else "GET", path, {"Content-Type": "application/json"}, sent)).json

    async def act(self, kind: str, **more: Any) -> Any:
        return await self.sim_door("/sim/act", {"act": kind, **more})

    async def fault(self, op: str, fault: str, **more: Any) -> None:
        assert "error" not in await self.sim_door("/sim/faults", {"op": op, "fault": fault, **more})

    async def ledger(self, *kinds: str) -> list[dict[str, Any]]:
        rows = (await self.sim_door("/sim/ledger"))["rows"]
        return [r for r in rows if not kinds or r["kind"] in kinds]

    async def load(self) -> None:
        self.card = await self.sim_door("/sim/card.json")
        self.key = serialization.load_pem_private_key(self.card["merchant_private_key"].encode(), None)

    # v3

    def authorization(self, method: str, target: str, body: bytes, **twist: Any) -> str:
        self.count += 1
        nonce = twist.get("nonce", f"nonce{self.count:08d}")
        stamp = int(self.sim.world.now()) + twist.get("skew", 0)
        message = f"{method}\n{target}\n{stamp}\n{nonce}\n".encode() + body + b"\n"
        mark = base64.b64encode(self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()
        mark = twist.get("signature", mark)
        serial = twist.get("serial", self.card["merchant_serial"])
        mchid = twist.get("mchid", self.card["mchid"])
        return (
            f'{SCHEMA} mchid="{mchid}",nonce_str="{nonce}",signature="{mark}",'
            f'timestamp="{stamp}",serial_no="{serial}"'
        )

    async def v3(self, method: str, target: str, body: Any = None, *, check: bool = True, **twist: Any) -> Answer:
        sent = b"" if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        headers = {
            "Accept": "application/json", "User-Agent": "tests", "Content-Type": "application/json",
            "Authorization": self.authorization(method, target, sent, **twist), **twist.get("headers", {}),
        }
        headers = {k: v for k, v in headers.items() if v}
        answer = await self.http(method, target, headers, twist.get("swapped_body", sent))
        if check:
            assert self.verified(answer.headers, answer.body)
        return answer

    def verified(self, headers: dict[str, str], body: bytes) -> bool:
        assert headers["wechatpay-signature-type"] == SCHEMA
        serial = headers["wechatpay-serial"]
        if serial == self.card["public_key_id"]:
            key = serialization.load_pem_public_key(self.card["public_key"].encode())
        elif serial in self.card["platform_certificates"]:
            pem = self.card["platform_certificates"][serial]
            key = x509.load_pem_x509_certificate(pem.encode()).public_key()
        else:
            return False
        message = f"{headers['wechatpay-timestamp']}\n{headers['wechatpay-nonce']}\n".encode() + body + b"\n"
        try:
            mark = base64.b64decode(headers["wechatpay-signature"])
            key.verify(mark, message, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return False
        return abs(int(headers["wechatpay-timestamp"]) - self.sim.world.now()) < 300

    def opened(self, resource: dict[str, str]) -> Any:
        return AESGCM(self.card["api_v3_key"].encode()).decrypt(
            resource["nonce"].encode(), base64.b64decode(resource["ciphertext"]),
            resource["associated_data"].encode(),
        )

    def event(self, got: tuple[dict[str, str], bytes]) -> tuple[str, dict[str, Any]]:
        """A callback verified and opened: event type and plain text."""
        assert self.verified(*got)
        body = json.loads(got[1])
        return body["event_type"], json.loads(self.opened(body["resource"]))

    def order(self, no: str, **more: Any) -> dict[str, Any]:
        return {
            "appid": self.card["appid"], "mchid": self.card["mchid"], "description": "门诊缴费",
            "out_trade_no": no, "notify_url": self.town.notify_url,
            "amount": {"total": 107500, "currency": "CNY"}, **more,
        }

    async def native(self, no: str, **more: Any) -> Answer:
        return await self.v3("POST", "/v3/pay/transactions/native", self.order(no, **more))

    async def query(self, no: str) -> Answer:
        return await self.v3("GET", f"/v3/pay/transactions/out-trade-no/{no}?mchid={self.card['mchid']}")

    async def close(self, no: str) -> Answer:
        target = f"/v3/pay/transactions/out-trade-no/{no}/close"
        return await self.v3("POST", target, {"mchid": self.card["mchid"]})

    async def refund(self, no: str, refund_no: str, fen: int, **more: Any) -> Answer:
        return await self.v3("POST", "/v3/refund/domestic/refunds", {
            "out_trade_no": no, "out_refund_no": refund_no, "notify_url": self.town.notify_url,
            "amount": {"refund": fen, "total": 107500, "currency": "CNY"}, **more,
        })

    async def refund_query(self, refund_no: str) -> Answer:
        return await self.v3("GET", f"/v3/refund/domestic/refunds/{refund_no}")

    # v2

    def v2_sign(self, fields: dict[str, str], sign_type: str = "MD5") -> str:
        key = self.card["api_v2_key"]
        text = "&".join(f"{k}={v}" for k, v in sorted(fields.items()) if v and k != "sign") + f"&key={key}"
        if sign_type == "MD5":
            return hashlib.md5(text.encode()).hexdigest().upper()
        return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest().upper()

    async def v2(self, path: str, *, sign_type: str = "", wrong: str = "", **fields: str) -> dict[str, str]:
        whole = {"appid": self.card["appid"], "mch_id": self.card["mchid"], "nonce_str": "n0nce", **fields}
        if sign_type:
            whole["sign_type"] = sign_type
        whole["sign"] = wrong or self.v2_sign(whole, sign_type or "MD5")
        rows = "".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in whole.items())
        answer = await self.http("POST", path, {"Content-Type": "text/xml"}, f"<xml>{rows}</xml>".encode())
        found = answer.xml
        if found["return_code"] == "SUCCESS":
            assert found["sign"] == self.v2_sign(found, sign_type or "MD5")
        return found

    async def micropay(
        self, no: str, code: str = "134000000000000001", fen: int = 107500, **more: str
    ) -> dict[str, str]:
        return await self.v2(
            "/pay/micropay", body="门诊缴费", out_trade_no=no, total_fee=str(fen),
            spbill_create_ip="127.0.0.1", auth_code=code, **more,
        )


async def open_town(**settings: Any) -> Merchant:
    """A simulator and a callback address on loopback; `shut` it afterwards."""
    world = SimWorld(reactor, seed=7, anchor=START)
    world.keys = KEYS  # loading RSA keys takes longer than a test
    sim = WeChatSim(world)
    receiver = Receiver()
    listening = sim.listen()
    back = reactor.listenTCP(0, Site(receiver), interface="127.0.0.1")
    town = Town(sim, listening.getHost().port, receiver, f"http://127.0.0.1:{back.getHost().port}/notify")
    pool = HTTPConnectionPool(reactor, persistent=True)
    town.close = [listening.stopListening, back.stopListening, pool.closeCachedConnections]
    merchant = Merchant(town, pool)
    await merchant.load()
    if settings:
        assert "error" not in await merchant.act("set", **settings)
    return merchant


async def shut(merchant: Merchant) -> None:
    """Stop listening and forget all promises, so that the reactor is clean."""
    merchant.sim.start_over()
    for stop in reversed(merchant.town.close):
        await defer.maybeDeferred(stop)
