"""Defects found by reading: each test failed before its mend."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from engine.core.world import World
from engine.parties.nhsa import party as nhsa_party
from engine.runtime.sessions import Sessions
from engine.store.calls import calls_of
from engine.store.contract import Done, Unit
from engine.store.lists import list_settlements
from tests.rig.lab import Lab

CODE = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}


@pytest_twisted.ensureDeferred
async def test_nobody_is_shown_what_is_not_stored_yet(lab: Lab) -> None:
    engine = lab.engine
    assert engine is not None
    _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    no = quoted["settlement_no"]
    held: list[tuple[Unit, Deferred[Done]]] = []
    submit = engine.store.submit

    def slowly(unit: Unit) -> Deferred[Done]:
        done: Deferred[Done] = Deferred()
        held.append((unit, done))
        return done

    engine.store.submit = slowly  # type: ignore[method-assign]  # the disk takes its time
    paying = Deferred.fromCoroutine(lab.kiosk.pay(no, CODE))
    while not held:
        await lab.kiosk.pause(0.1)
    looking = Deferred.fromCoroutine(lab.kiosk.show(no))
    await lab.kiosk.pause(1.0)
    assert not looking.called, "the choice was shown before it was stored"
    engine.store.submit = submit  # type: ignore[method-assign]
    for unit, done in held:
        submit(unit).chainDeferred(done)
    assert (await looking)[1]["state"] == "working"
    assert (await paying)[1]["state"] == "settled"


@pytest_twisted.ensureDeferred
async def test_a_request_that_cannot_be_written_ends_the_settlement_and_charges_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind: Any = type(lab.engine.connections.party("nhsa"))  # type: ignore[union-attr]
    build = kind.build

    def broken(self: Any, call: Any) -> Any:
        if call.op == "2207A":
            raise ValueError("a field is too long")
        return build(self, call)

    monkeypatch.setattr(kind, "build", broken)
    assert nhsa_party is not None
    _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    no = quoted["settlement_no"]
    await lab.kiosk.pay(no, CODE)
    while True:
        _, answer = await lab.kiosk.show(no, wait=20)
        if answer["state"] in ("undone", "manual", "settled"):
            break
    assert answer["state"] == "undone"
    taken = sum(row["amount"] for row in lab.ledger("wechat", "charge"))
    assert taken == sum(row["amount"] for row in lab.ledger("wechat", "refund", "reverse"))


@pytest_twisted.ensureDeferred
async def test_waiting_for_a_change_leaves_nothing_behind(lab: Lab) -> None:
    engine = lab.engine
    assert engine is not None
    _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    for _ in range(3):
        await lab.kiosk.show(quoted["settlement_no"], wait=3)
    assert len(engine.driver._rooms[quoted["settlement_no"]].waiting) <= 1


@pytest_twisted.ensureDeferred
async def test_a_secret_that_its_party_refuses_is_not_quoted(lab: Lab) -> None:
    (lab.folder / "var/sim/his/secret").write_text("s3cret!")  # too short for the HIS
    engine = lab.engine
    assert engine is not None
    engine.connections._open.clear()
    await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    kept = await engine.store.read(lambda conn: [one.text for one in calls_of(conn, only_no(conn))])
    assert any("secret: " in text for text in kept), "and says which setting was refused"
    assert not any("s3cret!" in text for text in kept)
    assert "s3cret!" not in lab.log.getvalue()


def only_no(conn: Any) -> str:
    """The only settlement of the store."""
    return str(list_settlements(conn, limit=1)[0]["no"])


def test_a_sign_in_that_dies_with_its_process_wakes_nobody() -> None:
    """A coroutine nobody will resume is closed when it is thrown away; who waited for it may be closed already."""
    never: Deferred[Any] = Deferred()

    async def sign_in(party: str) -> Any:
        return await never

    sessions = Sessions(World(Clock()), sign_in)
    first, second = sessions.get("nhsa"), sessions.get("nhsa")
    first.send(None)  # type: ignore[attr-defined]  # driven by hand, as a dropped Deferred would leave it
    second.send(None)  # type: ignore[attr-defined]  # as above
    (turn,) = sessions._waiting["nhsa"]
    first.close()  # type: ignore[attr-defined]  # what the collector does
    assert not turn.called
    second.close()  # type: ignore[attr-defined]  # as above
