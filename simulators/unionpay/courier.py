"""Notices (后台通知): a signed form, sent again after 1, 2, 4 and 5 minutes until it is answered with 200."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from twisted.internet.defer import Deferred

from simulators.base.faults import Fault
from simulators.base.rounds import WHEN, Rounds
from simulators.unionpay.book import TEXTS, Txn
from simulators.unionpay.gateway import encoding_of
from simulators.unionpay.identity import FALSE_SIGNERS
from simulators.unionpay.sign import codec_of

if TYPE_CHECKING:
    from simulators.unionpay.party import UnionPaySim

RETRY = (60, 120, 240, 300)
PATIENCE = 10.0  # reactor seconds the receiver has
WHAT = ("bad_signature", "wrong_amount", "other_merchant", "unsigned", "single_hash", *FALSE_SIGNERS,
        "callback_more_fields", "callback_gbk")  # fmt: skip


class Courier(Rounds):
    """Delivers: what is told of a transaction is written once and sent again as it is."""

    retry, patience = RETRY, PATIENCE

    def __init__(self, party: UnionPaySim) -> None:
        super().__init__(party)
        self.party = party
        self.last: dict[str, tuple[str, bytes, str]] = {}  # by orderId: address, body, operation

    def tell(self, txn: Txn) -> None:
        """Start delivering, as the faults in force want it."""
        fault = self._found(txn, WHEN)
        self.start(fault, self.party.settings.callback_delay, partial(self._told, self._made(txn), _match(txn)))

    def tell_now(self, txn: Txn) -> Deferred[None]:
        """Deliver at once; fires after the first try, whatever came of it."""
        return self._told(self._made(txn), _match(txn))

    def again(self, order_id: str) -> None:
        """Deliver the last notice of this number once more, and no further time."""
        self.party.later(0.0, self._told, self.last[order_id], {"no": order_id}, len(RETRY))

    def _told(self, made: tuple[str, bytes, str], match: dict[str, str], tries: int = 0) -> Deferred[None]:
        url, body, op = made
        headers = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"}
        return self.send(op, lambda: (url, body, headers), match, lambda answer: answer.status == 200, tries)

    def _found(self, txn: Txn, kinds: tuple[str, ...]) -> Fault | None:
        for op in ("refunded" if txn.op in ("refund", "undo") else "paid", "callback", txn.op):
            if kinds is WHAT and op == txn.op:
                continue  # on the operation itself these spoil its reply
            if fault := self.party.faults.take(op, kinds, lambda: _match(txn)):
                return fault
        return None

    def _made(self, txn: Txn) -> tuple[str, bytes, str]:
        fault = self._found(txn, WHAT)
        spoil = fault.fault if fault else ""
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


def _match(txn: Txn) -> dict[str, str]:
    """What a fault may match on."""
    return {"no": txn.order_id, "bill": txn.bill}
