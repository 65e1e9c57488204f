"""Which misfortunes there are to meet, each met once, and the table that the docs hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from simulators.base.faults import REFUSALS
from simulators.base.menu import Misfortune
from simulators.base.world import SimWorld
from simulators.registry import party_class
from tests.faults.journeys import Outcome, play
from tests.faults.ways import JOURNEYS, MET, SIGN_INS, Journey

CALLBACKS = ("paid", "refunded", "6302", "SmsReport")
SHORT = {"settled": "S", "undone": "U", "rejected": "R", "manual": "P", "delivered": "D", "twice": "A", "dead": "L"}
# After these a person may be called: a platform that contradicts itself, or will not take back what must go back.
PERSON = frozenset({
    "wrong_amount", "refuse_business", "not_enough_balance", "refund_abnormal", "refund_closed", "refund_fails",
    "other_order", "other_merchant", "other_seller", "other_app", "refund_fail",
})  # fmt: skip
# Misfortunes of every operation that callbacks have too.
TOLD_WRONG = frozenset({
    "bad_signature", "old_timestamp", "clock_skew", "unknown_serial", "missing_signature", "probe", "unsigned",
    "single_hash", "wrong_signer", "foreign_certificate", "expired_certificate", "wrong_amount",
})  # fmt: skip


@dataclass(frozen=True)
class Meeting:
    """One misfortune at one operation of one party, on one patient's way. `back`: it lies behind the settlement."""

    party: str
    op: str
    fault: str
    journey: Journey
    back: bool
    table: str = ""  # of the page; empty: the party's own

    @property
    def may_call(self) -> bool:
        """Whether a person is a right ending: the platform contradicts itself, or refuses to take back."""
        return self.fault in PERSON or (self.back and self.fault in refusals(self.party))

    @property
    def name(self) -> str:
        return f"{self.table or self.party}/{self.op}/{self.fault}"


@dataclass(frozen=True)
class Ended:
    """A meeting and what came of it."""

    meeting: Meeting
    outcome: Outcome

    @property
    def flaws(self) -> list[str]:
        found = list(self.outcome.flaws)
        if self.outcome.state == "manual" and not self.meeting.may_call:
            found.append(f"a person is called without need: {', '.join(self.outcome.tasks)}")
        return found

    @property
    def cell(self) -> str:
        """`S`, `U`, `R`, `P`; ` !` with an open task; `×` when something is wrong; `–` when it did not happen."""
        if self.flaws:
            return "×"
        if not self.outcome.used:
            return "–"
        task = "!" if self.outcome.tasks and self.outcome.state != "manual" else ""
        return ("W" if self.outcome.waited else "") + SHORT[self.outcome.state] + task


@cache
def clean(name: str) -> Outcome:
    """A journey without any misfortune."""
    return play(JOURNEYS[name])


@cache
def refusals(party: str) -> frozenset[str]:
    """Misfortunes that are an explicit no."""
    return REFUSALS | party_class(party).own_refusals


@cache
def menu(party: str) -> dict[str, Misfortune]:
    """The party's fault menu."""
    from twisted.internet.task import Clock

    return party_class(party)(SimWorld(Clock())).fault_menu()


def operations(table: str) -> dict[str, tuple[Journey, bool]]:
    """The party's operations that a patient's way meets: on which way, and whether behind the settlement. The
    sign-in is made in the morning: it is met because the misfortune's order ends it."""
    sign_in = SIGN_INS.get(table)
    found: dict[str, tuple[Journey, bool]] = {sign_in: (JOURNEYS[MET[table][0]], False)} if sign_in else {}
    for name in MET[table]:
        for (who, op), phase in clean(name).met.items():
            if who == party_of(table):
                found.setdefault(op, (JOURNEYS[name], phase == 2))
    return found


def party_of(table: str) -> str:
    """Whose misfortunes a table holds."""
    return table.partition("/")[0]


def meetings(tables: Iterable[str] = tuple(MET)) -> Iterator[Meeting]:
    """All that can be ordered, table by table."""
    for table in tables:
        for op, (journey, back) in operations(table).items():
            for fault, told in menu(party_of(table)).items():
                if _possible(op, fault, told):
                    yield Meeting(party_of(table), op, fault, journey, back, table)


def _possible(op: str, fault: str, told: Misfortune) -> bool:
    """Callbacks have the misfortunes that name them, and those of what is said; other operations all that name none."""
    if told.ops:
        return op in told.ops
    if op in CALLBACKS:
        return fault in TOLD_WRONG
    return not fault.startswith("callback_")


def meet(one: Meeting) -> Ended:
    """Play it."""
    order = {"op": one.op, "fault": one.fault}
    return Ended(one, play(one.journey, one.party, order, back=one.back))
