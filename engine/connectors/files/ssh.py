"""One SSH connection with the SFTP subsystem on it: the host's key is compared before anything of ours is said."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.conch.error import ConchError
from twisted.conch.ssh import channel, connection, filetransfer, keys, transport, userauth
from twisted.conch.ssh.common import NS, getNS
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from engine.connectors.reach import endpoint_to
from engine.core.world import World

_KEYS: Any = keys.Key  # conch ships few types
_PACKET_MAX = 512 * 1024  # bytes of one SFTP packet we read; a directory's page is the largest


class SshRefused(Exception):
    """The connection came to nothing: `why` names the step, and nothing the other side said."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class SshLogin:
    """Who we are and whom we expect. `host_keys`: fingerprints as `SHA256:…`, any of them; never empty. Either
    `key_pem` (with its passphrase) or `password`, or both."""

    user: str
    host_keys: tuple[str, ...]
    password: str = ""
    key_pem: bytes = b""
    passphrase: str = ""

    def key(self) -> Any:
        """The private key as conch has it, or None; ValueError when the text is none."""
        if not self.key_pem:
            return None
        try:
            return _KEYS.fromString(self.key_pem, passphrase=self.passphrase or None)
        except (keys.BadKeyError, keys.EncryptedKeyError, ValueError):
            raise ValueError("key_pem holds no private key that the passphrase opens") from None


class _Transport(transport.SSHClientTransport):
    """Checks the host's key, signs in, opens the channel; `ready` fires with the SFTP client."""

    def __init__(self, login: SshLogin, ready: Callable[[Any], None], lost: Callable[[str], None]) -> None:
        self._login = login
        self._ready = ready
        self._lost = lost
        self.step = "connect"

    def connectionMade(self) -> None:
        self.step = "handshake"
        super().connectionMade()  # type: ignore[no-untyped-call]  # untyped in Twisted

    def verifyHostKey(self, hostKey: bytes, fingerprint: Any) -> Deferred[int]:
        shown = _KEYS.fromString(hostKey).fingerprint(keys.FingerprintFormats.SHA256_BASE64)
        known = [text.removeprefix("SHA256:").rstrip("=") for text in self._login.host_keys]
        if any(hmac.compare_digest(shown.rstrip("="), one) for one in known):
            return succeed(1)
        self.step = "host key"
        return fail(ConchError("another host key"))  # type: ignore[no-untyped-call]  # untyped in Twisted

    def connectionSecure(self) -> None:
        self.step = "sign-in"
        self.requestService(_Auth(self._login, _Connection(self)))

    def opened(self, client: Any) -> None:
        self.step = ""
        self._ready(client)

    def connectionLost(self, reason: Failure | None = None) -> None:
        super().connectionLost(reason)
        self._lost(self.step)


class _Auth(userauth.SSHUserAuthClient):
    def __init__(self, login: SshLogin, instance: connection.SSHConnection) -> None:
        super().__init__(login.user.encode(), instance)
        self._login = login
        self._key = login.key()
        self._key_left = self._key is not None
        self._password_left = bool(login.password)

    def getPublicKey(self) -> Any:
        if not self._key_left:
            return None
        self._key_left = False
        return self._key.public()

    def getPrivateKey(self) -> Deferred[Any]:
        return succeed(self._key)

    def getPassword(self, prompt: Any = None) -> Deferred[bytes] | None:
        if not self._password_left:
            return None
        self._password_left = False  # once: a wrong one must not lock the account
        return succeed(self._login.password.encode())

    def getGenericAnswers(self, name: Any, instruction: Any, prompts: Any) -> Any:
        """Some servers ask for the password this way only; whatever else they ask, we do not know."""
        if len(prompts) == 1 and self._password_left:
            self._password_left = False
            return succeed([self._login.password.encode()])
        return succeed([]) if not prompts else fail(ConchError("asked what we do not know"))  # type: ignore[no-untyped-call]  # untyped in Twisted


class _Connection(connection.SSHConnection):
    def __init__(self, line: _Transport) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped in Twisted
        self._line: Any = line

    def serviceStarted(self) -> None:
        self._line.step = "sftp subsystem"
        self.openChannel(_Channel(self._line, conn=self))  # type: ignore[no-untyped-call]  # untyped in Twisted


class _Channel(channel.SSHChannel):
    name = b"session"

    def __init__(self, line: _Transport, **more: Any) -> None:
        super().__init__(**more)
        self._line: Any = line
        self._client: Any = None

    def channelOpen(self, specificData: bytes) -> None:
        line: Any = self.conn
        asked = line.sendRequest(self, b"subsystem", NS(b"sftp"), wantReply=True)
        asked.addCallbacks(self._begin, lambda _: self._line.loseConnection())

    def openFailed(self, reason: Any) -> None:
        self._line.loseConnection()

    def _begin(self, _: object) -> None:
        client: Any = _Client(self._line.opened)
        self._client = client
        client.makeConnection(self)
        self.dataReceived = client.dataReceived  # type: ignore[method-assign]  # conch's own way to hand a channel on

    def closed(self) -> None:
        if self._client is not None:
            self._client.connectionLost(Failure(ConchError("channel closed")))  # type: ignore[no-untyped-call]  # untyped in Twisted
        self._line.loseConnection()


class _Client(filetransfer.FileTransferClient):
    """conch's client, which survives servers whose messages are not ASCII and bounds what it reads."""

    def __init__(self, opened: Callable[[Any], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped in Twisted
        self._opened = opened
        self.extensions: dict[bytes, bytes] = {}

    def gotServerVersion(self, serverVersion: int, extData: dict[bytes, bytes]) -> None:
        self.extensions = extData
        self._opened(self)

    def dataReceived(self, data: bytes) -> None:
        if len(self.buf) > _PACKET_MAX:
            channel: Any = self.transport
            channel.loseConnection()
            return
        super().dataReceived(data)  # type: ignore[no-untyped-call]  # untyped in Twisted

    def packet_STATUS(self, data: bytes) -> None:
        """As conch reads it, but a message in GBK must not lose the answer it came with."""
        plain = data[:8]
        if len(data) > 12:
            message, _ = getNS(data[8:])
            plain += NS(message.decode("utf-8", "replace").encode("ascii", "replace")) + NS(b"")
        super().packet_STATUS(plain)  # type: ignore[no-untyped-call]  # untyped in Twisted


class _Once(Factory):
    noisy = False

    def __init__(self, line: _Transport) -> None:
        self._line = line

    def buildProtocol(self, addr: Any) -> Any:
        return self._line


def connect(
    world: World, host: str, port: int, login: SshLogin, seconds: float, lost: Callable[[], None]
) -> Deferred[tuple[Any, Callable[[], None]]]:
    """Sign in and open SFTP within so many business seconds; gives (conch's client, how to hang up).

    Fails with SshRefused, whose `why` names the step that failed: connect, handshake, host key, sign-in, sftp
    subsystem, or timeout in it. `lost` is called when the connection ends after it was ready.
    """
    done: Deferred[tuple[Any, Callable[[], None]]] = Deferred()

    def ready(client: Any) -> None:
        if timer.active():
            timer.cancel()
            wire: Any = line.transport
            done.callback((client, wire.abortConnection))

    def ended(step: str) -> None:
        if not step:
            lost()
        elif timer.active():
            timer.cancel()
            done.errback(Failure(SshRefused(step)))  # type: ignore[no-untyped-call]  # untyped in Twisted

    def late() -> None:
        trying.cancel()
        if line.transport is not None:
            line.transport.abortConnection()
        done.errback(Failure(SshRefused(f"timeout in {line.step}")))  # type: ignore[no-untyped-call]  # untyped in Twisted

    def unconnected(failure: Failure) -> None:
        if timer.active():
            timer.cancel()
            done.errback(Failure(SshRefused("connect")))  # type: ignore[no-untyped-call]  # untyped in Twisted

    line = _Transport(login, ready, ended)
    timer = world.later(seconds, late)
    trying = endpoint_to(world, host, port, seconds).connect(_Once(line))
    trying.addErrback(unconnected)
    return done
