"""The hospital's own card (区域诊疗卡): money paid in beforehand, taken from when a bill is booked."""

from __future__ import annotations

from simulators.his.answers import Refusal

OPENING = 200_000
"""Fen on everybody's card in the morning."""
MODE = "QYK"
"""The trade mode under which a bill is paid from the card."""


class RegionCards:
    """The balances by patient id, in fen."""

    def __init__(self) -> None:
        self._left: dict[str, int] = {}

    def balance(self, patient: str) -> int:
        return self._left.get(patient, OPENING)

    def pay_in(self, patient: str, fen: int) -> int:
        """Money paid in (or a payment given back); the new balance."""
        self._left[patient] = self.balance(patient) + fen
        return self._left[patient]

    def enough(self, patient: str, fen: int) -> None:
        """Refusal NOT_ENOUGH_BALANCE when there is less."""
        if fen > self.balance(patient):
            raise Refusal("NOT_ENOUGH_BALANCE", "区域诊疗卡余额不足")

    def take(self, patient: str, fen: int) -> None:
        """A payment; Refusal as above."""
        self.enough(patient, fen)
        self._left[patient] = self.balance(patient) - fen
