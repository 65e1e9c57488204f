"""Fixtures: a whole hospital with short messages on a hand-moved clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.edge.conftest import new_town, town, unhandled
from tests.edge.town import Town
from tests.sms.hospital import SmsLab

__all__ = ["new_town", "town", "unhandled"]


@pytest.fixture
def hospital(new_town: Callable[..., Town]) -> Town:
    return new_town(lab=SmsLab)
