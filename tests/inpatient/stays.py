"""Random stays through the example's maps, the party's bytes and the simulator's rules: what a stay is settled by adds
up, and taking it back leaves nothing behind.

`python -m tests.inpatient.stays [COUNT]` plays so many (default 10,000) for each place where the account may stand.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from engine.core.outcome import Outcome
from engine.pipeline.field_map import FieldMap
from engine.saga.case import put
from engine.site.load import load
from engine.site.site import Site
from simulators.town import ITEMS, PERSONS
from tests.inpatient.ward import overlaid
from tests.parties.bench import HOSPITAL, Town
from tests.parties.bills import PLACES

PEOPLE = {"P0001": "310", "P0002": "390", "P0006": "310", "P0008": "310"}  # in no hospital this morning
DETAIL = ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt")


def _maps() -> Mapping[str, FieldMap]:
    site = load(dict(overlaid()))
    assert isinstance(site, Site), site
    return site.maps


class Bureau:
    """The insurance, signed in, with the account shown at one place."""

    def __init__(self, place: str, maps: Mapping[str, FieldMap]) -> None:
        self.town, self.maps = Town(), maps
        self.includes, included, listed = PLACES[place]
        self.sim = self.town.sims["nhsa"]
        self.sim.act({"act": "set", "fund_includes_account": included, "account_in_detail": listed})
        self.serial = 0
        self.names: dict[str, Any] = {}
        self.town.session = {"sign_no": self.ask("9001", {"input": {}})["signinoutb"]["sign_no"]}

    def ask(self, op: str, body: Any) -> Any:
        """The payload of an accepted answer."""
        if self.serial % 9000 == 8999:
            self.town.clock.advance(1)  # the serial of a second is used up
        self.serial += 1
        number = f"H37020000000{self.town.world.stamp('%Y%m%d%H%M%S')}{self.serial % 10000:04d}"
        outcome, answer = self.town.call("nhsa", op, body, number)
        assert outcome is Outcome.ACCEPTED, (op, answer.code, answer.text)
        return answer.body

    def do(self, call: str, op: str, send: str, read: str = "") -> Any:
        """One call by its maps; what it made is kept under its name."""
        payload = self.ask(op, self.maps[send].run(self.names))
        if read:
            put(self.names, call, self.maps[read].run({**self.names, "answer": payload, "code": "0", "text": ""}))
        return payload


def items(dice: random.Random) -> list[dict[str, Any]]:
    """Charges of a stay as the HIS map makes them; some are given back, in part or whole."""
    made: list[dict[str, Any]] = []
    for _ in range(dice.randrange(1, 9)):
        item = dice.choice(ITEMS)
        quantity = Decimal(dice.choice(("1", "2", "3", f"{dice.randrange(1, 50_000) / 10_000:.4f}")))
        made.append(_line(len(made) + 1, item, quantity, ""))
        if dice.random() < 0.3:
            share = dice.choice((quantity, (quantity / 2).quantize(Decimal("0.0001"))))
            if share > 0:
                made.append(_line(len(made) + 1, item, -share, made[-1]["line_no"]))
    return [line for line in made if line["amount"]]


def _line(place: int, item: Any, quantity: Decimal, origin: str) -> dict[str, Any]:
    amount = int((item.price_fen * quantity).quantize(Decimal(1), ROUND_HALF_UP))
    back = {"origin": origin} if origin else {}
    return {
        "line_no": str(place), "item_code": item.code, "price_yuan": str(Decimal(item.price_fen).scaleb(-2)),
        "qty": quantity.quantize(Decimal("0.0001")), "amount": amount, "time": "2026-11-22 10:00:00",
        "dept_code": "KQ01", "dept_name": "牙体牙髓科", "dr_code": "D01", "dr_name": "模拟医师一", **back,
    }  # fmt: skip


def begin(bureau: Bureau, dice: random.Random, at: int) -> None:
    """The names of a new stay of somebody."""
    who = dice.choice(list(PEOPLE))
    person = next(one for one in PERSONS if one.id == who)
    lines = items(dice)
    while sum(line["amount"] for line in lines) <= 0:
        lines = items(dice)
    bureau.sim.act({"act": "set_counter", "person": person.id, "balance": dice.randrange(0, 500_000)})
    stay = {
        "bill_no": f"ZY{at:08d}", "patient_id": person.id, "id_no": person.id_no, "in_time": "2026-11-22 09:00:00",
        "visit_day": "2026-11-22", "dept_code": "KQ01", "dept_name": "牙体牙髓科", "dr_code": "D01",
        "dr_name": "模拟医师一", "bed": "01", "leave_time": "2026-11-22 10:00:00", "leave_way": "1",
        "amount": sum(line["amount"] for line in lines), "items": lines,
        "diagnoses": [{"code": "K08.101", "name": "牙列缺损", "type": "1", "sort": 1, "time": "2026-11-22 09:00:00"}],
    }  # fmt: skip
    bureau.names = {
        "request": {
            "terminal": {"kind": "desk", "id": "W01"}, "contact": "测试家属", "tel": "13900000001",
            "use_account": dice.random() < 0.5, "pay_identity": "insured",
            "patient": {"credential": {"kind": "insurance_card", "value": person.card_no, "card_sn": person.card_sn}},
        },
        "hospital": {**HOSPITAL, "stay_med_type": "21", "fund_includes_account": bureau.includes},
        "his": {"bill": stay, "register": {"inhos_no": stay["bill_no"], "in_time": stay["in_time"]}}, "insured": True,
        "settlement": {"no": f"S{at}", "created_at": 1795312800, "attempt": 1}, "now": 1795312800,
    }  # fmt: skip


def play(bureau: Bureau, dice: random.Random, at: int) -> dict[str, int]:
    """One stay from 2401 to 2304 and all the way back; what it was settled by (fen)."""
    begin(bureau, dice, at)
    sim, names = bureau.sim.bureau, bureau.names
    person = sim.people[names["his"]["bill"]["patient_id"]]
    before = (sim.counters(person, sim.year()), sim.balance(person))
    bureau.do("nhsa.person", "1101", "nhsa_1101", "stay_person")
    bureau.do("nhsa.admit", "2401", "nhsa_2401", "nhsa_admitted")
    who = names["nhsa"]["person"]
    assert who["insutype"] == PEOPLE[person.id]
    names["his"]["bill"] |= {"mdtrt_id": names["nhsa"]["admit"]["mdtrt_id"]} | {
        name: who[name] for name in ("psn_no", "insutype", "admdvs")
    }
    bureau.do("nhsa.lines", "5204", "nhsa_5204_stay", "stay_uploaded")
    names["lines"] = bureau.maps["stay_lines"].run(names)
    bureau.maps["stay_rules_lines"].run(names)
    for batch in names["lines"]["batches"]:
        names["batch"] = batch
        bureau.do("nhsa.upload", "2301", "nhsa_2301")
    bureau.do("nhsa.lines", "5204", "nhsa_5204_stay", "stay_uploaded")
    assert bureau.maps["stay_lines"].run(names) == {"batches": [], "rest": 0}, "nothing is left to upload"
    bureau.do("nhsa.leave", "2402", "nhsa_2402")
    bureau.do("nhsa.quote", "2303", "nhsa_2303", "nhsa_setl")
    settled = bureau.do("nhsa.settle", "2304", "nhsa_2304", "nhsa_setl")
    check(settled, bureau)
    made = dict(names["nhsa"]["settle"])
    shown = ("total", "fund", "account", "cash", "own_paid", "over_limit", "first_self", "in_scope")
    assert all(made[name] == names["nhsa"]["quote"][name] for name in shown), "as quoted"
    names["share"] = bureau.maps["stay_share"].run(names)
    undone = bureau.do("nhsa.cancel", "2305", "nhsa_2305")
    check(undone, bureau)
    for name in (*DETAIL, "medfee_sumamt", "psn_cash_pay", "acct_pay", "fund_pay_sumamt"):
        assert _yuan(undone["setlinfo"][name]) == -_yuan(settled["setlinfo"][name])
    bureau.do("nhsa.readmit", "2405", "nhsa_2405")
    bureau.do("nhsa.unload", "2302", "nhsa_2302")
    bureau.do("nhsa.withdraw", "2404", "nhsa_2404")
    assert (sim.counters(person, sim.year()), sim.balance(person)) == before, "counters and account are given back"
    return {name: value for name, value in made.items() if isinstance(value, int)}


def check(output: Any, bureau: Bureau) -> None:
    """The sums of every settlement, from the platform's own figures."""
    told = output["setlinfo"]
    total, fund, account = (_yuan(told[name]) for name in ("medfee_sumamt", "fund_pay_sumamt", "acct_pay"))
    fund -= account if bureau.includes == "yes" else 0
    assert total == sum(_yuan(told[name]) for name in DETAIL)
    assert total == fund + account + _yuan(told["psn_cash_pay"])
    if told["psn_part_amt"] is not None:
        assert _yuan(told["psn_part_amt"]) == account + _yuan(told["psn_cash_pay"])
    detail = [_yuan(row["fund_payamt"]) for row in output["setldetail"] or ()]
    assert not detail or sum(detail) in (fund, fund + account)


def _yuan(value: Any) -> Decimal:
    return Decimal(str(value))


def judged(place: str, count: int, maps: Mapping[str, FieldMap] | None = None) -> dict[str, int]:
    """Play so many stays; how many of them had a fund's part, an account's, own pay, cash."""
    bureau, dice = Bureau(place, maps or _maps()), random.Random(f"20261122 {place}")
    seen = {"fund": 0, "account": 0, "own_paid": 0, "cash": 0}
    for at in range(1, count + 1):
        made = play(bureau, dice, at)
        for name in seen:
            seen[name] += made[name] > 0
    return seen


if __name__ == "__main__":
    for where in PLACES:
        print(where, judged(where, int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
