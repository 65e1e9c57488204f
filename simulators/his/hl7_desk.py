"""The HIS's MLLP door: DFT^P03 of deposits and of bills it names is booked, other charges are noted."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from decimal import Decimal

from simulators.base.ledger import Row
from simulators.base.mllp_ack import Verdict
from simulators.base.mllp_er7 import Er7, parsed_place
from simulators.base.mllp_er7 import Row as Segment
from simulators.base.mllp_side import MllpSide
from simulators.base.party import SimParty
from simulators.his.hl7_asks import Hl7Asks
from simulators.his.hl7_charges import Charges, Paid
from simulators.his.hl7_settings import Hl7Settings

_YUAN = re.compile(r"\d{1,12}(\.\d{1,2})?", re.ASCII)
DEPOSITS = ("INPAY", "APPPRE")  # FT1-6 of a deposit at the window and by phone
VOIDED = "1"


class _Wrong(Exception):
    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.text)
        self.verdict = verdict


@dataclass(frozen=True)
class Charge:
    """One FT1, amounts in fen; deposits and named bills are booked, everything else is only noted."""

    number: str
    total: int
    deposit: bool
    voided: bool
    paid: Paid | None = None


class HisDoor(MllpSide):
    """Books what DFT^P03 says, all FT1 of a message or none.

    Ledger: kind `book` for a deposit or a bill, `notice` for anything else, `void` for what is taken back; `no` the
    number of the deposit, payment, invoice or receipt, `party_no` the HIS's own, `bill` the visit (PV1-19) or bill,
    `ref` MSH-10.
    """

    def __init__(self, host: SimParty, persons: Container[str]) -> None:
        self._persons = persons
        self.asks: Hl7Asks | None = None  # the house answers questions too
        self.charges: Charges | None = None
        super().__init__(host)

    def reset(self) -> None:
        super().reset()
        self.settings = Hl7Settings()
        self.default = self.settings.unsaid
        self._booked: dict[str, Row] = {}

    def match_of(self, op: str, message: Er7) -> dict[str, str]:
        segment = next(iter(message.named("FT1")), None)
        number = self._value(segment, "number") if segment is not None else ""
        return {**super().match_of(op, message), "number": number}

    def receive(self, op: str, message: Er7) -> Verdict:
        if self.asks is not None and (told := self.asks.answer(op, message)) is not None:
            return told
        if op != "DFT^P03":
            return Verdict("AR", "不支持的消息类型", "200", "MSH-9")
        try:
            patient = message.get("PID-2") or message.get("PID-3.1")
            if patient not in self._persons:
                raise _Wrong(Verdict("AE", "未找到患者信息", "204", "PID-2"))
            rows = message.named("FT1")
            if not rows:
                raise _Wrong(Verdict("AE", "缺少FT1", "100", "FT1"))
            charges = [self._charge(segment, n) for n, segment in enumerate(rows, 1)]
            for n, charge in enumerate(charges, 1):
                self._bookable(charge, n, charges, patient)
        except _Wrong as wrong:
            return wrong.verdict
        for charge in charges:
            self._book(charge, message)
        return Verdict("AA", "成功")

    def deposit(self, number: str) -> Row | None:
        """What is booked under the number of a deposit."""
        return self._booked.get(number)

    def _value(self, segment: Segment, name: str) -> str:
        _, field, component, sub = parsed_place(self.settings.places[name])
        return segment.get(field, component, sub)

    def _charge(self, segment: Segment, n: int) -> Charge:
        number = self._value(segment, "number")
        if not number:
            raise _Wrong(Verdict("AE", "缺少流水号", "101", self.settings.places["number"], n))
        total = self._money(segment, "total", n)
        parts = [self._money(segment, name, n) for name in ("insurance", "self") if self._value(segment, name)]
        if len(parts) == 2 and sum(parts) != total:
            raise _Wrong(Verdict("AE", "总额不等于医保与自付之和", "207", self.settings.places["total"], n))
        deposit = self._value(segment, "type") in DEPOSITS
        voided, bill = self._value(segment, "state") == VOIDED, self._value(segment, "bill")
        if deposit or not bill:
            return Charge(number, total, deposit, deposit and voided)
        insurance, own = (parts[0], parts[1]) if len(parts) == 2 else (0, total)
        paid = Paid(number, bill, total, insurance, own, self._value(segment, "method"), voided)
        return Charge(number, total, deposit, voided, paid)

    def _money(self, segment: Segment, name: str, n: int) -> int:
        text = self._value(segment, name)
        if not _YUAN.fullmatch(text):
            missing = Verdict("AE", "缺少金额" if not text else "金额格式错误", "101" if not text else "102")
            raise _Wrong(Verdict(missing.code, missing.text, missing.condition, self.settings.places[name], n))
        return int(Decimal(text) * 100)

    def _bookable(self, charge: Charge, n: int, charges: list[Charge], patient: str) -> None:
        place = self.settings.places["number"]
        if sum(other.number == charge.number for other in charges) > 1:
            raise _Wrong(Verdict("AE", "流水号在消息内重复", "205", place, n))
        known = self._booked.get(charge.number)
        if charge.paid is not None and self.charges is not None:
            if (no := self.charges.refused(charge.paid, patient, place, n)) is not None:
                raise _Wrong(no)
        elif charge.voided:
            if known is None:
                raise _Wrong(Verdict("AE", "未找到该笔预交金", "204", place, n))
        elif known is not None and (known.amount != charge.total or known.state == "void"):
            raise _Wrong(Verdict("AE", "流水号重复且内容不同", "205", place, n))
        elif known is not None and self.settings.duplicates == "refuse":
            raise _Wrong(Verdict("AE", "重复的流水号", "205", place, n))

    def _book(self, charge: Charge, message: Er7) -> None:
        known, ledger = self._booked.get(charge.number), self.host.ledger
        about = {"bill": message.get("PV1-19.1"), "ref": message.control_id}
        if charge.paid is not None and self.charges is not None:
            self.charges.book(charge.paid)
        elif charge.voided:
            assert known is not None
            if known.state != "void":
                ledger.change(known, state="void")
                ledger.add("void", no=charge.number, party_no=known.party_no, amount=known.amount, **about)
        elif known is None:
            own = f"D{self.host.world.stamp('%Y%m%d')}{len(self._booked) + 1:06d}"
            kind = "book" if charge.deposit else "notice"
            row = ledger.add(kind, no=charge.number, party_no=own, amount=charge.total, **about)
            self._booked[charge.number] = row
