"""A caller of the HIS gateway who signs as the documentation says, independently of the simulator."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from memory_http import START, Answer, Desk, open_desk

from simulators.his import HisSim

BILL = "B20261122001"  # of P0001, 1200.00
OTHER = "B20261122002"  # of P0002, 500.00


@dataclass
class Caller:
    """Signs as the documentation says, independently of the simulator's own code."""

    desk: Desk
    serial: int = 0
    card: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.card = self.desk.sim("card.json").json

    def headers(self, body: bytes, **changed: str) -> dict[str, str]:
        self.serial += 1
        values = {
            "app": self.card["app_id"], "time": str(int(self.desk.party.world.now())), "nonce": f"n{self.serial}",
            "secret": self.card["secret"], **changed,
        }
        text = f"{values['time']}\n{values['nonce']}\n".encode() + body
        sign = hmac.new(values["secret"].encode(), text, hashlib.sha256).hexdigest()
        return {
            "X-App-Id": values["app"], "X-Timestamp": values["time"], "X-Nonce": values["nonce"],
            "X-Sign": values.get("sign", sign),
        }

    def raw(self, op: str, content: dict[str, Any], **changed: str) -> Answer:
        body = json.dumps(content, ensure_ascii=False).encode()
        return self.desk.ask("POST", f"/gateway/{op}", body, self.headers(body, **changed))

    def __call__(self, op: str, **content: Any) -> dict[str, Any]:
        answer = self.raw(op, content)
        assert answer.status == 200
        return dict(answer.json)

    def code(self, op: str, **content: Any) -> str:
        reply = self(op, **content)
        assert reply["success"] is (reply["code"] == "0")
        return str(reply["code"])

    def act(self, act: str, **more: Any) -> Answer:
        return self.desk.sim("act", {"act": act, **more})

    def lock(self, bill: str = BILL, no: str = "L1", amount: str = "120000", until: str = "") -> str:
        return self.code(
            "lock.bill", billNo=bill, lockNo=no, amount=amount, expireTime=until or self.at(600)
        )

    def at(self, seconds: float) -> str:
        """Beijing time that many seconds from now; within the test's day."""
        total = int(self.desk.party.world.now() - START + seconds) + 8 * 3600
        return f"2026-11-22 {total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}"

    def pay(self, **changed: Any) -> dict[str, Any]:
        content = {
            "billNo": BILL, "settleNo": "S1", "lockNo": "L1", "amount": "120000", "cash": "107500",
            "fund": "12500", "account": "0", "tradeMode": "WX", "outTradeNo": "T1", "transNo": "42",
            "insurance": {"mdtrtId": "M1", "setlId": "Z1"}, "expireTime": self.at(60), **changed,
        }
        return self("balance.and.pay.bill", **content)

    def state(self, no: str = "S1") -> dict[str, Any]:
        reply = self("query.pay.bill", settleNo=no)
        assert reply["success"] is True
        return dict(reply["data"])

    def void(self, no: str = "S1", void_no: str = "X1") -> str:
        return self.code("void.pay.bill", settleNo=no, voidNo=void_no, reason="患者放弃")


def open_his() -> Caller:
    return Caller(open_desk(HisSim))
