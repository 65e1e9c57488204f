"""A whole settlement as a patient lives it at the kiosk, written down step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulators.kiosk.client import Answer, Kiosk

REST = frozenset({"settled", "undone", "rejected", "manual", "busy"})
WAIT = 30.0  # seconds the engine may hold a question
REASON = "patient_left"


@dataclass(frozen=True)
class Step:
    """One talk with the engine: what was asked, how it was answered, in business seconds."""

    action: str  # settle, pay, show, cancel
    status: int
    state: str
    seconds: float
    answer: dict[str, Any]


@dataclass
class Story:
    """What happened; `state` is the last one heard, `rest` whether nothing more will happen by itself."""

    request_no: str
    settlement_no: str = ""
    steps: list[Step] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def state(self) -> str:
        return self.steps[-1].state if self.steps else ""

    @property
    def rest(self) -> bool:
        return self.state in REST or (bool(self.steps) and self.steps[-1].status >= 400)

    @property
    def last(self) -> dict[str, Any]:
        """The last answer."""
        return self.steps[-1].answer if self.steps else {}

    def public(self) -> dict[str, Any]:
        """The story as one JSON object."""
        return {**asdict(self), "state": self.state, "rest": self.rest}


def settlement_body(
    kiosk: Kiosk, request_no: str, patient: dict[str, Any], bills: Sequence[str], pay_identity: str,
    campus: str = "main",
) -> dict[str, Any]:
    """The request of a kiosk for these bills."""
    return {
        "request_no": request_no, "campus": campus, "terminal": {"kind": "kiosk", "id": kiosk.terminal_id},
        "operator": kiosk.terminal_id, "patient": patient, "bills": list(bills), "pay_identity": pay_identity,
    }


async def run_flow(
    kiosk: Kiosk, patient: dict[str, Any], bills: Sequence[str], pay_identity: str,
    choice: dict[str, Any] | Sequence[dict[str, Any]] | None, *, request_no: str = "", campus: str = "main",
    limit: float = 1800.0, on_pay: Callable[[dict[str, Any]], object] | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> Story:
    """Drive one settlement until it rests or `limit` business seconds are over.

    `choice` is how the patient pays (`{"kind": "wechat_code", "auth_code": …}`), or several: one for
    each time the engine asks; when none is left the patient leaves (cancel). `on_pay` gets the
    answer's `pay` object once for each new one (the patient sees a QR). NoReply passes through.
    """
    choices = [choice] if isinstance(choice, dict) else list(choice or ())
    story = Story(request_no or kiosk.next_no())
    walk = _Walk(kiosk, story, choices, limit, on_pay, on_step)
    body = settlement_body(kiosk, story.request_no, patient, bills, pay_identity, campus)
    await walk.note("settle", kiosk.settle(body))
    while not story.rest and not walk.over():
        await walk.step()
    story.seconds = round(kiosk.world.now() - walk.began, 3)
    return story


class _Walk:
    """Where one patient stands."""

    def __init__(
        self, kiosk: Kiosk, story: Story, choices: list[dict[str, Any]], limit: float,
        on_pay: Callable[[dict[str, Any]], object] | None, on_step: Callable[[Step], object] | None,
    ) -> None:
        self.kiosk, self.story, self.choices = kiosk, story, choices
        self.on_pay, self.on_step = on_pay, on_step
        self.began = kiosk.world.now()
        self.end = self.began + limit
        self.asked = 0
        self.cancelled = False
        self.seen: dict[str, Any] = {}

    def over(self) -> bool:
        return self.kiosk.world.now() >= self.end or not self.story.settlement_no

    async def note(self, action: str, talk: Any) -> None:
        """Wait for an answer and write it down."""
        start = self.kiosk.world.now()
        answer: Answer = await talk
        status, found = answer
        step = Step(
            action, status, str(found.get("state", "")), round(self.kiosk.world.now() - start, 3), found
        )
        self.story.steps.append(step)
        self.story.settlement_no = str(found.get("settlement_no", "")) or self.story.settlement_no
        if self.on_step is not None:
            self.on_step(step)

    async def step(self) -> None:
        """The patient's next move."""
        no, last = self.story.settlement_no, self.story.last
        pay = last.get("pay")
        if self.on_pay is not None and isinstance(pay, dict) and pay != self.seen:
            self.seen = pay
            self.on_pay(pay)
        if self.story.state != "quoted" or self.cancelled:
            await self._look(no)
        elif self.choices:
            self.asked += 1
            body = {"choice_no": str(self.asked), **self.choices.pop(0)}
            await self.note("pay", self.kiosk.pay(no, body))
        else:
            self.cancelled = True
            body = {"request_no": f"{self.story.request_no}-C", "reason_code": REASON}
            await self.note("cancel", self.kiosk.cancel(no, body))

    async def _look(self, no: str) -> None:
        before = self.story.state
        start = self.kiosk.world.now()
        await self.note("show", self.kiosk.show(no, WAIT))
        if self.story.state == before and self.kiosk.world.now() - start < 1.0:
            await self.kiosk.pause(1.0)  # an engine that does not hold the question is not hammered
