"""A ward for a test: the whole engine and its parties, with the inpatient example."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.edge import town as edge
from tests.edge.conftest import new_town, unhandled
from tests.edge.town import Town
from tests.inpatient.ward import Ward, WardLab

__all__ = ["new_town", "unhandled", "ward"]


@pytest.fixture
def ward(monkeypatch: pytest.MonkeyPatch, new_town: Callable[..., Town]) -> Ward:
    monkeypatch.setattr(edge, "Lab", WardLab)
    return Ward(new_town())
