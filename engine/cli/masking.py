"""Bytes of a call as the command line may show them: no id number, phone, card, name or key in clear."""

from __future__ import annotations

import base64
import binascii
import re

_ID = re.compile(r"(?<![0-9A-Za-z])([1-9][0-9]{2})[0-9]{11}([0-9]{3}[0-9Xx])(?![0-9A-Za-z])")
_PHONE = re.compile(r"(?<![0-9])(1[3-9][0-9])[0-9]{4}([0-9]{4})(?![0-9])")
_NAMES = "psn_name|patientName|patient_name|payer|payerName|name_patient|patient"
_SECRETS = (
    "mdtrt_cert_no|certno|card_sn|cardNo|card_no|idCard|id_no|idNo|tel|phone|mobile|psn_cert_no|auth_code|openid|"
    "sub_openid|credential_value|payerTel|paperNo|cardId"
)
_JSON_NAME = re.compile(rf'("(?:{_NAMES})"\s*:\s*")([^"\\])[^"]*(")')
_JSON_SECRET = re.compile(rf'("(?:{_SECRETS})"\s*:\s*")[^"]*(")')
_XML_SECRET = re.compile(rf"(<({_SECRETS})>(?:<!\[CDATA\[)?)[^<\]]*")
_PACKED = re.compile(r'"([A-Za-z0-9+/]{40,}={0,2})"')
_SIGNED = "Authorization|X-Signature|Wechatpay-Signature|x-[a-z]+-(?:signature|token|paasid)"
_HEADERS = re.compile(rf"^((?:{_SIGNED})\s*:\s*).*$", re.IGNORECASE | re.MULTILINE)


def masked(text: str) -> str:
    """The text with id numbers, phones, names and credentials made unreadable."""
    text = _PACKED.sub(_unpacked, text)
    text = _HEADERS.sub(r"\1***", text)
    text = _JSON_NAME.sub(r"\1\2**\3", text)
    text = _JSON_SECRET.sub(r"\1***\2", text)
    text = _XML_SECRET.sub(r"\1***", text)
    text = _ID.sub(r"\1***********\2", text)
    return _PHONE.sub(r"\1****\2", text)


def masked_bytes(data: bytes) -> str:
    """Stored bytes as masked text; bytes that are no UTF-8 show as \\x…"""
    return masked(data.decode("utf-8", "backslashreplace"))


def _unpacked(found: re.Match[str]) -> str:
    """What is packed in Base64 is shown unpacked: there it can be masked."""
    try:
        inside = base64.b64decode(found[1], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return found[0]
    return f'"base64: {inside}"' if inside.isprintable() else found[0]
