"""What the platform remembers: business cycles, visits, uploads, settlements, serial numbers and their answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.base.ledger import Row
from simulators.base.world import SimWorld
from simulators.insurance.books import InsuranceLedger
from simulators.insurance.policy import POLICIES, Policy
from simulators.insurance.rules import Amounts, Split, Used
from simulators.municipal.fields import Refusal
from simulators.town import ITEMS, Insurance, Item, Person, everybody

CYCLE_LIFE = 24 * 3600.0  # seconds a 业务周期号 lives
NO_CYCLE = -91


@dataclass(slots=True)
class Cycle:
    """An operator's sign-in. `closed_for`: how many settlements the last reconciliation counted; -1: none yet."""

    number: str
    operator: str
    until: float
    changes: int = 0
    reconciled: int = -1


@dataclass(slots=True)
class Upload:
    """The lines that came under one serial number."""

    serial: str
    lines: dict[str, Split]
    row: Row


@dataclass(slots=True)
class Visit:
    """One 门诊流水号."""

    no: str
    person: Person
    kind: str  # yltclb
    day: str
    serial: str
    row: Row
    open: bool = True
    uploads: dict[str, Upload] = field(default_factory=dict)
    settlement: Settled | None = None

    def total(self) -> Split:
        whole = Split()
        for upload in self.uploads.values():
            for part in upload.lines.values():
                whole = whole.plus(part)
        return whole

    def line_numbers(self) -> set[str]:
        return {number for upload in self.uploads.values() for number in upload.lines}


@dataclass(slots=True)
class Settled:
    """A settlement (病人结算号). `state`: done, cancelled (撤销) or reversed (冲正)."""

    no: str
    visit: Visit
    amounts: Amounts
    year: str
    at: str
    serial: str
    row: Row
    state: str = "done"


@dataclass(slots=True)
class Remembered:
    """A serial number that was used: its content, the stored answer, and what it made. `state` as 2450 tells it:
    1 成功, 2 已冲正, 3 已撤销, 9 业务失败."""

    code: str
    digest: bytes
    answer: dict[str, object]
    appcode: int
    appmsg: str
    state: str
    visit: Visit | None = None
    upload: Upload | None = None
    settlement: Settled | None = None


class Platform:
    """The whole memory of one platform, with its clock, counters and books."""

    def __init__(self, world: SimWorld, ledger: InsuranceLedger) -> None:
        self.world, self.ledger = world, ledger
        self.people = everybody()
        self.by_card = {p.card_no: p for p in self.people.values()}
        self.by_id_no = {p.id_no: p for p in self.people.values()}
        self.by_number = {p.psn_no: p for p in self.people.values()}
        self.items: dict[str, Item] = {i.national: i for i in ITEMS}
        self.policies: list[Policy] = list(POLICIES)
        self.cycles: dict[str, Cycle] = {}
        self.visits: dict[str, Visit] = {}
        self.settlements: dict[str, Settled] = {}
        self.serials: dict[str, Remembered] = {}
        self.buried: set[str] = set()  # serial numbers reversed, before or after they came
        self.used: dict[tuple[str, str], Used] = {}
        self.balances: dict[str, int] = {}
        self.signed = {p.psn_no: bool(p.signed_with) for p in self.people.values()}
        self.stays = {p.psn_no for p in self.people.values() if p.in_hospital or p.day_ward}
        self.reverse_of_unknown = "bury"  # or "error": 冲正 of a serial never seen
        self.encoding = "GB18030"  # of its inner answers; GBK: rare characters come as ?
        self.count = 0

    def number(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.world.stamp('%Y%m%d%H%M%S')}{self.count:06d}"

    def cycle(self, number: str) -> Cycle:
        """The living cycle; Refusal -91 otherwise."""
        found = self.cycles.get(number)
        if found is None or found.until <= self.world.now():
            raise Refusal("业务周期号无效或已过期,请重新签到", NO_CYCLE)
        return found

    def visit(self, number: str) -> Visit:
        found = self.visits.get(number)
        if found is None or not found.open:
            raise Refusal(f"门诊流水号[{number}]不存在或已撤销")
        return found

    def insurance(self, person: Person) -> Insurance | None:
        """What the person is insured with: the active employee row, or else the active one."""
        rows = sorted((r for r in person.insurance if r.status == "1"), key=lambda row: row.insutype)
        return rows[0] if rows else None

    def balance(self, person: Person) -> int:
        """Personal account in fen."""
        opening = sum(row.balance_fen for row in person.insurance if row.status == "1")
        return self.balances.get(person.psn_no, opening)

    def counters(self, person: Person, year: str) -> Used:
        return self.used.get((person.psn_no, year), Used())
