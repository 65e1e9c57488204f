"""What a scene of the demo works with: a kiosk, the parties' books since the scene began, and claims about both.

A scene proves itself by the API's answers and the *parties'* ledgers; what the engine believes is no evidence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from engine.cli.demo_stage import Stage
from simulators.kiosk import Kiosk
from simulators.kiosk.__main__ import patient_of
from simulators.kiosk.flow import Step, Story

Rows = list[dict[str, Any]]
PARTIES = ("his", "insurance", "wechat", "einvoice")
SETTLE_LIMIT = 600.0  # business seconds a patient of the demo waits at most


class Claimed(Exception):
    """A claim of a scene does not hold."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene: its number, its name in both languages, and how it is played."""

    no: int
    zh: str
    en: str
    play: Callable[[Play], Awaitable[None]]


@dataclass
class Played:
    """How a scene ended. Amounts in fen, `seconds` of the wall; `wrong`: the claim that did not hold, "" for none."""

    scene: Scene
    bills: list[str] = field(default_factory=list)
    stories: list[Story] = field(default_factory=list)
    calls: int = 0
    seconds: float = 0.0
    wrong: str = ""

    @property
    def last(self) -> dict[str, Any]:
        """The last answer the patient got."""
        return self.stories[-1].last if self.stories else {}

    def public(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "no": self.scene.no, "zh": self.scene.zh, "en": self.scene.en, "bills": self.bills, "wrong": self.wrong,
            "settlements": [story.settlement_no for story in self.stories], "state": self.last.get("state", ""),
            "amounts": self.last.get("amounts", {}), "calls": self.calls, "seconds": round(self.seconds, 3),
        }  # fmt: skip


class Play:
    """The play of one scene. `say` tells the audience what is happening."""

    def __init__(self, stage: Stage, kiosk: Callable[[str], Kiosk], scene: Scene, say: Callable[[str], None]) -> None:
        self.stage, self._kiosk, self.say = stage, kiosk, say
        self.played = Played(scene)
        self._books = {party: stage.ledger(party)[1] for party in PARTIES}
        self._talks = {party: stage.exchanges(party)[1] for party in PARTIES}

    # Doing

    def bill(self, patient: str, template: str) -> str:
        """A doctor writes a bill; its number."""
        made = str(self.stage.act("his", "new_bill", patient=patient, template=template)["bill"])
        self.played.bills.append(made)
        return made

    def kiosk(self, terminal: str = "K01") -> Kiosk:
        """A terminal in the hall."""
        return self._kiosk(terminal)

    async def settle(self, patient: str, bill: str, choices: Any, *, insured: bool = True, **more: Any) -> Story:
        """A patient settles a bill at the kiosk, to the end. `choices`: how he pays, one for each time he is asked."""
        story = await self.kiosk().run_flow(
            patient_of(patient, "insurance_card" if insured else "record_no"), [bill],
            "insured" if insured else "self_pay", choices, limit=SETTLE_LIMIT, on_step=self.step, **more,
        )  # fmt: skip
        return self.note(story)

    def step(self, step: Step) -> None:
        """The audience sees each answer."""
        self.say(f"{step.action} → {step.state or step.status}")

    def note(self, story: Story) -> Story:
        """Keep the story of a patient for the table."""
        self.played.stories.append(story)
        return story

    # Looking

    def rows(self, party: str, *kinds: str) -> Rows:
        """What a party wrote or changed in its own books since the scene began, of these kinds."""
        found, _ = self.stage.ledger(party, self._books[party])
        return [row for row in found if row["kind"] in kinds]

    def calls(self) -> int:
        """How many requests went over the wire since the scene began, either way."""
        return sum(len(self.talks(party)) for party in PARTIES)

    def talks(self, party: str, *ops: str) -> Rows:
        """A party's exchanges since the scene began, of these operations (all without any)."""
        found, _ = self.stage.exchanges(party, self._talks[party])
        return [row for row in found if not ops or row["op"] in ops]

    # Claiming

    def claim(self, holds: bool, what: str) -> None:
        """The scene is over and wrong when a claim does not hold."""
        if not holds:
            raise Claimed(what)

    def ended(self, story: Story, state: str, code: str = "") -> None:
        """The API's last answer."""
        reason = str(story.last.get("reason", {}).get("code", ""))
        self.claim(story.state == state, f"state {story.state or story.last}, not {state}")
        self.claim(not code or reason == code, f"reason {reason or 'none'}, not {code}")

    def settled_once(self, story: Story, *, insured: bool) -> None:
        """The answer and every party's books agree: settled, one time, to the fen."""
        self.ended(story, "settled")
        amounts, numbers = story.last["amounts"], story.last["numbers"]
        parts = sum(amounts[name] for name in ("fund", "account", "relief", "other", "cash"))
        self.claim(parts == amounts["total"], f"the parts make {parts}, not {amounts['total']}")
        booked = self.live("his", "book")
        self.claim([row["amount"] for row in booked] == [amounts["total"]], f"HIS booked {_amounts(booked)}")
        self.claim(booked[0]["party_no"] == numbers["his"], "the receipt's number differs")
        kept = self.kept()
        self.claim(kept == amounts["cash"], f"the payment platform holds {kept}, not {amounts['cash']}")
        charges = self.rows("wechat", "charge")
        self.claim(len(charges) == (1 if amounts["cash"] else 0), f"{len(charges)} charges")
        done = self.live("insurance", "settle")
        self.claim(len(done) == (1 if insured else 0), f"{len(done)} insurance settlements")
        if insured:
            seen = (done[0]["amount"], done[0]["fund"], done[0]["account"], done[0]["cash"])
            said = (amounts["total"], amounts["fund"], amounts["account"], amounts["cash"])
            self.claim(seen == said, f"insurance says {seen}, the answer {said}")
            self.claim(done[0]["party_no"] == numbers["insurance"], "the insurance settlement's number differs")
        issued = self.live("einvoice", "issue")
        self.claim([row["amount"] for row in issued] == [amounts["total"]], f"invoices {_amounts(issued)}")
        self.claim(issued[0]["party_no"] == numbers["invoice"], "the invoice's number differs")

    def nothing_kept(self) -> None:
        """No party holds money, a settlement, a booking, a lock or an invoice of this scene."""
        self.claim(self.kept() == 0, f"the payment platform holds {self.kept()}")
        for party, kind in (("his", "book"), ("insurance", "settle"), ("einvoice", "issue")):
            left = self.live(party, kind)
            self.claim(not left, f"{party} holds {len(left)} {kind}")
        locks = [row for row in self.rows("his", "lock") if row["state"] == "live"]
        self.claim(not locks, "the bill is still locked")

    def live(self, party: str, kind: str) -> Rows:
        """Rows of a kind that stand: not taken back."""
        return [row for row in self.rows(party, kind) if row["state"] == "done"]

    def kept(self) -> int:
        """Fen the payment platform took and did not give back."""
        taken = sum(row["amount"] for row in self.rows("wechat", "charge"))
        back = sum(
            row["amount"] for row in self.rows("wechat", "refund", "reverse") if row["state"] in ("done", "success")
        )
        return int(taken - back)


def _amounts(rows: Iterable[dict[str, Any]]) -> list[int]:
    return [row["amount"] for row in rows]
