"""Processors that do not fall asleep, for what is measured beside an engine with `awake: yes`: it keeps them awake only
while it has work itself (see engine/cli/awake.py)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

DEVICE = "/dev/cpu_dma_latency"


def why_not() -> str:
    """Why processors cannot be kept awake here; "" when they can."""
    return "" if os.access(DEVICE, os.W_OK) else f"{DEVICE} is not there, or not ours to write"


@contextmanager
def awake() -> Iterator[None]:
    """As long as the context lasts."""
    device = os.open(DEVICE, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(device, bytes(4))
        yield
    finally:
        os.close(device)
