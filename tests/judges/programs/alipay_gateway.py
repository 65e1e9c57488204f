"""The judge for Alipay: PyPI `python-alipay-sdk`, in public key and in certificate mode."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from alipay import AliPay, AliPayConfig, DCAliPay
from loop import serve

STATE = {}


def open_(card, mode, notify_url=None):
    """`mode`: pubkey or cert."""
    if mode == "cert":
        client = DCAliPay(
            appid=card["app_id"], app_private_key_string=card["app_private_key"],
            app_public_key_cert_string=card["app_certificate"],
            alipay_public_key_cert_string=card["alipay_certificate"],
            alipay_root_cert_string=card["alipay_root_certificate"], app_notify_url=notify_url,
        )
    else:
        client = AliPay(
            appid=card["app_id"], app_notify_url=notify_url, app_private_key_string=card["app_private_key"],
            alipay_public_key_string=card["alipay_public_key"], sign_type="RSA2", config=AliPayConfig(timeout=20),
        )
    client._gateway = card["gateway"]
    STATE["client"] = client
    return [getattr(client, "app_cert_sn", ""), getattr(client, "alipay_root_cert_sn", "")]


def call(what, **given):
    """A method of the client; it raises where the answer's signature does not hold."""
    return getattr(STATE["client"], what)(**given)


def server_api(method, biz_content, **given):
    return STATE["client"].server_api(method, biz_content=biz_content, **given)


def notice(fields):
    """Whether the client believes a notification."""
    given = dict(fields)
    sign = given.pop("sign")
    return STATE["client"].verify(given, sign)


def answer(raw, method):
    """What the client reads in a raw answer; it raises where it does not believe it."""
    return STATE["client"]._verify_and_return_sync_response(raw, method.replace(".", "_") + "_response")


def signed(fields):
    """The client's signature over request parameters."""
    return STATE["client"]._sign("&".join(f"{k}={v}" for k, v in sorted(fields.items()) if k != "sign" and v))


def made_notice(fields, private_key):
    """A notification signed by the client's own code under Alipay's key."""
    platform = AliPay(appid="0", app_notify_url=None, app_private_key_string=private_key,
                      alipay_public_key_string=STATE["client"]._alipay_public_key_string)
    sign = platform._sign("&".join(f"{k}={v}" for k, v in sorted(fields.items()) if v))
    return {**fields, "sign_type": "RSA2", "sign": sign}


serve({
    "open": open_, "call": call, "server_api": server_api, "notice": notice, "answer": answer, "signed": signed,
    "made_notice": made_notice,
})
