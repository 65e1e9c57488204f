"""Bills as the doctors write them: lines, diagnoses, amounts, version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from simulators.his.answers import Habits, write_time
from simulators.town import DOCTORS, Item, Person, Template, price_list

PRICES = price_list()


@dataclass(frozen=True)
class BillLine:
    """One charged item; `amount` in fen, rounded half up from price x quantity."""

    line_no: str
    item: Item
    qty: Decimal

    @property
    def amount(self) -> int:
        return int((self.item.price_fen * self.qty).quantize(Decimal(1), ROUND_HALF_UP))


@dataclass
class Bill:
    """One unpaid or paid bill of one visit; `state` is unpaid, paid or void (a lock is the desk's matter)."""

    no: str
    person: Person
    doctor: str
    icd: str
    icd_name: str
    at: float
    lines: list[BillLine] = field(default_factory=list)
    state: str = "unpaid"

    @property
    def amount(self) -> int:
        """Total in fen."""
        return sum(line.amount for line in self.lines)

    @property
    def visit_no(self) -> str:
        return f"V{self.no}"

    def add(self, code: str, qty: str) -> None:
        """Append a line; ValueError for an unknown item or a quantity that is none."""
        if code not in PRICES:
            raise ValueError(f"no such item {code!r}; there are {', '.join(PRICES)}")
        try:
            count = Decimal(qty)
        except InvalidOperation:
            raise ValueError(f"not a quantity: {qty!r}") from None
        exponent = count.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -4 or not 0 < count < 100000:
            raise ValueError(f"quantity {qty!r}: above 0, at most four decimals")
        self.lines.append(BillLine(str(len(self.lines) + 1), PRICES[code], count))

    def version(self) -> str:
        """Hash of everything a settlement depends on; another content, another version."""
        content = [self.person.id, self.doctor, self.icd, [[x.item.code, str(x.qty), x.amount] for x in self.lines]]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def written(
    no: str, person: Person, doctor: str, at: float, template: Template | None, items: list[dict[str, Any]]
) -> Bill:
    """A new bill from a template of the town or from item codes and quantities."""
    if doctor not in DOCTORS:
        raise ValueError(f"no such doctor {doctor!r}; there are {', '.join(DOCTORS)}")
    icd, icd_name = (template.icd, template.icd_name) if template else ("K04.001", "急性牙髓炎")
    bill = Bill(no, person, doctor, icd, icd_name, at)
    rows = [(x.item, x.qty) for x in template.lines] if template else [_item_of(row) for row in items]
    for code, qty in rows:
        bill.add(code, qty)
    if not bill.lines:
        raise ValueError("a bill needs items")
    return bill


def _item_of(row: Any) -> tuple[str, str]:
    if not isinstance(row, dict) or "item" not in row:
        raise ValueError('items: [{"item": "K0001", "qty": "2"}]')
    return str(row["item"]), str(row.get("qty", "1"))


def short_form(bill: Bill, status: str, habits: Habits) -> dict[str, Any]:
    """A row of query.wait.balance.bill.list."""
    name, _, _, dept_name, _ = DOCTORS[bill.doctor]
    return {
        "billNo": bill.no, "billDate": write_time(bill.at), "deptName": dept_name, "drName": name,
        "amount": habits.money(bill.amount), "status": status,
    }


def lines_told(lines: Iterable[BillLine], doctor: str, when: str, rx: str, habits: Habits) -> list[dict[str, Any]]:
    """Charged items as this HIS writes them; `when` their time, `rx` the prescription's number or ""."""
    name, _, dept, dept_name, _ = DOCTORS[doctor]
    return [
        {
            "lineNo": line.line_no, "itemCode": line.item.code, "itemName": line.item.name,
            "itemType": line.item.charge_type, "spec": "", "unit": line.item.unit,
            "price": habits.money(line.item.price_fen), "qty": f"{line.qty:f}",
            "amount": habits.money(line.amount), "time": when, "deptCode": dept, "deptName": dept_name,
            "drCode": doctor, "drName": name, "rxNo": rx, "outside": "0",
        }
        for line in lines
    ]


def long_form(bill: Bill, status: str, habits: Habits) -> dict[str, Any]:
    """The data of query.wait.balance.bill.item.list."""
    name, _, dept, dept_name, caty = DOCTORS[bill.doctor]
    person, when = bill.person, write_time(bill.at)
    diagnosis = {"code": bill.icd, "name": bill.icd_name, "type": "1", "sort": "1", "time": when}
    items = lines_told(bill.lines, bill.doctor, when, f"R{bill.no}", habits)
    return {
        "billNo": bill.no, "billVersion": bill.version(), "status": status, "patientId": person.id,
        "patientName": person.name, "idNo": person.id_no, "gender": person.gender, "birth": person.birth,
        "phone": person.phone, "visitNo": bill.visit_no, "visitTime": when, "deptCode": dept,
        "deptName": dept_name, "caty": caty, "drCode": bill.doctor, "drName": name, "campus": "main",
        "amount": habits.money(bill.amount),
        **habits.listed("diagnoses", [diagnosis] if bill.icd else []),
        **habits.listed("items", items),
    }
