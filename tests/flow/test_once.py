"""What makes two requests the same one, and what only one may be open of, is what the channel's rows say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from engine.site.files import read_files
from engine.site.load import load
from engine.site.site import Site
from tests.rig.lab import Lab

ROOT = Path(__file__).resolve().parents[2]
CHANNEL = "channels/outpatient_settlement.yaml"
CODE = {"kind": "wechat_code", "auth_code": "134000000000000001"}


def changed(old: str, new: str) -> Any:
    files = dict(read_files(ROOT))
    text = files[CHANNEL].decode()
    assert old in text
    files[CHANNEL] = text.replace(old, new).encode()
    return load(files)


class Other(Lab):
    """A laboratory whose settlement channel was changed."""

    row = ("", "")

    def site(self) -> Site:
        site = changed(*self.row)
        assert isinstance(site, Site)
        return replace(site, engine=super().site().engine)


async def opened(folder: Path, old: str, new: str) -> Lab:
    from twisted.internet import reactor  # noqa: TID251 the test stands where the command line stands

    lab = type("Changed", (Other,), {"row": (old, new)})(reactor, folder, rate=10.0)
    await lab.open()
    return lab  # type: ignore[no-any-return]  # a class made here


@pytest_twisted.ensureDeferred
async def test_a_request_is_the_same_by_the_fields_its_channel_names(tmp_path: Path) -> None:
    lab = await opened(tmp_path, "once_by:       [client, request_no]", "once_by:       [client, request_no, operator]")
    try:
        first = lab.bill_request("P0001", "B20261122001", request_no="R1")
        _, one = await lab.kiosk.settle(first)
        _, again = await lab.kiosk.settle(first)
        assert again["settlement_no"] == one["settlement_no"]
        status, answer = await lab.kiosk.settle({**first, "campus": "east"})
        assert (status, answer["reason"]["code"]) == (409, "E-REPEAT-DIFFERS")
        other = lab.bill_request("P0002", "B20261122002", request_no="R1", insured=False)
        status, two = await lab.kiosk.settle({**other, "operator": "K02"})
        assert (status, two["state"]) == (200, "quoted"), "another operator's request of the same number is another one"
        assert two["settlement_no"] != one["settlement_no"]
    finally:
        await lab.close()


@pytest_twisted.ensureDeferred
async def test_only_one_is_open_of_what_its_channel_names(tmp_path: Path) -> None:
    lab = await opened(tmp_path, "one_live:      request.bills", "one_live:      request.patient.id")
    try:
        _, one = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
        status, answer = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122009"))
        assert (status, answer["reason"]["code"]) == (409, "E-BUSY")
        assert answer["settlement_no"] == one["settlement_no"]
    finally:
        await lab.close()


@pytest_twisted.ensureDeferred
async def test_an_event_is_the_same_by_the_fields_its_row_names(tmp_path: Path) -> None:
    lab = await opened(tmp_path, "once_by: [no, choice_no]", "once_by: [no, kind]")
    try:
        _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
        await lab.kiosk.pay(quoted["settlement_no"], {"choice_no": "1", **CODE})
        status, answer = await lab.kiosk.pay(quoted["settlement_no"], {"choice_no": "2", **CODE})
        assert (status, answer["reason"]["code"]) == (409, "E-REPEAT-DIFFERS")
    finally:
        await lab.close()


@pytest.mark.parametrize(("old", "new"), [
    ("once_by:       [client, request_no]", "once_by:       [request_no]"),  # else one client would be shown another's
    ("once_by:       [client, request_no]", "once_by:       [client]"),
    ("once_by: [no, choice_no]", "once_by: [choice_no]"),
    (", once_by: [no, choice_no]", ""),
])  # fmt: skip
def test_a_row_that_cannot_tell_a_repeat_is_refused(old: str, new: str) -> None:
    found = changed(old, new)
    assert not isinstance(found, Site)
    assert [one.code for one in found] == ["E211" if new else "E202"]
