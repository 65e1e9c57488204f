"""The SM2 curve (GB/T 32918.5): its figures, whether a point lies on it, and the public point of a private number.

Only for keys while they are read, once each. Signing and deciphering happen in compiled code (`native`), never here:
what this file does takes milliseconds and tells by its time.
"""

from __future__ import annotations

from typing import Final

P: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
N: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
A: Final = P - 3
B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
GX: Final = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
GY: Final = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0
SIZE: Final = 32  # bytes of a number and of a coordinate

Point = tuple[int, int]


def holds(x: int, y: int) -> bool:
    """Whether (x, y) is a point of the curve. Its order is prime, so every such point is a fit public key."""
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x * x + A * x + B)) % P == 0


def public_point(number: int) -> Point:
    """The public point of a private number, 1 ≤ number ≤ N - 2."""
    if not 1 <= number <= N - 2:
        raise ValueError("an SM2 private key is a number from 1 to n - 2")
    made: Point | None = None
    for bit in bin(number)[2:]:
        made = made and _sum(made, made)
        if bit == "1":
            made = _sum(made, (GX, GY)) if made else (GX, GY)
    assert made is not None
    return made


def _sum(one: Point, two: Point) -> Point:
    """The sum of two points that are not each other's mirror (which no step towards a number below N - 1 meets)."""
    (x1, y1), (x2, y2) = one, two
    slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) if one == two else (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P
