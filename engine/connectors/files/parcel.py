"""What a drop directory brings, and what becomes of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

_NAME_MAX = 150  # bytes of a name that we keep; the rest of 255 is for what is put around it
_END_MAX = 10  # bytes of what is worth keeping behind the last dot
_UNSAFE = re.compile(r"[^\w.\-+=@,()（）【】]+")


@dataclass(frozen=True, slots=True)
class Parcel:
    """One whole file. `name` is a safe form of its name, `digest` the hexadecimal SHA-256 of `body`, `at` the business
    time it was read."""

    source: str
    name: str
    body: bytes
    digest: str
    at: float


class Fate(StrEnum):
    """What the receiver did with a parcel."""

    TAKEN = "taken"
    DUPLICATE = "duplicate"  # the same content has been taken before
    REFUSED = "refused"  # it will never be taken as it is


@dataclass(frozen=True, slots=True)
class Verdict:
    """The receiver's word on one parcel. `reason` is kept beside the file; it must name no person."""

    fate: Fate
    reason: str = ""


TAKEN = Verdict(Fate.TAKEN)
Receive = Callable[[Sequence[Parcel]], Awaitable[Sequence[Verdict]]]
"""Takes a batch durably and gives one verdict for each parcel, in their order. Where it raises, nothing of the batch
was taken as far as we know: the whole batch is handed over again, so it recognises what it has by `digest`."""


def safe_name(name: str) -> str:
    """A file's name as we store and show it: no path, no control character, no leading dot, at most 150 bytes.

    Bytes that are no UTF-8 (surrogates, as Python lists them) are read as GB18030 where that is possible.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        name = name.encode("utf-8", "surrogateescape").decode("gb18030", "replace")
    name = unicodedata.normalize("NFC", name).replace("\ufffd", "_")
    name = _UNSAFE.sub("_", name).strip("._") or "unnamed"
    if len(name.encode()) <= _NAME_MAX:
        return name
    stem, dot, end = name.rpartition(".")
    end = dot + end if dot and len(end.encode()) <= _END_MAX else ""
    room = _NAME_MAX - len(end.encode())
    return (stem if end else name).encode()[:room].decode(errors="ignore").rstrip("._") + end


def written_name(name: str) -> str:
    """A name for a file we write, unchanged. ValueError for one that is a path, hidden, too long or not printable."""
    if safe_name(name) != name:
        raise ValueError("a file name has letters, digits, _ - . only, no dot at its ends, and at most 150 bytes")
    return name
