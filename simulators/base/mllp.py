"""MLLP as the simulated parties speak it: VT, body, FS CR on a byte stream."""

from __future__ import annotations

VT, FS = b"\x0b", b"\x1c"
END = FS + b"\r"
BODY_LIMIT = 8 * 1024 * 1024  # bytes


def framed(body: bytes) -> bytes:
    """One block; ValueError for a body that would end or restart it."""
    if VT in body or FS in body:
        raise ValueError("a body has neither VT nor FS")
    return VT + body + END


class Unframer:
    """Takes blocks out of one connection's bytes; what stands between blocks is dropped."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies these bytes complete. OverflowError when one grows beyond BODY_LIMIT."""
        rest = self._rest + data
        found = []
        while (end := rest.find(END)) >= 0:
            begin = rest.rfind(VT, 0, end)  # a VT inside a block begins it anew
            if begin >= 0:
                found.append(rest[begin + 1 : end])
            rest = rest[end + len(END) :]
        begin = rest.rfind(VT)
        self._rest = rest[begin:] if begin >= 0 else b""
        if len(self._rest) > BODY_LIMIT:
            raise OverflowError(f"a message of more than {BODY_LIMIT} bytes")
        return found
