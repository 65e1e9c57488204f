"""`engine books`: the parties' own ledgers against the store, and every difference with what to do about it.

Nothing is changed and no party is asked about a single number: a ledger is read as a whole, as a bill is. While the
engine works, a settlement that changed between the two looks at the store counts as open.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from twisted.internet.defer import Deferred, succeed

from engine.connectors.contract import CallFailed
from engine.connectors.http_sender import HttpSender
from engine.core.http import HttpRequest
from engine.core.times import instant_of_rfc3339
from engine.core.world import World
from engine.parties.registry import PARTIES
from engine.runtime.books_compare import compare, expected, is_open
from engine.runtime.books_funds import FundBook
from engine.runtime.books_kinds import Difference
from engine.runtime.books_load import load_view, versions
from engine.runtime.books_view import Kept, LedgerRow, Limits, PartyBook, Role, StoreView, within
from engine.runtime.threads import on_a_thread
from engine.store.contract import Connection
from engine.store.open import open_reader

T = TypeVar("T")
LEDGER_WAIT = 60.0
LEDGER_BYTES = 512 * 1024 * 1024
LIMITS = Limits()
ACCOUNT = "（资金账户/account）"  # after a party's name: what is missing is the bill of its account


class NoLedger(Exception):
    """A party's ledger could not be read; the text says why."""


class LedgerSource(Protocol):
    """Where a party's ledger comes from: a simulator, a day's bill, a 3202 answer. `party`: name in engine.yaml."""

    party: str
    role: Role

    async def rows(self) -> Sequence[LedgerRow]:
        """The whole ledger in the order of its entries. Errors: NoLedger."""


@runtime_checkable
class FundSource(Protocol):
    """A source that also tells what an account at the platform had."""

    async def funds(self) -> FundBook | None:
        """The accounts' movements; None where the site reads none. Errors: NoLedger."""


class Reads(Protocol):
    """Who can look at the store: a running engine's store, or `Beside`."""

    def read(self, fn: Callable[[Connection], T]) -> Deferred[T]: ...


@dataclass(frozen=True, slots=True)
class Books:
    """The result. `checked`: settlements looked at; `open`: of those, on their way or with a person; `expected`: of
    those, with money in days whose bills were not read, so that only what was read is judged; `funds`: what the
    hospital's accounts at payment platforms had of the days read; `read`: parties whose books were read; `missing`:
    those whose books could not be had, and why."""

    checked: int
    open: int
    differences: tuple[Difference, ...]
    expected: int = 0
    funds: tuple[FundBook, ...] = ()
    read: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """The document `engine books --json` prints."""
        found = [one.json() for one in self.differences]
        days = [day.json(fund.party) for fund in self.funds for day in fund.days]
        return {
            "checked": self.checked, "open": self.open, "expected": self.expected, "funds": days, "differences": found,
        }  # fmt: skip


class Beside:
    """The store of this address, read-only, beside a running engine or without one. Each look is a new view."""

    def __init__(self, url: str) -> None:
        self._url = url

    def read(self, fn: Callable[[Connection], T]) -> Deferred[T]:
        """Look now, in this thread. Errors: CannotStart, whatever `fn` raises."""
        with open_reader(self._url) as conn:
            return succeed(fn(conn))


class SimulatorLedger:
    """A simulator's `GET /sim/ledger`."""

    def __init__(self, world: World, party: str, role: Role, url: str, also: tuple[str, ...] = ()) -> None:
        self.party, self.role, self.also, self._world = party, role, also, world
        self._sender = HttpSender(world, url, window=1, max_reply_bytes=LEDGER_BYTES)

    async def rows(self) -> Sequence[LedgerRow]:
        """All rows the simulator has. Errors: NoLedger."""
        try:
            reply = await self._sender.send(HttpRequest("GET", "/sim/ledger"), LEDGER_WAIT)
        except CallFailed as no:
            raise NoLedger(no.why) from None
        finally:
            self._sender.stop()
        if reply.status != 200:
            raise NoLedger(f"HTTP {reply.status}")
        try:
            return await on_a_thread(self._world, lambda: _ledger_rows(reply.body))
        except (ValueError, KeyError, TypeError) as no:
            raise NoLedger(f"not a ledger ({type(no).__name__})") from None


def _ledger_rows(body: bytes) -> list[LedgerRow]:
    """A day's ledger takes a tenth of a second. Errors: ValueError, KeyError, TypeError."""
    return [ledger_row(row) for row in json.loads(body)["rows"]]


def ledger_row(row: Mapping[str, Any]) -> LedgerRow:
    """A row as `/sim/ledger` gives it. Errors: KeyError, ValueError."""
    return LedgerRow(
        kind=row["kind"], no=row["no"], at=instant_of_rfc3339(row["at"]), amount=row["amount"], state=row["state"],
        bill=row["bill"], ref=row["ref"], party_no=row["party_no"], cash=row.get("cash"), account=row.get("account"),
    )  # fmt: skip


def silent_parties(parties: Mapping[str, tuple[str, str]]) -> dict[str, Role]:
    """Connections at which no ledger can be read (MLLP), though their party keeps one: the party's other connection, or
    its own table, tells of them. `parties`: name in engine.yaml → (kind, url)."""
    roles = {name: PARTIES[kind].about.role for name, (kind, url) in parties.items() if url.startswith("mllp")}
    return {name: Role(role) for name, role in roles.items() if role}


def simulator_ledgers(world: World, parties: Mapping[str, tuple[str, str]]) -> list[LedgerSource]:
    """The ledgers of simulators: name in engine.yaml → (kind, url). Kinds without a role in the books are left out, and
    addresses no ledger can be read at (MLLP): the party's own HTTP connection tells it."""
    roles = {name: Role(role) for name, (kind, _) in parties.items() if (role := PARTIES[kind].about.role)}
    silent = silent_parties(parties)
    found: list[LedgerSource] = []
    told: set[Role] = set()
    for name in (one for one in roles if one not in silent):
        also = () if roles[name] in told else tuple(one for one, role in silent.items() if role is roles[name])
        found.append(SimulatorLedger(world, name, roles[name], re.sub(r"^tcp:", "http:", parties[name][1]), also))
        told.add(roles[name])
    return found


async def check_books(
    world: World,
    store: Reads,
    ledgers: Iterable[LedgerSource],
    *,
    since: float | None = None,
    until: float | None = None,
    limits: Limits = LIMITS,
    beside: Callable[[Callable[[], Books]], Awaitable[Books]] | None = None,
) -> Books:
    """Compare. `since`, `until` (unix seconds): only settlements created from then on and before then, and others of
    which a party entered something in that time. A ledger is always read whole. `beside`: does the comparing in another
    thread than this."""
    began = world.now()
    before = await store.read(lambda conn: versions(conn, since, until))
    books: list[PartyBook] = []
    missing: dict[str, str] = {}
    funds: list[FundBook] = []
    for source in ledgers:
        try:
            rows = await source.rows()
            span, also = getattr(source, "span", None), getattr(source, "also", ())
            books.append(PartyBook(source.party, source.role, rows, span, also))
        except NoLedger as no:
            missing[source.party] = str(no)
        if isinstance(source, FundSource):
            try:
                kept = await source.funds()
            except NoLedger as no:
                missing[source.party + ACCOUNT] = str(no)
            else:
                funds += [kept] if kept is not None else []
    seen = _seen(books, funds, since, until)
    view: StoreView = await store.read(lambda conn: load_view(conn, world.now(), since, seen, until))

    def work() -> Books:
        moving = {no for no, kept in view.settlements.items() if _moved(kept, before.get(no), began - limits.skew_s)}
        found = compare(view, books, limits, missing, since, funds, until)
        on_the_way = {no for no, kept in view.settlements.items() if is_open(kept)} | moving
        told = tuple(one for one in found if one.settlement_no not in moving)
        read = tuple(book.party for book in books)
        left = expected(view, books)
        return Books(len(view.settlements), len(on_the_way), told, left, tuple(funds), read, missing)

    return work() if beside is None else await beside(work)


def _seen(
    books: Sequence[PartyBook], funds: Sequence[FundBook], since: float | None, until: float | None
) -> set[str]:
    """Numbers the parties entered in that time: their settlements are looked at, however old."""
    fresh = (row for book in books for row in book.rows if within(row.at, since, until))
    seen = {number for row in fresh for number in (row.no, row.ref) if number}
    return seen | {row.no for fund in funds for row in fund.rows() if row.no}


def _moved(kept: Kept, version: int | None, began: float) -> bool:
    """Whether its state changed since the first look. A new version alone may only be a fact heard again; a settlement
    older than `since` was not looked at first: its history tells."""
    if version == kept.version:
        return False
    return max([kept.created_at, *(move.at for move in kept.moves)]) >= began
