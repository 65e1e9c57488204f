"""An SFTP server over a directory, on a real port, with the misfortunes a test asks for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from twisted.conch.avatar import ConchUser
from twisted.conch.checkers import InMemorySSHKeyDB, SSHPublicKeyChecker
from twisted.conch.interfaces import IConchUser, ISFTPServer
from twisted.conch.ssh import connection, factory, filetransfer, keys, session, userauth
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import reactor  # noqa: TID251 - a server on a real port
from twisted.internet.defer import Deferred
from twisted.python import components
from zope.interface import implementer

NET: Any = reactor


def new_key() -> tuple[bytes, Any]:
    """(private key as OpenSSH writes it, conch's key)."""
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return pem, keys.Key.fromString(pem)


class _File:
    def __init__(self, server: _Files, path: str, flags: int) -> None:
        self._server = server
        mode = 0
        if flags & filetransfer.FXF_WRITE:
            mode = os.O_RDWR
        if flags & filetransfer.FXF_CREAT:
            mode |= os.O_CREAT
        if flags & filetransfer.FXF_TRUNC:
            mode |= os.O_TRUNC
        self._handle = os.open(path, mode, 0o640)

    def close(self) -> None:
        os.close(self._handle)

    def readChunk(self, offset: int, length: int) -> Any:
        return self._server.act("read", lambda: os.pread(self._handle, min(length, self._server.chunk), offset))

    def writeChunk(self, offset: int, data: bytes) -> Any:
        return self._server.act("write", lambda: os.pwrite(self._handle, data, offset) and None)

    def getAttrs(self) -> Any:
        return _attrs(os.fstat(self._handle))

    def setAttrs(self, attrs: Any) -> None:
        """Not asked for."""


class _Folder:
    def __init__(self, path: str) -> None:
        self._names = iter(sorted(os.listdir(os.fsencode(path))))
        self._path = os.fsencode(path)

    def __iter__(self) -> _Folder:
        return self

    def __next__(self) -> Any:
        name = next(self._names)
        return name, b"-" + name, _attrs(os.lstat(os.path.join(self._path, name)))

    def close(self) -> None:
        """Nothing is open."""


def _attrs(at: os.stat_result) -> dict[str, int]:
    return {
        "size": at.st_size,
        "uid": at.st_uid,
        "gid": at.st_gid,
        "permissions": at.st_mode,
        "atime": int(at.st_atime),
        "mtime": int(at.st_mtime),
    }


@implementer(ISFTPServer)
class _Files:
    """One client's view. `before` may raise or give a Deferred for any step, by its name."""

    def __init__(self, user: _User) -> None:
        self._house = user.house
        self.chunk = user.house.chunk

    def act(self, step: str, work: Callable[[], Any]) -> Any:
        self._house.steps.append(step)
        fault = self._house.before(step)
        if isinstance(fault, Deferred):
            return fault
        if fault == "after":
            work()
            return Deferred()
        return work()

    def _path(self, raw: bytes) -> str:
        path = os.path.normpath(os.path.join(os.fsencode(self._house.root), raw.lstrip(b"/")))
        return os.fsdecode(path)

    def gotVersion(self, otherVersion: int, extData: Any) -> dict[str, str]:
        return {}

    def openFile(self, filename: bytes, flags: int, attrs: Any) -> Any:
        return self.act("open", lambda: _File(self, self._path(filename), flags))

    def removeFile(self, filename: bytes) -> Any:
        return self.act("remove", lambda: os.remove(self._path(filename)))

    def renameFile(self, oldpath: bytes, newpath: bytes) -> Any:
        def work() -> None:
            if os.path.lexists(self._path(newpath)):
                raise filetransfer.SFTPError(filetransfer.FX_FAILURE, "exists")
            os.rename(self._path(oldpath), self._path(newpath))

        return self.act("rename", work)

    def makeDirectory(self, path: bytes, attrs: Any) -> Any:
        return self.act("mkdir", lambda: os.mkdir(self._path(path)))

    def openDirectory(self, path: bytes) -> Any:
        return self.act("list", lambda: _Folder(self._path(path)))

    def getAttrs(self, path: bytes, followLinks: bool) -> Any:
        return self.act("stat", lambda: _attrs(os.lstat(self._path(path))))


class _Quick(userauth.SSHUserAuthServer):
    passwordDelay = 0  # a test does not wait for those who guess


class _User(ConchUser):
    def __init__(self, house: House) -> None:
        ConchUser.__init__(self)
        self.house = house
        self.channelLookup[b"session"] = session.SSHSession
        self.subsystemLookup[b"sftp"] = filetransfer.FileTransferServer


components.registerAdapter(_Files, _User, ISFTPServer)


class House:
    """The server. `root` is what clients see as /; user `lab` with password `secret` or with `client_pem`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.steps: list[str] = []
        self.before: Callable[[str], Any] = lambda step: None
        self.chunk = 1 << 20
        self.client_pem, client = new_key()
        _, host = new_key()
        self.fingerprint = "SHA256:" + host.fingerprint(keys.FingerprintFormats.SHA256_BASE64)
        passwords = InMemoryUsernamePasswordDatabaseDontUse()
        passwords.addUser(b"lab", b"secret")
        portal = Portal(self, [passwords, SSHPublicKeyChecker(InMemorySSHKeyDB({b"lab": [client.public()]}))])
        made = factory.SSHFactory()
        made.portal = portal
        made.publicKeys = {b"ssh-ed25519": host.public()}
        made.privateKeys = {b"ssh-ed25519": host}
        made.services = {b"ssh-userauth": _Quick, b"ssh-connection": connection.SSHConnection}
        made.noisy = False
        self.connections: list[Any] = []
        build = made.buildProtocol

        def remember(addr: Any) -> Any:
            built = build(addr)
            self.connections.append(built)
            return built

        made.buildProtocol = remember
        self._listening = NET.listenTCP(0, made, interface="127.0.0.1")
        self.port = self._listening.getHost().port

    def requestAvatar(self, username: Any, mind: Any, *interfaces: Any) -> Any:
        return IConchUser, _User(self), lambda: None

    def cut(self) -> None:
        """Every connection is gone, as when the server restarts."""
        for line in self.connections:
            if line.transport is not None:
                line.transport.abortConnection()

    async def stop(self) -> None:
        self.cut()
        await self._listening.stopListening()
