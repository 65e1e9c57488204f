"""The books of the real engine among its simulators: silent when all went well, and one line for each thing done behind
its back. The ledgers come over HTTP, the store through its readers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from engine.runtime.books import Beside, Books, check_books, simulator_ledgers
from engine.runtime.books_load import load_view
from tests.rig.agreement import compared
from tests.rig.lab import Lab
from tests.simulation.reactor import SimReactor

ANYONE = "P0001"


class Town:
    """A laboratory in a simulated reactor, and the few things these tests do in it."""

    def __init__(self, folder: Path) -> None:
        self.sim = SimReactor(7)
        self.lab = Lab(self.sim.node("parties"), folder, engine_reactor=self.sim.node("engine"), inline=True)

    def do(self, work: Callable[[], Awaitable[Any]]) -> Any:
        ended: list[Any] = []

        async def carried() -> Any:
            return await work()

        Deferred.fromCoroutine(carried()).addBoth(ended.append)
        assert self.sim.run(lambda: bool(ended), 3600.0), "it never ended"
        if hasattr(ended[0], "raiseException"):
            ended[0].raiseException()
        return ended[0]

    async def settle(self, bill: str, *, insured: bool = True, leave: bool = False) -> dict[str, Any]:
        """A settlement paid by QR to its rest; or left at the quote."""
        kiosk = self.lab.kiosk
        _, answer = await kiosk.settle(self.lab.bill_request(ANYONE, bill, insured=insured))
        no = answer["settlement_no"]
        if leave:
            await kiosk.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "c1", "reason_code": "left"})
            return await self.rest(no)
        return await self.pay(no)

    async def pay(self, no: str) -> dict[str, Any]:
        """The patient pays the quote by QR."""
        await self.lab.kiosk.pay(no, {"choice_no": "1", "kind": "wechat_qr"})
        return await self.rest(no)

    async def rest(self, no: str) -> dict[str, Any]:
        """Wait for the end, paying what is shown."""
        for _ in range(50):
            _, answer = await self.lab.kiosk.ask("GET", f"/v1/settlements/{no}?wait=5")
            if answer["state"] == "paying":
                self.lab.act("wechat", "pay", no=answer["numbers"]["trade"])
            elif answer["state"] in ("settled", "undone", "rejected", "manual"):
                return answer
        raise AssertionError(answer)

    async def books(self, **more: Any) -> Books:
        return await compared(self.lab.engine, **more)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    town.do(town.lab.open)
    yield town
    town.do(town.lab.close)


def _kinds(books: Books) -> list[str]:
    return [one.kind for one in books.differences]


def test_a_settlement_leaves_nothing(town: Town) -> None:
    assert town.do(lambda: town.settle("B20261122001"))["state"] == "settled"
    books = town.do(town.books)
    assert (books.checked, books.open, _kinds(books)) == (1, 0, [])


def test_a_patient_who_left_leaves_nothing(town: Town) -> None:
    assert town.do(lambda: town.settle("B20261122001", leave=True))["state"] == "undone"
    books = town.do(town.books)
    assert (books.checked, books.open, _kinds(books)) == (1, 0, [])


def test_insurance_refused_after_payment_leaves_nothing(town: Town) -> None:
    town.lab.fault("insurance", "2207A", "refuse_business")
    assert town.do(lambda: town.settle("B20261122001"))["state"] == "undone"
    assert len(town.lab.ledger("wechat", "refund")) == 1
    assert _kinds(town.do(town.books)) == []


def test_what_is_done_behind_our_back_is_one_line_each(town: Town) -> None:
    answer = town.do(lambda: town.settle("B20261122001"))
    trade = answer["numbers"]["trade"]
    town.lab.act("wechat", "pay_twice", no=trade)
    town.sim.advance(10.0)  # its callback is heard again
    books = town.do(town.books)
    assert _kinds(books) == ["paid_twice"]
    assert books.differences[0].settlement_no == answer["settlement_no"]
    assert books.json()["differences"][0]["bill"] == "B20261122001"


def test_a_refund_at_the_portal_is_named(town: Town) -> None:
    answer = town.do(lambda: town.settle("B20261122001"))
    town.lab.act("wechat", "refund_at_portal", no=answer["numbers"]["trade"])
    assert _kinds(town.do(town.books)) == ["refund_at_portal"]


def test_a_party_that_is_down_is_said(town: Town) -> None:
    town.do(lambda: town.settle("B20261122001"))
    town.lab.ports["einvoice"].stopListening()
    assert _kinds(town.do(town.books)) == ["source_missing"]
    town.lab.ports["einvoice"] = town.lab.parties["einvoice"].listen(0)


def test_a_settlement_on_its_way_is_open(town: Town) -> None:
    async def quoted() -> None:
        await town.lab.kiosk.settle(town.lab.bill_request(ANYONE, "B20261122001"))

    town.do(quoted)
    books = town.do(town.books)
    assert (books.checked, books.open, _kinds(books)) == (1, 1, [])


def test_what_changed_while_we_looked_is_open_and_not_judged(town: Town) -> None:
    """Between our first look and the last ledger a settlement comes to rest: the ledgers read first lack its end."""
    lab = town.lab

    async def quoted() -> str:
        _, answer = await lab.kiosk.settle(lab.bill_request(ANYONE, "B20261122001"))
        return str(answer["settlement_no"])

    no = town.do(quoted)
    engine = lab.engine
    assert engine is not None

    async def changing() -> Books:
        parties = {name: (entry.kind, entry.url) for name, entry in engine.sites.current.engine.parties.items()}
        sources = simulator_ledgers(engine.world, parties)
        first = sources[0].rows

        async def told_then_paid() -> Any:
            rows = await first()
            await town.pay(no)
            return rows

        sources[0].rows = told_then_paid  # type: ignore[method-assign]  # the HIS is read before the patient pays
        return await check_books(engine.world, engine.store, sources)

    books = town.do(changing)
    assert (books.checked, books.open, _kinds(books)) == (1, 1, [])
    books = town.do(town.books)
    assert (books.checked, books.open, _kinds(books)) == (1, 0, [])


def test_an_old_settlement_is_judged_when_a_party_has_something_new_of_it(town: Town) -> None:
    answer = town.do(lambda: town.settle("B20261122001"))
    town.sim.advance(86400.0)
    since = town.sim.seconds() - 3600
    books = town.do(lambda: town.books(since=since))
    assert (books.checked, _kinds(books)) == (0, [])
    town.lab.act("wechat", "refund_at_portal", no=answer["numbers"]["trade"])
    books = town.do(lambda: town.books(since=since))
    assert (books.checked, _kinds(books)) == (1, ["refund_at_portal"])


def test_the_store_can_be_read_beside_the_engine(town: Town, tmp_path: Path) -> None:
    answer = town.do(lambda: town.settle("B20261122001"))
    beside = Beside(str(tmp_path / "engine.db"))
    (kept,) = town.do(lambda: _read(beside)).settlements.values()
    assert (kept.no, kept.state, kept.bill) == (answer["settlement_no"], "settled", "B20261122001")
    assert kept.at_rest()
    assert kept.cash + (kept.amounts["fund"] or 0) == kept.total == 120000
    assert [leg.call for leg in kept.legs][-2:] == ["his.settle", "einvoice.issue"]
    assert all(kept.definite_at(leg.id) is not None for leg in kept.legs)


async def _read(beside: Beside) -> Any:
    return await beside.read(lambda conn: load_view(conn, 0.0))


def test_only_settlements_of_the_time_asked_for(town: Town) -> None:
    """What a party entered in that time is looked at, however old its settlement is; what came later is not told."""
    begun = town.lab.sim_world.now()
    first = town.do(lambda: town.settle("B20261122001"))
    town.sim.advance(600.0)
    middle = town.lab.sim_world.now()
    town.do(lambda: town.settle("B20261122002"))
    town.lab.act("wechat", "pay_twice", no=first["numbers"]["trade"])
    town.sim.advance(10.0)

    def found(**when: float) -> tuple[int, list[str]]:
        books = town.do(lambda: town.books(**when))
        return books.checked, _kinds(books)

    assert found() == (2, ["paid_twice"])
    assert found(since=begun - 1, until=middle) == (1, ["paid_twice"])
    assert found(since=middle) == (2, ["paid_twice"]), "the second payment came in this time"
    assert found(since=begun - 1000, until=begun - 1) == (0, [])
    assert found(since=middle + 5000) == (0, [])
