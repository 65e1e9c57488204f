"""Every limit of engine.yaml does what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from engine.runtime.driver import Busy
from engine.saga.events import Tick
from engine.site.files import read_files
from engine.site.load import load
from engine.site.site import Site
from tests.rig.lab import Lab

ROOT = Path(__file__).resolve().parents[2]


async def opened(folder: Path, *edit: tuple[str, str]) -> Lab:
    """A laboratory whose engine.yaml says something else."""
    from twisted.internet import reactor  # noqa: TID251 the test stands where the command line stands

    here = Lab(reactor, folder, rate=10.0, edit=edit)
    await here.open()
    return here


def loaded(*edit: tuple[str, str]) -> Any:
    files = dict(read_files(ROOT))
    text = files["engine.yaml"].decode()
    for old, new in edit:
        assert old in text
        text = text.replace(old, new, 1)
    files["engine.yaml"] = text.encode()
    return load(files)


def test_no_call_waits_longer_than_its_party_allows() -> None:
    site = loaded(("wait_max: 20s", "wait_max: 2s"))
    assert isinstance(site, Site)
    calls = [call for channel in site.channels.values() for call in channel.calls.values()]
    assert {call.wait for call in calls if call.party == "his"} == {2.0}
    assert max(call.wait for call in calls if call.party == "nhsa") > 2.0


@pytest.mark.parametrize("field", ["connections: 10", "idle: 10s"])
def test_what_belongs_to_the_address_is_not_written_at_a_door_that_shares_it(field: str) -> None:
    found = loaded(("{shares: api, ", f"{{shares: api, {field}, "))
    assert [one.code for one in found] == ["E216"]


@pytest_twisted.ensureDeferred
async def test_a_request_longer_than_the_listener_takes_is_refused(tmp_path: Path) -> None:
    lab = await opened(tmp_path, ("{http: ", "{body_bytes: 1024, http: "))
    try:
        body = lab.bill_request("P0001", "B20261122001")
        status, answer = await lab.kiosk.settle({**body, "operator": "K" * 1200})
        assert (status, answer["reason"]["code"]) == (413, "E-HTTP-TOO-LONG")
        assert "body_bytes" in answer["reason"]["next"]
        assert "body_bytes" in answer["reason"]["next_en"]
        assert (await lab.kiosk.settle(body))[0] == 200
    finally:
        await lab.close()


@pytest_twisted.ensureDeferred
async def test_a_reply_longer_than_the_node_takes_counts_as_none(tmp_path: Path) -> None:
    lab = await opened(tmp_path, ("limits:    {body_bytes: 2097152", "limits:    {body_bytes: 1024"))
    try:
        _, answer = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
        assert (answer["state"], answer["reason"]["code"], answer["reason"]["side"]) == ("rejected", "E-SILENT", "his")
    finally:
        await lab.close()


@pytest_twisted.ensureDeferred
async def test_only_so_many_events_wait_for_one_settlement(tmp_path: Path) -> None:
    lab = await opened(tmp_path, ("attempts: 5,", "attempts: 5, queued_events: 3,"))
    try:
        _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
        engine, no = lab.engine, quoted["settlement_no"]
        assert engine is not None
        told = [engine.driver.tell(no, Tick()) for _ in range(6)]  # the first is heard at once, three may wait
        assert [_busy(one) for one in told] == [False] * 4 + [True] * 2
        for one in told[:4]:
            await one
    finally:
        await lab.close()


def _busy(one: Deferred[Any]) -> bool:
    kept: list[Any] = []
    one.addErrback(kept.append)
    return bool(kept) and kept[0].check(Busy) is not None
