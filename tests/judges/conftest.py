"""A judge that was skipped is a failure of this run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from typing import Any

import pytest
import pytest_twisted

from tests.judges.court import Court


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """No judge may be left out: what was skipped failed."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped:
        report.outcome, report.longrepr = "failed", f"{item.nodeid}: a judge may not be skipped"


@pytest_twisted.async_yield_fixture
async def courts() -> AsyncIterator[list[Court]]:
    """Courts of this test, closed behind it."""
    held: list[Court] = []
    yield held
    for court in held:
        await court.close()
