"""Scenes 6 to 10: what goes wrong, and that no fen is lost or taken twice."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from engine.cli.demo_play import Play, Scene
from engine.cli.demo_scenes import CODE, QR, scan
from simulators.kiosk.__main__ import patient_of
from simulators.kiosk.flow import REST, Story, settlement_body

POOR = {"kind": "wechat_code", "auth_code": "134567890123999004"}  # the payer behind this code has too little money
SHORT = 200.0  # business seconds


async def insurance_times_out(play: Play) -> None:
    """2207A is executed and never answered: asked with 5203, found, carried on; settled once, not twice."""
    bill = play.bill("P0008", "visit2")
    play.stage.fault("insurance", "2207A", "timeout_after_commit", match={"person": "P0008"}, seconds=120)
    story = await play.settle("P0008", bill, CODE)
    play.settled_once(story, insured=True)
    sent = play.talks("insurance", "2207A")
    play.claim(len(sent) == 1, f"2207A was sent {len(sent)} times")
    play.claim(len(play.talks("insurance", "5203")) >= 1, "nobody asked with 5203")


async def his_refuses(play: Play) -> None:
    """The patient has paid and the insurance has settled when the HIS says no: everything goes back."""
    bill = play.bill("P0006", "visit4")
    play.stage.fault("his", "balance.and.pay.bill", "refuse_business", match={"bill": bill})
    story = await play.settle("P0006", bill, CODE)
    play.ended(story, "undone")
    reason = story.last.get("reason", {})
    play.claim(reason.get("side") == "his", f"the reason's side: {reason}")
    play.claim(bool(reason.get("zh")), "the patient is not told why")
    await until(play, lambda: play.kept() == 0)
    play.nothing_kept()
    taken = sum(row["amount"] for row in play.rows("wechat", "charge"))
    play.claim(taken > 0, "no money had moved: the scene proves nothing")
    settled = play.rows("insurance", "settle")
    play.claim([row["state"] for row in settled] in (["reversed"], ["cancelled"]), f"insurance: {settled}")


async def low_balance(play: Play) -> None:
    """The first way has too little money; the second pays; one charge."""
    bill = play.bill("P0005", "small")
    story = await play.settle("P0005", bill, [POOR, QR], insured=False, on_pay=scan(play))
    asked = [step for step in story.steps if step.state == "quoted"]
    codes = [step.answer.get("reason", {}).get("code") for step in asked]
    play.claim("E-PAY-NOTENOUGH" in codes, f"the patient was told {codes}")
    play.settled_once(story, insured=False)
    play.claim(len(play.rows("wechat", "order")) == 2, "there were not two orders")


async def two_kiosks(play: Play) -> None:
    """Both ask at the same moment: one is quoted, the other is told who holds the bill; the first goes on."""
    bill = play.bill("P0001", "small")
    patient = patient_of("P0001", "insurance_card")
    kiosks = [play.kiosk("K01"), play.kiosk("K02")]
    bodies = [settlement_body(kiosk, kiosk.next_no(), patient, [bill], "insured") for kiosk in kiosks]
    both = [Deferred.fromCoroutine(kiosk.settle(body)) for kiosk, body in zip(kiosks, bodies, strict=True)]
    answers: list[tuple[int, dict[str, Any]]] = await gatherResults(both)
    play.claim(sorted(status for status, _ in answers) == [200, 409], f"answered {[status for status, _ in answers]}")
    first = next(place for place, (status, _) in enumerate(answers) if status == 200)
    held, busy = answers[first][1], answers[1 - first][1]
    play.claim(busy.get("state") == "busy", f"the second was told {busy}")
    play.claim(busy.get("settlement_no") == held["settlement_no"], "the second was not told who holds the bill")
    play.say("409 busy")
    story = await kiosks[first].run_flow(
        patient, [bill], "insured", CODE, request_no=bodies[first]["request_no"], limit=SHORT, on_step=play.step
    )
    play.settled_once(play.note(story), insured=True)


async def killed(play: Play) -> None:
    """kill -9 when the insurance has settled and the engine has not heard of it; a new process carries on."""
    bill = play.bill("P0100", "visit1")
    play.stage.fault("insurance", "2207A", "timeout_after_commit", match={"person": "P0100"}, seconds=600)
    await carried_on_after_a_kill(play, Deferred.fromCoroutine(play.settle("P0100", bill, CODE)))


async def carried_on_after_a_kill(play: Play, under_way: Deferred[Story]) -> None:
    """As soon as the insurance has settled the engine dies; started again, it settles once."""
    await until(play, lambda: bool(play.rows("insurance", "settle")))
    play.stage.kill_engine()
    play.say("kill -9")
    play.stage.start_engine()
    play.say("重新启动 · started again")
    story = await under_way
    play.claim(play.kiosk().repeated > 0, "the kiosk lost no reply: the engine was not killed in the middle")
    play.claim(story.state in REST, f"the kiosk waits still: {story.state}")
    play.settled_once(story, insured=True)


async def until(play: Play, holds: Any) -> None:
    """Wait until it holds, at most a while; what follows then claims it anyway."""
    for _ in range(int(SHORT)):
        if holds():
            return
        await play.kiosk().pause(1.0)


SCENES = (
    Scene(
        6,
        "医保已结算但应答丢失：查证后继续",
        "insurance settles but never answers: found, carried on",
        insurance_times_out,
    ),
    Scene(
        7,
        "付款后 HIS 拒绝：医保冲正、退款、告知患者",
        "HIS refuses after payment: reversed, refunded, told",
        his_refuses,
    ),
    Scene(8, "余额不足，换一种方式再付", "not enough money, then another way", low_balance),
    Scene(9, "两台自助机同时结算一张账单", "two kiosks, one bill: one of them is told it is busy", two_kiosks),
    Scene(10, "结算途中引擎被 kill -9，重启后续完", "the engine is killed half-way and started again", killed),
)
