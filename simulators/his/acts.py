"""What doctors and cashiers do: write, change and void bills, collect at the window, and the HIS's habits."""

from __future__ import annotations

from typing import Any

from simulators.base.world import SimWorld
from simulators.his.answers import Habits
from simulators.his.bills import Bill, written
from simulators.his.counter import Counter
from simulators.his.desk import Desk
from simulators.his.stays import Stay, Stays
from simulators.town import TEMPLATES, Person

FIRST_MORNING = (
    ("P0001", "visit1"), ("P0002", "visit2"), ("P0003", "visit4"), ("P0004", "visit2"),
    ("P0005", "visit4"), ("P0006", "visit1"), ("P0007", "small"), ("P0008", "visit1"),
)
ADMISSIONS = ("P0001", "P0002", "P0005")
SUGGESTED = 300_000  # fen: the deposit a 电子住院证 asks for


class Acts:
    """The people inside the hospital, played through POST /sim/act."""

    def __init__(
        self, world: SimWorld, desk: Desk, stays: Stays, counter: Counter, habits: Habits, persons: dict[str, Person]
    ) -> None:
        self._counter = counter
        self._world, self._desk, self._habits, self._persons = world, desk, habits, persons
        self._stays = stays
        self._count = 0

    def first_morning(self) -> None:
        """One open bill for each named person of the town, numbers B20261122001 and on; some 电子住院证."""
        for patient, template in FIRST_MORNING:
            self._count += 1
            no = f"B20261122{self._count:03d}"
            self._desk.enter(written(no, self._persons[patient], "D01", self._world.now(), TEMPLATES[template], []))
        for patient in ADMISSIONS:
            self._stays.issue(self._persons[patient], "D01", SUGGESTED)

    def play(self, body: dict[str, Any]) -> dict[str, Any]:
        """ActRefused when the bill does not allow it; ValueError, KeyError when malformed."""
        name = body.get("act")
        plays = {
            "new_bill": self._new_bill, "collect_at_window": self._collect, "change_bill": self._change,
            "void_bill": self._void, "pay_in": self._pay_in, "set": self._set,
            "issue_admission": self._issue, "charge_stay": self._charge, "order_discharge": self._leave,
            "keep_in": self._keep_in, "pay_out": self._pay_out,
            "pay_order": self._pay_order,
        }
        if name not in plays:
            raise ValueError(f"unknown act {name!r}; there are {', '.join(plays)}")
        return plays[name]({key: value for key, value in body.items() if key != "act"})

    def _new_bill(self, body: dict[str, Any]) -> dict[str, Any]:
        if unknown := body.keys() - {"patient", "template", "items", "bill", "doctor"}:
            raise ValueError(f"unknown field: {', '.join(sorted(unknown))}")
        patient, template, items = str(body["patient"]), body.get("template"), body.get("items")
        if (template is None) == (items is None):
            raise ValueError("either template or items")
        if template is not None and template not in TEMPLATES:
            raise ValueError(f"no such template; there are {', '.join(TEMPLATES)}")
        if items is not None and not isinstance(items, list):
            raise ValueError('items: [{"item": "K0001", "qty": "2"}]')
        if patient not in self._persons:
            raise ValueError(f"no such patient {patient!r}")
        bill = written(
            str(body.get("bill") or self._next_no()), self._persons[patient], str(body.get("doctor", "D01")),
            self._world.now(), TEMPLATES[template] if template else None, items or [],
        )
        self._desk.enter(bill)
        return {"bill": bill.no, "amount": bill.amount}

    def _next_no(self) -> str:
        while True:
            self._count += 1
            no = f"B{self._world.stamp('%Y%m%d')}{self._count:03d}"
            if no not in self._desk.bills:
                return no

    def _bill(self, body: dict[str, Any]) -> Bill:
        return self._desk.bill(str(body["bill"]))

    def _collect(self, body: dict[str, Any]) -> dict[str, Any]:
        bill = self._bill(body)
        return {"bill": bill.no, "amount": bill.amount, "receipt": self._desk.collect_at_window(bill)}

    def _change(self, body: dict[str, Any]) -> dict[str, Any]:
        bill = self._desk.changeable(self._bill(body))
        bill.add(str(body.get("add") or body["item"]), str(body.get("qty", "1")))
        return {"bill": bill.no, "amount": bill.amount}

    def _void(self, body: dict[str, Any]) -> dict[str, Any]:
        bill = self._desk.changeable(self._bill(body))
        bill.state = "void"
        return {"bill": bill.no, "state": bill.state}

    def _pay_in(self, body: dict[str, Any]) -> dict[str, Any]:
        patient, fen = str(body["patient"]), int(body["amount"])
        if patient not in self._persons:
            raise ValueError(f"no such patient {patient!r}")
        return {"patient": patient, "balance": self._desk.cards.pay_in(patient, fen)}

    def _pay_order(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._counter.pay_order(str(body["order"]))

    def _set(self, body: dict[str, Any]) -> dict[str, Any]:
        # Both {"set": "lock_respected", ...} spellings in use: pairs, or name and value.
        pairs = {str(body["name"]): body.get("value")} if "name" in body else body
        for name, value in pairs.items():
            self._habits.set(name, value)
        return self._habits.public()

    def _issue(self, body: dict[str, Any]) -> dict[str, Any]:
        patient = str(body["patient"])
        if patient not in self._persons:
            raise ValueError(f"no such patient {patient!r}")
        made = self._stays.issue(
            self._persons[patient], str(body.get("doctor", "D01")), int(body.get("suggested", SUGGESTED))
        )
        return {"admission": made.admission_no, "suggested": made.suggested}

    def _charge(self, body: dict[str, Any]) -> dict[str, Any]:
        line = self._stays.charge(
            str(body["stay"]), str(body["item"]), str(body.get("qty", "1")), str(body.get("origin", ""))
        )
        return {"stay": str(body["stay"]), "line": line.line_no, "amount": line.amount}

    def _leave(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._told(self._stays.order_discharge(str(body["stay"]), str(body.get("way", "1"))))

    def _keep_in(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._told(self._stays.keep_in(str(body["stay"])))

    def _told(self, stay: Stay) -> dict[str, Any]:
        return {"stay": stay.inhos_no, "state": stay.state}

    def _pay_out(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"stay": str(body["stay"]), "paid": self._stays.pay_out(str(body["stay"]))}
