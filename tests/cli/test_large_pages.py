"""Memory in large pages: only our own, only where most of it is in use, and nothing of it changes."""

from __future__ import annotations

import io
from array import array

from engine.cli.large_pages import FILLED, LARGE, SMALL, gather, places

EACH = LARGE // SMALL


def pagemap(*present: int) -> io.BytesIO:
    """A pagemap of large pages from address 0, with so many small ones present in each."""
    entries = array("Q")
    for count in present:
        entries.extend([1 << 63 | 77] * count + [1 << 62] * (EACH - count))  # the others are swapped out
    return io.BytesIO(entries.tobytes())


def lines(*mappings: tuple[float, float, str]) -> str:
    return "\n".join(f"{int(a * LARGE):08x}-{int(b * LARGE):08x} {rest}" for a, b, rest in mappings)


def test_large_pages_are_made_where_most_is_in_use() -> None:
    maps = lines((1, 4, "rw-p 00000000 00:00 0 "))
    assert list(places(maps, pagemap(0, EACH, FILLED, FILLED - 1))) == [LARGE, 2 * LARGE]


def test_a_mapping_that_is_not_aligned_keeps_its_ends() -> None:
    maps = lines((0.5, 2.5, "rw-p 00000000 00:00 0                          [heap]"))
    assert list(places(maps, pagemap(EACH, EACH, EACH))) == [LARGE]


def test_files_stacks_shared_and_other_memory_are_left_alone() -> None:
    maps = lines(
        (0, 1, "r-xp 00000000 08:01 1234   /usr/bin/python3.11"),
        (1, 2, "rw-p 00001000 08:01 1234   /usr/bin/python3.11"),
        (2, 3, "rw-s 00000000 00:01 99     /dev/zero (deleted)"),
        (3, 4, "rw-p 00000000 00:00 0      [stack]"),
        (4, 5, "---p 00000000 00:00 0 "),
    )
    assert not list(places(maps, pagemap(*[EACH] * 5)))


def test_what_is_in_memory_stays_what_it_was() -> None:
    kept = [bytes([number]) * SMALL for number in range(200)] * 8
    big = bytearray(b"".join(kept))
    assert gather() >= 0
    assert big == b"".join(kept)
