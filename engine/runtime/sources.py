"""Listeners that fetch: what lies in a directory or stands in a view becomes messages of deliver channels.

A file's messages go the way of those that come over MLLP, one by one, and the file is kept by what they were told: in
`archive` when all were taken, in `error` with the reasons when one was not. A row of a view is a message as well, known
again by its key and mark.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, gatherResults, succeed

from engine.codecs.hl7_ack import AckKind, read_ack
from engine.codecs.hl7_file import messages_in
from engine.codecs.hl7v2 import header_of
from engine.config.listener_parts import Listener
from engine.config.secret import SecretMissing, SecretRef, resolve_secret
from engine.config.source_parts import Files, Poll, Sftp
from engine.connectors.files.local import LocalPlace
from engine.connectors.files.parcel import TAKEN, Fate, Parcel, Verdict
from engine.connectors.files.pickup import Pickup, PickupLimits
from engine.connectors.files.place import Place
from engine.connectors.files.ready import Convention, Whole
from engine.connectors.mllp import Peer
from engine.connectors.rounds import Wrong
from engine.core.times import rfc3339
from engine.core.world import World
from engine.runtime.deliver import Deliver
from engine.runtime.deliver_message import Held, digest_of
from engine.runtime.listening import Kind
from engine.runtime.logs import Log, trouble_of
from engine.runtime.meters import Meters
from engine.runtime.sites import Sites
from engine.store.contract import Connection, Store, Unit
from engine.store.ids import Ids
from engine.store.marks import drop_mark, keep_mark, mark_and_time, sources

if TYPE_CHECKING:
    from engine.connectors.sql.poller import Page, Row, SqlPoller

NO_ROOM = "cannot be stored now"
"""What the intake says when the disk is full: the file stays where it is and comes again."""
_AGAIN = 5.0  # seconds until a listener whose secrets could not be read looks again


class NotNow(Exception):
    """What was fetched cannot be taken yet: it is fetched again."""


class Fetcher:
    """A directory or view as `Listening` has its listeners: it begins and is drained, and has no port."""

    def __init__(
        self, world: World, name: str, where: str, make: Callable[[], Pickup | SqlPoller], log: Log, meters: Meters
    ) -> None:
        self.name, self.host, self.port = name, where, 0
        self.connections = self.in_flight = 0
        self._world, self._make, self._log, self._meters = world, make, log, meters
        self._at_work: Pickup | SqlPoller | None = None
        self._timer: Any = None
        self._unmade: Wrong | None = None
        self._told: set[str] = set()
        self._drained = False

    @property
    def wrong(self) -> Mapping[str, Wrong]:
        """What is wrong with it now, by kind."""
        if self._unmade is not None:
            return {"settings": self._unmade}
        return {} if self._at_work is None or self._drained else self._at_work.wrong

    def trouble(self, kind: str, text: str) -> None:
        """Something is wrong. That the engine has no room now is told by its store."""
        if text != NotNow.__name__:
            self._told.add(kind)
            self._log.warning("source_trouble", door=self.name, kind=kind, why=text)
        self._meters.listener_failing(self.name, len(self.wrong))

    def well(self, kind: str, was: Wrong) -> None:
        """It is over: what it was, since when, how many seconds it lasted."""
        if kind in self._told:
            self._told.discard(kind)
            lasted = round(self._world.now() - was.since, 1)
            self._log.info(
                "source_well", door=self.name, kind=kind, why=was.why, since=rfc3339(was.since), seconds=lasted
            )
        self._meters.listener_failing(self.name, len(self.wrong))

    def start(self) -> Deferred[int]:
        """There is nothing to bind; see `begin`."""
        return succeed(0)

    def drain(self, seconds: float) -> Deferred[None]:
        """Fetch no more; what is at hand may end within so many seconds."""
        self._drained = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._meters.listener_failing(self.name, 0)
        return succeed(None) if self._at_work is None else self._at_work.stop(seconds)

    def begin(self) -> None:
        """Begin to fetch. An absent share or database is no reason not to: it is looked for again."""
        if self._drained:
            return
        try:
            self._at_work = self._make()
        except (SecretMissing, ValueError) as no:
            before, self._unmade = self._unmade, Wrong(str(no), self._world.now())
            if before is not None:
                self._unmade = Wrong(str(no), before.since)
            if before is None or before.why != str(no):
                self.trouble("settings", str(no))
            self._timer = self._world.later(_AGAIN, self.begin)
            return
        was, self._unmade = self._unmade, None
        if was is not None:
            self.well("settings", was)
        self._at_work.start()


def failing(listeners: Mapping[str, object]) -> list[tuple[str, str, str, float]]:
    """What is wrong now with those that fetch: (listener, kind, why, business time it began), the oldest first."""
    found = [
        (name, kind, one.why, one.since) for name, listener in listeners.items() if isinstance(listener, Fetcher)
        for kind, one in listener.wrong.items()
    ]  # fmt: skip
    return sorted(found, key=lambda row: row[3])


class Sources:
    """Makes the listeners that fetch. `root`: the folder secrets are read from."""

    def __init__(
        self, world: World, root: Path, store: Store, ids: Ids, sites: Sites, deliver: Deliver, log: Log, meters: Meters
    ) -> None:
        self._world, self._root, self._store, self._ids = world, root, store, ids
        self._sites, self._deliver, self._log, self._meters = sites, deliver, log, meters

    def kinds(self) -> dict[str, Kind]:
        """For `Listening`. One whose row was changed is another one: the old is drained, the new begins."""

        def kind(row: str, where: Callable[[Any], str]) -> Kind:
            def address(door: Listener) -> tuple[str, int] | None:
                found = getattr(door, row)
                mark = hashlib.sha256(repr((door.charset, door.body_bytes, found)).encode()).hexdigest()[:12]
                return None if found is None else (f"{where(found)}#{mark}", 0)

            return Kind(address, self._fetcher, lambda listener, door, keys: None, begin=Fetcher.begin)

        return {
            "drop": kind("drop", lambda files: str(files.directory)),
            "sftp": kind("sftp", lambda sftp: f"{sftp.host[0]}:{sftp.host[1]}{sftp.files.directory}"),
            "poll": kind("poll", lambda poll: str(poll.view)),
        }

    def _fetcher(self, name: str, door: Listener) -> Fetcher:
        def make() -> Pickup | SqlPoller:
            if door.poll is not None:
                return self._poller(fetcher, door, door.poll)
            return self._pickup(fetcher, door)

        where = door.drop.directory if door.drop else door.sftp.files.directory if door.sftp else ""
        fetcher = Fetcher(self._world, name, where, make, self._log, self._meters)
        return fetcher

    def _failed(self, fetcher: Fetcher) -> Callable[[Any], None]:
        def failed(failure: Any) -> None:
            if failure.check(NotNow) is None:
                self._log.error("door_failed", door=fetcher.name, why=trouble_of(failure.value, failure.tb))

        return failed

    def _in_force(self, name: str) -> Listener:
        """A listener is drained after its configuration no longer is in force."""
        door = self._sites.current.engine.listeners.get(name)
        if door is None:
            raise NotNow
        return door

    def _secret(self, ref: SecretRef | None) -> bytes:
        return b"" if ref is None else resolve_secret(ref, self._root)

    # Files

    def _pickup(self, fetcher: Fetcher, door: Listener) -> Pickup:
        files = door.drop or (door.sftp.files if door.sftp else None)
        assert files is not None, "a row with an address of its own"
        limits = PickupLimits(every_s=files.every, file_bytes=door.body_bytes, keep=files.keep)
        rule = Convention(files.files, Whole(files.whole), files.still, files.marker, files.overdue)

        async def receive(parcels: Sequence[Parcel]) -> list[Verdict]:
            return await self._take_files(fetcher.name, parcels)

        return Pickup(
            self._world, fetcher.name, self._place(files, door.sftp), receive, rule, limits,
            on_trouble=fetcher.trouble, on_error=self._failed(fetcher),
            on_well=fetcher.well,
        )  # fmt: skip

    def _place(self, files: Files, sftp: Sftp | None) -> Place:
        owner = str(self._sites.current.engine.name)
        if sftp is None:
            return LocalPlace(self._world, files.directory, owner)
        from engine.connectors.files.sftp import SftpPlace  # whoever has no SFTP needs no SSH in memory
        from engine.connectors.files.ssh import SshLogin

        login = SshLogin(
            sftp.user, sftp.host_keys, self._secret(sftp.password).decode(), self._secret(sftp.key),
            self._secret(sftp.passphrase).decode(),
        )  # fmt: skip
        return SftpPlace(self._world, *sftp.host, files.directory, owner, login)

    async def _take_files(self, name: str, parcels: Sequence[Parcel]) -> list[Verdict]:
        """All messages of all files are taken in at once, in their order, and stored together."""
        charset = self._in_force(name).usual_charset
        peer = Peer("", 0, name)
        sent = [messages_in(parcel.body) for parcel in parcels]
        asked = [[self._deliver.take(name, message, peer) for message in messages] for messages in sent]
        acks = [await gatherResults(waiting, consumeErrors=True) for waiting in asked]
        return [_verdict(messages, told, charset) for messages, told in zip(sent, acks, strict=True)]

    # Rows

    def _poller(self, fetcher: Fetcher, door: Listener, poll: Poll) -> SqlPoller:
        from engine.connectors.sql.database import Database
        from engine.connectors.sql.poller import SqlPoller, View

        database = Database(
            self._world, poll.database, password=self._secret(poll.password).decode(), op_s=poll.wait
        )
        view = View(
            poll.view, poll.mark_column, poll.key, poll.columns, poll.schema, frozenset(poll.yuan), poll.lag,
            door.usual_charset, poll.mangled, poll.everything, poll.ahead,
        )  # fmt: skip

        async def load() -> tuple[str, float] | None:
            self._in_force(fetcher.name)
            own = await self._store.read(lambda conn: mark_and_time(conn, _mark_name(fetcher.name, poll)))
            return own if own is not None else await self._taken_over(fetcher.name, poll)

        async def receive(page: Page) -> None:
            await self._take_rows(fetcher.name, page, _mark_name(fetcher.name, poll))

        return SqlPoller(
            self._world, fetcher.name, database, view, load, receive, every_s=poll.every, page=poll.page,
            on_trouble=fetcher.trouble, on_error=self._failed(fetcher),
            on_well=fetcher.well,
        )  # fmt: skip

    async def _taken_over(self, name: str, poll: Poll) -> tuple[str, float] | None:
        """How far a listener that is no more has read this view: it goes on under another name. None: nobody has."""
        there, (own, view) = self._sites.current.engine.listeners, _mark_name(name, poll).rsplit(" ", 1)

        def left(conn: Connection) -> tuple[str, tuple[str, float]] | None:
            for source in sources(conn):
                was, _, seen = source.rpartition(" ")
                if seen == view and was not in there:
                    return was, mark_and_time(conn, source) or ("", 0.0)
            return None

        found = await self._store.read(left)
        if found is None:
            return None
        was, mark = found
        moved = (keep_mark(f"{own} {view}", *mark), drop_mark(f"{was} {view}"))
        if not (await self._store.submit(Unit("mark", moved))).committed:
            raise NotNow
        self._log.info("source_goes_on", door=name, why=f"read so far as {was}")
        return mark

    async def _take_rows(self, name: str, page: Page, mark: str) -> None:
        """Rows first, then how far they go: what comes twice after a crash is known by its key and mark."""
        self._in_force(name)
        ended = [self._take_row(name, row, page.at) for row in page.rows]
        for held in await gatherResults(ended, consumeErrors=True):
            if held.state == "not_stored":
                raise NotNow
        await self._store.submit(Unit("mark", (keep_mark(mark, page.mark, page.at),)))

    def _take_row(self, name: str, row: Row, at: float) -> Deferred[Held]:
        """One row as a message; fires when it is stored. One that cannot be carried exactly is kept as refused."""
        held = Held(self._ids.new(), "", "row", f"{name} {name}", f"{row.key}@{row.mark}"[:200], at)
        held.body = json.dumps(row.values, ensure_ascii=False, separators=(",", ":")).encode()
        held.digest = digest_of(held.body)
        told = _Told()
        channel = next(
            (one for one in self._sites.current.channels.values() if one.deliver is not None
             and one.deliver.form == "json" and one.deliver.at == name), None,
        )  # fmt: skip
        if channel is None or row.wrong:
            why = row.wrong or "no channel takes it"
            self._log.warning("row_refused", door=name, message=held.id, why=why)
            held.channel = "" if channel is None else channel.name
            held.state, held.ack, held.opens, held.reply = "refused", "AR", 0, [told]
            self._deliver.batches.take(held)
        else:
            held.channel = channel.name
            self._deliver.intake.accept_json(channel, held, {"request": dict(row.values), "client": name}, told)
        return told.ended


def _mark_name(name: str, poll: Poll) -> str:
    """Under which name it is kept how far a view was read: another view, or another column to go by, is another
    place; more columns, another page or other waits are not."""
    where = f"{poll.database} {poll.schema} {poll.view} {poll.mark_column} {poll.key}"
    return f"{name} {hashlib.sha256(where.encode()).hexdigest()[:12]}"


class _Told:
    """Who waits until a row is stored."""

    def __init__(self) -> None:
        self.ended: Deferred[Held] = Deferred()

    def __call__(self, held: Held) -> None:
        if not self.ended.called:
            self.ended.callback(held)

    def later(self, held: Held) -> None:
        """Stored, not delivered yet: a view waits for nobody."""
        self(held)

    def other_content(self, held: Held) -> None:
        """Its key and mark came with other values: both are kept."""
        held.reply = [self]


def _verdict(messages: Sequence[bytes], acks: Sequence[bytes], charset: str) -> Verdict:
    """What becomes of a file whose messages were told this, in their own character set or the directory's. A reason
    names numbers and codes, and no person."""
    wrong = []
    for message, ack in zip(messages, acks, strict=True):
        number = header_of(message, charset).control_id
        told = read_ack(ack, number, charset)
        if NO_ROOM in told.text:
            raise NotNow
        if told.kind not in (AckKind.ACCEPTED, AckKind.DOUBTFUL):
            wrong.append(f"{number or '?'}: {told.code or 'AR'} {told.text}".strip())
    if not wrong:
        return TAKEN
    return Verdict(Fate.REFUSED, f"{len(wrong)} of {len(messages)}: " + "; ".join(wrong[:20]))
