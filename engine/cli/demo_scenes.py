"""Scenes 1 to 5: how it goes on an ordinary day."""

from __future__ import annotations

from typing import Any

from engine.cli.demo_play import Play, Scene

CODE = {"kind": "wechat_code", "auth_code": "134567890123456789"}
QR = {"kind": "wechat_qr"}
WAYS = ("掌上办", "网上办", "现场办")


def scan(play: Play) -> Any:
    """The patient sees the QR and pays it on the phone."""

    def scanned(pay: dict[str, Any]) -> None:
        if pay.get("qr"):
            play.stage.act("wechat", "pay", qr=pay["qr"])

    return scanned


async def insured_by_code(play: Play) -> None:
    """Quoted, paid by payment code, settled with insurance, booked, invoiced."""
    bill = play.bill("P0001", "visit1")
    story = await play.settle("P0001", bill, CODE)
    play.settled_once(story, insured=True)
    amounts = story.last["amounts"]
    play.claim(amounts["total"] == 120_000, f"total {amounts['total']}")
    play.claim(amounts["fund"] == 12_500, f"fund {amounts['fund']}: 1,200.00 less own 100.00, first 50.00, deductible")


async def insured_by_qr(play: Play) -> None:
    """The payer is so quick that the callback overtakes the reply to the order; then it comes once more."""
    bill = play.bill("P0006", "visit1")
    play.stage.fault("wechat", "native", "callback_before_reply", match={"attach": bill})
    story = await play.settle("P0006", bill, QR, on_pay=scan(play))
    order = play.rows("wechat", "order")[0]["no"]
    play.stage.act("wechat", "callback_again", no=order)
    for _ in range(50):
        told = [row for row in play.talks("wechat") if row["direction"] == "out"]
        if len(told) >= 2 and all(row["outcome"] == "answered" for row in told):
            break
        await play.kiosk().pause(1.0)
    play.claim(len(told) == 2, f"{len(told)} callbacks")
    accepted = [row["reply"].split(" ", 2)[1] for row in told]
    play.claim(all(status in ("200", "204") for status in accepted), f"callbacks answered {accepted}")
    play.settled_once(story, insured=True)


async def self_pay(play: Play) -> None:
    """Nobody asks the insurance."""
    bill = play.bill("P0005", "visit4")
    story = await play.settle("P0005", bill, CODE, insured=False)
    play.settled_once(story, insured=False)
    play.claim(not play.talks("insurance"), "the insurance was asked")


async def resident(play: Play) -> None:
    """统筹 is for employees: refused with the reason before anything is kept; the same bill then by self-pay."""
    bill = play.bill("P0002", "visit2")
    refused = await play.settle("P0002", bill, CODE)
    play.ended(refused, "rejected", "E-NO-EMPLOYEE")
    play.claim(refused.last["reason"]["side"] == "patient", "whose side it is")
    play.claim(bool(refused.last["reason"].get("next")), "no advice for the patient")
    play.nothing_kept()
    story = await play.settle("P0002", bill, CODE, insured=False)
    play.settled_once(story, insured=False)


async def not_signed(play: Play) -> None:
    """Told the three ways to sign, the patient signs, and the same bill goes on."""
    bill = play.bill("P0003", "visit4")
    refused = await play.settle("P0003", bill, CODE)
    play.ended(refused, "rejected", "E-NOT-SIGNED")
    advice = str(refused.last["reason"].get("next", ""))
    play.claim(all(way in advice for way in WAYS), f"the three ways: {advice}")
    play.nothing_kept()
    play.say("签约 · signs")
    play.stage.act("insurance", "sign_community", person="P0003")
    story = await play.settle("P0003", bill, CODE)
    play.settled_once(story, insured=True)


SCENES = (
    Scene(1, "统筹结算，付款码支付", "insured, by payment code", insured_by_code),
    Scene(
        2, "统筹结算，扫码支付，回调早到且重复", "insured, by QR; the callback comes early, and twice", insured_by_qr
    ),
    Scene(3, "自费", "self-pay", self_pay),
    Scene(4, "居民医保不享受职工统筹，改自费", "resident insurance: refused with the reason, then self-pay", resident),
    Scene(5, "未签约：告知三种途径，签约后继续", "not signed: told three ways, signs, goes on", not_signed),
)
