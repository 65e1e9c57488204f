"""Passwords of console users: kept as scrypt hashes, compared in constant time.

A hash file holds one line, `scrypt$LOG2N$R$P$SALT$HASH` with salt and hash in Base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

LOG2N, R, P, SIZE = 15, 8, 1, 32
LOG2N_MAX, R_MAX, P_MAX = 17, 16, 4  # above them a hash file could stop the console
PASSWORD_MAX = 256  # characters; more is no password
_MEMORY = 1 << 28


def password_hash(password: str, salt: bytes, log2n: int = LOG2N) -> str:
    """The line to keep for a password; `salt`: at least 16 unpredictable bytes. Takes about a tenth of a second."""
    if len(salt) < 16:
        raise ValueError("a salt has at least 16 bytes")
    made = _scrypt(password, salt, log2n, R, P)
    return f"scrypt${log2n}${R}${P}${_text(salt)}${_text(made)}"


def password_fits(password: str, line: str) -> bool:
    """Whether the password is the one of this line; False for a line that is none."""
    parts = line.strip().split("$")
    if len(parts) != 6 or parts[0] != "scrypt" or len(password) > PASSWORD_MAX:
        return False
    try:
        log2n, r, p = (int(part) for part in parts[1:4])
        salt, wanted = (base64.b64decode(part, validate=True) for part in parts[4:])
    except (ValueError, binascii.Error):
        return False
    if not (1 <= log2n <= LOG2N_MAX and 1 <= r <= R_MAX and 1 <= p <= P_MAX and len(wanted) >= SIZE):
        return False
    return hmac.compare_digest(_scrypt(password, salt, log2n, r, p, len(wanted)), wanted)


NOBODY = f"scrypt${LOG2N}${R}${P}${'A' * 22}==${'A' * 43}="
"""What an unknown user's password is compared with, so that it takes as long as a known one's."""


def _scrypt(password: str, salt: bytes, log2n: int, r: int, p: int, size: int = SIZE) -> bytes:
    data = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=1 << log2n, r=r, p=p, maxmem=_MEMORY, dklen=size)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
