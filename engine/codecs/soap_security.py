"""WS-Security UsernameToken with a digest: for clients whose tools cannot set HTTP headers of their own.

`PasswordDigest = Base64(SHA-1(nonce + created + password))`. It proves who asks, once and now; it covers nothing of
what is asked, so it belongs on a line nobody else can write on (TLS, or the hospital's own network).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from lxml import etree

from engine.codecs.errors import Undecodable
from engine.codecs.soap import Opened
from engine.core.times import instant_of_rfc3339

WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DIGEST: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
NONCE_MAX: Final = 64  # characters as sent


@dataclass(frozen=True, slots=True)
class Token:
    """One UsernameToken as sent: `nonce` in Base64, `created` as text, `at` the same in unix seconds."""

    username: str
    digest: str
    nonce: str
    created: str
    at: float

    def proves(self, password: bytes) -> bool:
        """Whether its digest was made with this password."""
        made = hashlib.sha1(base64.b64decode(self.nonce) + self.created.encode() + password).digest()
        return hmac.compare_digest(base64.b64encode(made), self.digest.encode())


def token_of(opened: Opened) -> Token | None:
    """The token of an envelope; None when it has no Security header. Undecodable(soap-token) for one that is not a
    complete UsernameToken with a digest: a password in clear is never read."""
    header = next((one for one in opened.headers if one.tag == f"{{{WSSE}}}Security"), None)
    if header is None:
        return None
    tokens = header.findall(f"{{{WSSE}}}UsernameToken")
    if len(tokens) != 1:
        raise Undecodable("soap-token", 0, "Security holds one UsernameToken")
    password = tokens[0].find(f"{{{WSSE}}}Password")
    if password is None or password.get("Type") != DIGEST:
        raise Undecodable("soap-token", 0, "UsernameToken needs a Password of type PasswordDigest")
    username, nonce = _text(tokens[0], WSSE, "Username"), _text(tokens[0], WSSE, "Nonce")
    created = _text(tokens[0], WSU, "Created")
    try:
        at = instant_of_rfc3339(created.replace("Z", "+00:00"))
        base64.b64decode(nonce, validate=True)
    except (ValueError, binascii.Error):
        raise Undecodable("soap-token", 0, "UsernameToken needs Nonce (Base64) and Created (with its offset)") from None
    if not username or not 8 <= len(nonce) <= NONCE_MAX:
        raise Undecodable("soap-token", 0, "UsernameToken needs Username and a Nonce of 8 to 64 characters")
    return Token(username, (password.text or "").strip(), nonce, created, at)


def _text(parent: etree._Element, space: str, name: str) -> str:
    return (parent.findtext(f"{{{space}}}{name}") or "").strip()
