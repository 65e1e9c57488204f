"""A node that stood still may have been taken over: it begins nothing at a party before the database has said that it
is still ours. A database that has no connection to read by stops nothing for good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from engine.core.world import World
from engine.runtime.recovery import READ_AGAIN, Recovery
from engine.runtime.timed import Timed
from engine.store.contract import CannotRead
from engine.store.store import SqlStore
from tests.deliver.ward import Ward, adt
from tests.edge.town import CASH, CODE, Town

TAKEN = CannotRead("PostgreSQL cannot be used: FATAL:  sorry, too many clients already")


class Whose:
    """Stands for `SqlStore.ours`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ours = True
        monkeypatch.setattr(SqlStore, "ours", property(lambda store: self.ours))


@pytest.fixture
def whose(monkeypatch: pytest.MonkeyPatch) -> Whose:
    return Whose(monkeypatch)


def test_no_leg_is_begun_before_the_database_is_ours_again(town: Town, whose: Whose) -> None:
    no = town.quoted()
    whose.ours = False
    paying = town.begin("POST", f"/v1/settlements/{no}/pay", CODE)
    town.pass_time(3.0)
    assert town.ledger("wechat") == []
    whose.ours = True
    paying.reply()
    assert town.rest(no, 600.0)["state"] == "settled"
    assert town.kept() == CASH
    assert len(town.ledger("wechat", "charge")) == 1


def test_no_message_is_sent_before_the_database_is_ours_again(tmp_path: Path, whose: Whose) -> None:
    ward = Ward(tmp_path)
    ward.start()
    whose.ours = False
    assert ward.send("C1").code == "AA"
    ward.advance(20.0)
    assert ward.emr.asked == []
    whose.ours = True
    ward.advance(2.0)
    assert ward.emr.got == [("P1", "C1")]
    ward.stop()


def _taken(monkeypatch: pytest.MonkeyPatch, store: SqlStore | None, times: int) -> None:
    """The next reads find no connection."""
    assert store is not None
    left, real = [times], store.read

    def read(fn: Callable[[Any], Any]) -> Deferred[Any]:
        left[0] -= 1
        return fail(TAKEN) if left[0] >= 0 else real(fn)

    monkeypatch.setattr(store, "read", read)


def test_a_message_whose_bytes_could_not_be_read_is_sent_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ward = Ward(tmp_path)
    ward.emr.answer = lambda body: "reset"
    ward.start()
    assert ward.send("C1").code == "AA"
    ward.advance(1.0)
    ward.crash()
    ward.start()
    _taken(monkeypatch, ward.store, 2)
    ward.emr.answer = lambda body: 200
    ward.advance(30.0)
    assert ward.emr.got == [("P1", "C1")]
    ward.stop()


def test_a_message_that_nobody_can_look_up_goes_back_to_its_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ward = Ward(tmp_path)
    ward.start()
    assert ward.send("C1").code == "AA"
    ward.stop()
    ward.start()
    died: list[str] = []
    assert ward.store is not None
    ward.store.on_fatal = died.append
    _taken(monkeypatch, ward.store, 1)
    answer = ward.raw(adt("C1", "P1"))
    ward.advance(10.0)
    assert died == []
    assert not answer.called or b"MSA|AA" not in answer.result
    assert ward.send("C1").code == "AA"
    ward.stop()


def test_a_settlement_that_could_not_be_read_is_brought_back_later() -> None:
    clock, told = Clock(), []

    class Driver:
        def tell(self, no: str, event: object) -> Deferred[None]:
            told.append(no)
            return fail(TAKEN) if len(told) < 3 else succeed(None)

    class Log:
        def error(self, event: str, **more: object) -> None: ...

    reactor: Any = clock
    parts: Any = (World(reactor), None, Driver(), Log())
    recovery = Recovery(*parts)
    recovery._due.append("S1")
    recovery.carry_on()
    clock.pump([READ_AGAIN] * 5)
    assert told == ["S1"] * 3


def test_a_timed_channel_that_could_not_be_read_for_is_tried_again(
    new_town: Callable[..., Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    async def run(timed: Timed, channel: Any, period: str) -> bool:
        tried.append(channel.name)
        raise TAKEN

    monkeypatch.setattr(Timed, "run", run)
    town = new_town()
    first = len(tried)
    assert first > 0
    town.pass_time(1200.0)
    assert len(tried) > first
