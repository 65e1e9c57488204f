"""The registration desk: patients, schedules, slots held and booked, queue numbers, cancelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulators.his.answers import Habits, Refusal, read_time, write_time
from simulators.his.numbers import Numbers
from simulators.his.reg_fees import FEE, Share, share_of, told
from simulators.town import DOCTORS, Person

if TYPE_CHECKING:
    from simulators.his.party import HisSim

SLOTS = 5
_SHOWN = ("patientId", "patientName", "idNo", "phone", "gender", "birth", "cardNo")


@dataclass
class Schedule:
    """One doctor's half day."""

    no: str
    doctor: str
    period: str
    left: int = SLOTS


@dataclass
class Held:
    """A slot held for one number."""

    schedule: Schedule
    patient: str
    until: float


class RegistryDesk:
    """Registrations of one day."""

    def __init__(self, party: HisSim, habits: Habits, persons: dict[str, Person]) -> None:
        self._party, self._habits, self._persons = party, habits, persons
        self.schedules = {
            f"{doctor}-{period}": Schedule(f"{doctor}-{period}", doctor, period)
            for doctor in DOCTORS for period in ("AM", "PM")
        }  # fmt: skip
        self.held: dict[str, Held] = {}
        self._closed: set[str] = set()
        self.booked = Numbers(party.ledger, habits)
        self.fees = Numbers(party.ledger, habits)  # of appointments made by HL7
        self._owners: dict[str, str] = {}  # appointment → patient
        self._fees_paid: dict[str, str] = {}  # our number → appointment
        self._taken: dict[str, int] = {}
        self._count = 0
        self._shares: dict[str, Share] = {}  # of what was booked, by our number
        self.cards: dict[str, dict[str, str]] = {}

    def set_patient(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        """A known id number is that person; a new one becomes a number of its own, the same for the same id number."""
        person = next((one for one in self._persons.values() if one.id_no == texts["idNo"]), None)
        if person is not None and person.name != texts["patientName"]:
            raise Refusal("PARAM_INVALID", "证件号与姓名不符", field="patientName")
        made = self.cards.setdefault(texts["idNo"], {"patientId": f"N{len(self.cards) + 1:04d}"})
        made.update({name: value for name, value in texts.items() if value and name != "createNo"})
        return {"patientId": person.id if person else made["patientId"]}

    def created(self, texts: dict[str, str]) -> dict[str, Any]:
        """A patient whom a terminal created, by number or by what he can show; Refusal for one nobody created."""
        for made in self.cards.values():
            known = {("", made["patientId"]), ("3", made["idNo"]), ("5", made["idNo"]), ("6", made["patientId"]),
                     (made.get("cardType", ""), made.get("cardNo", ""))}  # fmt: skip
            asked = ("", texts["patientId"]) if texts["patientId"] else (texts["cardType"], texts["cardNo"])
            if asked in known:
                return {name: made[name] for name in _SHOWN if name in made}
        raise Refusal("PATIENT_NOT_FOUND", "未找到患者信息")

    def listed(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        rows = []
        for one in self.schedules.values():
            name, _, dept, dept_name, _ = DOCTORS[one.doctor]
            if texts["deptCode"] not in ("", dept):
                continue
            rows.append({
                "scheduleNo": one.no, "date": self._party.world.stamp("%Y-%m-%d"), "period": one.period,
                "deptCode": dept, "deptName": dept_name, "drCode": one.doctor, "drName": name,
                "fee": self._habits.money(FEE), "free": str(one.left),
            })  # fmt: skip
        return self._habits.listed("schedules", rows)

    def _schedule(self, no: str) -> Schedule:
        if no not in self.schedules:
            raise Refusal("SCHEDULE_NOT_FOUND", "没有这个排班")
        return self.schedules[no]

    def _patient(self, no: str) -> str:
        if no not in self._persons and no not in {one["patientId"] for one in self.cards.values()}:
            raise Refusal("PATIENT_NOT_FOUND", "未找到患者信息")
        return no

    def pre(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        who = self._patient(texts["patientId"])
        one = self._schedule(texts["scheduleNo"])
        return {
            "scheduleNo": one.no, "free": str(one.left), "amount": self._habits.money(FEE), **self._named(who),
            **told(one.doctor, self._party.world.stamp(), self._habits),
        }  # fmt: skip

    def _named(self, patient: str) -> dict[str, str]:
        person = self._persons.get(patient)
        if person is not None:
            return {"patientId": patient, "patientName": person.name, "idNo": person.id_no, "phone": person.phone}
        shown = self.created({"patientId": patient})
        return {name: shown[name] for name in ("patientId", "patientName", "idNo", "phone") if name in shown}

    def lock(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        no, until = texts["lockNo"], read_time("expireTime", texts["expireTime"])
        if no in self._closed:
            raise Refusal("LOCK_CLOSED", "该锁定号已解锁，不能再次锁定")
        if until <= self._party.world.now():
            raise Refusal("EXPIRED", "锁定截止时间已过")
        held = self.held.get(no)
        if held is None:
            one = self._schedule(texts["scheduleNo"])
            self._patient(texts["patientId"])
            if one.left <= 0:
                raise Refusal("SLOT_GONE", "号源已满")
            one.left -= 1
            held = self.held[no] = Held(one, texts["patientId"], until)
            self._party.later(until - self._party.world.now(), self._expire, no)
        return {"lockNo": no, "scheduleNo": held.schedule.no, "until": write_time(held.until)}

    def _expire(self, no: str) -> None:
        held = self.held.pop(no, None)
        if held is not None:
            held.schedule.left += 1

    def unlock(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        self._closed.add(texts["lockNo"])
        if texts["lockNo"] not in self.held:
            raise Refusal("NOT_LOCKED", "该锁定号没有号源")
        self._expire(texts["lockNo"])
        return {"lockNo": texts["lockNo"]}

    def book(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        amount = self._habits.read_money("amount", texts["amount"])
        share = share_of(amount, texts, body, self._habits)
        content = (texts["lockNo"], amount, texts["tradeMode"], texts["outTradeNo"], share)
        if found := self.booked.known(texts["settleNo"], content):
            return found.told
        if read_time("expireTime", texts["expireTime"]) <= self._party.world.now():
            raise Refusal("EXPIRED", "请求已超过截止时间，未执行")
        held = self.held.get(texts["lockNo"])
        if held is None or held.patient != texts["patientId"]:
            raise Refusal("LOCK_LOST", "号源锁定已失效")
        if amount != FEE:
            raise Refusal("AMOUNT_MISMATCH", "挂号费不符")
        del self.held[texts["lockNo"]]
        self._closed.add(texts["lockNo"])  # used up: a late original must not hold another slot
        self._count += 1
        reg = f"G{self._party.world.stamp('%Y%m%d')}{self._count:05d}"
        row = self._party.ledger.add("book", no=texts["settleNo"], party_no=reg, amount=amount, bill=reg,
                                     ref=str(share.cash))  # fmt: skip
        made = {"settleNo": texts["settleNo"], "regNo": reg, "visitNo": f"V{reg}", "scheduleNo": held.schedule.no,
                "payTime": self._party.world.stamp()}  # fmt: skip
        self.booked.book(texts["settleNo"], content, made, row)
        self._shares[texts["settleNo"]] = share
        return made

    def arrange(self, no: str, schedule: str, patient: str) -> str:
        """An appointment without money, as SRM^S01 asks for one; its number, the same for the same request."""
        content = (schedule, patient)
        if found := self.booked.known(no, content):
            return str(found.told["regNo"])
        one = self._schedule(schedule)
        self._patient(patient)
        if one.left <= 0:
            raise Refusal("SLOT_GONE", "号源已满")
        one.left -= 1
        self._count += 1
        reg = f"G{self._party.world.stamp('%Y%m%d')}{self._count:05d}"
        row = self._party.ledger.add("register", no=no, party_no=reg, bill=reg)
        self._owners[reg] = patient
        self.booked.book(no, content, {"regNo": reg, "scheduleNo": schedule}, row)
        return reg

    def give_up(self, no: str) -> str:
        """Cancel such an appointment; its number. Refusal for one nobody made, whose number is buried."""
        found = self.booked.void(no, f"{no}V")
        self.schedules[found.told["scheduleNo"]].left += 1
        return str(found.told["regNo"])

    def fee_due(self, reg: str, number: str, amount: int, patient: str) -> None:
        """Refusal when this fee of an appointment cannot be booked."""
        if self.fees.known(number, (reg, amount)) is not None:
            return
        if self._owners.get(reg) != patient or all(
            one.told.get("regNo") != reg or one.state != "PAID" for one in self.booked.all()
        ):
            raise Refusal("NOT_FOUND", "没有这笔预约")
        if any(one == reg and self.fees.ask(no).state == "PAID" for no, one in self._fees_paid.items()):
            raise Refusal("BILL_PAID", "挂号费已缴")
        if amount != FEE:
            raise Refusal("AMOUNT_MISMATCH", "挂号费不符")

    def pay_fee(self, reg: str, number: str, amount: int) -> None:
        """Book the fee, once under its number."""
        if self.fees.known(number, (reg, amount)) is None:
            receipt = f"GF{len(self._fees_paid) + 1:06d}"
            row = self._party.ledger.add("book", no=number, party_no=receipt, amount=amount, bill=reg, ref=str(amount))
            self.fees.book(number, (reg, amount), {"receipt": receipt}, row)
            self._fees_paid[number] = reg

    def fee_back(self, number: str) -> None:
        """Take a fee back; one that is back already stays so."""
        if self.fees.ask(number).state == "PAID":
            self.fees.void(number, f"{number}V")

    def fees_of(self, patient: str) -> list[tuple[str, str, int]]:
        """(number, receipt, fen) of the fees that stand."""
        return [
            (no, str(found.told["receipt"]), found.row.amount) for no, reg in self._fees_paid.items()
            if self._owners[reg] == patient and (found := self.fees.ask(no)).state == "PAID" and found.row
        ]  # fmt: skip

    def asked(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        found = self.booked.ask(texts["settleNo"])
        amount = {"amount": self._habits.money(found.row.amount)} if found.row else {}
        queue = self._taken.get(texts["settleNo"])
        taken = {"queueNo": str(queue)} if queue else {}
        share = self._shares.get(texts["settleNo"])
        if share is not None:
            amount |= {part: self._habits.money(getattr(share, part)) for part in ("cash", "fund", "account")}
        return {"settleNo": texts["settleNo"], **found.told, **amount, **taken, "state": found.state}

    def take(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        found = self.booked.ask(texts["settleNo"])
        if found.state != "PAID":
            raise Refusal("NOT_FOUND", "没有这笔挂号")
        queue = self._taken.setdefault(texts["settleNo"], len(self._taken) + 1)
        return {"settleNo": texts["settleNo"], "queueNo": str(queue)}

    def cancel(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        if texts["settleNo"] in self._taken and self.booked.ask(texts["settleNo"]).state == "PAID":
            raise Refusal("REG_TAKEN", "已取号，请到窗口退号")
        found = self.booked.void(texts["settleNo"], texts["voidNo"])
        self.schedules[found.told["scheduleNo"]].left += 1
        return {"settleNo": texts["settleNo"], "voidNo": texts["voidNo"]}
