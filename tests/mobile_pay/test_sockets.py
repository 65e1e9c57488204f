"""The phone settlement over real sockets: engine, HIS, platform and invoice as they run."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted

from tests.rig.lab import Lab


@pytest.mark.parametrize("fault", ["", "callback_never", "bad_signature"])
@pytest_twisted.ensureDeferred
async def test_paid_by_phone_whatever_becomes_of_the_notice(lab: Lab, fault: str) -> None:
    sim: Any = lab.parties["mobile_pay"]
    sim.settings.change({"notify_url": lab.url("/callback/mobile_pay"), "auto_pay": 3.0})
    if fault:
        lab.fault("mobile_pay", "6302", fault, times=100)
    body = lab.bill_request("P0001", "B20261122001")
    auth = lab.act("mobile_pay", "authorize", person="P0001")["pay_auth_no"]
    body["patient"]["credential"] = {"kind": "insurance_qr", "value": auth}
    status, answer = await lab.kiosk.ask("POST", "/v1/mobile/settlements", body)
    assert status in (200, 202), answer
    done = await lab.rest(answer["settlement_no"])
    assert (done["state"], done["amounts"]["account"]) == ("settled", 32050), done
    assert [(row["amount"], row["state"]) for row in lab.ledger("mobile_pay", "settle")] == [(120000, "done")]
    assert [(row["amount"], row["ref"]) for row in lab.ledger("his", "book")] == [(120000, "75450")]
    if not fault:
        assert sim.courier.delivered == 1
