"""A patient who stays: admitted, a deposit paid, treated, discharged; and a deposit that is given back."""

from __future__ import annotations

from typing import Any

from tests.edge.town import REST
from tests.faults.journeys import PATIENCE, TRIES, Run
from tests.faults.judge import judge_stay
from tests.inpatient.ward import Ward

DEPOSIT = 300_000  # fen: more than his share of the fees
FEES = (("K0001", "5"), ("K0008", "2"), ("K0101", "1"))


def _code(attempt: int) -> dict[str, str]:
    return {"kind": "wechat_code", "auth_code": f"13400000000000000{attempt}"}


class StayRun(Run):
    """What does not stand is tried again, as a ward's desk does."""

    stay = ""

    def _forward(self) -> None:
        ward = Ward(self.town)
        if not self._admitted(ward) or not self._deposited(ward) or self.journey.name == "deposit":
            return
        ward.charge(self.stay, *FEES)
        ward.leave(self.stay)
        for attempt in range(1, TRIES + 1):
            request = ward.request("P0001", stay=self.stay, pay_identity="insured")
            if self._started("settlements", request) == "quoted":
                answer = self.town.show(self.no, client=self.client).json
                due = answer["deposit"]["collect"]
                self.town.choose(self.no, {"choice_no": "1", **(_code(attempt) if due else {"kind": "deposit"})},
                                 client=self.client)  # fmt: skip
                self._until_rest()
            if self.state in ("settled", "manual"):
                return

    def _admitted(self, ward: Ward) -> bool:
        note = next(
            one["admission"] for one in self.town.lab.parties["his"].card("http://his")["admissions"]
            if one["patient"] == "P0001" and one["state"] == "issued"
        )  # fmt: skip
        for _ in range(TRIES):
            more = {"contact": "测试家属", "tel": "13900000001", "admission": note, "pay_identity": "insured"}
            request = ward.request("P0001", **more)
            if self._started("admissions", request) == "settled":
                self.stay = str(self.town.show(self.no, client=self.client).json["numbers"]["stay"])
                return True
        return False

    def _deposited(self, ward: Ward) -> bool:
        for attempt in range(1, TRIES + 1):
            shown = self._stay_shown()
            request = ward.request("P0001", stay=self.stay, deposit_no=shown["next_deposit"], amount=DEPOSIT)
            if self._started("deposits", request) == "quoted":
                self.town.choose(self.no, {"choice_no": "1", **_code(attempt)}, client=self.client)
                if self._until("quoted", *REST) == "quoted":
                    self._cancel()
            if self.state in ("settled", "manual"):
                return self.state == "settled"
        return False

    def _stay_shown(self) -> dict[str, Any]:
        until = self.town.now + PATIENCE
        while self.town.now < until:
            shown = self.town.ask("GET", f"/v1/inpatient/stays?patient=P0001&stay={self.stay}", client="C01")
            if shown.status == 200:
                return shown.json
            self.town.pass_time(20.0)
        raise AssertionError("the stay is never shown")

    def _started(self, what: str, body: dict[str, Any]) -> str:
        reply = self.town.ask("POST", f"/v1/inpatient/{what}", body, client=self.client)
        self.no = str(reply.json["settlement_no"])
        return self._until("quoted", *REST)

    def _wrong(self) -> list[str]:
        stays: Any = self.town.lab.parties["his"]
        stay = stays.stays.by_no.get(self.stay)
        return judge_stay(self.town.lab, self.no, self.out.state, self.out.tasks, stay)
