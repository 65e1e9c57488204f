"""What is signed, how, and whether a signature of theirs holds.

Signed is the text of all filled fields but `signature`, sorted by name, `k=v` joined with `&`. By certificate (01) it
is hashed twice: RSA with SHA-256 over the *small hexadecimal of the SHA-256* of that text.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SM3, Hash, HashAlgorithm
from cryptography.x509.oid import NameOID

from engine.parties.unionpay.keys import BY_CERTIFICATE, Merchant, Proven

VERSION: Final = "5.1.0"
_MAX_PEM: Final = 8192  # characters of one certificate
_PROVEN_MAX: Final = 16  # certificates remembered: they have one, and two while it changes


def text_of(fields: Mapping[str, str]) -> str:
    """The text that is signed."""
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name != "signature" and fields[name])


def signature(merchant: Merchant, fields: Mapping[str, str]) -> str:
    """Our signature over a request's fields: base64 by certificate, small hexadecimal by key."""
    if merchant.private_key is None:
        return _keyed(merchant, fields)
    hashed = _hex(SHA256(), text_of(fields)).encode()
    return base64.b64encode(merchant.private_key.sign(hashed, PKCS1v15(), SHA256())).decode()


def fault_of(merchant: Merchant, fields: Mapping[str, str], now: float) -> str:
    """Why the signature under an answer or notice does not hold; "" when it does. Never raises."""
    given, plain = fields.get("signature", ""), merchant.plain
    if not given:
        return "not signed"
    if fields.get("version") != VERSION:
        return "another version"  # 5.0.0 signs with SHA-1
    if fields.get("signMethod") != plain.sign_method:
        return "another sign method"
    if plain.sign_method != BY_CERTIFICATE:
        wanted = _keyed(merchant, fields)
        return "" if hmac.compare_digest(wanted.encode(), given.encode()) else "bad signature"
    key = signer_of(merchant, fields.get("signPubKeyCert", ""), now)
    if isinstance(key, str):
        return key
    try:
        key.verify(
            base64.b64decode(given, validate=True), _hex(SHA256(), text_of(fields)).encode(), PKCS1v15(), SHA256()
        )
    except (InvalidSignature, ValueError):  # what is no base64, and what is not even ASCII, is a ValueError
        return "bad signature"
    return ""


def signer_of(merchant: Merchant, pem: str, now: float) -> RSAPublicKey | str:
    """The key of the certificate that came with an answer, or why it is not UnionPay's: it must be issued by our
    middle certificate, that by our root, all in their time, and its name must be the signer's. Who issued it is looked
    at once for as long as these settings stand; the time is looked at each time."""
    known = merchant.proven.get(pem)
    if known is None:
        found = _proven(merchant, pem)
        if isinstance(found, str):
            return found
        known = found
        if len(merchant.proven) >= _PROVEN_MAX:
            del merchant.proven[next(iter(merchant.proven))]
        merchant.proven[pem] = known
    return known.key if known.begins <= now <= known.ends else "a certificate out of its time"


def _proven(merchant: Merchant, pem: str) -> Proven | str:
    if not pem or len(pem) > _MAX_PEM:
        return "no certificate"
    try:
        leaf = x509.load_pem_x509_certificate(pem.encode())
        key = leaf.public_key()
        names = [str(name.value) for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except (ValueError, x509.InvalidVersion):
        return "no certificate"
    if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
        return "a certificate of another kind"
    parts = names[0].split("@") if len(names) == 1 else []
    if len(parts) < 3 or parts[2] != merchant.plain.signer:
        return "another signer's certificate"
    chain = _chain(merchant, leaf)
    if not chain:
        return "a certificate of another house"
    return Proven(
        key, max(one.not_valid_before_utc.timestamp() for one in chain),
        min(one.not_valid_after_utc.timestamp() for one in chain),
    )  # fmt: skip


def _chain(merchant: Merchant, leaf: x509.Certificate) -> tuple[x509.Certificate, ...]:
    """Leaf, middle and root when each is issued by the next and both issuers may issue; () when there is no such."""
    for middle in merchant.middles:
        if _issued(leaf, middle):
            for root in merchant.roots:
                if _issued(middle, root):
                    return leaf, middle, root
    return ()


def _issued(one: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(by)
        return by.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False


def _keyed(merchant: Merchant, fields: Mapping[str, str]) -> str:
    how: HashAlgorithm = SHA256() if merchant.plain.sign_method == "11" else SM3()
    return _hex(how, f"{text_of(fields)}&{_hex(how, merchant.plain.secure_key)}")


def _hex(how: HashAlgorithm, text: str) -> str:
    made = Hash(how)
    made.update(text.encode())
    return binascii.hexlify(made.finalize()).decode()
