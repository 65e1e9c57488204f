"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted


@pytest_twisted.async_yield_fixture
async def lab(tmp_path: Path) -> AsyncIterator[object]:
    """A laboratory on the real reactor, with business time ten times faster than the wall's."""
    from twisted.internet import reactor

    from tests.rig.lab import Lab

    here = Lab(reactor, tmp_path, rate=10.0)
    await here.open()
    yield here
    await here.close()
