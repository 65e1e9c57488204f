"""The judge for WeChat Pay v3: PyPI `wechatpayv3`, pointed at a simulator by the simulator's own card."""

import base64
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import wechatpayv3.core
import wechatpayv3.utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from loop import serve
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core

STATE = {}


class Pointed(Core):
    """The client's core with another address, from its first request on."""

    def __setattr__(self, name, value):
        super().__setattr__(name, STATE["address"] if name == "_gate_way" else value)


def open_(card, mode, notify_url):
    """`mode`: pubkey (no request when it opens) or cert (fetches the platform's certificates)."""
    STATE["address"] = card["base_url"]
    wechatpayv3.core.Core = Pointed
    known = {"public_key": card["public_key"], "public_key_id": card["public_key_id"]} if mode == "pubkey" else {}
    STATE["client"] = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE, mchid=card["mchid"], private_key=card["merchant_private_key"],
        cert_serial_no=card["merchant_serial"], appid=card["appid"], apiv3_key=card["api_v3_key"],
        notify_url=notify_url, timeout=(5, 20), **known,
    )
    return type(STATE["client"]._core).__name__


def call(what, kind=None, **given):
    """A method of the client: [HTTP status, decoded answer]."""
    if kind:
        given["pay_type"] = WeChatPayType[kind]
    status, message = getattr(STATE["client"], what)(**given)
    if isinstance(message, str) and message:
        message = json.loads(message)
    return [status, message]


def callback(headers, body):
    """What the client makes of a callback: the decrypted tree, or None."""
    return STATE["client"].callback(headers, body)


def sign(lines):
    """The client's own signature over lines, as for the parameters a page is opened with."""
    return STATE["client"].sign(lines)


def authorized(authorization, method, path, body, public_key):
    """Whether a request's Authorization holds for the client's own verifier."""
    scheme, _, rest = authorization.partition(" ")
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    said = dict(pair.split("=", 1) for pair in rest.split(","))
    said = {name: value.strip('"') for name, value in said.items()}
    key = wechatpayv3.utils.load_public_key(public_key)
    # rsa_verify joins three lines: what stands before the last two line feeds is handed over as the first
    text = f"{method}\n{path}\n{said['timestamp']}"
    return wechatpayv3.utils.rsa_verify(text, said["nonce_str"], body, said["signature"], key)


def made_callback(private_key, serial, timestamp, nonce, event, plain, api_v3_key, associated):
    """A callback signed by the client's own signing code under a platform key: headers and body."""
    sealed = AESGCM(api_v3_key.encode()).encrypt(b"0123456789ab", json.dumps(plain).encode(), associated.encode())
    resource = {
        "original_type": associated, "algorithm": "AEAD_AES_256_GCM", "nonce": "0123456789ab",
        "associated_data": associated, "ciphertext": base64.b64encode(sealed).decode(),
    }
    body = json.dumps({
        "id": "JUDGE-1", "create_time": "2026-11-22T10:00:00+08:00", "resource_type": "encrypt-resource",
        "event_type": event, "summary": "judge", "resource": resource,
    })
    key = wechatpayv3.utils.load_private_key(private_key)
    signature = wechatpayv3.utils.rsa_sign(key, f"{timestamp}\n{nonce}\n{body}\n")
    return {
        "headers": {
            "Wechatpay-Signature": signature, "Wechatpay-Serial": serial, "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce, "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        },
        "body": body.encode(),
    }


serve({
    "open": open_, "call": call, "callback": callback, "sign": sign, "authorized": authorized,
    "made_callback": made_callback,
})
