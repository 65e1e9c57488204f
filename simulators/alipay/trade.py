"""Trades at the gateway: order by QR, payment codes, query, cancel, close, refund.

A payment code begins with 25 to 30 and has 16 to 24 digits. Its payer behaves as registered by the act `payer`, else
by the last six digits of the code (TAILS), else he pays at once.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from simulators.alipay.book import CLOSED, PAID, WAIT, Refund, Terms, Trade
from simulators.alipay.reasons import Refusal
from simulators.alipay.request import Asked
from simulators.base.world import BEIJING

if TYPE_CHECKING:
    from simulators.alipay.party import AlipaySim

AUTH_CODE = re.compile(r"(?:2[5-9]|30)\d{14,22}", re.ASCII)
BEHAVIOURS = (
    "ok", "userpaying_then_ok", "userpaying_then_fail", "userpaying_never", "notenough", "expired",
    "systemerror_paid", "systemerror_unpaid",
)
TAILS = {f"99900{i}": behaviour for i, behaviour in enumerate(BEHAVIOURS)}
_SPAN = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_UNIT = {"m": 60.0, "h": 3600.0, "d": 86400.0}
Form = dict[str, Any]


def yuan(fen: int) -> str:
    """Fen as yuan with two decimals."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


class Trades:
    """The doors of `alipay.trade.*`."""

    def __init__(self, party: AlipaySim) -> None:
        self.party = party
        self.payers: dict[str, tuple[str, float]] = {}

    def register(self, code: str, behaviour: str, seconds: float) -> None:
        """The payer with this code will behave so; `seconds` until he enters his password (or gives up)."""
        if not AUTH_CODE.fullmatch(code):
            raise ValueError("auth_code: 16 to 24 digits beginning with 25 to 30")
        if behaviour not in BEHAVIOURS:
            raise ValueError(f"behaviour: one of {', '.join(BEHAVIOURS)}")
        self.payers[code] = (behaviour, seconds)

    def payer(self, code: str) -> tuple[str, float]:
        """How the payer behind a code behaves; Refusal for what is no code, or an old one."""
        if not AUTH_CODE.fullmatch(code):
            raise Refusal("code_invalid")
        behaviour, seconds = self.payers.get(code) or (TAILS.get(code[-6:], "ok"), 10.0)
        if behaviour == "expired":
            raise Refusal("code_invalid")
        return behaviour, seconds

    def _clock(self, at: float) -> str:
        return datetime.fromtimestamp(at, BEIJING).strftime("%Y-%m-%d %H:%M:%S")

    def terms(self, asked: Asked, product: str) -> Terms:
        """The terms in the content of a request."""
        expires: float | None = None
        if text := asked.text("time_expire", 32, needed=False):
            try:
                expires = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).timestamp()
            except ValueError:
                raise Refusal("param", "参数time_expire无效") from None
        elif span := self._span(asked, product):
            match = _SPAN.fullmatch(span)
            if match is None:
                raise Refusal("param", "超时时间无效")
            expires = self.party.world.now() + int(match[1]) * _UNIT[match[2]]
        return Terms(
            product, asked.fen("total_amount"), asked.text("subject"), asked.text("body", 128, needed=False),
            asked.notify_url, expires, asked.charset,
        )

    def _span(self, asked: Asked, product: str) -> str:
        """How long the payer has; a QR's own name for it goes before the common one."""
        own = asked.text("qr_code_timeout_express", 6, needed=False) if product == "qr" else ""
        return own or asked.text("timeout_express", 6, needed=False)

    def precreate(self, asked: Asked) -> Form:
        """A QR; the trade comes into being when somebody scans it."""
        no = asked.number("out_trade_no")
        book = self.party.book
        trade, again = book.place(no, self.terms(asked, "qr"))
        if not again:
            trade.qr = f"https://qr.alipay.com/bax{self.party.world.rng.getrandbits(80):020x}"
            book.qrs[trade.qr] = trade
            self.party.later(trade.expires - self.party.world.now(), book.age, trade)
            if self.party.settings.auto_pay >= 0:
                self.party.later(self.party.settings.auto_pay, self._pays_alone, trade)
        return {"out_trade_no": no, "qr_code": trade.qr}

    def _pays_alone(self, trade: Trade) -> None:
        self.party.book.age(trade)
        if trade.state in ("", WAIT) and self.party.world.now() < trade.expires:
            self.party.book.charge(trade)

    def pay(self, asked: Asked) -> Form:
        """A payment code is charged, or (with auth_no) frozen funds are."""
        if asked.biz.get("auth_no"):
            return self.party.auths.pay(asked)
        if asked.text("scene", 32) != "bar_code":
            raise Refusal("param", "参数scene无效")
        no, code = asked.number("out_trade_no"), asked.text("auth_code", 64)
        terms, book = self.terms(asked, "code"), self.party.book
        behaviour, seconds = self.payer(code) if no not in book.trades else ("", 0.0)
        trade, again = book.place(no, terms)
        if again:
            return self._again(trade)
        book.born(trade)
        match behaviour:
            case "ok":
                book.charge(trade)
            case "notenough":
                book.fail(trade)
                raise Refusal("payer_poor")
            case "systemerror_paid":
                book.charge(trade)
                raise Refusal("system")
            case "systemerror_unpaid":
                raise Refusal("system")
            case _:
                if behaviour != "userpaying_never":
                    pays = behaviour == "userpaying_then_ok"
                    trade.timer = self.party.later(seconds, self._decides, trade, pays)
                return {"code": "10003", **self._ids(trade), "total_amount": yuan(terms.total)}
        return self.paid_form(trade)

    def _again(self, trade: Trade) -> Form:
        if trade.payments:
            return self.paid_form(trade)
        return {"code": "10003", **self._ids(trade), "total_amount": yuan(trade.terms.total)}

    def _decides(self, trade: Trade, pays: bool) -> None:
        self.party.book.age(trade)
        if trade.state != WAIT:
            return
        trade.timer = None
        if pays:
            self.party.book.charge(trade)
        else:
            self.party.book.fail(trade)

    def _ids(self, trade: Trade) -> Form:
        return {
            "trade_no": trade.trade_no, "out_trade_no": trade.no, "buyer_logon_id": "sim***@example.com",
            "buyer_user_id": trade.buyer,
        }

    def paid_form(self, trade: Trade) -> Form:
        """The answer of a payment that is done."""
        total = yuan(trade.terms.total)
        return {
            **self._ids(trade), "total_amount": total, "receipt_amount": total, "buyer_pay_amount": total,
            "point_amount": "0.00", "invoice_amount": total, "gmt_payment": self._clock(trade.payments[0].at),
            "fund_bill_list": [{"amount": total, "fund_channel": "ALIPAYACCOUNT"}],
        }

    def find(self, asked: Asked) -> Trade:
        """The trade a request names."""
        no, trade_no = asked.number("out_trade_no", needed=False), asked.number("trade_no", needed=False)
        if not no and not trade_no:
            raise Refusal("missing", "out_trade_no和trade_no不能同时为空")
        return self.party.book.find(no, trade_no)

    def query(self, asked: Asked) -> Form:
        """What became of a trade. TRADE_CLOSED: never paid, or everything refunded; `send_pay_date` tells which."""
        trade = self.find(asked)
        form = {**self._ids(trade), "trade_status": trade.state, "total_amount": yuan(trade.terms.total)}
        if trade.payments:
            form |= {k: v for k, v in self.paid_form(trade).items() if k != "gmt_payment"}
            form["send_pay_date"] = self._clock(trade.payments[0].at)
        return form

    def cancel(self, asked: Asked) -> Form:
        """Undo whatever there is. A trade that does not exist is no fault, and leaves nothing behind."""
        try:
            trade = self.find(asked)
        except Refusal as refusal:
            if refusal.name == "no_trade" and self.party.settings.cancel_unknown:
                return {"out_trade_no": asked.number("out_trade_no", needed=False), "retry_flag": "N"}
            raise
        action = self.party.book.cancel(trade)
        return {"trade_no": trade.trade_no, "out_trade_no": trade.no, "retry_flag": "N", "action": action}

    def close(self, asked: Asked) -> Form:
        """Close a trade that waits for its payer."""
        trade = self.find(asked)
        self.party.book.close(trade)
        return {"trade_no": trade.trade_no, "out_trade_no": trade.no}

    def refund(self, asked: Asked) -> Form:
        """Money back; the same number again changes nothing and says so."""
        trade, amount = self.find(asked), asked.fen("refund_amount")
        no = asked.number("out_request_no", needed=False)
        if not no and amount != trade.terms.total:
            raise Refusal("param", "部分退款必须传入out_request_no")
        fields = {"no": trade.no, "refund_no": no, "body": trade.terms.body}
        if self.party.take_fault("refund", "refund_unchanged", **fields) is not None:
            return self._refund_form(trade, changed=False)
        refund, again = self.party.book.refund(trade, no or trade.no, amount)
        if again:
            return self._refund_form(trade, changed=False)
        seconds = self.party.take_fault("refund", "refund_slow", **fields)
        if seconds is not None:
            self.party.later(seconds, self.party.book.pay_back, refund)
            return self._refund_form(trade, changed=False)
        self.party.book.pay_back(refund)
        return self._refund_form(trade, changed=True)

    def _refund_form(self, trade: Trade, *, changed: bool) -> Form:
        now = self._clock(self.party.world.now())
        return {
            **self._ids(trade), "fund_change": "Y" if changed else "N", "refund_fee": yuan(trade.refunded),
            **({"gmt_refund_pay": now} if changed else {}),
        }

    def refund_query(self, asked: Asked) -> Form:
        """A refund by its number; without a status there is none (yet)."""
        trade, no = self.find(asked), asked.number("out_request_no")
        refund = trade.refunds.get(no)
        if refund is None or not refund.done:
            return {}
        return {
            "trade_no": trade.trade_no, "out_trade_no": trade.no, "out_request_no": no,
            "total_amount": yuan(trade.terms.total), "refund_amount": yuan(refund.amount),
            "refund_status": "REFUND_SUCCESS", "gmt_refund_pay": self._clock(refund.at),
        }

    # What the payer's side is told

    def paid_notice(self, trade: Trade, trade_no: str) -> Form:
        """The notification of a payment."""
        total = yuan(trade.terms.total)
        paid = next(p for p in trade.payments if p.trade_no == trade_no)
        return {
            "notify_type": "trade_status_sync", "trade_status": PAID, "trade_no": trade_no, "out_trade_no": trade.no,
            "seller_id": self.party.identity.seller_id, "buyer_id": paid.buyer, "subject": trade.terms.subject,
            "body": trade.terms.body, "total_amount": total, "receipt_amount": total, "buyer_pay_amount": total,
            "invoice_amount": total, "point_amount": "0.00", "gmt_create": self._clock(trade.at),
            "gmt_payment": self._clock(paid.at),
            "fund_bill_list": f'[{{"amount":"{total}","fundChannel":"ALIPAYACCOUNT"}}]',
        }

    def refund_notice(self, refund: Refund) -> Form:
        """A refund is told at the payment's address, with the sum of all refunds so far."""
        trade = refund.trade
        form = self.paid_notice(trade, trade.payments[0].trade_no)
        state = CLOSED if trade.state == CLOSED else PAID
        closed = {"gmt_close": self._clock(refund.at)} if state == CLOSED else {}
        return {
            **form, **closed, "trade_status": state, "refund_fee": yuan(trade.refunded), "out_biz_no": refund.no,
            "gmt_refund": self._clock(refund.at) + ".000",
        }
