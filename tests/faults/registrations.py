"""A patient who registers with a doctor as insured: what his part is paid with, and the registration taken back."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from simulators.base.party import ActRefused
from simulators.town import PERSONS
from tests.faults.journeys import Run
from tests.faults.judge import judge_registration

PATIENT = PERSONS[0]

class RegistrationRun(Run):
    """One registration; what is not settled within three ways of paying is cancelled."""

    attempt = 0

    def _request(self) -> dict[str, Any]:
        credential = {"kind": "insurance_card", "value": PATIENT.card_no, "card_sn": PATIENT.card_sn}
        if self.journey.name == "reg_ec":
            shown = self.town.lab.act("insurance", "show_ec_code", person=PATIENT.id)
            credential = {"kind": "insurance_qr", "value": shown["ecQrCode"]}
        return {
            "request_no": "G1", "campus": "main", "terminal": {"kind": "kiosk", "id": "K01"}, "operator": "K01",
            "patient": {"id": PATIENT.id, "credential": credential}, "schedule": "D01-AM", "registration_no": "GH-1",
            "pay_identity": "insured",
        }  # fmt: skip

    def _pay(self, attempt: int) -> None:
        self.attempt = attempt
        super()._pay(attempt)

    def _at_the_code(self) -> None:
        """A code, a sheet in the app or a page is before him: he pays, or goes away and cancels."""
        self.town.pass_time(3.0)
        if not self.journey.payer:
            self._cancel()
            return
        with suppress(ActRefused):
            self.town.lab.act(self.journey.payer, "pay", no=f"{self.no}P{self.attempt}")
        self.town.pass_time(5.0)

    def _wrong(self) -> list[str]:
        return judge_registration(self.town.lab, self.no, self.out.state, self.out.tasks)
