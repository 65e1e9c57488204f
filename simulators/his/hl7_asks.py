"""What this HIS answers over MLLP: patients, unpaid bills, schedules, deposits, stays, what was paid; and appointments.

An answer holds MSA, QAK with OK or NF, the query repeated, and its rows: FT1 for money, PID for persons, SCH for an
appointment, ZSC for a schedule and ZST for a stay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulators.base.ledger import Row
from simulators.base.mllp_ack import Verdict
from simulators.base.mllp_er7 import Er7, esc
from simulators.his.answers import Refusal
from simulators.his.hl7_charges import Charges
from simulators.town import DOCTORS, Person, everybody

if TYPE_CHECKING:
    from simulators.his.party import HisSim

Rows = list[list[str]]
_PERSONS = everybody()
_ANSWERS = {  # op: (the answer's type, the segment the query stands in)
    "QBP^Q21": ("RSP^K21", "QPD"), "QRY^Q27": ("RAR^RAR", "QRD"), "QBP^Z11": ("RSP^Z11", "QPD"),
    "ZHY^ZRN": ("ZHY^ZRN", "QPD"), "QBP^ZYJ": ("RSP^ZYJ", "QPD"), "QBP^ZDI": ("RSP^ZDI", "QPD"),
    "QBP^ZZL": ("RSP^ZZL", "QPD"), "SQM^ZQ1": ("SQR^ZQ1", "QPD"), "QBP^ZPI": ("RSP^ZPI", "QPD"),
    "QBP^ZDL": ("RSP^ZDL", "QPD"),
}  # fmt: skip


class Hl7Asks:
    """Answers questions at the HIS's MLLP door. `deposit`: what DFT^P03 booked under a number."""

    def __init__(self, party: HisSim, deposit: Callable[[str], Row | None], charges: Charges) -> None:
        self._party, self._deposit, self._charges = party, deposit, charges
        self._work: dict[str, Callable[[str], Rows]] = {
            "QBP^Q21": self._patient, "QRY^Q27": self._bills, "QBP^Z11": self._schedules, "ZHY^ZRN": self._slots,
            "QBP^ZYJ": self._deposits, "QBP^ZDI": self._stays, "QBP^ZZL": self._fees, "SQM^ZQ1": self._paid,
            "QBP^ZPI": self._paid, "QBP^ZDL": self._lines,
        }  # fmt: skip

    def answer(self, op: str, message: Er7) -> Verdict | None:
        """The answer, None for what is no question."""
        if op in ("SRM^S01", "SRM^S04"):
            return self._appointment(op, message)
        if op not in _ANSWERS:
            return None
        kind, name = _ANSWERS[op]
        place = "QRD-8.1" if name == "QRD" else "QPD-3.1"
        asked = message.get(place)
        if not asked and op not in ("QBP^Z11", "ZHY^ZRN"):
            return Verdict("AE", "缺少查询条件", "101", place, kind=kind)
        rows = self._work[op](asked)
        tag = message.get("QPD-2") or message.control_id
        query = [list(row.fields) for row in message.named(name)]
        qak = ["QAK", esc(tag), "OK" if rows else "NF"]
        return Verdict("AA", "成功", kind=kind, rows=tuple(map(tuple, [qak, *query, *rows])))

    def _appointment(self, op: str, message: Er7) -> Verdict:
        number, patient = message.get("ARQ-1.1"), message.get("PID-2") or message.get("PID-3.1")
        if not number:
            return Verdict("AE", "缺少预约编号", "101", "ARQ-1", kind=f"SRR^{op[-3:]}")
        desk = self._party.registry
        try:
            made = op == "SRM^S01"
            reg = desk.arrange(number, message.get("ARQ-5.1"), patient) if made else desk.give_up(number)
        except Refusal as refusal:
            condition = "204" if refusal.code == "NOT_FOUND" else "207"
            return Verdict("AE", refusal.msg, condition, "ARQ-5", kind=f"SRR^{op[-3:]}")
        sch = ["SCH", esc(number), esc(reg)]
        return Verdict("AA", "成功", kind=f"SRR^{op[-3:]}", rows=(tuple(sch), tuple(_pid(_PERSONS.get(patient)))))

    # The questions

    def _patient(self, asked: str) -> Rows:
        by_card = (one for one in _PERSONS.values() if asked in (one.card_no, one.id_no))
        found = _PERSONS.get(asked) or next(by_card, None)
        return [_pid(found)] if found else []

    def _bills(self, asked: str) -> Rows:
        desk = self._party.desk
        rows: Rows = []
        for bill in desk.by_patient.get(asked, []):
            if bill.state == "unpaid":
                name, _, dept, dept_name, _ = DOCTORS[bill.doctor]
                rows.append(_ft1(len(rows) + 1, bill.no, bill.amount, {
                    4: self._party.world.stamp("%Y%m%d%H%M%S"), 13: f"{dept}^{dept_name}", 20: f"{bill.doctor}^{name}",
                    25: "0",
                }))  # fmt: skip
        return rows

    def _schedules(self, asked: str) -> Rows:
        rows = []
        for one in self._party.registry.schedules.values():
            name, _, dept, dept_name, _ = DOCTORS[one.doctor]
            if asked in ("", dept):
                rows.append(["ZSC", one.no, self._party.world.stamp("%Y%m%d"), one.period, f"{dept}^{dept_name}",
                             f"{one.doctor}^{name}", "15.00", str(one.left)])  # fmt: skip
        return rows

    def _slots(self, asked: str) -> Rows:
        return [row for row in self._schedules("") if asked in ("", row[1]) and row[7] != "0"]

    def _deposits(self, asked: str) -> Rows:
        row = self._deposit(asked)
        if row is None:
            return []
        return [_ft1(1, row.no, row.amount, {6: "INPAY", 25: "1" if row.state == "void" else "0"})]

    def _stays(self, asked: str) -> Rows:
        stays = [one for one in self._party.stays.by_admission.values() if one.person.id == asked]
        return [["ZST", one.inhos_no or one.admission_no, one.state, _yuan(one.left()),
                 _yuan(one.bill.amount if one.bill else 0)] for one in stays]  # fmt: skip

    def _fees(self, asked: str) -> Rows:
        stay = self._party.stays.by_no.get(asked)
        lines = stay.bill.lines if stay and stay.bill else []
        return [_ft1(at, asked, line.amount, {7: f"{line.item.code}^{esc(line.item.name)}"})
                for at, line in enumerate(lines, 1)]  # fmt: skip

    def _paid(self, asked: str) -> Rows:
        found = self._charges.paid_of(asked)
        return [_ft1(at, no, amount, {3: receipt, 25: "0"}) for at, (no, receipt, amount) in enumerate(found, 1)]

    def _lines(self, asked: str) -> Rows:
        payment = self._party.desk.settled(asked).payment
        lines = self._party.desk.bills[payment.bill_no].lines if payment else []
        return [_ft1(at, asked, line.amount, {7: f"{line.item.code}^{esc(line.item.name)}"})
                for at, line in enumerate(lines, 1)]  # fmt: skip


def _yuan(fen: int) -> str:
    return f"{fen / 100:.2f}"


def _ft1(at: int, no: str, fen: int, more: dict[int, str]) -> list[str]:
    row = [""] * 27
    row[0], row[1], row[2], row[11] = "FT1", str(at), esc(no), f"^^{_yuan(fen)}"
    for number, text in more.items():
        row[number] = text
    return row


def _pid(person: Person | None) -> list[str]:
    if person is None:
        return ["PID", "1"]
    numbers = [(person.id, "PatientNO"), (person.card_no, "IDCard"), (person.id_no, "IdentifyNO")]
    ids = "~".join(f"{esc(value)}^^^^{kind}" for value, kind in numbers)
    gender = {"1": "M", "2": "F"}.get(person.gender, "U")
    row = ["PID", "1", person.id, ids, "", esc(person.name), "", person.birth.replace("-", ""), gender]
    return [*row, "", "", "", "", person.phone, "", "", "", "", "", person.psn_no]
