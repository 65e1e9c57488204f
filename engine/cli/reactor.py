"""The reactor of `engine run` and its workers: Twisted's epoll reactor with less around each event.

Twisted sets up a logging context around every event, eight calls in which nothing of ours happens: what this engine
logs names its own place. Errors are caught and logged as before.
"""

from __future__ import annotations

import errno
import select
import sys
import time
from typing import Any

from twisted.internet import epollreactor, main
from twisted.python import log

LOG: Any = log  # without types, as most of this of Twisted's


class Epoll(epollreactor.EPollReactor):
    """As its parent. An event that says nothing but "there is something to read" is read at once. Timers run by a clock
    that nobody sets: by the time of day, as its parent's do, all would stand still for an hour when that is set back an
    hour, and be over at once when it is set forward."""

    seconds = staticmethod(time.monotonic)
    wall = staticmethod(time.time)  # noqa: TID251 - the time of day, which World hands on

    _poller: Any
    _selectables: dict[int, Any]

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events at most `timeout` seconds (None: for ever) and let each be dealt with."""
        try:
            events = self._poller.poll(-1 if timeout is None else timeout, len(self._selectables))
        except OSError as no:
            if no.errno == errno.EINTR:
                return
            raise
        own: Any = self
        for fd, event in events:
            selectable = self._selectables.get(fd)
            if selectable is None:
                continue  # another event of this round has closed it
            if event != select.EPOLLIN:
                own._doReadOrWrite(selectable, fd, event)
                continue
            try:
                why = selectable.doRead()
            except BaseException:  # noqa: BLE001 - as Twisted does: what a protocol raises costs its connection only
                why = sys.exc_info()[1]
                LOG.err()
            if why:
                own._disconnectSelectable(selectable, why, True)

    doIteration = doPoll


def install() -> None:
    """Make it this process's reactor, unless it has one already. Before anything imports `twisted.internet.reactor`."""
    if "twisted.internet.reactor" not in sys.modules:
        make: Any = Epoll
        put: Any = main.installReactor
        put(make())
