"""The settlement's page in the console tells which messages were handed over, and what was reported of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from engine.core.http import HttpRequest
from tests.edge.town import Town
from tests.sms.hospital import SmsLab, settled
from tests.sms.test_reports import push, report

USERS = ", users: {admin: {password: file:var/keys/user-admin.hash, roles: [look, operate, finance, admin]}}"


@pytest.fixture
def hospital(new_town: Callable[..., Town]) -> Town:
    """One whose console opens on this machine without a login."""
    return new_town(lab=SmsLab, edit=((USERS, ""),))


def page(town: Town, path: str) -> str:
    """A page of the console as this machine may look at it."""
    engine: Any = town.lab.engine
    found: list[Any] = []
    reply = engine.doors.knock("api", HttpRequest("GET", path, (("Host", "127.0.0.1:8600"),), b"", "127.0.0.1"))
    if hasattr(reply, "addBoth"):
        reply.addBoth(found.append)
        town.sim.run(lambda: bool(found), 10.0)
        reply = found[0]
    assert reply.status == 200, reply
    return re.sub(r"\s+", " ", reply.body.decode())


@pytest.mark.parametrize(("lang", "handed", "said"), [
    ("zh", "转交 sms_settled：消息 {no}", "sms_settled：接收方报告未送达 MK，消息 {no}"),
    ("en", "Handed to sms_settled: message {no}", "sms_settled: reported as not delivered MK, message {no}"),
])  # fmt: skip
def test_the_timeline_tells_of_messages_and_reports(hospital: Town, lang: str, handed: str, said: str) -> None:
    hospital.lab.fault("sms", "SmsReport", "callback_never", times=100)
    no = settled(hospital)
    hospital.pass_time(60.0)
    (row,) = hospital.ledger("sms", "message")
    push(hospital, [report(str(row["no"]), success=False, err_code="MK")])
    shown = page(hospital, f"/console/settlements/{no}?lang={lang}")
    link = f'<span class="num"><a href="/console/messages/{row["no"]}">{row["no"]}</a></span>'
    assert handed.format(no=link) in shown
    assert said.format(no=link) in shown
    message = page(hospital, f"/console/messages/{row['no']}?lang={lang}")
    assert f'<a href="/console/settlements/{no}">{no}</a>' in message
    assert said.split(": ")[-1].split("：")[-1].partition(" MK")[0] in message, "what was reported of it"
    assert "13900000001" not in shown + message


def test_the_channels_page_shows_who_is_told_of_which_end(hospital: Town) -> None:
    shown = page(hospital, "/console/channels/outpatient_settlement?lang=en")
    assert "Told at the end (stored with that end)" in shown
    assert "sms_back" in shown
    assert "late money given back" in shown
