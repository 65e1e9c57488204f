"""Good books of one hospital day: settlements that ended well, were undone, or are still on their way.

Every amount in fen; the instants follow each other by a second. A test spoils one thing and looks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from engine.parties.funds import FundKind, FundRow
from engine.runtime.books_funds import FundBook, FundDay
from engine.runtime.books_view import CallRow, Kept, LedgerRow, LegRow, Move, PartyBook, Role, Span, StoreView
from engine.saga.case import CaseState
from engine.saga.legs import LegState
from engine.store.statement_rows import StatementRow

NOW = 10_000.0
PARTY = {
    "his": Role.HIS, "nhsa": Role.INSURANCE, "insurer": Role.COMMERCIAL, "wechat": Role.PAYMENT,
    "einvoice": Role.INVOICE,
}  # fmt: skip
OK, NO = LegState.OK, LegState.NO


@dataclass
class Day:
    """The books of a day, still open to being spoiled."""

    kept: dict[str, Kept] = field(default_factory=dict)
    rows: dict[str, list[LedgerRow]] = field(default_factory=lambda: {party: [] for party in PARTY})
    numbers: dict[str, str] = field(default_factory=dict)
    span: Span | None = None  # of the payment platform's bills; None: its ledger is whole
    statements: list[StatementRow] = field(default_factory=list)
    moved: list[FundRow] | None = None  # on the account at the platform; None: its bill is not read

    def with_account(self) -> list[FundRow]:
        """The payment platform by its bills from now on, and the account's movements as those trades make them."""
        self.span = Span(0.0, 20_000.0)
        kinds: dict[str, FundKind] = {"charge": "trade", "refund": "refund", "reverse": "reverse"}
        self.moved = []
        for row in sorted((row for row in self.rows["wechat"] if row.kind in kinds), key=lambda row: row.at):
            amount = row.amount if row.kind == "charge" else -row.amount
            self.moved.append(FundRow(kinds[row.kind], row.no, row.at, amount, 0, row.party_no))
        return self.moved

    def funds(self) -> list[FundBook]:
        if self.moved is None or self.span is None:
            return []
        balance, rows = 0, []
        for row in self.moved:
            balance += row.amount
            rows.append(replace(row, balance=balance + row.balance))  # what a test wrote there is what is wrong
        return [FundBook("wechat", (FundDay("BASIC", "1970-01-01", tuple(rows)),), self.span)]

    def view(self) -> StoreView:
        return StoreView(self.kept, self.numbers, NOW, self.statements)

    def books(self) -> list[PartyBook]:
        return [
            PartyBook(party, role, self.rows[party], self.span if role is Role.PAYMENT else None)
            for party, role in PARTY.items()
        ]

    def row(self, party: str, kind: str, no: str = "", /) -> int:
        """Where the first such row stands."""
        return next(i for i, row in enumerate(self.rows[party]) if row.kind == kind and no in ("", row.no))

    def spoil(self, party: str, kind: str, no: str = "", /, **change: Any) -> None:
        at = self.row(party, kind, no)
        self.rows[party][at] = replace(self.rows[party][at], **change)

    def drop(self, party: str, kind: str, no: str = "") -> None:
        del self.rows[party][self.row(party, kind, no)]

    def again(self, party: str, kind: str, no: str = "", /, **change: Any) -> None:
        self.rows[party].append(replace(self.rows[party][self.row(party, kind, no)], **change))

    def leg(self, no: str, call: str, change: Callable[[LegRow], LegRow]) -> None:
        kept = self.kept[no]
        was, kept.legs = kept.legs, [change(leg) if leg.call == call else leg for leg in kept.legs]
        for old, new in zip(was, kept.legs, strict=True):
            if old.created_at != new.created_at:
                self.begin(no, new.id, new.created_at)

    def begin(self, no: str, leg_id: int, at: float) -> None:
        """The trail has this leg begin at another time."""
        moves = list(self.kept[no].moves)
        first = next((place for place, move in enumerate(moves) if move.leg_id == leg_id), None)
        if first is not None:
            moves[first] = replace(moves[first], at=at)
        self.kept[no].moves = sorted(moves, key=lambda move: move.at)


class Writer:
    """Writes one settlement: legs, calls, moves and the parties' rows, a second after each other."""

    def __init__(self, day: Day, no: str, start: float, *, cash: int = 700, fund: int = 300, insured: bool = True,
                 claimed: int = 0):  # fmt: skip
        self.day, self.no, self.at, self.insured, self.cash, self.claimed = day, no, start, insured, cash, claimed
        fund = fund if insured else 0
        self.total = cash + fund + claimed
        amounts = {"total": self.total, "fund": fund, "account": 0, "relief": 0, "other": claimed, "cash": cash}
        self.kept = Kept(no, CaseState.FORWARD, 1, "outpatient", start, amounts, [(f"B{no}", True)], [], [], [], [])
        day.kept[no] = self.kept
        self.call_id = int(start) * 100

    def leg(self, call: str, number: str, *, state: LegState = OK, amount: int | None = None, of: int = 0,
            attempt: int = 1, ended: bool = True, rows: tuple[LedgerRow, ...] = ()) -> LegRow:  # fmt: skip
        """A leg sent now and answered a second later; `rows` are what its party entered in between."""
        party = {"pay": "wechat", "scan": "his"}.get(name := call.partition(".")[0], name)
        leg = LegRow(len(self.kept.legs) + 1, call, call, party, number, state, bool(of), of, attempt, amount, self.at)
        self.kept.legs.append(leg)  # type: ignore[attr-defined]  # the writer fills lists
        self.call(leg, "do", number, param_hash="h", outcome="accepted" if ended else "")
        self.day.rows[party] += [replace(row, at=self.at + 0.5) for row in rows]
        if number and number != self.no:
            self.day.numbers[number] = self.no
        self.moved(leg.id, "ready", "sent")
        self.at += 1
        if ended:
            self.moved(leg.id, "sent", state.value)
        return leg

    def call(self, leg: LegRow, purpose: str, number: str, **more: Any) -> CallRow:
        self.call_id += 1
        one = CallRow(self.call_id, leg.id, purpose, leg.party, leg.call, number, self.at, **more)
        self.kept.calls.append(one)  # type: ignore[attr-defined]  # the writer fills lists
        return one

    def moved(self, leg_id: int, before: str, after: str) -> None:
        self.kept.moves.append(Move(self.at, leg_id, before, after))  # type: ignore[attr-defined]  # a list

    def lock(self, state: str = "used") -> Writer:
        number = f"{self.no}L"
        self.leg("his.lock", number, rows=(LedgerRow("lock", number, 0, self.total, state, f"B{self.no}"),))
        return self

    def visit(self, register: str = "open", upload: str = "uploaded") -> Writer:
        if self.insured:
            visit = f"M{self.no}1"
            self.leg("nhsa.register", visit, rows=(LedgerRow("register", visit, state=register),))
            sent = LedgerRow("upload", self.no, amount=self.total, state=upload)
            self.leg("nhsa.upload", f"M{self.no}2", rows=(sent,))
        return self

    def pay(self, attempt: int = 1) -> Writer:
        no = f"{self.no}P{attempt}"
        order = LedgerRow("order", no, amount=self.cash, state="paid")
        self.leg(
            "pay.qr", no, amount=self.cash, attempt=attempt, rows=(order, replace(order, kind="charge", state="done"))
        )
        return self

    def refused_pay(self, attempt: int = 1) -> Writer:
        self.leg("pay.qr", f"{self.no}P{attempt}", amount=self.cash, attempt=attempt, state=NO)
        return self

    def insurance(self, state: str = "done") -> Writer:
        if self.insured:
            left = self.cash + self.claimed
            row = LedgerRow("settle", f"M{self.no}3", amount=self.total, state=state, cash=left, account=0)
            self.leg("nhsa.settle", row.no, amount=self.total, rows=(row,))
        return self

    def claim(self, state: str = "done") -> Writer:
        row = LedgerRow("settle", f"{self.no}C1", amount=self.claimed, state=state, bill=f"B{self.no}", ref="CP1")
        self.leg("insurer.claim", row.no, amount=self.claimed, rows=(row,))
        return self

    def book(self, state: str = "done") -> Writer:
        row = LedgerRow("book", self.no, 0, self.total, state, f"B{self.no}", str(self.cash), f"R{self.no}")
        self.leg("his.settle", self.no, amount=self.total, rows=(row,))
        return self

    def invoice(self, state: str = "done") -> Writer:
        row = LedgerRow("issue", f"{self.no}E1", amount=self.total, state=state, party_no=f"I{self.no}")
        self.leg("einvoice.issue", row.no, amount=self.total, rows=(row,))
        return self

    def undo(self, call: str, of: str, number: str, *rows: LedgerRow, amount: int | None = None) -> Writer:
        leg = next(leg for leg in self.kept.legs if leg.call == of)
        self.leg(call, number, of=leg.id, amount=amount, rows=rows)
        return self

    def used_deposits(self, fen: int) -> Writer:
        """Deposits paid this much of the patient's share, inside the HIS's booking."""
        return self.seen("deposit.used", "his", f"R{self.no}", fen)

    def give_back(self, trade: str, fen: int) -> Writer:
        """What was left of a deposit, paid under `trade`, goes back by a step of its own."""
        number = f"{self.no}B{len(self.kept.legs) + 1}"
        self.leg("pay.back", number, amount=fen, rows=(LedgerRow("refund", number, amount=fen, ref=trade),))
        return self

    def led_quote(self, state: str = "open", upload: str = "uploaded") -> Writer:
        """The HIS registers and uploads by itself, under a number of its own, and tells us the number."""
        visit = f"V{self.no}"
        self.leg("his.quote", f"{self.no}Q2", rows=(LedgerRow("register", f"{self.no}Q2", state=state, ref=visit),))
        there = LedgerRow("register", visit, state=state, bill=visit)
        return self.seen("nhsa.register", "nhsa", visit, None, there, replace(there, kind="upload", state=upload))

    def led_settle(self, state: str = "done", red: str = "done", *, told: bool = True) -> Writer:
        """The HIS settles, books and invoices inside one answer; `told`: the answer reached us."""
        msgid, bus_no, book = f"H{self.no}", f"R{self.no}", "done" if state == "done" else "void"
        rows = (
            LedgerRow("settle", self.no, amount=self.total, state=state, ref=msgid),
            LedgerRow("book", self.no, 0, self.total, book, f"B{self.no}", str(self.cash), bus_no),
            LedgerRow("issue", self.no, amount=self.total, state=red, ref=bus_no, party_no=f"I{self.no}"),
        )
        self.leg("his.settle", self.no, amount=self.total, rows=rows, state=OK if told else NO)
        there = LedgerRow(
            "settle", msgid, amount=self.total, state=state, bill=f"V{self.no}", cash=self.cash, account=0
        )
        issued = LedgerRow("issue", bus_no, amount=self.total, state=red, party_no=f"I{self.no}")
        if not told:
            self.day.rows["nhsa"].append(replace(there, at=self.at))
            self.day.rows["einvoice"].append(replace(issued, at=self.at))
            return self
        self.seen("nhsa.settle", "nhsa", msgid, self.total, there)
        return self.seen("einvoice.issue", "einvoice", bus_no, self.total, issued)

    def seen(self, call: str, party: str, number: str, amount: int | None, *rows: LedgerRow, of: int = 0) -> Writer:
        """A leg that the HIS carried: no call of ours, no move."""
        leg = LegRow(
            len(self.kept.legs) + 1, call, call, party, number, OK, bool(of), of, 1, amount, self.at, because="observed"
        )
        self.kept.legs.append(leg)  # type: ignore[attr-defined]  # the writer fills lists
        if number:
            self.day.numbers[number] = self.no
        self.day.rows[party] += [replace(row, at=self.at) for row in rows]
        return self

    def seen_undone(self, *calls: str) -> Writer:
        for leg in [one for one in self.kept.legs if one.call in calls and not one.of]:
            self.seen(leg.call, leg.party, "", leg.amount, of=leg.id)
        return self

    def refund(self) -> Writer:
        of = next(leg for leg in self.kept.legs if leg.call == "pay.qr" and leg.state is OK)
        number = f"{self.no}R{of.id}"
        row = LedgerRow("refund", number, amount=self.cash, ref=of.number)
        self.leg("pay.refund", number, of=of.id, amount=self.cash, rows=(row,))
        return self

    def end(self, state: CaseState) -> Writer:
        before = "back" if state in (CaseState.UNDONE, CaseState.REJECTED) else "final"
        self.kept.state = state
        self.moved(0, before, state.value)
        if before == "back":
            self.kept.bills = [(bill, False) for bill, _ in self.kept.bills]
        return self


def settled(day: Day, no: str, start: float, **more: Any) -> Writer:
    w = Writer(day, no, start, **more).lock().visit().pay().insurance().book().invoice()
    return w.end(CaseState.SETTLED)


def claimed(day: Day, no: str, start: float) -> Writer:
    """A commercial insurer paid a part of what the basic insurance left."""
    w = Writer(day, no, start, cash=500, claimed=200).lock().visit().insurance().claim().pay().book().invoice()
    return w.end(CaseState.SETTLED)


def asked_back(day: Day, no: str, start: float) -> Writer:
    """A settled bill goes back: first the HIS, who may refuse, then the invoice, the insurance, and the money."""
    w = Writer(day, no, start).lock("released").visit("cancelled", "deleted").pay().insurance("cancelled")
    w.book("void").invoice("written_off").undo("his.void", "his.settle", f"{no}V", amount=w.total)
    red = LedgerRow("write_off", f"{no}E1", amount=w.total, ref=f"I{no}")
    w.undo("einvoice.write_off", "einvoice.issue", f"{no}E1", red, amount=w.total)
    gone = LedgerRow("cancel", f"M{no}4", amount=-w.total, cash=-w.cash, account=0)
    w.undo("nhsa.cancel", "nhsa.settle", gone.no, gone, amount=w.total).refund()
    w.undo("nhsa.unload", "nhsa.upload", f"M{no}5").undo("nhsa.unregister", "nhsa.register", f"M{no}6")
    w.undo("his.unlock", "his.lock", f"{no}L")
    return w.end(CaseState.UNDONE)


def claim_withdrawn(day: Day, no: str, start: float) -> Writer:
    """The patient went away after the insurers had settled."""
    w = Writer(day, no, start, cash=500, claimed=200).lock("released").visit("cancelled", "deleted")
    w.insurance("cancelled").claim("cancelled")
    w.undo("insurer.withdraw", "insurer.claim", f"{no}V5", LedgerRow("cancel", f"{no}V5", amount=200, ref=f"{no}C1"))
    gone = LedgerRow("cancel", f"M{no}4", amount=-w.total, cash=-700, account=0)
    w.undo("nhsa.cancel", "nhsa.settle", gone.no, gone, amount=w.total)
    w.undo("nhsa.unload", "nhsa.upload", f"M{no}5").undo("nhsa.unregister", "nhsa.register", f"M{no}6")
    w.undo("his.unlock", "his.lock", f"{no}L")
    return w.end(CaseState.UNDONE)


def taken_back(day: Day, no: str, start: float) -> Writer:
    """HIS refused after payment and insurance were done: everything went back, the money last."""
    w = Writer(day, no, start).lock("released").visit("cancelled", "deleted").pay().insurance("cancelled")
    w.leg("his.settle", no, state=NO, amount=w.total)
    gone = LedgerRow("cancel", f"M{no}4", amount=-w.total, cash=-w.cash, account=0)
    w.undo("nhsa.cancel", "nhsa.settle", gone.no, gone, amount=w.total).refund()
    w.undo("nhsa.unload", "nhsa.upload", f"M{no}5").undo("nhsa.unregister", "nhsa.register", f"M{no}6")
    w.undo("his.unlock", "his.lock", f"{no}L")
    return w.end(CaseState.UNDONE)


def fenced_then_paid(day: Day, no: str, start: float) -> Writer:
    """The first payment stayed unknown, was closed, asked about after the fence, and tried anew."""
    w = Writer(day, no, start, insured=False).lock()
    order = LedgerRow("order", f"{no}P1", amount=w.cash, state="closed")
    leg = w.leg("pay.qr", f"{no}P1", amount=w.cash, state=NO, ended=False, rows=(order,))
    w.moved(leg.id, "sent", "unsure")
    w.moved(leg.id, "unsure", "dead")
    w.at += 1
    w.moved(leg.id, "dead", "fenced")
    fence_at = w.at
    proof = w.call(leg, "ask", f"{no}P1", fact="closed")
    w.at += 1
    w.moved(leg.id, "fenced", "no")
    known = replace(leg, fence_at=fence_at, evidence=proof.id, because="fenced", stopped=True)
    w.kept.legs = [known if one.id == leg.id else one for one in w.kept.legs]
    return w.pay(2).book().invoice().end(CaseState.SETTLED)


def paid_late(day: Day, no: str, start: float) -> Writer:
    """As `fenced_then_paid`; afterwards the payer of the first paid after all, which was asked about and given back."""
    w = fenced_then_paid(day, no, start)
    leg = next(one for one in w.kept.legs if one.number == f"{no}P1")
    w.at += 60
    paid = [LedgerRow(kind, leg.number, amount=w.cash, state=state, at=w.at)
            for kind, state in (("order", "paid"), ("charge", "done"))]  # fmt: skip
    day.rows["wechat"] = [row for row in day.rows["wechat"] if (row.kind, row.no) != ("order", leg.number)] + paid
    w.moved(leg.id, "no", "fenced")
    news_at = w.at
    proof = w.call(leg, "ask", leg.number, fact="there")
    w.moved(leg.id, "fenced", "no")
    known = replace(leg, fence_at=news_at, evidence=proof.id)
    w.kept.legs = [known if one.id == leg.id else one for one in w.kept.legs]
    number = f"{no}R{leg.id}"
    row = LedgerRow("refund", number, amount=w.cash, ref=leg.number)
    w.leg("pay.refund", number, of=leg.id, amount=w.cash, rows=(row,))
    return w


def under_way(day: Day, no: str, start: float) -> Writer:
    """Waiting for the patient's password; the inquiry is planned."""
    w = Writer(day, no, start).lock("live").visit()
    order = LedgerRow("order", f"{no}P1", amount=w.cash, state="open")
    leg = w.leg("pay.qr", f"{no}P1", amount=w.cash, state=LegState.UNSURE, rows=(order,))
    w.kept.legs = [replace(one, next_at=NOW + 5) if one.id == leg.id else one for one in w.kept.legs]
    w.moved(0, "waiting", "forward")
    return w


def with_a_person(day: Day, no: str, start: float) -> Writer:
    """The insurance refused to be undone: the money is held, a task is open."""
    w = Writer(day, no, start).lock("live").visit().pay().insurance()
    w.leg("his.settle", no, state=NO, amount=w.total)
    of = next(leg for leg in w.kept.legs if leg.call == "nhsa.settle")
    undo = w.leg("nhsa.cancel", f"M{no}4", state=LegState.MANUAL, of=of.id, amount=w.total)
    w.kept.tasks = [("undo_refused", undo.id)]
    w.kept.state = CaseState.MANUAL
    w.moved(0, "back", "manual")
    return w


def led(day: Day, no: str, start: float) -> Writer:
    """The HIS led, and all went well."""
    return Writer(day, no, start).lock().led_quote().pay().led_settle().end(CaseState.SETTLED)


def led_back(day: Day, no: str, start: float) -> Writer:
    """The HIS led, all was done, and the patient was given everything back."""
    w = Writer(day, no, start).lock("released").led_quote("cancelled", "deleted").pay()
    w.led_settle("cancelled", "written_off")
    w.undo("his.void", "his.settle", f"{no}V", amount=w.total).seen_undone("nhsa.settle", "einvoice.issue").refund()
    w.undo("his.unquote", "his.quote", f"{no}Q2").seen_undone("nhsa.register").undo("his.unlock", "his.lock", f"{no}L")
    return w.end(CaseState.UNDONE)


def led_lost(day: Day, no: str, start: float) -> Writer:
    """The HIS led, no answer ever told what it did, its void took it back: only its own ledger knows the numbers."""
    w = Writer(day, no, start).lock("released").led_quote("cancelled", "deleted").pay()
    w.led_settle("cancelled", "written_off", told=False).refund()
    w.undo("his.unquote", "his.quote", f"{no}Q2").seen_undone("nhsa.register").undo("his.unlock", "his.lock", f"{no}L")
    return w.end(CaseState.UNDONE)


def _without_invoice(writer: Writer) -> Writer:
    """Of a channel that issues none."""
    writer.kept.channel = "inpatient"
    return writer


def admitted(day: Day, no: str, start: float) -> Writer:
    """An admission: registered at HIS and insurance, no money."""
    w = _without_invoice(Writer(day, no, start))
    w.kept.amounts = dict.fromkeys(w.kept.amounts)
    w.leg("his.register", no, rows=(LedgerRow("register", no, state="open"),))
    w.leg("nhsa.admit", f"M{no}1", rows=(LedgerRow("register", f"M{no}1", state="open"),))
    return w.end(CaseState.SETTLED)


def deposited(day: Day, no: str, start: float) -> Writer:
    """A deposit was paid and booked."""
    w = _without_invoice(Writer(day, no, start, insured=False)).pay()
    row = LedgerRow("deposit", no, 0, w.total, "done", "BSTAY", str(w.cash), f"YJ{no}")
    w.leg("his.deposit", no, amount=w.total, rows=(row,))
    return w.end(CaseState.SETTLED)


def discharged(day: Day, no: str, start: float, *, used: int = 500, back: str = "") -> Writer:
    """A stay was settled: deposits paid a part, the rest was collected; or what is left of one (`back`) went back."""
    w = _without_invoice(Writer(day, no, start)).lock().visit()
    if not back:
        number, due = f"{no}P1", w.cash - used
        order = LedgerRow("order", number, amount=due, state="paid")
        w.leg("pay.qr", number, amount=due, rows=(order, replace(order, kind="charge", state="done")))
    w.insurance().book().used_deposits(used)
    return (w.give_back(back, 200) if back else w).end(CaseState.SETTLED)


def discharge_back(day: Day, no: str, start: float) -> Writer:
    """A settled stay taken back whole: what had gone back of the deposit stays with the patient."""
    w = _without_invoice(Writer(day, no, start)).lock("released").visit("cancelled", "deleted")
    w.insurance("cancelled").book("void")
    w.used_deposits(w.cash).give_back("S11P1", 100)
    w.undo("his.void", "his.settle", f"{no}V", amount=w.total).seen_undone("deposit.used")
    gone = LedgerRow("cancel", f"M{no}4", amount=-w.total, cash=-w.cash, account=0)
    w.undo("nhsa.cancel", "nhsa.settle", gone.no, gone, amount=w.total)
    w.undo("nhsa.unload", "nhsa.upload", f"M{no}5").undo("nhsa.unregister", "nhsa.register", f"M{no}6")
    w.undo("his.unlock", "his.lock", f"{no}L")
    return w.end(CaseState.UNDONE)


def registered(day: Day, no: str, start: float) -> Writer:
    """A registration paid at the HIS's own collection."""
    w = _without_invoice(Writer(day, no, start, insured=False))
    w.leg("scan.order", f"{no}P1", amount=w.cash, rows=(LedgerRow("charge", f"{no}P1", amount=w.cash, ref="his"),))
    return w.book().end(CaseState.SETTLED)


def registration_back(day: Day, no: str, start: float) -> Writer:
    """One taken back: the HIS voided it and gave the money back."""
    w = _without_invoice(Writer(day, no, start, insured=False))
    w.leg("scan.order", f"{no}P1", amount=w.cash, rows=(LedgerRow("charge", f"{no}P1", amount=w.cash, ref="his"),))
    w.book("void").undo("his.cancel", "his.settle", f"{no}V2", amount=w.total)
    back = LedgerRow("refund", f"{no}R1", amount=w.cash, ref=f"{no}P1")
    return w.undo("scan.refund", "scan.order", back.no, back, amount=w.cash).end(CaseState.UNDONE)


def good_day() -> Day:
    day = Day()
    settled(day, "S1", 1000)
    settled(day, "S2", 2000, insured=False)
    taken_back(day, "S3", 3000)
    fenced_then_paid(day, "S4", 4000)
    under_way(day, "S5", 5000)
    with_a_person(day, "S6", 6000)
    led(day, "S7", 7000)
    led_back(day, "S8", 7500)
    led_lost(day, "S9", 8000)
    admitted(day, "S10", 8200)
    deposited(day, "S11", 8300)
    discharged(day, "S12", 8400)
    discharged(day, "S13", 8500, used=700, back="S11P1")
    discharge_back(day, "S14", 8600)
    claimed(day, "SA", 8700)
    claim_withdrawn(day, "SB", 8800)
    registered(day, "SC", 8900)
    registration_back(day, "SD", 9000)
    asked_back(day, "SE", 9100)
    day.rows["his"].append(LedgerRow("charge", "W1", 7000, 500, bill="BX", ref="window", party_no="W1"))
    return day
