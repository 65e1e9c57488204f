"""Was the write-ahead file damaged? SQLite drops everything behind the first bad frame without a word.

That is right for the last transaction, torn by a power cut. But every transaction was on the disk before the next one
began: a bad frame with a whole further transaction behind it is damage, and acknowledged work would vanish.
"""

from __future__ import annotations

import struct

_BIG, _LITTLE = 0x377F0683, 0x377F0682


def _sum(data: bytes, order: str, s0: int, s1: int) -> tuple[int, int]:
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for i in range(0, len(words), 2):
        s0 = (s0 + words[i] + s1) & 0xFFFFFFFF
        s1 = (s1 + words[i + 1] + s0) & 0xFFFFFFFF
    return s0, s1


def damage(path: str) -> str:
    """What is wrong with the file, "" when nothing is. Reads it once; about a second for 16 MiB."""
    with open(path, "rb") as wal:
        head = wal.read(32)
        if len(head) < 32:
            return ""
        magic, _, page, _, salt0, salt1, c0, c1 = struct.unpack(">8I", head)
        order = {_BIG: ">", _LITTLE: "<"}.get(magic)
        if order is None or page < 512 or page > 65536 or page & (page - 1):
            return "its header is not one" if any(head) else ""
        s0, s1 = _sum(head[:24], order, 0, 0)
        if (s0, s1) != (c0, c1):
            return "its header has a wrong checksum"
        return _frames(wal.read, order, page, (salt0, salt1), s0, s1)


def _frames(read: object, order: str, page: int, salts: tuple[int, int], s0: int, s1: int) -> str:
    assert callable(read)
    number, bad, committed_after_bad = 0, 0, False
    while True:
        head, data = read(24), b""
        if len(head) == 24:
            data = read(page)
        if len(data) < page:
            return ""
        number += 1
        _, size, salt0, salt1, c0, c1 = struct.unpack(">6I", head)
        ours = (salt0, salt1) == salts
        if bad:
            if committed_after_bad and ours:
                return f"frame {bad} is bad, later ones were committed"
            committed_after_bad = committed_after_bad or (ours and size > 0)
            continue
        s0, s1 = _sum(head[:8], order, s0, s1)
        s0, s1 = _sum(data, order, s0, s1)
        if not ours or (s0, s1) != (c0, c1):
            bad = number
            # The bad frame may be a commit itself, with only its content changed.
            committed_after_bad = ours and size > 0
