"""The order for a QR code stands, but its reply never came: the patient must get the code, not wait it out."""

from __future__ import annotations

import pytest
import pytest_twisted

from tests.rig.lab import Lab


@pytest.mark.parametrize("fault", ["reset_after_commit", "timeout_after_commit", "half_reply", "bad_signature"])
@pytest_twisted.ensureDeferred
async def test_a_lost_reply_to_the_order_is_asked_for_again_under_the_same_number(lab: Lab, fault: str) -> None:
    _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    no = quoted["settlement_no"]
    lab.fault("wechat", op="native", fault=fault, seconds=60)
    began = lab.sim_world.now()
    _, answer = await lab.kiosk.pay(no, {"choice_no": "1", "kind": "wechat_qr"})
    while "qr" not in answer.get("pay", {}):
        assert answer["state"] == "working", f"{answer['state']}, and nothing to scan"
        assert lab.sim_world.now() - began < 60, "the patient stands before an empty screen"
        _, answer = await lab.kiosk.show(no, wait=5)
    lab.act("wechat", act="pay", qr=answer["pay"]["qr"])
    while answer["state"] not in ("settled", "undone", "manual"):
        _, answer = await lab.kiosk.show(no, wait=10)
    assert answer["state"] == "settled"
    assert [row["amount"] for row in lab.ledger("wechat", "charge")] == [answer["amounts"]["cash"]]
    assert len({row["no"] for row in lab.ledger("wechat", "order")}) == 1
