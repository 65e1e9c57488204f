"""WeChat in a simulated reactor: no sockets, no threads, the same story for the same seed."""

from __future__ import annotations

import base64
import json
from typing import Any, ClassVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from memory_town import MemoryReactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.web.client import Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from wechat_merchant import KEYS, START, Bytes, whole
from zope.interface import implementer

from simulators.base.party import SimParty
from simulators.base.wire import Req, Resp
from simulators.base.world import SimWorld
from simulators.wechat import WeChatSim


class Ear(SimParty):
    """The merchant's callback address, down for the first calls."""

    name: ClassVar[str] = "ear"

    def __init__(self, world: SimWorld, down: int) -> None:
        super().__init__(world)
        self.down = down
        self.heard: list[tuple[float, bytes]] = []

    def serve(self, op: str, req: Req) -> Resp:
        self.heard.append((self.world.now() - START, req.body))
        return Resp(503 if len(self.heard) <= self.down else 204)


@implementer(IAgentEndpointFactory)
class Direct:
    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor

    def endpointForURI(self, uri: Any) -> Any:
        return TCP4ClientEndpoint(self.reactor, uri.host.decode(), uri.port)


def story() -> tuple[bytes, list[tuple[float, bytes]], list[dict[str, Any]]]:
    reactor = MemoryReactor()
    world = SimWorld(reactor, seed=11, anchor=START)
    world.keys = KEYS
    sim, ear = WeChatSim(world), Ear(world, down=3)
    port, back = sim.listen().getHost().port, ear.listen().getHost().port
    card = sim.card("http://127.0.0.1")
    body = json.dumps({
        "appid": card["appid"], "mchid": card["mchid"], "description": "d", "out_trade_no": "MEMORY001",
        "notify_url": f"http://127.0.0.1:{back}/n", "amount": {"total": 100},
    }).encode()
    target = "/v3/pay/transactions/native"
    message = f"POST\n{target}\n{int(START)}\nn\n".encode() + body + b"\n"
    mark = base64.b64encode(
        KEYS.rsa("wechat.merchant").sign(message, padding.PKCS1v15(), hashes.SHA256())
    ).decode()
    sent = Headers({
        "Accept": ["*/*"], "User-Agent": ["t"], "Content-Type": ["application/json"],
        "Authorization": [
            f'WECHATPAY2-SHA256-RSA2048 mchid="{card["mchid"]}",nonce_str="n",timestamp="{int(START)}",'
            f'serial_no="{card["merchant_serial"]}",signature="{mark}"'
        ],
    })
    agent = Agent.usingEndpointFactory(reactor, Direct(reactor))

    async def ask() -> bytes:
        url = f"http://127.0.0.1:{port}{target}".encode()
        return await whole(await agent.request(b"POST", url, sent, Bytes(body)))

    asked = Deferred.fromCoroutine(ask())
    reactor.run(asked)
    answer: list[bytes] = []
    asked.addCallback(answer.append)
    sim.act({"act": "pay", "no": "MEMORY001"})
    enough: Deferred[None] = Deferred()
    reactor.callLater(400, enough.callback, None)
    reactor.run(enough)
    return answer[0], ear.heard, sim.ledger.since()["rows"]


def test_an_order_and_its_callbacks_in_memory_twice_the_same() -> None:
    answer, heard, rows = story()
    assert json.loads(answer)["code_url"].startswith("weixin://")
    assert [round(at) for at, _ in heard] == [0, 15, 30, 60]
    assert [r["kind"] for r in rows] == ["order", "charge"]
    assert story() == (answer, heard, rows)
