"""Fixtures of this folder."""

from __future__ import annotations

from tests.edge.conftest import new_town, unhandled

__all__ = ["new_town", "unhandled"]
