"""A directory of this machine, or of a share it mounts."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from engine.connectors.beside import Beside, Stuck
from engine.connectors.files.place import (
    WORKING,
    Changed,
    FileTrouble,
    Gone,
    Occupied,
    PlaceTrouble,
    Seen,
    TooLong,
    Unsure,
)
from engine.core.world import World

T = TypeVar("T")
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL})
_ONE_FILE = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR, errno.ENAMETOOLONG, errno.EILSEQ})
_BLOCK = 1024 * 1024


class LocalPlace:
    """Every step runs beside the reactor and is given `op_s` seconds: a share whose server is gone hangs in the
    kernel."""

    def __init__(self, world: World, directory: str, owner: str, *, op_s: float = 30.0) -> None:
        self._desk = Beside(world)
        self._at = Path(directory)
        self._working = self._at / WORKING / owner
        self._op_s = op_s

    async def look(self) -> list[Seen]:
        return await self._do(_listing, self._at)

    async def held(self) -> list[Seen]:
        return await self._do(self._held)

    def _held(self) -> list[Seen]:
        self._make_working()
        return _listing(self._working)

    def _make_working(self) -> None:
        """Only our own folders: where the directory itself is missing, a share may not be mounted."""
        self._working.parent.mkdir(exist_ok=True)
        self._working.mkdir(exist_ok=True)

    async def claim(self, name: str, as_name: str) -> None:
        await self._do(self._claim, self._at / name, self._working / as_name)

    def _claim(self, source: Path, target: Path) -> None:
        try:
            os.rename(source, target)
        except FileNotFoundError:
            if not os.path.lexists(source):
                raise
            self._make_working()  # somebody has tidied it away
            os.rename(source, target)

    async def read(self, as_name: str, limit: int) -> bytes:
        return await self._do(_read, self._working / as_name, limit)

    async def keep(self, as_name: str, folder: str, new: str, note: bytes) -> None:
        await self._do(self._keep, as_name, folder, new, note)

    def _keep(self, as_name: str, folder: str, new: str, note: bytes) -> None:
        target = self._at
        for part in folder.split("/"):
            target = target / part
            target.mkdir(exist_ok=True)
        if note:  # first, so that no file ever lies there without its reason
            _write(target / f"{new}.json", note)
        os.rename(self._working / as_name, target / new)

    async def discard(self, as_name: str) -> None:
        await self._do((self._working / as_name).unlink, True)

    async def put(self, name: str, body: bytes, temporary: str) -> bool:
        return await self._do(_put, self._at, name, body, temporary)

    async def close(self) -> None:
        """Nothing stays open."""

    async def _do(self, work: Callable[..., T], *args: object) -> T:
        try:
            return await self._desk.run(self._op_s, work, *args)
        except FileNotFoundError as fault:
            raise Gone(_why(fault)) from None
        except OSError as fault:
            trouble = FileTrouble if fault.errno in _ONE_FILE else PlaceTrouble
            raise trouble(_why(fault)) from None
        except Stuck as fault:
            trouble = Unsure if fault.begun else PlaceTrouble
            raise trouble(f"the directory does not answer: {fault}") from None


def _why(fault: OSError) -> str:
    return os.strerror(fault.errno) if fault.errno else type(fault).__name__


def _listing(folder: Path) -> list[Seen]:
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                at = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # taken between the listing and the look
                continue
            if not stat.S_ISDIR(at.st_mode):
                found.append(Seen(entry.name, at.st_size, at.st_mtime, stat.S_ISREG(at.st_mode)))
    return found


def _read(path: Path, limit: int) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            raise FileTrouble("not a regular file")
        if before.st_size > limit:
            raise TooLong(f"{before.st_size} bytes")
        pieces, size = [], 0
        while piece := os.read(handle, _BLOCK):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise Changed("it grows")
        after = os.fstat(handle)
    finally:
        os.close(handle)
    body = b"".join(pieces)
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns) or size != after.st_size:
        raise Changed("it is still being written")
    return body


def _write(path: Path, body: bytes) -> None:
    """Whole, and on the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    try:
        rest = memoryview(body)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _put(folder: Path, name: str, body: bytes, temporary: str) -> bool:
    target, temp = folder / name, folder / temporary
    try:
        _write(temp, body)
        if not _appear(temp, target):
            if _same(target, body):
                return False
            raise Occupied(name)
    finally:
        temp.unlink(missing_ok=True)
    try:
        _sync_folder(folder)
    except OSError as fault:
        raise Unsure(_why(fault)) from None
    return True


def _appear(temp: Path, target: Path) -> bool:
    """Give a whole file its name; False where the name is taken. A link cannot overwrite; not all shares know it."""
    try:
        os.link(temp, target)
    except FileExistsError:
        return False
    except OSError as fault:
        if fault.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            return False
        os.rename(temp, target)
    return True


def _same(path: Path, body: bytes) -> bool:
    try:
        return _read(path, len(body)) == body
    except PlaceTrouble:
        return False


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
