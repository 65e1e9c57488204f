"""The judge of delivered messages: each way of being wrong is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.events import TOLD, Sent, judge_events, wants
from tests.faults.receivers import WANTS

Rows = dict[str, list[dict[str, Any]]]


def good() -> tuple[list[Sent], Rows]:
    """All was taken by everybody, once and in order."""
    sent = [Sent(patient, kind, f"C{at}", str(100 + at), "done", {}) for at, (patient, kind) in enumerate(TOLD)]
    rows: Rows = {
        name: [{"no": one.known_as(name), "state": "done"} for one in sent if wants(name, one.kind)] for name in WANTS
    }
    return sent, rows


def _lost(sent: list[Sent], rows: Rows) -> None:
    del rows["emr"][3]


def _overtaken(sent: list[Sent], rows: Rows) -> None:
    rows["emr"][0], rows["emr"][2] = rows["emr"][2], rows["emr"][0]


def _twice(sent: list[Sent], rows: Rows) -> None:
    rows["lis"].append({**rows["lis"][0], "state": "duplicate"})


def _other(sent: list[Sent], rows: Rows) -> None:
    rows["lis"].append({**rows["lis"][0], "state": "conflict"})


def _nobodys(sent: list[Sent], rows: Rows) -> None:
    rows["ris"].append({"no": "7", "state": "done"})


def _dead(sent: list[Sent], rows: Rows) -> None:
    sent[0] = Sent(*TOLD[0], "C0", "100", "dead", {"emr": "400"})
    del rows["emr"][0]


def _dead_there(sent: list[Sent], rows: Rows) -> None:
    sent[0] = Sent(*TOLD[0], "C0", "100", "dead", {"emr": "400"})


def _dead_mute(sent: list[Sent], rows: Rows) -> None:
    sent[0] = Sent(*TOLD[0], "C0", "100", "dead", {"emr": " "})
    del rows["emr"][0]


def _waiting(sent: list[Sent], rows: Rows) -> None:
    sent[0] = Sent(*TOLD[0], "C0", "100", "stored", {})


def _not_stored(sent: list[Sent], rows: Rows) -> None:
    gone = sent.pop()
    for name, kept in rows.items():
        rows[name] = [row for row in kept if row["no"] != gone.known_as(name)]


Spoil = Callable[[list[Sent], Rows], None]


@pytest.mark.parametrize(
    ("spoil", "op", "fault"),
    [
        (_lost, "", ""), (_overtaken, "emr", "slow"), (_twice, "", ""), (_twice, "emr", "slow"),
        (_twice, "lis", "http_500"), (_other, "lis", "slow"), (_nobodys, "", ""), (_dead, "", ""),
        (_dead, "emr", "http_500"), (_dead, "lis", "ack_ar"), (_dead_there, "emr", "http_400"),
        (_dead_mute, "emr", "http_400"), (_waiting, "", ""), (_not_stored, "", ""),
    ],
)  # fmt: skip
def test_the_judge_of_messages_sees_what_is_wrong(spoil: Spoil, op: str, fault: str) -> None:
    sent, rows = good()
    spoil(sent, rows)
    assert judge_events(sent, rows, op, fault) != []


@pytest.mark.parametrize(
    ("spoil", "op", "fault"), [(None, "", ""), (_twice, "lis", "slow"), (_dead, "emr", "http_400")]
)
def test_what_is_documented_is_not_wrong(spoil: Spoil | None, op: str, fault: str) -> None:
    sent, rows = good()
    if spoil is not None:
        spoil(sent, rows)
    assert judge_events(sent, rows, op, fault) == []
