"""SM2 signatures in plain Python, for keys that guard nothing: the town's own, so that the platform checks what the
engine's compiled library signs with other code. It takes a millisecond and tells by its time: never for a real key.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from cryptography.hazmat.primitives import hashes

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
Affine = tuple[int, int]
Jacobian = tuple[int, int, int]  # (x·z², y·z³, z); z 0: the point at infinity
_NOWHERE: Jacobian = (1, 1, 0)


@lru_cache(64)
def public(number: bytes) -> bytes:
    """X‖Y of a private number."""
    x, y = _affine(_times(int.from_bytes(number, "big"), G))
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")


def sign(number: bytes, text: bytes, signer: bytes, k: int = 0) -> bytes:
    """r‖s. `k`: the random number of a published vector; else one made of key and text, so that a run repeats."""
    d = int.from_bytes(number, "big")
    digest = _digest(public(number), signer, text)
    e, turn = int.from_bytes(digest, "big"), 0
    while True:
        made = hashlib.sha512(number + digest + bytes([turn])).digest()
        nonce = k or int.from_bytes(made, "big") % (N - 1) + 1
        r = (e + _affine(_times(nonce, G))[0]) % N
        s = pow(1 + d, -1, N) * (nonce - r * d) % N
        if r and s and r + nonce != N:
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        turn += 1


def good(point: bytes, text: bytes, signer: bytes, signature: bytes) -> bool:
    """Whether r‖s is the signature of this point's owner."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or not (0 < r < N and 0 < s < N) or not (r + s) % N:
        return False
    owner = (int.from_bytes(point[:32], "big"), int.from_bytes(point[32:], "big"))
    met = _plus(_times(s, G), _times((r + s) % N, owner))
    e = int.from_bytes(_digest(point, signer, text), "big")
    return met[2] != 0 and (e + _affine(met)[0]) % N == r


def _digest(point: bytes, signer: bytes, text: bytes) -> bytes:
    """SM3(Z ‖ text), Z the digest of the signer's id, the curve and the public point."""
    curve = b"".join(value.to_bytes(32, "big") for value in (A, B, *G))
    return _sm3(_sm3((8 * len(signer)).to_bytes(2, "big") + signer + curve + point) + text)


def _sm3(data: bytes) -> bytes:
    work = hashes.Hash(hashes.SM3())
    work.update(data)
    return work.finalize()


def _affine(point: Jacobian) -> Affine:
    x, y, z = point
    back = pow(z, -1, P)
    return x * back * back % P, y * back * back * back % P


def _times(number: int, point: Affine) -> Jacobian:
    """number · point, four bits at a time: each digit's multiple is looked up, and only added."""
    made = _NOWHERE
    for row, digit in zip(_multiples(point), reversed(f"{number:064x}"), strict=True):
        made = _plus(made, row[int(digit, 16)])
    return made


@lru_cache(16)
def _multiples(point: Affine) -> list[list[Jacobian]]:
    """0 to 15 times the point, then 16 times each of these, and so on: it takes longer than one product, and the town
    multiplies the same few points all day."""
    first: Jacobian = (*point, 1)
    rows: list[list[Jacobian]] = []
    while len(rows) < 64:
        row = [_NOWHERE, first]
        while len(row) < 16:
            row.append(_plus(row[-1], first))
        rows.append(row)
        first = _plus(row[-1], first)
    return rows


def _plus(one: Jacobian, two: Jacobian) -> Jacobian:
    if not one[2]:
        return two
    if not two[2]:
        return one
    (x1, y1, z1), (x2, y2, z2) = one, two
    zz1, zz2 = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * zz2 % P, x2 * zz1 % P
    s1, s2 = y1 * z2 * zz2 % P, y2 * z1 * zz1 % P
    if u1 == u2:
        if s1 != s2:
            return _NOWHERE
        m = 3 * (x1 - zz1) * (x1 + zz1) % P  # A is -3
        s, yy = 4 * x1 * y1 * y1 % P, y1 * y1 % P
        x3 = (m * m - 2 * s) % P
        return x3, (m * (s - x3) - 8 * yy * yy) % P, 2 * y1 * z1 % P
    h, r = (u2 - u1) % P, (s2 - s1) % P
    hh = h * h % P
    hhh, v = h * hh % P, u1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - s1 * hhh) % P, h * z1 * z2 % P
