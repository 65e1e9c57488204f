"""Bills and registration fees that DFT^P03 pays: booked once under the payer's number, and taken back by it.

There is no lock in HL7: a bill that is locked, paid, void or another amount by now is refused when the payment comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulators.base.mllp_ack import Verdict
from simulators.his.answers import Refusal
from simulators.his.desk import Payment

if TYPE_CHECKING:
    from simulators.his.party import HisSim

_CONDITIONS = {  # of table 0357
    "DUPLICATE": "205", "DUPLICATE_DIFFERENT": "205", "BILL_NOT_FOUND": "204", "NOT_FOUND": "204", "BILL_LOCKED": "206",
}  # fmt: skip


@dataclass(frozen=True)
class Paid:
    """What one FT1 says of a bill, amounts in fen."""

    number: str
    bill: str
    total: int
    insurance: int
    own: int
    method: str
    voided: bool


class Charges:
    """The desk and the registry, as DFT^P03 sees them."""

    def __init__(self, party: HisSim) -> None:
        self._party = party

    def refused(self, one: Paid, patient: str, place: str, n: int) -> Verdict | None:
        """Why this payment, or its taking back, is not booked; None when it can be. A number nobody knows that is
        taken back is buried."""
        try:
            if one.voided:
                self._voidable(one)
            elif one.bill.startswith("G"):
                self._party.registry.fee_due(one.bill, one.number, one.total, patient)
            elif self._party.desk.bill(one.bill).person.id != patient:
                raise Refusal("BILL_NOT_FOUND", "账单不存在")
            else:
                self._party.desk.chargeable(self._payment(one))
        except Refusal as no:
            return Verdict("AE", no.msg, _CONDITIONS.get(no.code, "207"), place, n)
        return None

    def book(self, one: Paid) -> None:
        """What `refused` let pass."""
        desk, registry = self._party.desk, self._party.registry
        if one.voided:
            if one.bill.startswith("G"):
                registry.fee_back(one.number)
            elif desk.settled(one.number).state == "PAID":
                desk.void(one.number, f"{one.number}V", "DFT^P03")
        elif one.bill.startswith("G"):
            registry.pay_fee(one.bill, one.number, one.total)
        else:
            desk.charge(self._payment(one))

    def paid_of(self, patient: str) -> list[tuple[str, str, int]]:
        """(number, receipt, fen) of what stands paid for a patient."""
        return [*self._party.desk.paid_of(patient), *self._party.registry.fees_of(patient)]

    def _voidable(self, one: Paid) -> None:
        try:
            if one.bill.startswith("G"):
                self._party.registry.fees.voidable(one.number)
            else:
                self._party.desk.voidable(one.number)
        except Refusal as no:
            if no.code != "ALREADY_VOID":  # that is what was wanted
                raise

    @staticmethod
    def _payment(one: Paid) -> Payment:
        return Payment(
            one.bill, one.number, "", one.total, one.own, one.insurance, 0, one.method, "", "", None,
        )  # fmt: skip
