"""MLLP framing: whichever way bytes arrive, each message comes out once, whole, and alone."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codecs.mllp import Frame, Framer, Noise, frame

A = b"MSH|^~\\&|A\rPID|1||A\r"
B = b"MSH|^~\\&|B\rPID|1||B\r"


def run(data: bytes, slice_size: int = 0, limit: int = 10_000) -> list[Frame | Noise]:
    framer = Framer(limit)
    size = slice_size or len(data) or 1
    found = [part for at in range(0, len(data), size) for part in framer.feed(data[at : at + size])]
    return found + framer.finish()


CASES: dict[str, tuple[bytes, list[Frame | Noise]]] = {
    "one": (frame(A), [Frame(A)]),
    "two in one packet": (frame(A) + frame(B), [Frame(A), Frame(B)]),
    "empty": (frame(b""), [Frame(b"")]),
    "no end block": (b"\x0b" + A, [Noise("unfinished", len(A))]),
    "cut before CR": (b"\x0b" + A + b"\x1c", [Noise("unfinished", len(A))]),
    "no end block, then another": (b"\x0b" + A + frame(B), [Noise("restarted", len(A)), Frame(B)]),
    "VT inside a body": (b"\x0bMSH|A\x0bPID\x1c\r" + frame(B), [Noise("restarted", 5), Frame(b"PID"), Frame(B)]),
    "FS without CR, then another": (b"\x0b" + A + b"\x1c" + frame(B), [Noise("no-cr", len(A)), Frame(B)]),
    "FS without CR inside": (
        b"\x0bMSH|A\x1cPID\x1c\r" + frame(B),
        [Noise("no-cr", 5), Noise("garbage", 5), Frame(B)],
    ),
    "FS FS CR": (b"\x0bA\x1c\x1c\r" + frame(B), [Noise("no-cr", 1), Noise("garbage", 2), Frame(B)]),
    "garbage before": (b"hello" + frame(A), [Noise("garbage", 5), Frame(A)]),
    "line ends between": (frame(A) + b"\r\n" + frame(B), [Frame(A), Noise("garbage", 2), Frame(B)]),
    "garbage alone": (b"hello", [Noise("garbage", 5)]),
    "1 kB of garbage": (b"x" * 1024 + frame(A), [Noise("garbage", 1024), Frame(A)]),
    "GBK trail bytes": (frame("億區東瑋魚".encode("gbk")), [Frame("億區東瑋魚".encode("gbk"))]),
}


@pytest.mark.parametrize("slice_size", [0, 1, 2, 7])
@pytest.mark.parametrize("case", CASES)
def test_what_comes_out(case: str, slice_size: int) -> None:
    data, expected = CASES[case]
    assert run(data, slice_size) == expected


@pytest.mark.parametrize("slice_size", [0, 1, 100])
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"x" * 1025 + frame(A), "garbage"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x0b" * 50, "tls"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "http"),
        (b"OPTIONS * HTTP/1.1\r\n\r\n", "http"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http"),
    ],
)
def test_strangers_are_named_and_shut_out(data: bytes, why: str, slice_size: int) -> None:
    found = run(data + frame(A), slice_size)
    assert len(found) == 1
    noise = found[0]
    assert isinstance(noise, Noise)
    assert (noise.why, noise.close) == (why, True)


def test_garbage_counts_from_the_last_whole_message() -> None:
    framer = Framer(1000)
    for _ in range(5):
        parts = framer.feed(b"y" * 1000 + frame(A))
        assert parts == [Noise("garbage", 1000), Frame(A)]


@pytest.mark.parametrize("slice_size", [0, 1, 999])
def test_the_limit_is_exact(slice_size: int) -> None:
    body = b"x" * 5000
    assert run(frame(body), slice_size, limit=5000) == [Frame(body)]
    found = run(frame(body + b"x") + frame(A), slice_size, limit=5000)
    assert [(part.why, part.close) for part in found if isinstance(part, Noise)] == [("too-long", True)]
    assert not any(isinstance(part, Frame) for part in found)


@pytest.mark.parametrize("packet", [3, 1460, 65536])
@pytest.mark.parametrize("beyond", [0, 64_000_000])
def test_memory_stays_within_twice_the_limit(packet: int, beyond: int) -> None:
    """64 MB are refused after the limit; a body of exactly the limit needs its pieces and itself."""
    limit = 300_000 if packet < 100 else 4_000_000
    framer = Framer(limit)
    block = bytes(range(32, 32 + 64)) * (packet // 64 + 1)
    piece = block[:packet]
    framer.feed(b"\x0b")
    tracemalloc.start()
    sent = 0
    while sent < limit + beyond and not framer.closed:
        now = piece[: min(packet, limit + beyond - sent)]
        framer.feed(now)
        sent += len(now)
    found = [] if framer.closed else framer.feed(b"\x1c\r")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert framer.closed == bool(beyond)
    assert sent <= limit + packet
    assert len(found) == (0 if beyond else 1)
    assert peak <= 2 * limit + 300_000


def test_a_body_that_would_not_stay_one_message_is_not_framed() -> None:
    for body in (b"a\x0bb", b"a\x1cb"):
        with pytest.raises(ValueError, match="VT or FS"):
            frame(body)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", A, b"x", frame(B)]), max_size=12), st.data())
def test_slicing_never_changes_the_outcome(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    size = data.draw(st.integers(1, max(1, len(whole))))
    assert run(whole, size) == run(whole)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\x0b", b"").replace(b"\x1c", b"")), max_size=5))
def test_framed_bodies_come_back(bodies: list[bytes]) -> None:
    assert run(b"".join(map(frame, bodies)), 3) == [Frame(body) for body in bodies]
