"""Processors that do not fall asleep while there is work: `awake: yes` of engine.yaml.

A processor with nothing to do is halted. Waking one takes up to some tenths of a millisecond (from a deep sleep, or on
a virtual machine, where it belongs to the host meanwhile) and finds its caches cold; a message that comes alone waits
for six such wakings. Linux lets a program say how long a waking may take, by keeping a file open
(https://docs.kernel.org/power/pm_qos_interface.html): none at all, while something is stored many times a second; at
night the machine sleeps as ever. A waiting processor then uses power, and of a virtual machine the host's time: so a
site has to say that it wants this. Nothing else hangs on it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

from engine.core.world import DelayedCall, World

DEVICE = "/dev/cpu_dma_latency"
EVERY = 1.0  # wall seconds between two looks
BUSY = 20  # units stored in that time: from so many on there is work
_AT_ONCE = struct.pack("=i", 0)  # microseconds a waking may take


class Awake:
    """Looks every second from `start` to `stop`. `wanted`: whether the site says so now; `stored`: units stored since
    the start; `cannot` hears, once, why the file cannot be had."""

    def __init__(
        self, world: World, wanted: Callable[[], bool], stored: Callable[[], int], cannot: Callable[[str], None],
        device: str = DEVICE,
    ) -> None:  # fmt: skip
        self._world, self._wanted, self._stored, self._cannot, self._device = world, wanted, stored, cannot, device
        self._seen = 0
        self._file: int | None = None
        self._told = False
        self._next: DelayedCall | None = None

    def start(self) -> None:
        self._seen = self._stored()
        self._next = self._world.later(EVERY * self._world.rate, self._look)

    def stop(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._let_sleep()

    def _look(self) -> None:
        stored = self._stored()
        busy, self._seen = stored - self._seen >= BUSY, stored
        if busy and self._wanted():
            self._keep()
        else:
            self._let_sleep()
        self._next = self._world.later(EVERY * self._world.rate, self._look)

    def _keep(self) -> None:
        if self._file is not None:
            return
        try:
            self._file = os.open(self._device, os.O_WRONLY | os.O_CLOEXEC)
            os.write(self._file, _AT_ONCE)
        except OSError as no:
            self._let_sleep()
            if not self._told:
                self._told = True
                self._cannot(f"{self._device}: {no.strerror}")

    def _let_sleep(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
