"""One house of real processes for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deliver_doors.house import House


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    here = House(tmp_path_factory.mktemp("house"))
    try:
        here.open()
        yield here
    finally:
        here.close()


@pytest.fixture
def house(standing: House) -> House:
    """The house on its first morning: parties reset, no misfortune; the engine goes on."""
    standing.fresh()
    return standing
