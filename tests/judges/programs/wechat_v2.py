"""The judge for WeChat Pay v2: PyPI `wechatpy`. It never verifies what it is answered: `signed` does, by its rules."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import xmltodict
from loop import serve
from wechatpy.exceptions import WeChatPayException
from wechatpy.pay import WeChatPay
from wechatpy.pay.utils import calculate_signature, calculate_signature_hmac, dict_to_xml

STATE = {}


def open_(card):
    class Pointed(WeChatPay):
        API_BASE_URL = card["base_url"] + "/"

    STATE["client"] = Pointed(card["appid"], card["api_v2_key"], card["mchid"], timeout=20)
    return STATE["client"].API_BASE_URL


def _told(what, *given, **named):
    try:
        return dict(what(*given, **named))
    except WeChatPayException as no:
        return {"return_code": no.return_code, "result_code": no.result_code, "err_code": no.errcode,
                "return_msg": no.return_msg, "err_code_des": no.errmsg}


def call(part, what, **given):
    """A method of the client, such as micropay.create; a business no comes back as its fields."""
    return _told(getattr(getattr(STATE["client"], part), what), **given)


def post(path, fields):
    """Any v2 request, signed by the client as `sign_type` in the fields says."""
    return _told(STATE["client"].post, path, data=fields)


def signed(fields, key, how):
    """The client's signature over fields."""
    given = {name: value for name, value in fields.items() if name != "sign"}
    return (calculate_signature_hmac if how == "HMAC-SHA256" else calculate_signature)(given, key)


def parsed(xml):
    return dict(xmltodict.parse(xml)["xml"])


def printed(fields, key, how):
    """A signed message in the client's own XML."""
    return dict_to_xml(fields, signed(fields, key, how)).encode()


def paid(xml):
    """What the client makes of a payment callback."""
    return dict(STATE["client"].parse_payment_result(xml))


def refunded(xml):
    """What the client makes of a refund callback."""
    return dict(STATE["client"].parse_refund_notify_result(xml))


serve({
    "open": open_, "call": call, "post": post, "signed": signed, "parsed": parsed, "printed": printed, "paid": paid,
    "refunded": refunded,
})
