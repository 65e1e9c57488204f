"""The insurance's list names every transaction the party speaks, under every gateway and address form."""

from __future__ import annotations

from engine.conformance.interfaces import Interface, read_list
from engine.parties.nhsa.operations import OPS

OTHER_FORMS = {"2203", "2206", "2207"}  # of provinces that have no form A: the same transaction, judged once


def test_every_transaction_is_in_the_list() -> None:
    asked = {step.op for step in read_list("nhsa").steps if isinstance(step, Interface)}
    assert OPS.keys() - OTHER_FORMS == asked - OTHER_FORMS
