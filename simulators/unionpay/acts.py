"""The other person: payers with their phones, the merchant's staff at the portal. `{"act": "pay", "no": …}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulators.base.acts import Body, played, text_of
from simulators.base.party import ActRefused
from simulators.unionpay.book import Declined, Txn, moment

if TYPE_CHECKING:
    from simulators.unionpay.party import UnionPaySim



def act(party: UnionPaySim, body: Body) -> Body:
    """Play one act and answer what came of it."""
    return played(ACTS, party, body)


def _txn(party: UnionPaySim, body: Body) -> Txn:
    if qr := body.get("qr"):
        txn = party.book.codes.get(str(qr))
    else:
        txn = party.book.find(text_of(body, "no"), str(body.get("txn_time", "")))
    if txn is None:
        raise ActRefused("查无此交易")
    party.book.age(txn)
    return txn


def _state_of(party: UnionPaySim, txn: Txn) -> Body:
    return {
        "no": txn.order_id, "txn_time": txn.txn_time, "state": txn.state, "code": txn.code, "amount": txn.amount,
        "query_id": txn.query_id, "payments": [payment.query_id for payment in txn.payments],
    }


def _pay(party: UnionPaySim, body: Body) -> Body:
    """The payer scans the code and pays."""
    txn = _txn(party, body)
    if txn.payments:
        raise ActRefused("该订单已支付")
    if txn.state not in ("open", "doubt"):
        raise ActRefused("二维码已过期，请重新获取")
    party.book.charge(txn)
    return _state_of(party, txn)


def _cancel(party: UnionPaySim, body: Body) -> Body:
    """The payer walks away: a payment code's order fails, a QR stays open until its time is over."""
    txn = _txn(party, body)
    if txn.payments:
        raise ActRefused("该订单已支付")
    if txn.state == "doubt":
        party.book.fail(txn, "01")
    elif txn.state != "open":
        raise ActRefused("订单已失效")
    return _state_of(party, txn)


def _pay_twice(party: UnionPaySim, body: Body) -> Body:
    """Two payers pay one order: two charges, two queryIds; the gateway's query knows the first."""
    txn = _txn(party, body)
    if not txn.payments:
        _pay(party, body)
    party.book.charge(txn)
    return _state_of(party, txn)


def _pay_late(party: UnionPaySim, body: Body) -> Body:
    """Money that was on its way when the code's time was over arrives all the same: response code 42."""
    txn = _txn(party, body)
    if txn.payments or txn.state != "failed":
        raise ActRefused("订单未失效")
    party.book.charge(txn, "42")
    return _state_of(party, txn)


def _refund_at_portal(party: UnionPaySim, body: Body) -> Body:
    """The merchant's staff refund at the portal; `amount` in fen, default all that is left."""
    txn = _txn(party, body)
    spent = sum(one.amount for one in txn.backs if one.state != "failed")
    amount = body.get("amount", txn.amount - spent)
    if not isinstance(amount, int) or isinstance(amount, bool) or amount < 1:
        raise ActRefused("没有可退的金额")
    number = f"PORTAL{party.world.rng.getrandbits(64):016x}"
    fields = {
        **{name: txn.fields[name] for name in ("version", "bizType", "accessType", "merId", "signMethod")},
        "txnType": "04", "txnSubType": "00", "orderId": number, "txnTime": moment(party.world.now()),
        "txnAmt": str(amount), "currencyCode": "156", "origQryId": txn.query_id,
    }
    try:
        back = party.book.back("refund", fields)
    except Declined as no:
        raise ActRefused(no.text) from None
    party.back_accepted(back)
    return {**_state_of(party, txn), "refund_no": number}


def _finish_refund(party: UnionPaySim, body: Body) -> Body:
    """A refund or undo that is still on its way ends now: `status` done (default) or failed."""
    status = body.get("status", "done")
    if status not in ("done", "failed"):
        raise ValueError("status: done or failed")
    txn = _txn(party, body)
    if txn.op not in ("refund", "undo") or txn.state != "doubt":
        raise ActRefused(f"退货状态 {txn.state}")
    if status == "done":
        party.book.finish(txn)
    else:
        party.book.fail(txn, "01")
    return _state_of(party, txn)


def _payer(party: UnionPaySim, body: Body) -> Body:
    """The holder of a payment code will behave so: pays, password, poor, walks, fails."""
    behaviour = text_of(body, "behaviour")
    if behaviour not in ("pays", "password", "poor", "walks", "fails"):
        raise ValueError("behaviour: pays, password, poor, walks or fails")
    party.payers[text_of(body, "auth_code")] = behaviour
    return {"auth_code": body["auth_code"], "behaviour": behaviour}


def _callback_again(party: UnionPaySim, body: Body) -> Body:
    """The last notice of a number once more."""
    no = text_of(body, "no")
    if no not in party.courier.last:
        raise ActRefused("该单号没有发过通知")
    party.courier.again(no)
    return {"no": no}


def _set(party: UnionPaySim, body: Body) -> Body:
    """Change settings."""
    party.settings.change({k: v for k, v in body.items() if k != "act"})
    return dict(vars(party.settings))


def _state(party: UnionPaySim, body: Body) -> Body:
    """What the gateway believes about a transaction."""
    return _state_of(party, _txn(party, body))


ACTS: dict[str, Callable[[UnionPaySim, Body], Body]] = {
    "pay": _pay, "cancel": _cancel, "pay_twice": _pay_twice, "pay_late": _pay_late,
    "refund_at_portal": _refund_at_portal, "finish_refund": _finish_refund, "payer": _payer,
    "callback_again": _callback_again, "set": _set, "state": _state,
}
