"""The other person: payers with their phones, the seller's staff at the portal. See ACTS for the list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulators.alipay.book import CLOSED, PAID, WAIT, Trade
from simulators.base.acts import Body, fen_of, played, text_of
from simulators.base.party import ActRefused

if TYPE_CHECKING:
    from simulators.alipay.party import AlipaySim



def act(party: AlipaySim, body: Body) -> Body:
    """Play one act and answer what came of it."""
    return played(ACTS, party, body)


def _trade(party: AlipaySim, body: Body) -> Trade:
    found = party.book.qrs.get(text_of(body, "qr")) if "qr" in body else party.book.trades.get(text_of(body, "no"))
    if found is None:
        raise ActRefused("没有这个二维码或订单")
    party.book.age(found)
    return found


def _payable(party: AlipaySim, body: Body) -> Trade:
    trade = _trade(party, body)
    if trade.payments:
        raise ActRefused("该订单已支付")
    if trade.state == CLOSED or party.world.now() >= trade.expires:
        raise ActRefused("二维码已失效或交易已关闭")
    return trade


def _pay(party: AlipaySim, body: Body) -> Body:
    """The payer scans (or enters his password) and pays the right amount; for a freeze: he agrees."""
    auth = party.auths.orders.get(str(body.get("no", "")))
    if auth is None and "qr" in body:
        auth = next((a for a in party.auths.orders.values() if a.code == body["qr"]), None)
    if auth is not None:
        return party.auths.state_of(party.auths.scanned(auth.no))
    trade = _payable(party, body)
    party.book.charge(trade, str(body.get("buyer", "")))
    return party.book.state_of(trade)


def _scan(party: AlipaySim, body: Body) -> Body:
    """The payer scans and does not pay yet: from now the trade exists."""
    trade = _payable(party, body)
    party.book.born(trade)
    return party.book.state_of(trade)


def _cancel(party: AlipaySim, body: Body) -> Body:
    """The payer walks away: a payment code's trade is closed, a QR stays open until closed or expired."""
    trade = _trade(party, body)
    if trade.terms.product == "code" and trade.state == WAIT:
        party.book.fail(trade)
    elif trade.state not in ("", WAIT):
        raise ActRefused(f"交易状态 {trade.state}，不能取消")
    return party.book.state_of(trade)


def _pay_twice(party: AlipaySim, body: Body) -> Body:
    """Two payers pay one order: two trades of the platform, two charges, two notifications."""
    trade = _trade(party, body)
    if trade.state in ("", WAIT):
        party.book.charge(trade, "2088000000001111")
    if trade.state != PAID:
        raise ActRefused(f"交易状态 {trade.state}，不能支付")
    party.book.charge(trade, "2088000000002222")
    return party.book.state_of(trade)


def _pay_after_close(party: AlipaySim, body: Body) -> Body:
    """Money that was on its way when the trade was closed arrives all the same."""
    trade = _trade(party, body)
    if trade.state != CLOSED or trade.payments:
        raise ActRefused("交易未关闭")
    party.book.charge(trade)
    return party.book.state_of(trade)


def _refund_at_portal(party: AlipaySim, body: Body) -> Body:
    """The seller's staff refund at the portal; `amount` in fen, default all that is left."""
    trade = _trade(party, body)
    amount = fen_of(body, "amount") if "amount" in body else trade.terms.total - trade.refunded
    if amount < 1:
        raise ActRefused("没有可退的金额")
    refund, _ = party.book.refund(trade, f"PORTAL{party.world.rng.getrandbits(64):016x}", amount)
    party.book.pay_back(refund)
    return {**party.book.state_of(trade), "refund_no": refund.no}


def _payer(party: AlipaySim, body: Body) -> Body:
    """A payment code's holder will behave so."""
    seconds = body.get("seconds", 10)
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
        raise ValueError("seconds: a number, not negative")
    code, behaviour = text_of(body, "auth_code"), text_of(body, "behaviour")
    party.trades.register(code, behaviour, float(seconds))
    return {"auth_code": code, "behaviour": behaviour, "seconds": seconds}


def _set(party: AlipaySim, body: Body) -> Body:
    """Change settings."""
    party.settings.change({k: v for k, v in body.items() if k != "act"})
    party.book.fee_bp, party.book.refund_days = party.settings.fee_bp, party.settings.refund_days
    return vars(party.settings)


def _set_balance(party: AlipaySim, body: Body) -> Body:
    """The seller's account holds so many fen now (top-up or withdrawal)."""
    change = fen_of(body, "amount") - party.book.balance
    if change:
        party.book.move("充值" if change > 0 else "提现", change, "", "")
    return {"balance": party.book.balance}


def _withdraw(party: AlipaySim, body: Body) -> Body:
    """T+1 withdrawal to the hospital's bank; `retain` fen stay for refunds."""
    amount = max(0, party.book.balance - fen_of(body, "retain"))
    if amount:
        party.book.move("提现", -amount, "", "")
    return {"withdrawn": amount, "balance": party.book.balance}


def _finish(party: AlipaySim, body: Body) -> Body:
    """The contract's time for refunds is over: TRADE_FINISHED."""
    trade = _trade(party, body)
    if trade.state != PAID:
        raise ActRefused(f"交易状态 {trade.state}")
    trade.state = "TRADE_FINISHED"
    return party.book.state_of(trade)


def _callback_again(party: AlipaySim, body: Body) -> Body:
    """The last notification of an order or refund number once more."""
    no = text_of(body, "no")
    if no not in party.courier.last:
        raise ActRefused("该单号没有发过通知")
    party.courier.again(no)
    return {"no": no}


def _state(party: AlipaySim, body: Body) -> Body:
    """What the platform believes about a trade or an authorisation."""
    auth = party.auths.orders.get(str(body.get("no", "")))
    return party.auths.state_of(auth) if auth is not None else party.book.state_of(_trade(party, body))


ACTS: dict[str, Callable[[AlipaySim, Body], Body]] = {
    "pay": _pay, "scan": _scan, "cancel": _cancel, "pay_twice": _pay_twice, "pay_after_close": _pay_after_close,
    "refund_at_portal": _refund_at_portal, "payer": _payer, "finish": _finish, "set": _set,
    "set_balance": _set_balance, "withdraw": _withdraw, "callback_again": _callback_again, "state": _state,
}
