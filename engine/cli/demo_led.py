"""Scenes 6, 7 and 10 where the HIS leads: what goes wrong between us and the HIS, and inside the HIS."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred

from engine.cli.demo_play import Play, Scene
from engine.cli.demo_scenes import CODE
from engine.cli.demo_troubles import carried_on_after_a_kill, until

SETTLE, ASK, VOID = "balance.and.pay.bill", "query.pay.bill", "void.pay.bill"


async def his_times_out(play: Play) -> None:
    """The HIS has settled, booked and invoiced inside, and never answers: asked by our number, found, carried on."""
    bill = play.bill("P0008", "visit2")
    play.stage.fault("his", SETTLE, "timeout_after_commit", match={"bill": bill}, seconds=120)
    story = await play.settle("P0008", bill, CODE)
    play.settled_once(story, insured=True)
    sent = play.talks("insurance", "2207A")
    play.claim(len(sent) == 1, f"2207A was sent {len(sent)} times")
    play.claim(len(play.talks("his", ASK)) >= 1, "nobody asked the HIS by our number")


async def settled_inside_not_booked(play: Play) -> None:
    """The worst one: the insurance has settled inside, and the HIS can never book. Its void takes the insurance back;
    only then the money goes back."""
    bill = play.bill("P0006", "visit4")
    play.stage.fault("his", SETTLE, "booking_fails", match={"bill": bill}, times=None)
    story = await play.settle("P0006", bill, CODE)
    play.ended(story, "undone")
    reason = story.last.get("reason", {})
    play.claim(reason.get("side") == "his", f"the reason's side: {reason}")
    await until(play, lambda: play.kept() == 0)
    play.nothing_kept()
    play.claim(bool(play.rows("wechat", "charge")), "no money had moved: the scene proves nothing")
    settled = play.rows("insurance", "settle")
    play.claim([row["state"] for row in settled] in (["reversed"], ["cancelled"]), f"insurance: {settled}")
    play.claim(len(play.talks("his", VOID)) >= 1, "the HIS was not asked to void")
    play.claim(not play.rows("his", "book"), "the HIS has booked after all")


async def killed(play: Play) -> None:
    """kill -9 when the HIS has settled inside and the engine has not heard of it; a new process carries on."""
    bill = play.bill("P0100", "visit1")
    play.stage.fault("his", SETTLE, "timeout_after_commit", match={"bill": bill}, seconds=600)
    under_way = Deferred.fromCoroutine(play.settle("P0100", bill, CODE))
    await carried_on_after_a_kill(play, under_way)


TROUBLES = (
    Scene(
        6,
        "HIS 内部已结算但应答丢失：查证后继续",
        "HIS settles inside but never answers: found, carried on",
        his_times_out,
    ),
    Scene(
        7,
        "医保已在 HIS 内结算而 HIS 入不了账：作废、退款",
        "settled inside, not booked: voided by the HIS, refunded",
        settled_inside_not_booked,
    ),
    Scene(10, "结算途中引擎被 kill -9，重启后续完", "the engine is killed half-way and started again", killed),
)


def troubles(usual: Sequence[Scene]) -> Sequence[Scene]:
    """Scenes 6 to 10, those that differ where the HIS leads replaced."""
    own = {scene.no: scene for scene in TROUBLES}
    return [own.get(scene.no, scene) for scene in usual]
