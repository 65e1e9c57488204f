"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted
from hypothesis import HealthCheck, settings

# A loaded machine draws and runs slowly, and that says nothing of what is tested.
settings.register_profile("suite", parent=settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest_twisted.async_yield_fixture
async def lab(tmp_path: Path) -> AsyncIterator[object]:
    """A laboratory on the real reactor, with business time ten times faster than the wall's."""
    from twisted.internet import reactor

    from tests.rig.lab import Lab

    here = Lab(reactor, tmp_path, rate=10.0)
    await here.open()
    yield here
    await here.close()
