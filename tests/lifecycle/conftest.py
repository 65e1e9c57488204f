"""A laboratory on the real reactor, for what changes while connections live."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted

from tests.rig.lab import Lab


@pytest_twisted.async_yield_fixture
async def steady(tmp_path: Path) -> AsyncIterator[Lab]:
    """Its business time is the wall's: a busy machine is no slow party there, and an idle connection stays."""
    from twisted.internet import reactor  # noqa: TID251 the test stands where the command line stands

    here = Lab(reactor, tmp_path)
    await here.open()
    yield here
    await here.close()


@pytest.fixture
def lab(steady: Lab) -> Lab:
    """The same, where a file has no other."""
    return steady
