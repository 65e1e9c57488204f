"""The shipped channels' own conversations, each as a test."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from engine.conversation import Result, run

ROOT = Path(__file__).resolve().parents[2]
CHANNELS = (
    "dft_p03", "his_events", "insurance_directory", "insurance_reconciliation", "insurance_signin",
    "municipal_settlement", "municipal_signin", "outpatient_bills", "outpatient_mobile",
    "outpatient_settlement", "outpatient_settlement_his_led", "qingdao_settlement",
)  # fmt: skip
LEAST = {
    "dft_p03": 3, "his_events": 7, "insurance_directory": 2, "insurance_reconciliation": 4, "insurance_signin": 3,
    "municipal_settlement": 15, "municipal_signin": 3, "outpatient_bills": 4, "outpatient_mobile": 12,
    "outpatient_settlement": 20,
    "outpatient_settlement_his_led": 20, "qingdao_settlement": 15,
}  # fmt: skip


@cache
def _results(channel: str) -> Mapping[str, Result]:
    return {result["name"]: result for result in run(ROOT, [channel])}


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_conversation_beside_a_channel_holds(channel: str) -> None:
    results = _results(channel)
    assert len(results) >= LEAST[channel]
    failed = [f"{name}\n{one['text']}" for name, one in results.items() if not one["passed"]]
    assert not failed, "\n\n".join(failed)


def test_each_shipped_channel_has_conversations() -> None:
    written = {path.name.removesuffix(".yaml") for path in (ROOT / "channels").glob("*.yaml")}
    tested = {name.removesuffix(".test") for name in written if name.endswith(".test")}
    assert tested == {name for name in written if not name.endswith(".test")} == set(CHANNELS)
