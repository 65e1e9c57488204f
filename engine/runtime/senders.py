"""What carries the calls to a party: HTTP, MLLP, fixed lengths, files, rows or nothing, by its address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from twisted.python.failure import Failure

from engine.codecs.hl7_charset import UTF_8, charset_named
from engine.config.engine_parts import PartyEntry
from engine.connectors.contract import CallFailed
from engine.connectors.fixed_sender import FixedSender
from engine.connectors.here import Here
from engine.connectors.http_sender import HttpSender
from engine.connectors.mllp_sender import MllpSender
from engine.connectors.tls import TlsOptions
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from engine.runtime.carried import Carried, FixedCalls, MllpCalls, WrittenCalls

Sender = HttpSender | Carried | Here


def sender_for(
    world: World, entry: PartyEntry, owner: str, reply_max: int, settings: Callable[[], Any],
    tls: TlsOptions | None = None,
) -> Sender:  # fmt: skip
    """A sender to this address. `owner` is the node's name, `reply_max` bytes; `settings` gives the party's own,
    secrets resolved; `tls` where the address is encrypted. Errors: SecretMissing, ValueError."""
    sizes: Any = {"window": entry.window, "queue_max": entry.queue, "tls": tls}
    scheme = entry.url.partition(":")[0]
    if scheme == "here":
        return Here()
    if scheme in ("http", "https"):
        return HttpSender(world, entry.url, max_reply_bytes=reply_max, **sizes)
    if scheme in ("mllp", "mllps"):
        charset = charset_named(str(entry.settings.get("charset", ""))) or UTF_8
        return MllpCalls(MllpSender(world, *_end(entry), max_reply_bytes=reply_max, charset=charset, **sizes))
    if scheme in ("tcp", "tcps"):
        own = settings()
        return FixedCalls(FixedSender(world, *_end(entry), frame=own.frame, kept=own.kept, **sizes))
    if entry.kind == "files":
        return WrittenCalls(_files(world, entry, owner, settings()))
    return WrittenCalls(_rows(world, entry, settings()))


def _end(entry: PartyEntry) -> tuple[str, int]:
    parts = urlsplit(entry.url)
    return parts.hostname or "", parts.port or 0


def ask(
    sender: Sender, request: HttpRequest, seconds: float, heard: Callable[[HttpReply | CallFailed], object]
) -> None:
    """Send once; `heard` is called once, with the reply or with why there is none."""
    if isinstance(sender, HttpSender):
        sender.ask(request, seconds, heard)
        return
    sender.send(request, seconds).addCallbacks(heard, lambda failure: heard(_why(failure)))


def _why(failure: Failure) -> CallFailed:
    failure.trap(CallFailed)  # type: ignore[no-untyped-call]  # Twisted's Failure has no types
    assert isinstance(failure.value, CallFailed)
    return failure.value


def _files(world: World, entry: PartyEntry, owner: str, settings: Any) -> Any:
    from engine.connectors.files.local import LocalPlace  # whoever writes no files needs none of this
    from engine.connectors.files.place import Place
    from engine.connectors.files.sender import FileSender

    parts = urlsplit(entry.url)
    place: Place
    if parts.scheme == "file":
        place = LocalPlace(world, unquote(parts.path), owner, op_s=entry.wait_max)
    else:
        from engine.connectors.files.sftp import SftpPlace
        from engine.connectors.files.ssh import SshLogin

        login = SshLogin(settings.user, settings.host_keys, settings.password, settings.key.encode())
        place = SftpPlace(
            world, parts.hostname or "", parts.port or 22, unquote(parts.path), owner, login, op_s=entry.wait_max
        )
    return FileSender(world, place, marker=settings.marker, queue_max=entry.queue)


def _rows(world: World, entry: PartyEntry, settings: Any) -> Any:
    from engine.connectors.sql.database import Database
    from engine.connectors.sql.sender import Into, SqlSender

    database = Database(world, entry.url, password=settings.password, op_s=entry.wait_max)
    into = Into(settings.table, settings.number, settings.owner, frozenset(settings.yuan), frozenset(settings.ours))
    return SqlSender(world, database, into, queue_max=entry.queue)
