"""Fixtures of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.his_led.stage import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A hospital whose HIS leads."""
    town = Town(tmp_path)
    town.do(town.lab.open)
    yield town
    town.do(town.lab.close)
