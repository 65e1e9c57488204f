"""A patient who stays: admitted, a deposit paid, treated, discharged; each taken back in a journey of its own."""

from __future__ import annotations

from typing import Any

from tests.edge.town import REST
from tests.faults.journeys import PATIENCE, TRIES, Run
from tests.faults.judge import judge_stay
from tests.inpatient.ward import Ward

DEPOSIT = 300_000  # fen: more than his share of the fees


def _code(attempt: int) -> dict[str, str]:
    return {"kind": "wechat_code", "auth_code": f"13400000000000000{attempt}"}


class StayRun(Run):
    """What does not stand is tried again, as a ward's desk does. The misfortune lies in wait from the part that the
    journey is named for: `admission`, `deposit`, `stay` (the discharge)."""

    stay = ""

    def _begin(self, part: str = "") -> None:
        if part == self.journey.name.removesuffix("_lost"):
            super()._begin()

    def _forward(self) -> None:
        ward = Ward(self.town)
        self._begin("admission")
        if not self._admitted(ward):
            return
        if self.journey.name.startswith("admission"):
            self._changed(ward)
            return
        self._begin("deposit")
        if not self._deposited(ward) or self.journey.name.startswith("deposit"):
            return
        ward.treat(self.stay)
        self._begin("stay")
        self._discharged(ward)

    def _discharged(self, ward: Ward) -> None:
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
            if self.state == "manual":
                return False
        return False

    def _changed(self, ward: Ward) -> None:
        """The insurance is told of a change; the admission stays what is taken back later."""
        admission = self.no
        for attempt in range(1, TRIES + 1):
            request = ward.request("P0001", stay=self.stay, change_no=f"{self.stay}-{attempt}")
            if self._started("changes", request) == "settled":
                break
        else:
            self.out.flaws.append(f"a change is never told: {self.state}")
        self.no = admission

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
        part = self.journey.name.removesuffix("_lost")
        return judge_stay(self.town.lab, part, self.no, self.out.state, self.out.tasks, stay)
