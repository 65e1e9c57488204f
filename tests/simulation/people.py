"""The patients of a seed: each walks to a terminal, asks, pays or not, changes his mind, leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from simulators.base.party import ActRefused
from simulators.kiosk.client import NoReply
from tests.rig.lab import Lab
from tests.simulation.plan import Visit, Way

REST = frozenset({"settled", "undone", "rejected", "manual"})
PATIENCE = 1200.0  # seconds after which everybody has gone home


class Patient:
    """One visit. `answers` are all (status, body) heard, `no` the settlement, `over` that he has left."""

    def __init__(self, lab: Lab, visit: Visit, index: int, say: Callable[[str], None]) -> None:
        self.lab, self.visit, self.index, self._say = lab, visit, index, say
        self.kiosk = lab.terminal(f"{visit.terminal}-{index}", client=visit.client)
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.no = ""
        self.over = False
        self._ways = list(visit.ways)
        self._choices = 0
        self._seen_qr = ""
        self._way: Way | None = None
        self._paying_since: float | None = None

    @property
    def last(self) -> dict[str, Any]:
        return self.answers[-1][1] if self.answers else {}

    @property
    def state(self) -> str:
        return str(self.last.get("state", "")) if self.no else ""

    def _now(self) -> float:
        return self.lab.sim_world.now()

    def start(self) -> None:
        """Come in when it is time."""
        self.lab.sim_world.later(self.visit.arrives, self._begin)

    def _begin(self) -> None:
        Deferred.fromCoroutine(self._live()).addErrback(self._failed)

    def _failed(self, failure: Any) -> None:
        self.over = True
        self._say(f"patient {self.index} failed: {failure.getTraceback()}")
        self.answers.append((-1, {"state": "", "failure": str(failure.value)}))

    async def _live(self) -> None:
        visit, began = self.visit, self._now()
        if visit.cancels >= 0:
            self.lab.sim_world.later(visit.cancels, self._give_up)
        status = await self._ask("settle", self.kiosk.settle, self._body())
        if status in (200, 202):
            self.no = self.last["settlement_no"]
            while self.state not in REST and self._now() < began + PATIENCE:
                if not await self._move():
                    break
            if self.state == "settled" and visit.refund_after >= 0 and visit.client == "C01":
                await self.kiosk.pause(visit.refund_after)
                body = {"request_no": f"R{self.index}-{visit.bill}", "reason_code": "wrong_items"}
                await self._ask("refund", self.kiosk.refund, self.no, body)
        self.over = True

    def _body(self) -> dict[str, Any]:
        visit = self.visit
        holder = visit.card_of or visit.person
        return {
            "request_no": f"{visit.terminal}-{self.index}-{visit.bill}",
            "campus": "main",
            "terminal": {"kind": "kiosk", "id": visit.terminal},
            "operator": visit.terminal,
            "patient": {
                "id": visit.person.id,
                "credential": {"kind": "insurance_card", "value": holder.card_no, "card_sn": holder.card_sn},
            },
            "bills": [visit.bill],
            "pay_identity": "insured" if visit.insured else "self_pay",
        }

    async def _ask(self, what: str, call: Any, *args: Any) -> int:
        """Ask until there is an answer; nobody gives up because the line is dead."""
        while True:
            try:
                status, answer = await call(*args)
            except NoReply as no:
                self._say(f"patient {self.index} {what}: no reply ({no})")
                await self.kiosk.pause(15.0)
                continue
            self.answers.append((status, answer))
            code = answer.get("reason", {}).get("code", "")
            self._say(f"patient {self.index} {what}: {status} {answer.get('state')} {code}")
            return int(status)

    async def _move(self) -> bool:
        """The next thing he does; False when he walks away."""
        if self.state == "quoted":
            self._paying_since = None
            if not self._ways:
                return False  # leaves without a word: the settlement expires
            await self._choose()
        elif self.state == "paying" and self._way is not None:
            await self._at_qr(self._way)
        else:
            await self._ask("show", self.kiosk.show, self.no, 10)
        return True

    async def _choose(self) -> None:
        self._way = way = self._ways.pop(0)
        self._choices += 1
        body: dict[str, Any] = {"choice_no": str(self._choices), "kind": way.kind}
        if way.kind == "wechat_code":
            code = f"13{self.lab.sim_world.seed % 10**8:08d}{self.index:04d}{self._choices:04d}"
            body["auth_code"] = code
            self.lab.act("wechat", "payer", auth_code=code, behaviour=way.behaviour, seconds=way.seconds)
        await self._ask(
            f"pay {way.kind} {way.behaviour if way.kind == 'wechat_code' else way.pays_after}",
            self.kiosk.pay,
            self.no,
            body,
        )

    async def _at_qr(self, way: Way) -> None:
        qr = str(self.last.get("pay", {}).get("qr", ""))
        if self._paying_since is None:
            self._paying_since = self._now()
        if qr and qr != self._seen_qr:
            self._seen_qr = qr
            if way.pays_after >= 0:
                self.lab.sim_world.later(way.pays_after, self._scan, qr)
        left = self._now() - self._paying_since
        if 0 <= way.leaves_after <= left and self._ways:
            self._paying_since = None
            await self._choose()
        else:
            await self._ask("show", self.kiosk.show, self.no, 10 if way.leaves_after < 0 else 1)

    def _scan(self, qr: str) -> None:
        try:
            self.lab.act("wechat", "pay", qr=qr)
            self._say(f"patient {self.index} paid by QR")
        except ActRefused as no:
            self._say(f"patient {self.index} could not pay: {no}")

    def _give_up(self) -> None:
        if self.no and not self.over:
            self._say(f"patient {self.index} gives up")
            body = {"request_no": f"C{self.index}-{self.visit.bill}", "reason_code": "patient_left"}
            cancelling = Deferred.fromCoroutine(self.kiosk.cancel(self.no, body))
            cancelling.addCallbacks(self._cancelled, lambda failure: failure.trap(NoReply) and None)

    def _cancelled(self, answer: tuple[int, dict[str, Any]]) -> None:
        self._say(f"patient {self.index} cancel: {answer[0]} {answer[1].get('state')}")
