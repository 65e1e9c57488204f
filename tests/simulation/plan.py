"""What happens in a seed: the weather, the parties' misfortunes, who dies when, who comes to pay and how.

Swarm testing: each seed switches most things off and a few on, so that rare pairs meet. Everything is drawn from the
seed alone, before anything runs.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from simulators.town import CROWD, PERSONS, Person
from tests.simulation.reactor import Weather

MORNING = 1_795_309_200.0  # 2026-11-22 09:00 in Beijing
NIGHT = MORNING + 14.95 * 3600
NEW_YEAR = 1_798_732_620.0  # 2026-12-31 23:57
BEHAVIOURS = (
    "ok", "ok", "ok", "userpaying_then_ok", "userpaying_then_fail", "userpaying_never", "notenough", "expired",
    "systemerror_paid", "systemerror_unpaid", "bankerror",
)  # fmt: skip
TEMPLATES = ("visit1", "visit1", "visit2", "visit3", "visit4", "small", "uncovered")

# Operations by party: those that change something are drawn three times as often.
CHANGES = {
    "his": ("lock.bill", "unlock.bill", "balance.and.pay.bill", "void.pay.bill"),
    "insurance": ("2201", "2202", "2204", "2205", "2207A", "2208", "2601"),
    "wechat": ("native", "micropay", "close", "reverse", "refund"),
    "einvoice": ("invoiceEBillOutpatient", "writeOffEBill"),
}
QUESTIONS = {
    "his": ("query.wait.balance.bill.item.list", "query.pay.bill"),
    "insurance": ("9001", "1101", "5302", "5303", "5201", "2203A", "5204", "2206A", "5203"),
    "wechat": ("query", "refund_query"),
    "einvoice": ("getBillByBusNo", "getEBillStatesByBillInfo"),
}
SILENCE = (
    "refuse_connection", "reset_before_commit", "reset_after_commit", "timeout_before_commit", "timeout_after_commit",
    "slow", "half_reply", "html", "http_500", "duplicate_reply", "bad_signature", "late_commit",
)  # fmt: skip
ANSWERS = ("refuse_business", "not_enough_balance", "token_expired", "wrong_amount")
CALLBACKS = ("callback_never", "callback_late", "callback_twice", "callback_before_reply")
LATEST = {"his": 100.0, "insurance": 240.0, "wechat": 100.0, "einvoice": 240.0}  # below each party's agreed late_max
LATE_OPS = (
    ("insurance", "2207A"), ("insurance", "2207A"), ("wechat", "micropay"), ("wechat", "micropay"),
    ("wechat", "native"), ("his", "balance.and.pay.bill"), ("his", "balance.and.pay.bill"), ("his", "lock.bill"),
    ("insurance", "2201"), ("insurance", "2204"), ("insurance", "2208"), ("wechat", "refund"),
    ("einvoice", "invoiceEBillOutpatient"),
)  # fmt: skip
UNDOS = frozenset({"unlock.bill", "void.pay.bill", "2202", "2205", "2208", "refund", "writeOffEBill"})


@dataclass(frozen=True)
class Fault:
    """One order to a party, see simulators.base.faults."""

    party: str
    order: dict[str, Any]


@dataclass(frozen=True)
class Death:
    """The engine dies at the n-th place it passes (`hit`), at its n-th commit (`before`, `after`), or after n seconds
    (`time`), counted from its last start; it comes back after `down` seconds."""

    kind: str
    n: float
    down: float


@dataclass(frozen=True)
class Way:
    """One way of paying. `pays_after`: seconds until a QR is paid, -1 never; `leaves_after`: seconds in `paying` after
    which the patient chooses again."""

    kind: str
    behaviour: str = "ok"
    seconds: float = 5.0
    pays_after: float = 5.0
    leaves_after: float = -1.0


@dataclass(frozen=True)
class Visit:
    """One patient at one terminal. `cancels`: seconds after the start at which he gives up, -1 never; `walks_away`:
    after so many ways he goes without a word; `refund_after`: seconds after settling, -1 never."""

    person: Person
    bill: str
    terminal: str
    client: str
    insured: bool
    arrives: float
    ways: tuple[Way, ...]
    cancels: float = -1.0
    refund_after: float = -1.0
    card_of: Person | None = None


@dataclass(frozen=True)
class Other:
    """Somebody else does something at a party, `at` seconds after the start; a refusal is no matter."""

    at: float
    party: str
    act: dict[str, Any]


@dataclass
class Plan:
    """A whole seed. `excused`: something was ordered that a person must look at, so `manual` is a right ending."""

    seed: int
    start: float
    weather: Weather
    store_delay: float
    bills: list[tuple[Person, str, str]] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    outages: list[tuple[str, float, float]] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)
    habits: list[Other] = field(default_factory=list)
    excused: bool = False


def draw(seed: int) -> Plan:
    """The plan of a seed."""
    dice = random.Random(f"plan {seed}")
    start = dice.choices((MORNING, NIGHT, NEW_YEAR), (8, 1, 1))[0] + dice.random() * 60
    plan = Plan(seed, start, _weather(dice), dice.choice((0.0, 0.0, 0.01, 0.5)))
    _patients(dice, plan)
    _misfortunes(dice, plan)
    _deaths(dice, plan)
    _others(dice, plan)
    _late(random.Random(f"late {seed}"), plan)
    return plan


def _weather(dice: random.Random) -> Weather:
    if dice.random() < 0.35:
        return Weather()
    return Weather(
        delay=(0.0, dice.choice((0.01, 0.2, 0.5, 2.0))),
        slices=dice.choice((0.0, 0.1, 0.5)),
        reset=dice.choice((0.0, 0.0, 0.01, 0.05)),
        refuse=dice.choice((0.0, 0.0, 0.05, 0.2)),
        hole=dice.choice((0.0, 0.0, 0.0, 0.02)),
        clog=dice.choice((0.0, 0.0, 0.02)),
        clog_s=4.0,
    )


def _patients(dice: random.Random, plan: Plan) -> None:
    count = dice.choices((1, 2, 3), (5, 3, 2))[0]
    for i in range(count):
        named = dice.random() < 0.15
        person = dice.choice(PERSONS) if named else CROWD[dice.randrange(len(CROWD))]
        bill = f"B{plan.seed}X{i}"
        plan.bills.append((person, bill, dice.choice(TEMPLATES)))
        insured = dice.random() < 0.7
        first = _visit(dice, person, bill, f"K{i + 1:02d}", insured)
        plan.visits.append(first)
        if dice.random() < 0.2:  # the same bill at another terminal, or again later
            other = _visit(dice, person, bill, f"K{i + 5:02d}", dice.random() < 0.5)
            plan.visits.append(other)


def _visit(dice: random.Random, person: Person, bill: str, terminal: str, insured: bool) -> Visit:
    ways = tuple(_way(dice, insured) for _ in range(dice.choices((0, 1, 2, 3), (1, 8, 3, 2))[0]))
    return Visit(
        person, bill, terminal,
        client="C01" if dice.random() < 0.25 else "K01",
        insured=insured,
        arrives=dice.uniform(0, 20),
        ways=ways,
        cancels=dice.uniform(0, 60) if dice.random() < 0.12 else -1.0,
        refund_after=dice.uniform(0, 100) if dice.random() < 0.3 else -1.0,
        card_of=dice.choice(PERSONS) if dice.random() < 0.02 else None,
    )  # fmt: skip


def _way(dice: random.Random, insured: bool) -> Way:
    kind = dice.choices(("wechat_code", "wechat_qr", "cash", "insurance_account"), (5, 5, 1, 1 if insured else 0))[0]
    return Way(
        kind,
        behaviour=dice.choice(BEHAVIOURS),
        seconds=dice.choice((1.0, 10.0, 29.0, 31.0, 60.0)),
        pays_after=dice.choice((-1.0, 0.0, 2.0, 20.0, 120.0, 295.0, 301.0, 328.0)),
        leaves_after=dice.choice((-1.0, -1.0, -1.0, 0.5, 10.0)),
    )


def _misfortunes(dice: random.Random, plan: Plan) -> None:
    level = dice.choices(("none", "few", "many", "steady"), (15, 40, 25, 20))[0]
    if level == "steady":
        for party in CHANGES:
            if dice.random() < 0.6:
                fault = dice.choice(SILENCE)
                seconds = dice.uniform(1, LATEST[party])
                plan.faults.append(Fault(party, {
                    "op": "*", "fault": fault, "times": None, "rate": dice.choice((0.05, 0.15, 0.3)),
                    "seed": plan.seed, "seconds": seconds,
                }))  # fmt: skip
        return
    for _ in range({"none": 0, "few": dice.randint(1, 3), "many": dice.randint(4, 10)}[level]):
        plan.faults.append(_fault(dice, plan))


def _fault(dice: random.Random, plan: Plan) -> Fault:
    party = dice.choices(("his", "insurance", "wechat", "einvoice"), (3, 4, 4, 1))[0]
    op = dice.choice((CHANGES if dice.random() < 0.7 else QUESTIONS)[party])
    order: dict[str, Any] = {
        "op": op, "times": dice.choice((1, 1, 2, 5)), "seconds": dice.uniform(1, LATEST[party]), "seed": plan.seed,
    }  # fmt: skip
    if party == "wechat" and dice.random() < 0.2:
        kind = dice.choice(CALLBACKS)
        return Fault(party, {**order, "op": "native" if kind == "callback_before_reply" else "paid", "fault": kind})
    if party == "wechat" and dice.random() < 0.05:
        plan.excused = True
        return Fault(party, {**order, "op": "refund", "fault": dice.choice(("refund_abnormal", "refund_closed"))})
    kind = dice.choice(SILENCE if dice.random() < 0.75 else ANSWERS)
    if kind == "wrong_amount" or (kind in ANSWERS and (op in UNDOS or party == "wechat")):
        plan.excused = True
    return Fault(party, {**order, "fault": kind})


def _deaths(dice: random.Random, plan: Plan) -> None:
    for _ in range(dice.choices((0, 1, 2, 3), (40, 30, 20, 10))[0]):
        kind = dice.choices(("hit", "before", "after", "time"), (4, 2, 2, 1))[0]
        n = dice.uniform(0, 60) if kind == "time" else float(dice.choice((dice.randint(1, 12), dice.randint(1, 70))))
        plan.deaths.append(Death(kind, n, dice.choice((0.1, 1.0, 10.0, 60.0, 200.0))))
    for party in CHANGES:
        if dice.random() < 0.06:
            plan.outages.append((party, dice.uniform(0, 40), dice.uniform(1, 200)))


def _others(dice: random.Random, plan: Plan) -> None:
    for _, bill, _ in plan.bills:
        if dice.random() < 0.3:
            for _ in range(dice.randint(1, 4)):
                plan.others.append(Other(dice.uniform(0, 120), "his", {"act": "collect_at_window", "bill": bill}))
        if dice.random() < 0.08:
            plan.others.append(Other(dice.uniform(0, 30), "his", {"act": "change_bill", "bill": bill, "add": "K0002"}))
    if dice.random() < 0.15:
        plan.others.append(Other(dice.uniform(0, 60), "insurance", {"act": "expire_signin"}))
    if dice.random() < 0.08:
        plan.others.append(Other(dice.uniform(0, 60), "insurance", {"act": "change_policy", "ratio_bp": 3000}))
    if dice.random() < 0.2:
        plan.habits.append(Other(0, "insurance", {"act": "set", "reverse_of_unknown": "error"}))
    if dice.random() < 0.2:
        plan.habits.append(Other(0, "insurance", {"act": "set", "second_signin": "replace"}))
    if dice.random() < 0.2:
        plan.habits.append(Other(0, "his", {"act": "set", "duplicates": "refuse"}))
    if dice.random() < 0.2:
        plan.habits.append(Other(0, "wechat", {"act": "set", "refund_seconds": dice.choice((0.1, 30.0, 600.0))}))
    if dice.random() < 0.1:
        plan.habits.append(Other(0, "wechat", {"act": "set", "probe_rate": 0.5}))


def _late(dice: random.Random, plan: Plan) -> None:
    """What the fence is for: a change that takes effect long after nobody answered, but within the agreed time."""
    if dice.random() < 0.3:
        party, op = dice.choice(LATE_OPS)
        order = {
            "op": op,
            "fault": "late_commit",
            "times": dice.choice((1, 2)),
            "seconds": dice.uniform(5, LATEST[party]),
        }
        plan.faults.insert(0, Fault(party, order))
