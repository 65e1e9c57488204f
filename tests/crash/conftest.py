"""Fixtures of the crash tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crash.hospital import Hospital


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """A whole hospital of real processes, laid out once for a file of tests."""
    here = Hospital(tmp_path_factory.mktemp("hospital"))
    here.open()
    yield here
    here.close()


@pytest.fixture
def hospital(laid: Hospital) -> Hospital:
    """The same, as a file finds it that has no days of its own."""
    return laid
