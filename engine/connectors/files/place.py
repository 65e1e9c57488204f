"""What a directory to take from and to put into must be able to do, wherever it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

WORKING = ".engine"  # our folder inside the directory; what is claimed lies in WORKING/OWNER


class PlaceTrouble(Exception):
    """The directory cannot be used now: gone, not permitted, full, no connection. `why` is for people."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class FileTrouble(PlaceTrouble):
    """This one file cannot be had (not permitted, no regular file); the others can."""


class Gone(PlaceTrouble):
    """The file is no longer there: somebody else has it."""


class Changed(PlaceTrouble):
    """The file grew or changed while it was read: its writer is still at it."""


class TooLong(PlaceTrouble):
    """The file is larger than allowed; nothing of it was kept."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as a listing shows it. `name` as Python lists it (undecodable bytes as surrogates), `size` in bytes,
    `changed` unix seconds by the place's own clock; `plain`: a regular file, no link and no device."""

    name: str
    size: int
    changed: float
    plain: bool = True


class Place(Protocol):
    """A directory. All of these raise PlaceTrouble, and nothing else, when they cannot do it; `claim` and `read`
    FileTrouble where it is the one file's."""

    async def look(self) -> list[Seen]:
        """What lies in the directory, hidden files not."""

    async def held(self) -> list[Seen]:
        """What this node has claimed and not finished, from before a crash too."""

    async def claim(self, name: str, as_name: str) -> None:
        """Take a file for ourselves, atomically; Gone where another was faster."""

    async def read(self, as_name: str, limit: int) -> bytes:
        """A claimed file's bytes; Changed, TooLong."""

    async def keep(self, as_name: str, folder: str, new: str, note: bytes) -> None:
        """Move a claimed file to `folder/new`, with a note (`new`.json) beside it unless that is empty."""

    async def discard(self, as_name: str) -> None:
        """Delete a claimed file; one that is gone already is no trouble."""

    async def put(self, name: str, body: bytes, temporary: str) -> bool:
        """Write a file so that it appears whole or not at all; False when it is already there with the same content.
        Occupied where something else is there under that name, Unsure where nobody knows whether it appeared."""

    async def close(self) -> None:
        """Let go of what is open."""


class Occupied(PlaceTrouble):
    """Another file has this name."""


class Unsure(PlaceTrouble):
    """The last step may have been done or not."""
