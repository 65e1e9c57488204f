"""Puts files into a directory, here or on an SFTP server: each appears whole or not at all."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail

from engine.connectors.contract import Clash, NotSent, Silent
from engine.connectors.files.parcel import written_name
from engine.connectors.files.place import Occupied, Place, PlaceTrouble, Unsure
from engine.connectors.serial import Serial
from engine.core.world import World


class FileSender:
    """Writes to one directory, one file at a time, in order.

    `marker`: after the file an empty one with this behind its name, for readers that wait for it. `queue_max` files may
    wait. Counters: `in_flight`, `queued`, `written`, `repeated` (files that were there already, byte for byte).
    """

    def __init__(
        self,
        world: World,
        place: Place,
        *,
        marker: str = "",
        queue_max: int = 1000,
        max_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self._place = place
        self._marker = marker
        self._max_bytes = max_bytes
        self._line: Serial[bool] = Serial(world, queue_max)
        self.written = self.repeated = 0

    @property
    def in_flight(self) -> int:
        return self._line.in_flight

    @property
    def queued(self) -> int:
        return self._line.queued

    def send(
        self, name: str, body: bytes, deadline_s: float, on_first_byte: Callable[[], None] | None = None
    ) -> Deferred[bool]:
        """Write one file; True when it is new, False when the same was there already.

        Fails with NotSent (nothing appeared), Silent (it may have appeared; the same again does no harm as long as
        nobody took it away) or Clash (another file has this name). `name` must carry our number, so that a repeat is
        known. `deadline_s`, business seconds, covers the queue too.
        """
        try:
            written_name(name)
        except ValueError as fault:
            return fail(NotSent(str(fault)))
        if len(body) > self._max_bytes:
            return fail(NotSent("file too long"))
        return self._line.do(lambda: self._put(name, body), deadline_s, on_first_byte)

    def stop(self, seconds: float = 0.0) -> Deferred[None]:
        """Refuse what waits (NotSent); the file being written has so long. Then the place is closed."""
        return self._line.stop(seconds).addBoth(lambda _: Deferred.fromCoroutine(self._place.close()))

    async def _put(self, name: str, body: bytes) -> bool:
        new = await self._one(name, body)
        if self._marker:
            try:
                await self._one(name + self._marker, b"")
            except (NotSent, Clash) as fault:
                raise Silent(f"marker: {fault.why}") from None
        self.written += new
        self.repeated += not new
        return new

    async def _one(self, name: str, body: bytes) -> bool:
        try:
            return await self._place.put(name, body, f".{name}.tmp")  # the same at a repeat: nothing piles up
        except Occupied:
            raise Clash("another file has this name") from None
        except Unsure as fault:
            raise Silent(fault.why) from None
        except PlaceTrouble as fault:
            raise NotSent(fault.why) from None
