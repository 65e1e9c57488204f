"""Paying by phone in and outside WeChat, and by UnionPay's payment code: the whole engine, judged by the channel."""

from __future__ import annotations

import json

import pytest
import pytest_twisted

from tests.rig.lab import Lab

PHONE = {
    "wechat_jsapi": {"openid": "oSimPayer"}, "wechat_mini": {"openid": "oSimPayer"},
    "wechat_h5": {"client_ip": "203.0.113.9"},
}  # fmt: skip


async def _quoted(lab: Lab) -> str:
    status, answer = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    assert (status, answer["state"]) == (200, "quoted"), answer
    return str(answer["settlement_no"])


@pytest.mark.parametrize("kind", PHONE)
@pytest_twisted.ensureDeferred
async def test_a_phone_pays(lab: Lab, kind: str) -> None:
    no = await _quoted(lab)
    status, paying = await lab.kiosk.pay(no, {"choice_no": "1", "kind": kind, **PHONE[kind]})
    assert (status, paying["state"]) == (200, "paying"), paying
    if kind == "wechat_h5":
        assert paying["pay"]["url"].startswith("https://wx.tenpay.com/")
    else:
        sheet = json.loads(paying["pay"]["sheet"])
        own = "wxsim0000000000002" if kind == "wechat_mini" else "wxsim0000000000001"
        assert sheet["appId"] == own
        assert sheet["package"].startswith("prepay_id=")
        assert sheet["paySign"]
    lab.act("wechat", "pay", no=f"{no}P1")
    done = await lab.rest(no)
    assert (done["state"], done["numbers"]["trade"]) == ("settled", f"{no}P1")
    assert lab.kept("wechat") == 107500


@pytest.mark.parametrize(
    ("code", "state"),
    [("6226000000000000000", "settled"), ("6226000000000000002", "quoted"), ("6226000000000000004", "quoted")],
)
@pytest_twisted.ensureDeferred
async def test_by_unionpays_payment_code(lab: Lab, code: str, state: str) -> None:
    """The code's last digits say how its holder behaves: pays, has nothing, fails."""
    no = await _quoted(lab)
    await lab.kiosk.pay(no, {"choice_no": "1", "kind": "unionpay_code", "auth_code": code})
    done = await lab.rest(no, state)
    assert done["state"] == state, done
    assert lab.kept("unionpay") == (107500 if state == "settled" else 0)


@pytest_twisted.ensureDeferred
async def test_a_payment_code_that_stays_unclear_is_reversed_before_another_is_taken(lab: Lab) -> None:
    no = await _quoted(lab)
    await lab.kiosk.pay(no, {"choice_no": "1", "kind": "unionpay_code", "auth_code": "6226000000000000003"})
    back = await lab.rest(no, "quoted")
    assert back["state"] == "quoted", back
    assert [row["no"] for row in lab.ledger("unionpay", "reverse")] == [f"{no}P1"]
    await lab.kiosk.pay(no, {"choice_no": "2", "kind": "unionpay_code", "auth_code": "6226000000000000000"})
    assert (await lab.rest(no))["state"] == "settled"
    assert lab.kept("unionpay") == 107500


@pytest.mark.parametrize(
    "choice",
    [
        {"kind": "wechat_jsapi"}, {"kind": "wechat_h5"}, {"kind": "wechat_qr", "openid": "o"},
        {"kind": "unionpay_code", "auth_code": "134000000000000000"}, {"kind": "unionpay_code"},
        {"kind": "wechat_code", "auth_code": "6226000000000000000"}, {"kind": "cash", "client_ip": "203.0.113.9"},
    ],
)  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_a_choice_that_lacks_or_mixes_its_fields_is_refused(lab: Lab, choice: dict[str, str]) -> None:
    no = await _quoted(lab)
    status, _ = await lab.kiosk.pay(no, {"choice_no": "1", **choice})
    assert status == 400
