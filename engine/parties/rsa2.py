"""RSA with SHA-256 over `k=v&k=v` (RSA2), as payment and insurance gateways of this country sign."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

LEAST_BITS = 2048


def canonical(fields: Mapping[str, str], *without: str, empty: bool = False, charset: str = "utf-8") -> bytes:
    """`k=v` of the sorted fields joined by `&`, not form-encoded; empty values only where `empty` says so."""
    return "&".join(
        f"{name}={fields[name]}" for name in sorted(fields) if name not in without and (fields[name] or empty)
    ).encode(charset)


def signed(key: RSAPrivateKey, message: bytes) -> str:
    """Base64 of RSA with SHA-256."""
    return base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def holds(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    """Whether the signature is of this key over this message."""
    try:
        key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):  # what is no Base64, and what is not even ASCII, is a ValueError
        return False
    return True


def private_key(field: str, pem: str) -> RSAPrivateKey:
    """The key in a PEM text; ValueError names the field."""
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{field}: not a PEM private key without password ({error})") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_BITS:
        raise ValueError(f"{field}: an RSA key of at least {LEAST_BITS} bits is wanted")
    return key


def public_key(field: str, pem: str) -> RSAPublicKey:
    """The public key in a PEM text; ValueError names the field."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{field}: not a PEM public key ({error})") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < LEAST_BITS:
        raise ValueError(f"{field}: an RSA key of at least {LEAST_BITS} bits is wanted")
    return key
