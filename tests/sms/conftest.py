"""Fixtures: a whole hospital on a hand-moved clock, as the tests of the engine's edge use it."""

from __future__ import annotations

from tests.edge.conftest import new_town, town, unhandled

__all__ = ["new_town", "town", "unhandled"]
