"""A directory on an SFTP server."""

from __future__ import annotations

import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from twisted.conch.ssh import filetransfer as ft
from twisted.internet.defer import Deferred, DeferredLock, FirstError, gatherResults
from twisted.internet.error import ConnectionLost

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
from engine.connectors.files.ssh import SshLogin, SshRefused, connect
from engine.core.world import World

T = TypeVar("T")
_CHUNK = 32 * 1024  # bytes a server must be able to read or write at once
_AHEAD = 16  # chunks asked for before the first has come
_NAMES_MAX = 50_000  # entries of one directory we look at


class SftpPlace:
    """One directory of one server over one connection, opened when it is needed and kept.

    `op_s`: seconds one step (a listing, a rename, a file) may take before the connection is given up. Renames never
    overwrite, as SFTP has it; a server that does overwrite is one where another's file of the same name can be lost.
    """

    def __init__(
        self,
        world: World,
        host: str,
        port: int,
        directory: str,
        owner: str,
        login: SshLogin,
        *,
        connect_timeout: float = 15.0,
        op_s: float = 60.0,
    ) -> None:
        login.key()  # a key that is none is said now
        if not login.host_keys:
            raise ValueError("host_keys must name at least one key")
        self._world = world
        self._host, self._port, self._login = host, port, login
        self._connect_timeout, self._op_s = connect_timeout, op_s
        self._at = directory.rstrip("/") or "/"
        self._working = f"{self._at}/{WORKING}/{owner}"
        self._turn = DeferredLock()
        self._client: Any = None
        self._hang_up: Callable[[], None] | None = None
        self.opened = 0

    async def look(self) -> list[Seen]:
        return await self._do(lambda client: self._listing(client, self._at))

    async def held(self) -> list[Seen]:
        async def work(client: Any) -> list[Seen]:
            await self._make(client, f"{self._at}/{WORKING}", self._working)
            return await self._listing(client, self._working)

        return await self._do(work)

    async def claim(self, name: str, as_name: str) -> None:
        async def work(client: Any) -> None:
            source, target = f"{self._at}/{name}", f"{self._working}/{as_name}"
            try:
                await client.renameFile(_raw(source), _raw(target))
            except ft.SFTPError:
                if await self._size(client, source) is None:
                    raise Gone(name) from None
                await self._make(client, f"{self._at}/{WORKING}", self._working)
                await client.renameFile(_raw(source), _raw(target))

        await self._one_file(work)

    async def read(self, as_name: str, limit: int) -> bytes:
        async def work(client: Any) -> bytes:
            path = f"{self._working}/{as_name}"
            before = await client.getAttrs(_raw(path))
            if not stat.S_ISREG(before.get("permissions", stat.S_IFREG)):
                raise FileTrouble("not a regular file")
            size = int(before["size"])
            if size > limit:
                raise TooLong(f"{size} bytes")
            body = await _fetch(client, path, size)
            after = await client.getAttrs(_raw(path))
            if (after["size"], after.get("mtime")) != (size, before.get("mtime")) or len(body) != size:
                raise Changed("it is still being written")
            return body

        return await self._one_file(work)

    async def keep(self, as_name: str, folder: str, new: str, note: bytes) -> None:
        async def work(client: Any) -> None:
            at = self._at
            for part in folder.split("/"):
                at = f"{at}/{part}"
                await self._make(client, at)
            if note:
                await _store(client, f"{at}/{new}.json", note)
            await client.renameFile(_raw(f"{self._working}/{as_name}"), _raw(f"{at}/{new}"))

        await self._do(work)

    async def discard(self, as_name: str) -> None:
        async def work(client: Any) -> None:
            try:
                await client.removeFile(_raw(f"{self._working}/{as_name}"))
            except ft.SFTPError as fault:
                if fault.code != ft.FX_NO_SUCH_FILE:
                    raise

        await self._do(work)

    async def put(self, name: str, body: bytes, temporary: str) -> bool:
        renaming = False

        async def work(client: Any) -> bool:
            target, temp = f"{self._at}/{name}", f"{self._at}/{temporary}"
            if await self._size(client, target) is not None:
                return await self._same_there(client, target, body)
            try:
                await _store(client, temp, body)
            except ft.SFTPError as fault:
                await _try_remove(client, temp)
                raise PlaceTrouble(_why(fault)) from None
            nonlocal renaming
            renaming = True  # from here on nobody knows, until the server has answered
            try:
                await client.renameFile(_raw(temp), _raw(target))
            except ft.SFTPError as fault:
                renaming = False
                await _try_remove(client, temp)
                if await self._size(client, target) is None:
                    raise PlaceTrouble(_why(fault)) from None
                return await self._same_there(client, target, body)
            return True

        try:
            return await self._do(work)
        except Unsure as fault:
            if renaming:
                raise
            raise PlaceTrouble(fault.why) from None

    async def close(self) -> None:
        self._drop()

    # --- one step -------------------------------------------------------------------------------

    async def _do(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """One step at a time, on a connection that is there; Unsure when it was lost or late in the middle."""
        await self._turn.acquire()
        try:
            client = await self._connected()
            try:
                return await self._in_time(work, client)
            except ft.SFTPError as fault:
                raise (Gone if fault.code == ft.FX_NO_SUCH_FILE else PlaceTrouble)(_why(fault)) from None
            except (ConnectionLost, EOFError, NotImplementedError, KeyError) as fault:
                self._drop()
                raise Unsure(f"connection lost: {type(fault).__name__}") from None
        finally:
            self._turn.release()

    async def _one_file(self, work: Callable[[Any], Awaitable[T]]) -> T:
        async def mine(client: Any) -> T:
            try:
                return await work(client)
            except ft.SFTPError as fault:
                if fault.code == ft.FX_NO_SUCH_FILE:
                    raise
                raise FileTrouble(_why(fault)) from None

        return await self._do(mine)

    async def _connected(self) -> Any:
        if self._client is None:
            try:
                self._client, self._hang_up = await connect(
                    self._world, self._host, self._port, self._login, self._connect_timeout, self._lost
                )
            except SshRefused as fault:
                raise PlaceTrouble(f"sftp: {fault.why}") from None
            self.opened += 1
        return self._client

    async def _in_time(self, work: Callable[[Any], Awaitable[T]], client: Any) -> T:
        late = False

        def expire() -> None:
            nonlocal late
            late = True
            self._drop()  # what waits for an answer hears of it

        timer = self._world.later(self._op_s, expire)
        try:
            return await work(client)
        except ConnectionLost:
            if late:
                raise Unsure("no answer in time") from None
            raise
        finally:
            if timer.active():
                timer.cancel()

    def _lost(self) -> None:
        self._client = self._hang_up = None

    def _drop(self) -> None:
        hang_up = self._hang_up
        self._lost()
        if hang_up is not None:
            hang_up()

    # --- pieces of a step -----------------------------------------------------------------------

    async def _listing(self, client: Any, path: str) -> list[Seen]:
        folder = await client.openDirectory(_raw(path))
        found: list[Seen] = []
        try:
            while len(found) < _NAMES_MAX:
                for raw, _, at in await folder.read():
                    name = raw.decode("utf-8", "surrogateescape")
                    mode = at.get("permissions", stat.S_IFREG)
                    if not name.startswith(".") and "/" not in name and not stat.S_ISDIR(mode):
                        found.append(Seen(name, int(at.get("size", 0)), float(at.get("mtime", 0)), stat.S_ISREG(mode)))
        except EOFError:
            pass
        await folder.close()
        return found

    async def _make(self, client: Any, *paths: str) -> None:
        for path in paths:
            if await self._size(client, path) is None:
                try:
                    await client.makeDirectory(_raw(path), {})
                except ft.SFTPError:
                    if await self._size(client, path) is None:  # else another node was faster
                        raise

    async def _size(self, client: Any, path: str) -> int | None:
        """Its size, None when nothing is there."""
        try:
            return int((await client.getAttrs(_raw(path))).get("size", 0))
        except ft.SFTPError as fault:
            if fault.code != ft.FX_NO_SUCH_FILE:
                raise
            return None

    async def _same_there(self, client: Any, path: str, body: bytes) -> bool:
        """False for a file that is there with this content, as `put` gives it."""
        if await self._size(client, path) == len(body) and await _fetch(client, path, len(body)) == body:
            return False
        raise Occupied(path.rpartition("/")[2])


async def _fetch(client: Any, path: str, size: int) -> bytes:
    """A file's first `size` bytes, several chunks on the way at once; shorter when it ends before."""
    file = await client.openFile(_raw(path), ft.FXF_READ, {})
    pieces: list[bytes] = []
    at = 0
    try:
        while at < size:
            asked = [(spot, min(_CHUNK, size - spot)) for spot in range(at, min(size, at + _AHEAD * _CHUNK), _CHUNK)]
            for (spot, wanted), piece in zip(asked, await _chunks(file, asked), strict=True):
                if spot != at:  # a chunk before it came short: ask for what is missing
                    break
                pieces.append(piece)
                at += len(piece)
                if not piece:
                    return b"".join(pieces)
                if len(piece) < wanted:
                    break
    finally:
        await file.close()
    return b"".join(pieces)


async def _chunks(file: Any, asked: list[tuple[int, int]]) -> list[bytes]:
    def end(failure: Any) -> bytes:
        failure.trap(EOFError)
        return b""

    waiting: list[Deferred[bytes]] = [file.readChunk(spot, wanted).addErrback(end) for spot, wanted in asked]
    return await _all(waiting)


async def _all(waiting: list[Deferred[T]]) -> list[T]:
    try:
        return await gatherResults(waiting, consumeErrors=True)
    except FirstError as first:
        first.subFailure.raiseException()
        raise  # never: the line above has raised


async def _store(client: Any, path: str, body: bytes) -> None:
    """Write a whole file; on the server's disk where it can be told to."""
    file = await client.openFile(_raw(path), ft.FXF_WRITE | ft.FXF_CREAT | ft.FXF_TRUNC, {})
    try:
        for at in range(0, len(body), _AHEAD * _CHUNK):
            end = min(len(body), at + _AHEAD * _CHUNK)
            await _all([file.writeChunk(spot, body[spot : min(end, spot + _CHUNK)]) for spot in range(at, end, _CHUNK)])
        if b"fsync@openssh.com" in client.extensions:
            await client.extendedRequest(b"fsync@openssh.com", file.handle)
    finally:
        await file.close()


async def _try_remove(client: Any, path: str) -> None:
    with suppress(ft.SFTPError):  # it was never made, or stays hidden until the next time
        await client.removeFile(_raw(path))


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _why(fault: Any) -> str:
    return f"sftp status {fault.code}"
