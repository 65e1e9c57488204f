"""How the data of a message is hidden by SM4, and under which key."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from engine.codecs.errors import Undecodable
from engine.codecs.gm import sm4

if TYPE_CHECKING:
    from engine.parties.mobile_pay.settings import Opened

_ZERO: Final = bytes(sm4.BLOCK)


def key_of(app_id: str, app_secret: str, pick: str) -> bytes:
    """16 characters of the upper hexadecimal of the secret, hidden under the first 16 characters of the id."""
    text = sm4.encrypt(app_id[: sm4.BLOCK].encode(), app_secret.encode()).hex().upper()
    return (text[1::2] if pick == "even" else text)[: sm4.BLOCK].encode()


def hide(opened: Opened, plain: bytes) -> str:
    """`encData` of these bytes."""
    hidden = sm4.encrypt(opened.hidden_by, plain, _iv(opened))
    return base64.b64encode(hidden).decode() if opened.plain.output == "base64" else hidden.hex().upper()


def show(opened: Opened, text: str) -> bytes:
    """The bytes in an `encData`; Undecodable when it holds none."""
    try:
        hidden = base64.b64decode(text, validate=True) if opened.plain.output == "base64" else binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        raise Undecodable("hidden", 0, f"encData is not {opened.plain.output}") from None
    return sm4.decrypt(opened.hidden_by, hidden, _iv(opened))


def _iv(opened: Opened) -> bytes | None:
    if opened.plain.cipher == "ecb":
        return None
    return opened.hidden_by if opened.plain.iv == "key" else _ZERO
