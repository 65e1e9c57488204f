"""The v2 interface beyond payment codes: orders by QR, in WeChat, by web page and app; their callback; day bills."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING

from simulators.base.wire import Resp
from simulators.wechat import sign, wrong_bills
from simulators.wechat.book import Order, Payment, Terms
from simulators.wechat.courier import Notice
from simulators.wechat.envelope import write_xml
from simulators.wechat.fields import TRADE_NO, URL
from simulators.wechat.reasons import Refusal

if TYPE_CHECKING:
    from simulators.wechat.party import WeChatSim

Fields = dict[str, str]
PRODUCT = {"NATIVE": "native", "JSAPI": "jsapi", "MWEB": "h5", "APP": "app"}  # by trade_type
ACCOUNTS = {"Basic": "BASIC", "Operation": "OPERATION", "Fees": "FEES"}
# What a bill's refusal says instead of an err_code; the vendor publishes the numbers.
BILL_ERRORS = {"no_bill": "20002", "bill_creating": "20003"}


def print_of(given: Fields) -> bytes:
    """What a repetition is compared by: all but what is new each time."""
    kept = {k: v for k, v in given.items() if k not in ("sign", "nonce_str", "sign_type")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).digest()


class Orders:
    """`/pay/unifiedorder`, `/pay/downloadbill`, `/pay/downloadfundflow`."""

    def __init__(self, party: WeChatSim) -> None:
        self.party = party

    def place(self, given: Fields, total: int, expires: float | None) -> tuple[Order, bool, Fields]:
        """The order, whether it was there before, and the ways to pay it."""
        no, kind = given["out_trade_no"], PRODUCT.get(given["trade_type"])
        if kind is None:
            raise Refusal("param", "trade_type参数格式错误").at("trade_type", " ".join(PRODUCT), given["trade_type"])
        if not TRADE_NO.fullmatch(no):
            raise Refusal("param", "out_trade_no参数格式错误")
        if not URL.fullmatch(given["notify_url"]):
            raise Refusal("param", "notify_url参数格式错误").at("notify_url", URL.pattern, given["notify_url"])
        if kind == "jsapi" and not given.get("openid"):
            raise Refusal("param", "缺少参数openid").at("openid", "required when trade_type is JSAPI")
        order, again = self.party.book.place(no, Terms(
            product=kind, appid=given["appid"], description=given["body"], total=total, print_=print_of(given),
            attach=given.get("attach", ""), notify_url=given["notify_url"], openid=given.get("openid", ""),
            device=given.get("device_info", ""), expires=expires, version="v2",
            sign_type=given.get("sign_type") or "MD5",
        ))  # fmt: skip
        ticket = self.party.v3.ticket(kind, order)
        ways = {"mweb_url" if name == "h5_url" else name: str(way) for name, way in ticket.items()}
        world = self.party.world
        ways.setdefault("prepay_id", f"wx{world.stamp('%d%H%M%S')}{world.rng.getrandbits(88):022x}0000")
        return order, again, {"trade_type": given["trade_type"], **ways}

    def paid_notice(self, order: Order, payment: Payment, form: Fields) -> Notice:
        """The callback of a payment, `form` as a query tells it; signed the way the order was."""
        identity = self.party.identity
        how = order.terms.sign_type

        def body(spoil: tuple[str, ...]) -> bytes:
            fields = {
                "return_code": "SUCCESS", "result_code": "SUCCESS", "appid": order.terms.appid,
                "mch_id": identity.mchid, "nonce_str": f"{self.party.world.rng.getrandbits(64):016x}", **form,
            }
            if how != "MD5":
                fields["sign_type"] = how
            if order.terms.device:
                fields["device_info"] = order.terms.device
            if "wrong_amount" in spoil:
                fields |= {name: str(int(fields[name]) + 1) for name in ("total_fee", "cash_fee")}
            if "other_merchant" in spoil:
                fields["mch_id"] = "1600000002"
            if "callback_more_fields" in spoil:
                fields |= {"scene_remark": "新增字段", "future": "2"}
            fields["sign"] = sign.v2_sign(fields, identity.api_v2_key, how)
            if "bad_signature" in spoil:
                fields["sign"] = fields["sign"][::-1]
            if "missing_signature" in spoil:
                del fields["sign"]
            return write_xml({name: value for name, value in fields.items() if value})

        match = {"no": order.no, "transaction_id": payment.transaction_id, "attach": order.terms.attach}
        return Notice(
            "paid", "", "", order.terms.notify_url, "", "", {}, match, origin=order.terms.product, xml=body
        )

    def bill(self, op: str, given: Fields) -> Resp:
        """The bill itself, packed when `tar_type` is GZIP; Refusal when there is none."""
        money, day = self.party.v3.money, given["bill_date"]
        if op == "tradebill":
            text, any_rows = money.trades_of(given.get("bill_type") or "ALL", money.day(day, "%Y%m%d"))
        else:
            account = ACCOUNTS.get(given["account_type"])
            if account is None or given.get("sign_type") != "HMAC-SHA256":
                raise Refusal("param", "account_type或sign_type参数格式错误")
            text, any_rows = money.flows_of(account, money.day(day, "%Y%m%d"))
        content, wrong = money.file(op, text, any_rows)
        if given.get("tar_type") == "GZIP":
            packed = wrong_bills.bomb() if "bill_bomb" in wrong else gzip.compress(content, mtime=0)
            return Resp(200, packed, {"Content-Type": "application/x-gzip"})
        return Resp(200, content, {"Content-Type": "text/plain;charset=utf-8"})
