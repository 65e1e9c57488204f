"""A town in which our operator has signed in."""

from __future__ import annotations

import pytest

from .bench import Town, signed_in


@pytest.fixture
def town() -> Town:
    return signed_in(Town())
