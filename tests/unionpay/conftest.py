"""Towns whose payments go to UnionPay."""

from __future__ import annotations

from tests.edge.conftest import new_town, town, unhandled

__all__ = ["new_town", "town", "unhandled"]
