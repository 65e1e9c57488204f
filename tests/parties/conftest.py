"""A town in which our operator has signed in."""

from __future__ import annotations

import pytest

from tests.edge.conftest import new_town, unhandled

from .bench import Town, signed_in

__all__ = ["new_town", "unhandled"]


@pytest.fixture
def town() -> Town:
    return signed_in(Town())
