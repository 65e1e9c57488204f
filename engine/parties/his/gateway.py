"""A HIS behind a signed JSON gateway: `POST /gateway/{operation}`.

The request is signed with HMAC-SHA256 over timestamp, nonce and body; the reply is signed the same way over the
request's nonce. Replies are
`{"success", "code", "msg", "data"}` as kiosk gateways really send them: `success` as bool, digit or text, an
empty list as null or absent, amounts in fen or yuan, as number or text. Maps see one form: amounts are int
fen, lists are lists; an item has its unit price also as `priceYuan`.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from pydantic import BaseModel, Field

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.core.money import BadAmount
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Outgoing
from engine.parties.his import amounts
from engine.parties.his.amounts import Unit
from engine.parties.his.operations import OPS, number_field
from engine.parties.his.outcomes import AT_THE_DOOR, OUTCOMES
from engine.parties.settings import PartySettings

_TRUE: Final = (True, "1", "true", "True", "TRUE")
_FALSE: Final = (False, "0", "false", "False", "FALSE")


class Settings(PartySettings):
    """The connection to the HIS gateway."""

    app_id: str = Field(min_length=1, max_length=64)
    """HIS 厂商给引擎的应用编号，随请求写在 X-App-Id
    · the id the HIS vendor gave the engine, sent as X-App-Id"""
    secret: str = Field(min_length=8, repr=False)
    """双方共用的签名密钥：请求与应答的 X-Sign 都用它（HMAC-SHA256）
    · the secret both sides share: X-Sign of requests and replies is made with it (HMAC-SHA256)"""
    amounts: Unit = "fen"
    signed_replies: bool = True
    """HIS 是否给应答签名；yes：签名不对的应答不算数，结果未知。HIS 做不到时才写 no
    · whether the HIS signs its replies; yes: one that is not signed well proves nothing. no only where it cannot"""
    path: str = Field(default="/gateway", pattern=r"^(/[A-Za-z0-9._-]+)*$")
    """接口名前面的路径
    · the path before an operation's name"""
    names: dict[str, str] = Field(default_factory=dict)
    """HIS 改用的接口名，本引擎的接口名: HIS 的接口名；没写的照 HIS 接口约定
    · operations the HIS calls otherwise, our name: its name; the others are as in the HIS contract"""


class HisGateway:
    """The HIS as a party."""

    kind = "his"
    about = About("his", "医院收费系统", "the hospital's system", role="his", simulator="his")
    settings: type[BaseModel] = Settings
    ops = OPS
    outcomes = OUTCOMES

    def open(self, settings: Settings) -> Settings:
        for name in settings.names:
            if name not in self.ops:
                raise ValueError(f"names: {name}: there is {', '.join(self.ops)}")
        return settings

    def build(self, call: Outgoing) -> HttpRequest:
        op, settings = self.ops[call.op], call.settings
        if op.number:
            wire.own_number(call, number_field(op))
        body = json_text.print_json(amounts.written(wire.body_of(call), settings.amounts))
        stamp = str(int(call.now))
        return HttpRequest(
            "POST",
            f"{settings.path}/{settings.names.get(op.name, op.name)}",
            (
                ("Content-Type", wire.JSON),
                ("X-App-Id", settings.app_id),
                ("X-Timestamp", stamp),
                ("X-Nonce", call.nonce),
                ("X-Sign", signature(settings.secret, stamp, call.nonce, body)),
            ),
            body,
        )

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        if reply.status >= 500:
            return wire.not_intact(f"HTTP {reply.status}")
        tree = wire.object_of(reply.body)
        if isinstance(tree, str):
            return wire.not_intact(tree)
        signed = self._signed(call, reply)
        success = tree.get("success")
        code, text = tree.get("code"), tree.get("msg")
        text = text if isinstance(text, str) else ""
        if success in _FALSE:
            code = str(code) if isinstance(code, str | int) else ""
            if not signed and code not in AT_THE_DOOR:
                return wire.not_intact("the refusal is not signed well")
            return Answer(intact=True, code="" if code == "OK" else code, text=text, body=tree.get("data"))
        if success not in _TRUE:
            return wire.not_intact("no success flag")
        if not signed:
            return wire.not_intact("the reply is not signed well")
        try:
            body = amounts.understood(call.op, tree.get("data"), call.settings.amounts)
        except BadAmount as error:
            return wire.not_intact(str(error))
        return Answer(intact=True, code="OK", text=text, body=body)

    def _signed(self, call: Outgoing, reply: HttpReply) -> bool:
        """Over the request's own nonce, so that an old reply cannot be played again."""
        if not call.settings.signed_replies:
            return True
        wanted = signature(call.settings.secret, reply.header("X-Timestamp"), call.nonce, reply.body)
        return hmac.compare_digest(wanted.encode(), reply.header("X-Sign").encode())

    def verify(self, settings: Settings, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


def signature(secret: str, stamp: str, nonce: str, body: bytes) -> str:
    """`X-Sign`: lower hex HMAC-SHA256 over `stamp \\n nonce \\n` and the body's bytes."""
    return hmac.new(secret.encode(), f"{stamp}\n{nonce}\n".encode() + body, hashlib.sha256).hexdigest()


PARTY: Final = HisGateway()
