"""Where each party's book comes from, for a comparison: its table, its platform's bills, or its own ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.config.engine_parts import PartyEntry
from engine.config.secret import SecretMissing
from engine.core.world import World
from engine.parties.bills import KeepsBills
from engine.parties.registry import PARTIES
from engine.runtime.books import LedgerSource, NoLedger, silent_parties, simulator_ledgers
from engine.runtime.books_bills import Beside, BillLedger, Read
from engine.runtime.books_view import LedgerRow, Role
from engine.runtime.single_call import line_of


@dataclass(slots=True)
class NotHad:
    """A book that cannot even be asked for, and why: its key is missing."""

    party: str
    role: Role
    why: str

    async def rows(self) -> Sequence[LedgerRow]:
        """Errors: NoLedger, always."""
        raise NoLedger(self.why)


def with_books(parties: Mapping[str, PartyEntry]) -> tuple[dict[str, Role], dict[str, Role]]:
    """Parties of engine.yaml that have a part in the books, and those of them at which no ledger can be read."""
    known = {name: one for name, one in parties.items() if one.kind in PARTIES}
    abouts = {name: PARTIES[one.kind].about for name, one in known.items()}
    roles = {name: Role(about.role) for name, about in abouts.items() if about.role}
    return roles, silent_parties({name: (one.kind, one.url) for name, one in known.items()})


def sources_of(
    world: World,
    parties: Mapping[str, PartyEntry],
    root: Path,
    files: Mapping[str, bytes],
    bills: tuple[float, float | None] | None,
    tables: Sequence[LedgerSource] = (),
    beside: Beside | None = None,
) -> list[LedgerSource]:
    """One source a party that has a part in the books. `bills`: payment platforms are judged by their bills from the
    day of the first instant to that of the second (None: yesterday); None: by their ledgers. `tables`: those that have
    one are judged by it. `beside` reads bills in another thread."""
    found: list[LedgerSource] = [*tables]
    done = {source.party for source in tables}
    for name, one in parties.items() if bills is not None else ():
        if name in done or not isinstance(PARTIES[one.kind], KeepsBills):
            continue
        assert bills is not None
        done.add(name)
        try:
            line = line_of(world, one, root, files)
        except (SecretMissing, ValueError) as no:
            found.append(NotHad(name, Role.PAYMENT, str(no)))
        else:
            found.append(BillLedger(name, line, *bills, Read(beside)))
    others = {name: (one.kind, one.url) for name, one in parties.items() if name not in done}
    return [*found, *simulator_ledgers(world, others)]
