"""What the bureau knows: persons and their standing, sign-ins, visits, lines, settlements, messages."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from simulators.base.ledger import Row
from simulators.base.world import SimWorld
from simulators.insurance.books import InsuranceLedger
from simulators.insurance.fields import Refusal
from simulators.insurance.policy import POLICIES, Policy
from simulators.insurance.rules import Amounts, Split, Used
from simulators.insurance.settings import Settings
from simulators.town import ADMDVS, ITEMS, Insurance, Item, Person, everybody


@dataclass(slots=True)
class Designation:
    """A row of 5302: the institution a person signed with (签约), dates both included."""

    number: str  # trt_dcla_detl_sn
    psn_no: str
    fixmedins_code: str
    fixmedins_name: str
    begndate: str
    enddate: str
    insutype: str = "310"
    fix_srt_no: str = "1"
    memo: str = ""


@dataclass(slots=True)
class SignIn:
    sign_no: str
    opter: str
    day: str  # Beijing date; dead afterwards
    sign_time: str


@dataclass(slots=True)
class Line:
    """A fee line as uploaded, with its split."""

    sent: Mapping[str, Any]  # the part of the row that inquiries tell
    item: Item
    split: Split
    batch: str
    back: str = ""  # feedetl_sn of the line this one takes back (stays only)


@dataclass(slots=True)
class Stay:
    """What only a stay in hospital has; `left` is the endtime of 2402, "" while the person is in."""

    adm_dept: str
    adm_bed: str
    left: str = ""


@dataclass(slots=True)
class Visit:
    mdtrt_id: str
    person: Person
    sent: Mapping[str, str]  # the part of the 2201 input that inquiries tell
    begntime: str
    insutype: str
    row: Row
    open: bool = True
    med_type: str = ""  # from 2203; empty: no 2203 yet
    lines: dict[str, Line] = field(default_factory=dict)  # by feedetl_sn
    upload_rows: dict[str, Row] = field(default_factory=dict)  # by chrg_bchno
    quote: dict[str, Any] | None = None  # what the last 2206 asked, with its split; gone when lines change
    settlement: Settlement | None = None  # the live one
    stay: Stay | None = None  # of a stay in hospital (2401); None: an outpatient visit
    diagnoses: list[Mapping[str, Any]] = field(default_factory=list)  # as 2203 or 2401 sent them

    @property
    def ipt_otp_no(self) -> str:
        return str(self.sent["ipt_otp_no"])

    def total(self) -> Split:
        """The sum of all lines."""
        whole = Split()
        for line in self.lines.values():
            whole = whole.plus(line.split)
        return whole


@dataclass(slots=True)
class Settlement:
    """A settlement or, with negative amounts, the cancellation of one."""

    setl_id: str
    visit: Visit
    amounts: Amounts
    told: Mapping[str, str]  # mdtrt_cert_type, med_type, invono of the 2207
    year: str  # whose counters it used
    setl_time: str
    msgid: str
    infno: str
    serial: int
    row: Row
    state: str = "done"  # done, cancelled (by 2208), reversed (by 2601)
    of: Settlement | None = None  # for a cancellation: what it cancels


@dataclass(slots=True)
class Remembered:
    """A message of a hospital: what was in it and, for a change, the stored answer."""

    digest: bytes
    answer: bytes | None  # deflated: a busy day has many of them
    psn_no: str
    infno: str
    settlement: Settlement | None = None
    visit: Visit | None = None  # the stay a 2401 opened


@dataclass(slots=True)
class StoredFile:
    """A file at the bureau: uploaded by 9101 or made for 9102; `until` is the last moment of download."""

    name: str
    content: bytes
    until: str


@dataclass(slots=True)
class EcToken:
    person: Person
    expires: float  # business unix seconds
    used: bool = False


class Bureau:
    """The whole memory of one bureau, with its clock, numbers and books."""

    def __init__(self, world: SimWorld, ledger: InsuranceLedger, settings: Settings) -> None:
        self.world, self.ledger, self.settings = world, ledger, settings
        self.people = everybody()  # by HIS number, used by acts and the card
        self.by_psn_no = {p.psn_no: p for p in self.people.values()}
        self.by_card = {p.card_no: p for p in self.people.values()}
        self.by_id_no = {p.id_no: p for p in self.people.values()}
        self.items: dict[str, Item] = {i.national: i for i in ITEMS}
        self.policies: list[Policy] = list(POLICIES)
        self.tokens: dict[str, EcToken] = {}
        self.signins: dict[str, SignIn] = {}  # by sign_no
        self.designations: dict[str, list[Designation]] = {}
        self.visits: dict[str, Visit] = {}
        self.visits_of: dict[str, list[Visit]] = {}  # by psn_no
        self.live_ipt: dict[str, Visit] = {}  # by ipt_otp_no
        self.settlements: dict[str, Settlement] = {}
        self.settlements_of: dict[str, list[Settlement]] = {}  # by visit
        self.messages: dict[str, Remembered] = {}  # by msgid
        self.tombstones: set[str] = set()  # msgids reversed before (or after) they came
        self.used: dict[tuple[str, str], Used] = {}  # by psn_no and year
        self.balances: dict[str, int] = {}
        # open stays by psn_no: the med_type 5303 tells (21 住院, 28 日间病房)
        self.stays = {p.psn_no: "28" if p.day_ward else "21"
                      for p in self.people.values() if p.in_hospital or p.day_ward}
        self.files: dict[str, StoredFile] = {}  # by file_qury_no
        # 3301: the hospital's codes against the national ones, by code and list_type; the town's list is paired
        self.pairs: dict[tuple[str, str], Mapping[str, Any]] = {
            (i.code, i.list_type): {"med_list_codg": i.national} for i in ITEMS
        }
        self.versions: dict[str, tuple[str, str]] = {}  # directory version and last day of changed items
        self.codes: dict[str, EcToken] = {}  # 电子凭证 as scanned (ecQrCode), for ec.query
        self.years_ahead = 0  # act new_year: counters restart without moving the clock
        self.serial = 0
        self.errors = 1972000000

    def number(self) -> int:
        self.serial += 1
        return self.serial

    def opaque_id(self) -> str:
        """A 30-digit id: region, epoch milliseconds, serial. Callers must not read it."""
        return f"{ADMDVS}{int(self.world.now() * 1000):013d}{self.number():011d}"

    def today(self) -> str:
        return self.world.stamp("%Y-%m-%d")

    def year(self) -> str:
        """The counting year of now."""
        return str(int(self.world.stamp("%Y")) + self.years_ahead)

    def day_before(self, day: str) -> str:
        return (date.fromisoformat(day) - timedelta(days=1)).isoformat()

    def insured_at(self, psn_no: str) -> str:
        """The insuplc_admdvs of a person; all of this town are insured here."""
        return ADMDVS

    def person(self, psn_no: str) -> Person:
        found = self.by_psn_no.get(psn_no)
        if found is None or not found.insurance:
            raise Refusal(f"未查询到人员编号[{psn_no}]的参保信息", 1101)
        return found

    def visit(self, mdtrt_id: str, psn_no: str) -> Visit:
        """The open visit of that person."""
        person, found = self.person(psn_no), self.visits.get(mdtrt_id)
        if found is None or found.person is not person:
            raise Refusal(f"未查询到就诊ID[{mdtrt_id}]的就诊信息", 4201)
        if not found.open:
            raise Refusal(f"就诊ID[{mdtrt_id}]的挂号信息已撤销", 4202)
        return found

    def outpatient(self, mdtrt_id: str, psn_no: str) -> Visit:
        """The open outpatient visit; a stay has transactions of its own."""
        found = self.visit(mdtrt_id, psn_no)
        if found.stay is not None:
            raise Refusal(f"就诊ID[{mdtrt_id}]为住院就诊,不能办理门诊业务", 4214)
        return found

    def inpatient(self, mdtrt_id: str, psn_no: str) -> tuple[Visit, Stay]:
        """The open stay of that person."""
        found = self.visit(mdtrt_id, psn_no)
        if found.stay is None:
            raise Refusal(f"就诊ID[{mdtrt_id}]不是住院就诊", 4215)
        return found, found.stay

    def stay_of(self, person: Person) -> Visit | None:
        """The person's stay that 2401 opened and no 2402 ended."""
        rows = self.visits_of.get(person.psn_no, ())
        return next((v for v in rows if v.open and v.stay is not None and not v.stay.left), None)

    def insurance(self, person: Person, insutype: str) -> Insurance:
        """The person's active row of that kind."""
        for row in person.insurance:
            if row.insutype == insutype and row.status == "1":
                return row
        raise Refusal(f"参保人员未正常参加险种[{insutype}]或已暂停参保", 4203)

    def balance(self, person: Person) -> int:
        """Personal account in fen."""
        opening = sum(row.balance_fen for row in person.insurance if row.status == "1")
        return self.balances.get(person.psn_no, opening)

    def counters(self, person: Person, year: str) -> Used:
        return self.used.get((person.psn_no, year), Used())

    def signed(self, person: Person) -> list[Designation]:
        """The person's designations, the town's own at first."""
        rows = self.designations.get(person.psn_no)
        if rows is None:
            rows = []
            if person.signed_with:
                rows.append(Designation(
                    f"DD{person.psn_no[-8:]}0001", person.psn_no, person.signed_with, person.signed_name,
                    person.signed_from, "2099-12-31",
                ))
            self.designations[person.psn_no] = rows
        return rows

    def signed_on(self, person: Person, day: str) -> Designation | None:
        """The designation in force on a day."""
        return next((d for d in self.signed(person) if d.begndate <= day <= d.enddate), None)


def kept(sent: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The fields worth remembering; equal texts are stored once, a load test makes a million of them."""
    return {name: sys.intern(v) if isinstance(v := sent[name], str) else v for name in names}


def text_amounts(sent: Mapping[str, Any]) -> dict[str, Any]:
    """A sent node for storage or comparison, numbers as normal text."""
    return {k: format(v.normalize(), "f") if isinstance(v, Decimal) else v for k, v in sent.items()}
