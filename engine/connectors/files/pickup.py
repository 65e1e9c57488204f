"""Takes files out of a directory: claims them, reads them, hands them over, keeps them with what became of them.

A file is ours once it has been renamed into our own folder, so neither another node nor its writer can have it too.
It leaves that folder only after the receiver has spoken. Whatever happens in between, it is found there again and
handed over again; the receiver knows it by its digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from twisted.python.failure import Failure

from engine.connectors.files.parcel import Fate, Parcel, Receive, Verdict, safe_name
from engine.connectors.files.place import Changed, FileTrouble, Gone, Place, PlaceTrouble, Seen, TooLong
from engine.connectors.files.ready import Convention, Watch, Whole
from engine.connectors.rounds import OnTrouble, OnWell, Rounds
from engine.core.retry import Backoff
from engine.core.times import beijing, rfc3339
from engine.core.world import World

_ODD_MAX = 1000  # names remembered so as not to say them again


@dataclass(frozen=True, slots=True)
class PickupLimits:
    """`every_s`: seconds between two looks. A batch is at most `files` files and `batch_bytes` bytes (one file of up to
    `file_bytes` always fits). `keep`: whether taken files are kept in `archive`, or deleted."""

    every_s: float = 5.0
    files: int = 16
    file_bytes: int = 16 * 1024 * 1024
    batch_bytes: int = 32 * 1024 * 1024
    keep: bool = True
    archive: str = "archive"
    errors: str = "error"
    retry: Backoff = Backoff(first=1.0, factor=2.0, cap=60.0)  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A file the receiver has spoken on (or that is too long to be read), until it lies where it belongs. Its body is
    no longer needed."""

    parcel: Parcel
    verdict: Verdict
    at: float


class Pickup(Rounds):
    """One directory being emptied; what a crash left behind is handed over first. Counters: `taken`, `duplicates`,
    `refused` files. Kinds of trouble: place, overdue, too-long, odd, receiver."""

    def __init__(
        self,
        world: World,
        name: str,
        place: Place,
        receive: Receive,
        convention: Convention | None = None,
        limits: PickupLimits | None = None,
        *,
        on_trouble: OnTrouble | None = None,
        on_duplicate: Callable[[Parcel], None] | None = None,
        on_error: Callable[[Failure], None] | None = None,
        on_well: OnWell | None = None,
    ) -> None:
        self._limits = limits or PickupLimits()
        super().__init__(world, name, self._limits.every_s, self._limits.retry, on_trouble, on_error, on_well)
        self.taken = self.duplicates = self.refused = 0
        self._place = place
        self._receive = receive
        self._convention = convention or Convention()
        self._watch = Watch(self._convention)
        self._on_duplicate = on_duplicate
        self._recover = True
        self._odd: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._spoken: dict[str, _Spoken] = {}

    def _broken(self, fault: Exception) -> None:
        self._recover = True
        super()._broken(fault)

    def _hindrance(self, fault: Exception) -> tuple[str, str] | None:
        return ("place", fault.why) if isinstance(fault, PlaceTrouble) else None

    async def _let_go(self) -> None:
        await self._place.close()

    async def _one_round(self) -> bool:
        """True when there is more to do at once."""
        recover, self._recover = self._recover, False
        held = await self._held() if recover else []
        ready, overdue = self._watch.looked(self._named(await self._place.look()), self._world.passed())
        for name in overdue:
            self._trouble("overdue", safe_name(name))
        parcels: list[tuple[str, Parcel]] = []
        size, room = 0, self._limits.files - len(self._spoken)
        for mine, entry in [(True, entry) for entry in held] + [(False, entry) for entry in ready]:
            full = len(parcels) >= room or (parcels and size + entry.size > self._limits.batch_bytes)
            if full:
                self._recover = self._recover or mine
                break
            claimed = entry if mine else await self._claim(entry)
            if claimed is not None:
                size += await self._take_in(claimed, parcels)
        else:
            full = False
        if parcels:
            await self._hand_over(parcels)
        await self._put_away()
        return bool(full) and not self._stopped

    async def _held(self) -> list[Seen]:
        """What is already ours. A marker among it has done its work: its file was claimed before it."""
        marker = self._convention.marker if self._convention.whole is Whole.MARKER else ""
        found = []
        now = self._world.passed()
        listing = sorted(await self._place.held(), key=lambda entry: entry.name)
        self._not_before = {e.name: self._not_before[e.name] for e in listing if e.name in self._not_before}
        self._spoken = {e.name: self._spoken[e.name] for e in listing if e.name in self._spoken}
        for entry in listing:
            if entry.name in self._spoken:
                continue  # handed over, and not yet put away
            if self._not_before.get(entry.name, 0.0) > now:
                self._recover = True  # its writer was still at it
            elif marker and entry.name.endswith(marker):
                await self._place.discard(entry.name)
            else:
                found.append(entry)
        return found

    def _named(self, listing: list[Seen]) -> list[Seen]:
        """Only what may be a file for us; links and devices are pointed out once."""
        for entry in listing:
            if not entry.plain:
                self._point_out(safe_name(entry.name), "not a regular file")
        return [entry for entry in listing if entry.plain]

    async def _claim(self, entry: Seen) -> Seen | None:
        as_name = f"{self._world.token(6).hex()}~{safe_name(entry.name)}"
        try:
            await self._place.claim(entry.name, as_name)
        except Gone:
            return None
        except FileTrouble as fault:
            self._point_out(safe_name(entry.name), fault.why)
            return None
        if self._convention.whole is Whole.MARKER:
            await self._unmark(entry.name + self._convention.marker)
        return Seen(as_name, entry.size, entry.changed)

    async def _unmark(self, marker: str) -> None:
        as_name = f"{self._world.token(6).hex()}~{safe_name(marker)}"
        try:
            await self._place.claim(marker, as_name)
        except Gone:
            return
        await self._place.discard(as_name)

    async def _take_in(self, entry: Seen, parcels: list[tuple[str, Parcel]]) -> int:
        """Read a claimed file; gives its size. What is still being written is left for the next look."""
        name, now = entry.name.partition("~")[2] or entry.name, self._world.now()
        try:
            body = await self._place.read(entry.name, self._limits.file_bytes)
        except Changed:
            self._recover = True
            self._not_before[entry.name] = self._world.passed() + self._convention.stable_s
            return 0
        except Gone:
            return 0
        except FileTrouble as fault:
            self._recover = True
            self._point_out(name, fault.why)
            return 0
        except TooLong as fault:
            self._trouble("too-long", name)
            unread = Parcel(self.name, name, b"", "", now)
            self._speak(entry.name, unread, Verdict(Fate.REFUSED, f"too long: {fault.why}"))
            return 0
        digest = hashlib.sha256(body).hexdigest()
        parcels.append((entry.name, Parcel(self.name, name, body, digest, now)))
        return len(body)

    async def _hand_over(self, parcels: list[tuple[str, Parcel]]) -> None:
        batch = [parcel for _, parcel in parcels]
        verdicts = await self._receive(batch)
        if len(verdicts) != len(batch):
            raise RuntimeError("the receiver must give one verdict for each parcel")
        for (as_name, parcel), verdict in zip(parcels, verdicts, strict=True):
            self._speak(as_name, parcel, verdict)

    def _speak(self, as_name: str, parcel: Parcel, verdict: Verdict) -> None:
        """The word on a file, and when it was given: the name it is kept under is that of this moment, however often
        it is tried."""
        self._spoken[as_name] = _Spoken(replace(parcel, body=b""), verdict, self._world.now())

    async def _put_away(self) -> None:
        """Put each file where its verdict belongs: the archive, or the errors with the reason beside it. A folder that
        is full does not make us hand the file over again: what was said of it stands."""
        hindered: PlaceTrouble | None = None
        for as_name, spoken in list(self._spoken.items()):
            try:
                await self._keep(as_name, spoken)
            except PlaceTrouble as fault:
                hindered = hindered or fault
                continue
            del self._spoken[as_name]
            match spoken.verdict.fate:
                case Fate.TAKEN:
                    self.taken += 1
                case Fate.REFUSED:
                    self.refused += 1
                case Fate.DUPLICATE:
                    self.duplicates += 1
                    if self._on_duplicate is not None:
                        self._on_duplicate(spoken.parcel)
        if hindered is not None:
            raise hindered

    async def _keep(self, as_name: str, spoken: _Spoken) -> None:
        parcel, verdict = spoken.parcel, spoken.verdict
        refused = verdict.fate is Fate.REFUSED
        if not refused and not self._limits.keep:
            await self._place.discard(as_name)
            return
        day, clock = beijing(spoken.at, "%Y-%m-%d %H%M%S").split()
        note = b""
        if verdict.fate is not Fate.TAKEN:
            told = {
                "file": parcel.name, "fate": verdict.fate, "reason": verdict.reason, "sha256": parcel.digest,
                "at": rfc3339(spoken.at),
            }  # fmt: skip
            note = json.dumps(told, ensure_ascii=False, indent=1).encode()
        folder = f"{self._limits.errors if refused else self._limits.archive}/{day}"
        await self._place.keep(as_name, folder, f"{clock}-{as_name.partition('~')[0]}-{parcel.name}", note)

    def _point_out(self, name: str, why: str) -> None:
        """Say once what cannot be had."""
        if name not in self._odd:
            if len(self._odd) >= _ODD_MAX:
                self._odd.clear()
            self._odd.add(name)
            self._trouble("odd", f"{name}: {why}")
