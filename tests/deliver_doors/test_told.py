"""A settlement told to the HIS by DFT^P03: once in the HIS's own ledger, whatever happens on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251 - these tests are about real sockets
from twisted.internet.defer import Deferred, maybeDeferred

from simulators.his import HisSim
from tests.deliver_doors.house import free_ports
from tests.rig.lab import Lab

NET: Any = reactor
CODE = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}


class Told:
    """A laboratory whose HIS takes HL7."""

    def __init__(self, folder: Path) -> None:
        self.port = free_ports(1)[0]
        edit = (('dft:         "no"', 'dft:         "yes"'), ("127.0.0.1:8702", f"127.0.0.1:{self.port}"))
        self.lab = Lab(NET, folder, rate=20.0, edit=edit)
        self.door: Any = None

    @property
    def his(self) -> HisSim:
        party = self.lab.parties["his"]
        assert isinstance(party, HisSim)
        return party

    def listen(self) -> None:
        self.door = self.his.listen_mllp(self.port)

    async def settle(self) -> str:
        _, quoted = await self.lab.kiosk.settle(self.lab.bill_request("P0001", "B20261122001"))
        no = str(quoted["settlement_no"])
        status, done = await self.lab.kiosk.pay(no, CODE)
        assert (status, done["state"]) == (200, "settled")
        return no

    def notices(self) -> list[tuple[str, int, str]]:
        return [(row.no, row.amount, row.bill) for row in self.his.ledger.rows if row.kind == "notice"]

    def sent(self) -> list[tuple[bytes, str]]:
        return [(row.request, row.outcome) for row in self.his.exchanges.rows if row.op == "DFT^P03"]

    async def until(self, count: int) -> None:
        for _ in range(400):
            if len(self.sent()) >= count and all(outcome != "open" for _, outcome in self.sent()):
                return
            pause: Deferred[None] = Deferred()
            NET.callLater(0.05, pause.callback, None)
            await pause
        raise AssertionError(f"{count} messages wanted, there were {self.sent()}")


@pytest_twisted.async_yield_fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    here = Told(tmp_path)
    await here.lab.open()
    yield here
    await here.lab.close()
    if here.door is not None:
        await maybeDeferred(here.door.stopListening)


NOTICE = 120000  # fen


@pytest_twisted.ensureDeferred
async def test_the_his_notes_the_settlement_with_its_amounts_and_visit(told: Told) -> None:
    told.listen()
    no = await told.settle()
    await told.until(1)
    assert told.notices() == [(no, NOTICE, "VB20261122001")]
    assert [row.amount for row in told.his.ledger.rows if row.kind == "book"] == [NOTICE], "booked by the gateway, once"


FAULTS = ["reset_after_commit", "reset_before_commit", "half_reply", "ack_wrong_number", "ack_aa_failed", "ack_ae"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest_twisted.ensureDeferred
async def test_it_is_told_again_under_its_number_and_noted_once(told: Told, fault: str) -> None:
    told.listen()
    told.his.faults.add({"op": "DFT^P03", "fault": fault, "times": 2})
    no = await told.settle()
    await told.until(3)
    assert told.notices() == [(no, NOTICE, "VB20261122001")]
    assert len({request for request, _ in told.sent()}) == 1, "the same message each time"


@pytest_twisted.ensureDeferred
async def test_a_his_that_opens_its_door_later_is_told_then(told: Told) -> None:
    no = await told.settle()
    assert told.sent() == []
    told.listen()
    await told.until(1)
    assert told.notices() == [(no, NOTICE, "VB20261122001")]
