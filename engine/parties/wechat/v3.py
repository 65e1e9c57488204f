"""v3: sign requests, verify answers and callbacks, open encrypted resources."""

from __future__ import annotations

import base64
import re
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from engine.core.http import HttpReply, HttpRequest
from engine.parties import wire
from engine.parties.contract import Heard, NotHeard
from engine.parties.wechat.keys import Merchant, same_serial

SCHEME: Final = "WECHATPAY2-SHA256-RSA2048"
MAX_SKEW: Final = 300.0  # seconds an answer or callback may be away from our clock
PROBE: Final = "WECHATPAY/SIGNTEST/"
PUBLIC_KEY: Final = "PUB_KEY_ID_"
_OAEP: Final = OAEP(MGF1(SHA1()), SHA1(), None)  # noqa: S303 - what the platform prescribes
MED_INS: Final = "MEDICAL_INSURANCE."  # events of mixed orders begin so
UNKNOWN_KEY: Final = "signature by unknown serial"
_SERIAL: Final = re.compile(r"[0-9A-Za-z_]{1,64}", re.ASCII)
_STAMP: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_JSON: Final = (("Content-Type", "application/json"),)


def signed(key: RSAPrivateKey, *lines: str) -> str:
    """Base64 RSA-SHA256 over the lines, each ended by a line feed, the last too."""
    message = "".join(f"{line}\n" for line in lines).encode()
    return base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def headers(
    merchant: Merchant, method: str, target: str, body: bytes, now: float, nonce: str, serial: str = ""
) -> tuple[tuple[str, str], ...]:
    """All headers of a v3 request; `target` is path and query as sent, `serial` the key its fields are sealed with."""
    stamp, plain = str(int(now)), merchant.plain
    message = f"{method}\n{target}\n{stamp}\n{nonce}\n".encode() + body + b"\n"
    value = base64.b64encode(merchant.private_key.sign(message, PKCS1v15(), SHA256())).decode()
    fields = {
        "mchid": plain.mchid,
        "nonce_str": nonce,
        "timestamp": stamp,
        "serial_no": plain.merchant_serial,
        "signature": value,
    }
    made = [
        ("Authorization", f"{SCHEME} " + ",".join(f'{name}="{text}"' for name, text in fields.items())),
        ("Accept", "application/json"),
        ("User-Agent", "settlement-engine"),
    ]
    if serial or plain.wechatpay_serial:
        made.append(("Wechatpay-Serial", serial or plain.wechatpay_serial))
    if body:
        made.append(("Content-Type", "application/json"))
    return tuple(made)


def fault_of(merchant: Merchant, message: HttpRequest | HttpReply, now: float) -> str:
    """Why the platform's signature over an answer or callback does not hold; "" when it does."""
    stamp = message.header("Wechatpay-Timestamp")
    signature = message.header("Wechatpay-Signature")
    kind = message.header("Wechatpay-Signature-Type")
    key = merchant.verify_keys.get(same_serial(message.header("Wechatpay-Serial")))
    if signature.startswith(PROBE):
        return "signature probe"
    if not signature or _STAMP.fullmatch(stamp) is None:
        return "not signed"
    if kind not in ("", SCHEME):
        return "unknown signature type"
    if key is None:
        return UNKNOWN_KEY
    if abs(now - int(stamp)) > MAX_SKEW:
        return "stale"
    text = f"{stamp}\n{message.header('Wechatpay-Nonce')}\n".encode() + message.body + b"\n"
    try:
        key.verify(base64.b64decode(signature, validate=True), text, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):  # what is no base64, and what is not even ASCII, is a ValueError
        return "bad signature"
    return ""


def unknown_key(fault: str, message: HttpRequest | HttpReply) -> str:
    """The serial a message is signed under, where the fault is that we do not have its key; "" otherwise."""
    serial = message.header("Wechatpay-Serial")
    return same_serial(serial) if fault == UNKNOWN_KEY and _SERIAL.fullmatch(serial) else ""


def opened_bytes(api_v3_key: str, resource: Any) -> bytes | str:
    """What an encrypted resource holds, or why it cannot be opened."""
    if not isinstance(resource, dict) or resource.get("algorithm") != "AEAD_AES_256_GCM":
        return "no AEAD_AES_256_GCM resource"
    parts = [resource.get(name, "") for name in ("ciphertext", "nonce", "associated_data")]
    if any(part is not None and not isinstance(part, str) for part in parts):
        return "crooked resource"
    ciphertext, nonce, associated = ((part or "") for part in parts)
    try:
        return AESGCM(api_v3_key.encode()).decrypt(
            nonce.encode(), base64.b64decode(ciphertext, validate=True), associated.encode() or None
        )
    except (InvalidTag, ValueError):  # binascii.Error is a ValueError; so is a nonce of a wrong length
        return "the resource does not open with our key"


def opened_resource(api_v3_key: str, resource: Any) -> dict[str, Any] | str:
    """The JSON object inside an encrypted resource, or why it cannot be opened."""
    data = opened_bytes(api_v3_key, resource)
    return data if isinstance(data, str) else wire.object_of(data)


def callback(merchant: Merchant, request: HttpRequest, now: float) -> Heard | NotHeard:
    """Verify, then decrypt. A probe is refused without alarm: it tests whether we check at all."""
    fault = fault_of(merchant, request, now)
    if fault:
        refusal = _failed(401, "SIGN_ERROR")
        return NotHeard(refusal, fault, alarm=fault != "signature probe", unknown_key=unknown_key(fault, request))
    tree = wire.object_of(request.body)
    if isinstance(tree, str):
        return NotHeard(_failed(400, "PARAM_ERROR"), _kind_of(tree))
    body = opened_resource(merchant.plain.api_v3_key, tree.get("resource"))
    if isinstance(body, str):
        return NotHeard(_failed(400, "PARAM_ERROR"), _kind_of(body))
    kind = tree.get("event_type")
    if not isinstance(kind, str):
        return NotHeard(_failed(400, "PARAM_ERROR"), "no event_type")
    # A mixed order's notice may name no merchant: that it opens with our key says whose it is.
    if body.get("mchid", merchant.plain.mchid if kind.startswith(MED_INS) else None) != merchant.plain.mchid:
        return NotHeard(_failed(403, "MCH_NOT_EXISTS"), "another merchant's message")
    ours = (merchant.plain.appid, merchant.plain.mini_appid)
    if body.get("appid", merchant.plain.appid) not in ours:  # a refund's notice names no app
        return NotHeard(_failed(403, "APPID_MCHID_NOT_MATCH"), "another app's message")
    number = body.get("out_refund_no" if kind.startswith("REFUND.") else "out_trade_no")
    return Heard(
        kind=kind,
        body=body,
        accepted=HttpReply(200, _JSON, b'{"code":"SUCCESS"}'),
        failed=_failed(500, "FAIL"),
        number=number if isinstance(number, str) else "",
        id=str(tree.get("id", "")),
    )


def _kind_of(fault: str) -> str:
    """A fault without what it quotes of the message: reasons are labels of our meters, and messages name persons."""
    return fault.partition(":")[0]


def _failed(status: int, why: str) -> HttpReply:
    return HttpReply(status, _JSON, b'{"code":"FAIL","message":"' + why.encode() + b'"}')


def jsapi_sheet(merchant: Merchant, appid: str, prepay_id: str, now: float, nonce: str) -> dict[str, str]:
    """What a page inside WeChat, or a mini program, needs to open the payment: `paySign` covers app, time, nonce and
    order."""
    stamp, package = str(int(now)), f"prepay_id={prepay_id}"
    return {
        "appId": appid,
        "timeStamp": stamp,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": signed(merchant.private_key, appid, stamp, nonce, package),
    }


def sealing_serial(merchant: Merchant) -> str:
    """The name of the platform key that sensitive fields are sealed with: the one the connection names, else a public
    key, else any certificate it has."""
    plain = merchant.plain
    public = next((name for name in plain.verify_keys if name.startswith(PUBLIC_KEY)), "")
    return plain.wechatpay_serial or public or next(iter(plain.verify_keys))


def sealed(merchant: Merchant, text: str) -> str:
    """Base64 of a text that only WeChat Pay can read (RSA-OAEP with SHA-1, as it prescribes)."""
    key = merchant.verify_keys[same_serial(sealing_serial(merchant))]
    return base64.b64encode(key.encrypt(text.encode(), _OAEP)).decode()


def echoed(merchant: Merchant, sent: dict[str, Any], answer: dict[str, Any]) -> bool:
    """Whether the platform gave back what we said, in clear and sealed for us: both key pairs are right."""
    try:
        back = merchant.private_key.decrypt(base64.b64decode(answer["encrypted_echo_message"], validate=True), _OAEP)
    except ValueError:
        return False
    return answer.get("echo_message") == sent.get("echo_message") == back.decode(errors="replace")
