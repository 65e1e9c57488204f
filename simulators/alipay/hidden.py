"""接口内容加密: content hidden by AES-128-CBC with the application's key, an initial vector of zeros, PKCS#7 and
Base64."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

_ZEROS = modes.CBC(bytes(16))


def hide(key: str, text: str, charset: str = "utf-8") -> str:
    """The text hidden under the Base64 key."""
    pad, box = PKCS7(128).padder(), Cipher(algorithms.AES(base64.b64decode(key)), _ZEROS).encryptor()
    padded = pad.update(text.encode(charset, "replace")) + pad.finalize()
    return base64.b64encode(box.update(padded) + box.finalize()).decode()


def shown(key: str, text: str, charset: str = "utf-8") -> str:
    """What was hidden; ValueError when it is no such text."""
    box, pad = Cipher(algorithms.AES(base64.b64decode(key)), _ZEROS).decryptor(), PKCS7(128).unpadder()
    plain = box.update(base64.b64decode(text, validate=True)) + box.finalize()
    return (pad.update(plain) + pad.finalize()).decode(charset)
