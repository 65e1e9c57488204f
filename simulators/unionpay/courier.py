"""Notices (后台通知): a signed form, sent again after 1, 2, 4 and 5 minutes until it is answered with 200."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from simulators.base.outbound import NoAnswer, post
from simulators.base.wire import Resp
from simulators.unionpay.book import TEXTS, Txn
from simulators.unionpay.gateway import encoding_of
from simulators.unionpay.identity import FALSE_SIGNERS
from simulators.unionpay.sign import codec_of

if TYPE_CHECKING:
    from simulators.unionpay.party import UnionPaySim

RETRY = (60, 120, 240, 300)
PATIENCE = 10.0  # reactor seconds the receiver has
WHEN = ("callback_never", "callback_late", "callback_twice")
WHAT = ("bad_signature", "wrong_amount", "other_merchant", "unsigned", "single_hash", *FALSE_SIGNERS,
        "callback_more_fields", "callback_gbk")  # fmt: skip


class Courier:
    """Delivers; `delivered` counts the accepted notices, `given_up` the others."""

    def __init__(self, party: UnionPaySim) -> None:
        self.party = party
        self.delivered = self.given_up = 0
        self.last: dict[str, tuple[str, bytes, str]] = {}  # by orderId: address, body, operation

    def tell(self, txn: Txn) -> None:
        """Start delivering, as the faults in force want it."""
        when = self._taken(txn, WHEN)
        kind, seconds = when or ("", 0.0)
        made = self._made(txn)
        if kind == "callback_never":
            return
        wait = seconds if kind == "callback_late" else self.party.settings.callback_delay
        self.party.later(wait, self._send, *made, 0, _match(txn))
        if kind == "callback_twice":
            self.party.later(wait + 1.0, self._send, *made, 0, _match(txn))

    def tell_now(self, txn: Txn) -> Deferred[None]:
        """Deliver at once; fires after the first try, whatever came of it."""
        return self._send(*self._made(txn), 0, _match(txn))

    def again(self, order_id: str) -> None:
        """Deliver the last notice of this number once more."""
        self.party.later(0.0, self._send, *self.last[order_id], len(RETRY), {"no": order_id})

    def _taken(self, txn: Txn, kinds: tuple[str, ...]) -> tuple[str, float] | None:
        for op in ("refunded" if txn.op in ("refund", "undo") else "paid", "callback", txn.op):
            if kinds is WHAT and op == txn.op:
                continue  # on the operation itself these spoil its reply
            if fault := self.party.faults.take(op, kinds, lambda: _match(txn)):
                return fault.fault, fault.seconds
        return None

    def _made(self, txn: Txn) -> tuple[str, bytes, str]:
        spoil = (self._taken(txn, WHAT) or ("", 0.0))[0]
        given = txn.fields
        names = ("bizType", "txnType", "txnSubType", "accessType", "merId", "orderId", "txnTime", "currencyCode")
        form = {"version": "5.1.0", "encoding": encoding_of(given)}
        form |= {name: given[name] for name in names if name in given}
        form |= {
            "txnAmt": str(txn.amount), "respCode": txn.code, "respMsg": TEXTS[txn.code],
            **self.party.gateway.details(txn),
        }
        if spoil == "wrong_amount":
            form["txnAmt"] = str(txn.amount + 1)
        if spoil == "other_merchant":
            form["merId"] = "777290058110099"
        if spoil == "callback_more_fields":
            form |= {"reqReserved": "新增字段", "futureLevel": "2"}
        signed = self.party.identity.signed(form, given.get("signMethod", "01"), spoil)
        op = "refunded" if txn.op in ("refund", "undo") else "paid"
        charset = "gb18030" if spoil == "callback_gbk" else codec_of(form)
        self.last[txn.order_id] = given["backUrl"], urlencode(signed, encoding=charset).encode("ascii"), op
        return self.last[txn.order_id]

    def _send(self, url: str, body: bytes, op: str, tries: int, match: dict[str, str]) -> Deferred[None]:
        headers = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"}
        life = self.party.life
        try:
            answer = post(self.party, op, url, body, headers, wait=PATIENCE, match=match)
        except ValueError:
            self.given_up += 1
            return succeed(None)
        return answer.addBoth(self._judge, (url, body, op), tries, match, life)

    def _judge(
        self, result: Resp | Failure, what: tuple[str, bytes, str], tries: int, match: dict[str, str], life: int
    ) -> None:
        if isinstance(result, Failure):
            if not result.check(NoAnswer):  # type: ignore[no-untyped-call]  # Twisted left it untyped
                result.raiseException()
        elif result.status == 200:
            self.delivered += 1
            return
        if life != self.party.life:
            return
        if tries < len(RETRY):
            self.party.later(RETRY[tries], self._send, *what, tries + 1, match)
        else:
            self.given_up += 1


def _match(txn: Txn) -> dict[str, str]:
    """What a fault may match on."""
    return {"no": txn.order_id, "bill": txn.bill}
