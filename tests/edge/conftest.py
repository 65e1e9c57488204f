"""Fixtures of the edge tests."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogLevel, globalLogPublisher

from tests.edge.town import Town


@pytest.fixture
def unhandled() -> Iterator[list[str]]:
    """Failures nobody looked at: a test that ends with one has found a defect."""
    seen: list[str] = []

    def observe(event: Any) -> None:
        failure = event.get("log_failure")
        if failure is not None or event.get("log_level") in (LogLevel.error, LogLevel.critical):
            seen.append(failure.getTraceback() if failure is not None else str(event.get("log_format")))

    globalLogPublisher.addObserver(observe)
    gc.collect()
    gc.freeze()  # loaded sites stay as they are: looking through them after each test took half of its time
    yield seen
    gc.collect()
    globalLogPublisher.removeObserver(observe)
    assert not seen, seen[0]


@pytest.fixture
def new_town(tmp_path: Path, unhandled: list[str]) -> Iterator[Callable[..., Town]]:
    """Towns as a test wants them; each is closed and held to having had no trouble."""
    made: list[Town] = []

    def build(**options: Any) -> Town:
        folder = tmp_path / f"town{len(made)}"
        folder.mkdir()
        made.append(Town(folder, **options))
        return made[-1]

    yield build
    for town in made:
        town.end()


@pytest.fixture
def town(new_town: Callable[..., Town]) -> Town:
    """The shipped site, everybody well."""
    return new_town()
