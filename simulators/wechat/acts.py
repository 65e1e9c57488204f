"""The other person: payers with their phones, the merchant's staff at the portal, the platform's operator.

`{"act": "pay", "no": …}`: see ACTS for the list; unknown or missing fields are ValueError.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulators.base.acts import Body, fen_of, played, text_of
from simulators.base.party import ActRefused
from simulators.wechat.book import QR_LIFE, Order
from simulators.wechat.courier import Notice

if TYPE_CHECKING:
    from simulators.wechat.med_ins import Mixed
    from simulators.wechat.party import WeChatSim

_H5_LIFE = 300.0


def act(party: WeChatSim, body: Body) -> Body:
    """Play one act and answer what came of it."""
    return played(ACTS, party, body)


def _order(party: WeChatSim, body: Body) -> Order:
    if qr := body.get("qr"):
        tail = str(qr).rpartition("=")[2]
        if tail not in party.v3.codes:
            raise ActRefused("二维码已失效，请使用新的二维码")
        return party.book.find(party.v3.codes[tail])
    return party.book.find(text_of(body, "no"))


def _pay(party: WeChatSim, body: Body) -> Body:
    """The payer scans (or, with a payment code, enters the password) and pays the right amount."""
    order = _order(party, body)
    if order.state in ("SUCCESS", "REFUND"):
        raise ActRefused("该订单已支付")
    if order.state not in ("NOTPAY", "USERPAYING"):
        raise ActRefused(f"订单状态 {order.state}，不能支付")
    life = _H5_LIFE if order.terms.product == "h5" else QR_LIFE
    if not order.by_code and party.world.now() >= order.code_at + life:
        raise ActRefused("二维码已过期，请重新获取")
    party.book.charge(order, str(body.get("openid", "")))
    return party.book.state_of(order)


def _mixed(party: WeChatSim, body: Body) -> Mixed:
    found = party.v3.med_ins.find(text_of(body, "no"))
    if found.state != "CREATED":
        raise ActRefused(f"混合订单状态 {found.state}")
    return found


def _pay_mixed(party: WeChatSim, body: Body) -> Body:
    """The patient pays a mixed order (医保自费混合) with the password; `insurance: elsewhere`: its payment order
    was made at no simulator of this town."""
    found = _mixed(party, body)
    party.v3.med_ins.pay(found, elsewhere=body.get("insurance") == "elsewhere")
    return {"no": found.body["out_trade_no"], "mix_trade_no": found.number, "state": found.state}


def _pay_mixed_after_close(party: WeChatSim, body: Body) -> Body:
    """A mixed order's payment that was on its way when the order was closed arrives all the same: both parts."""
    found = party.v3.med_ins.find(text_of(body, "no"))
    if found.state != "FAIL":
        raise ActRefused(f"混合订单状态 {found.state}，没有关闭")
    party.v3.med_ins.pay(found, late=True)
    return {"no": found.body["out_trade_no"], "mix_trade_no": found.number, "state": found.state}


def _fail_mixed(party: WeChatSim, body: Body) -> Body:
    """The insurance refuses a mixed order, or the patient walks away."""
    found = _mixed(party, body)
    party.v3.med_ins.fail(found)
    return {"no": found.body["out_trade_no"], "mix_trade_no": found.number, "state": found.state}


def _cancel(party: WeChatSim, body: Body) -> Body:
    """The payer walks away: a payment code's order fails, a QR stays open until closed or expired."""
    order = _order(party, body)
    if order.state == "USERPAYING":
        party.book.go(order, "PAYERROR")
    elif order.state != "NOTPAY":
        raise ActRefused(f"订单状态 {order.state}，不能取消")
    return party.book.state_of(order)


def _pay_twice(party: WeChatSim, body: Body) -> Body:
    """Two payers pay one order: two transactions, two charges, two callbacks."""
    order = _order(party, body)
    if order.state == "NOTPAY":
        party.book.charge(order, "oSimFirstPayer")
    if order.state not in ("SUCCESS", "REFUND"):
        raise ActRefused(f"订单状态 {order.state}，不能支付")
    party.book.charge(order, "oSimSecondPayer")
    return party.book.state_of(order)


def _pay_after_close(party: WeChatSim, body: Body) -> Body:
    """Money that was on its way when the order was closed arrives all the same."""
    order = _order(party, body)
    if order.state != "CLOSED":
        raise ActRefused("订单未关闭")
    party.book.charge(order)
    return party.book.state_of(order)


def _refund_at_portal(party: WeChatSim, body: Body) -> Body:
    """The merchant's staff refund at the portal; `amount` in fen, default all that is left."""
    order = _order(party, body)
    first = order.payments[0].transaction_id if order.payments else ""
    spent = sum(r.amount for r in order.refunds if r.status != "CLOSED" and r.transaction_id == first)
    amount = fen_of(body, "amount") if "amount" in body else order.terms.total - spent
    if amount < 1:
        raise ActRefused("没有可退的金额")
    number = f"PORTAL{party.world.rng.getrandbits(64):016x}"
    refund, _ = party.book.refund(
        number, amount, order.terms.total, out_trade_no=order.no, reason="商户平台退款", version="portal"
    )
    party.refund_accepted(refund)
    return {**party.book.state_of(order), "refund_no": refund.no, "refund_id": refund.refund_id}


def _payer(party: WeChatSim, body: Body) -> Body:
    """A payment code's holder will behave so."""
    seconds = body.get("seconds", 10)
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
        raise ValueError("seconds: a number, not negative")
    code, behaviour = text_of(body, "auth_code"), text_of(body, "behaviour")
    party.codepay.register(code, behaviour, float(seconds))
    return {"auth_code": code, "behaviour": behaviour, "seconds": seconds}


def _rotate_key(party: WeChatSim, body: Body) -> Body:
    """A new platform certificate; both live."""
    made = party.identity.rotate()
    return {"platform_serial": made.serial, "live": [s.serial for s in party.identity.certificates]}


def _send_probe(party: WeChatSim, body: Body) -> Body:
    """A false-signature probe to `url`, or to the address of order `no`."""
    url = body.get("url") or _order(party, body).terms.notify_url
    if not isinstance(url, str) or not url:
        raise ActRefused("没有回调地址")
    party.courier.probe(Notice(
        "probe", "TRANSACTION.SUCCESS", "支付成功", url, "transaction", "transaction",
        {"mchid": party.identity.mchid, "out_trade_no": str(body.get("no", "")), "trade_state": "SUCCESS"}, {},
        created=party.world.rfc3339(),
    ))
    return {"sent": url}


def _set(party: WeChatSim, body: Body) -> Body:
    """Change settings."""
    party.settings.change({k: v for k, v in body.items() if k != "act"})
    party.keep_secure_port()
    party.book.fee_bp, party.book.min_expire = party.settings.fee_bp, party.settings.min_expire
    return vars(party.settings)


def _set_balance(party: WeChatSim, body: Body) -> Body:
    """The merchant's account holds so many fen now (top-up or withdrawal)."""
    change = fen_of(body, "amount") - party.book.balance
    if change:
        party.book.move("充值" if change > 0 else "提现", change, "", "")
    return {"balance": party.book.balance}


def _withdraw(party: WeChatSim, body: Body) -> Body:
    """T+1 withdrawal to the hospital's bank; `retain` fen stay for refunds."""
    amount = max(0, party.book.balance - fen_of(body, "retain"))
    if amount:
        party.book.move("提现", -amount, "", "")
    return {"withdrawn": amount, "balance": party.book.balance}


def _callback_again(party: WeChatSim, body: Body) -> Body:
    """The last callback of an order or refund number once more."""
    no = text_of(body, "no")
    if no not in party.courier.last:
        raise ActRefused("该单号没有发过回调")
    party.courier.again(no)
    return {"no": no}


def _finish_refund(party: WeChatSim, body: Body) -> Body:
    """A refund in PROCESSING ends now: `status` SUCCESS (default), ABNORMAL or CLOSED."""
    status = body.get("status", "SUCCESS")
    if status not in ("SUCCESS", "ABNORMAL", "CLOSED"):
        raise ValueError("status: SUCCESS, ABNORMAL or CLOSED")
    refund = party.book.find_refund(text_of(body, "no"))
    if refund.status != "PROCESSING":
        raise ActRefused(f"退款状态 {refund.status}")
    party.book.finish_refund(refund, status)
    return {"refund_no": refund.no, "status": refund.status}


def _refund_elsewhere(party: WeChatSim, body: Body) -> Body:
    """The finance desk applies for the abnormal refund at the portal: `way` USER_BANK_CARD or MERCHANT_BANK_CARD."""
    way = body.get("way", "MERCHANT_BANK_CARD")
    if way not in ("USER_BANK_CARD", "MERCHANT_BANK_CARD"):
        raise ValueError("way: USER_BANK_CARD or MERCHANT_BANK_CARD")
    refund = party.book.find_refund(text_of(body, "no"))
    if refund.status != "ABNORMAL":
        raise ActRefused(f"退款状态 {refund.status}")
    party.book.retry_abnormal(refund, way)
    party.refund_accepted(refund)
    return {"refund_no": refund.no, "status": refund.status}


def _state(party: WeChatSim, body: Body) -> Body:
    """What the platform believes about an order."""
    return party.book.state_of(_order(party, body))


ACTS: dict[str, Callable[[WeChatSim, Body], Body]] = {
    "pay": _pay, "cancel": _cancel, "pay_twice": _pay_twice, "pay_after_close": _pay_after_close,
    "refund_at_portal": _refund_at_portal, "finish_refund": _finish_refund,
    "refund_elsewhere": _refund_elsewhere, "payer": _payer,
    "rotate_key": _rotate_key, "send_probe": _send_probe, "set": _set, "set_balance": _set_balance,
    "pay_mixed": _pay_mixed, "pay_mixed_after_close": _pay_mixed_after_close,
    "fail_mixed": _fail_mixed, "withdraw": _withdraw,
    "callback_again": _callback_again, "state": _state,
}
