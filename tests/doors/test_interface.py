"""The interface document says what the doors do: its examples work, its words are those that are answered."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.core.errors import ERRORS
from engine.core.money import AMOUNTS
from engine.runtime.interface import examples, words
from engine.runtime.interface.page import page
from engine.runtime.openapi import document
from engine.runtime.replies import STATUS
from engine.runtime.soap_service import service_of
from engine.runtime.told import ERROR_WORDS
from engine.site.load import load
from engine.site.site import Channel, Site
from tests.cli.shell import here
from tests.docs import hl7
from tests.docs.blocks import between
from tests.doors.his import ANSWER, HisLine
from tests.edge.town import START, Town
from tests.rig.lab import ROOT


@pytest.fixture(scope="module")
def site() -> Site:
    found = load(ROOT)
    assert isinstance(found, Site)
    return found


@pytest.fixture(scope="module")
def text(site: Site) -> str:
    return page(site)


def _codes(text: str) -> set[str]:
    return {html.unescape(one) for one in re.findall(r"<code[^>]*>([^<]*)</code>", text)}


def test_it_is_served_to_everybody_and_written_by_the_command(town: Town, tmp_path: Path) -> None:
    reply = town.ask("GET", "/docs/interface", headers=[])
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "script-src" not in reply.headers["content-security-policy"]
    assert "<script" not in reply.body.decode()
    made = here("docs", "--out", str(tmp_path / "handed"))
    assert made.returncode == 0, made.stderr
    written = (tmp_path / "handed" / "interface.html").read_text()
    assert re.sub(r"<code>\d{4,5}</code>", "", reply.body.decode()) == re.sub(r"<code>\d{4,5}</code>", "", written)
    assert json.loads((tmp_path / "handed" / "openapi.json").read_text())["openapi"] == "3.1.0"
    served = town.ask("GET", "/soap/insurance?wsdl", headers=[]).body
    wsdl = (tmp_path / "handed" / "outpatient_settlement.wsdl").read_bytes()
    address = re.compile(rb'location="[^"]*"')
    assert address.sub(b"", wsdl) == address.sub(b"", served)


def test_every_address_field_code_and_place_is_in_it(site: Site, text: str) -> None:
    codes = _codes(text)
    shown = document(site)
    v1 = {path for path in shown["paths"] if "/v1/" in path and not path.startswith(("/v1/site", "/v1/deliver"))}
    operators = {"/v1/settlements/{no}/resolve", "/v1/settlements/{no}/move", "/v1/tasks/{id}/close"}
    assert {path for path in v1 - operators if not any(code.startswith(path) for code in codes)} == set()
    assert set(ERRORS) <= codes
    assert {code for made in site.maps.values() for code in made.texts} <= codes
    for name in ("outpatient_settlement", "pay_choice", "cancel_request", "refund_request"):
        for field in json.loads(site.files[f"schemas/{name}.json"])["properties"]:
            assert field in codes, (name, field)
    for channel in site.channels.values():
        if channel.soap is not None:
            assert channel.soap.path in text
            assert all(f">{name}</span>" in text for name in service_of(site, channel).deeds)
        if channel.deliver is not None and channel.deliver.form == "hl7":
            assert set(channel.deliver.events) <= codes, "a HIS that sends events sees which are taken"
            assert {"PID-3.1", "PID-5.1", "OBX-5"} <= codes, "and what is read of them"
        if channel.hl7 is not None:
            for segment, rules in channel.hl7.profile.segments.items():
                assert {f"{segment}-{number}" for number in rules.fields} <= codes
            assert {str(at) for ask in channel.hl7.asks.values() for at in ask.places.values()} <= codes
            assert set(channel.hl7.asks) <= codes
    assert {"lock.bill", "unlock.bill", "balance.and.pay.bill", "query.pay.bill", "void.pay.bill"} <= codes


def test_each_event_is_told_by_its_own_words_and_with_every_channel_s_fields(site: Site, text: str) -> None:
    heads = dict(re.findall(r'class="path">([^<]*)</code> <span class="zh">([^<]*)</span>', text))
    assert heads["/v1/settlements/{no}/returned"] == words.EVENTS["returned"].zh
    assert heads["/v1/settlements/{no}/pay"] == words.EVENTS["pay_choice"].zh
    pay = text.partition('class="path">/v1/settlements/{no}/pay</code>')[2].partition("<h3>")[0]
    assert pay.count("<table") == len({_pays(channel) for channel in site.channels.values()} - {""})
    assert "kind = wechat_jsapi / wechat_mini" in pay, "when a field must be there"
    assert "/v1/qingdao/settlements" in pay


def _pays(channel: Channel) -> str:
    return next((one.schema for one in channel.hears if one.event == "pay_choice" and one.request is not None), "")


def test_a_number_that_was_never_received_is_not_asked_for_by_the_request_number(text: str) -> None:
    shown = text.partition('class="path">/v1/settlements/{no}[?wait=30]</code>')[2].partition("<h3>")[0]
    assert words.ASKS["show"].zh not in shown
    assert words.NO_NUMBER.zh in shown


def test_its_words_are_those_that_are_answered(site: Site) -> None:
    settlement = document(site)["components"]["schemas"]["Settlement"]["properties"]
    assert list(words.STATES) == settlement["state"]["enum"]
    assert tuple(words.REFUSALS) == ERROR_WORDS
    assert set(words.REFUSALS) | {"working", "busy"} == set(STATUS)
    assert {f"amounts.{name}" for name in AMOUNTS} <= set(words.ANSWER)
    made = {path for channel in site.channels.values() if channel.answers for path in channel.answers.makes}
    told = {path for path in made if path.partition(".")[0] in ("numbers", "invoice", "pay", "give_back")}
    assert told <= set(words.ANSWER)
    assert {path.partition(".")[0] for path in words.ANSWER} == set(settlement)
    assert set(ANSWER.values()) <= set(words.ANSWER)


def test_the_signed_example_is_good(text: str, new_town: Callable[..., Town]) -> None:
    """A client that signs as the page shows is let in."""
    head, _, body = examples.signed(START).partition("\n\n")
    assert body in html.unescape(text)
    headers = [tuple(line.split(": ", 1)) for line in head.splitlines()[1:]]
    town = new_town()
    assert town.lab.engine is not None
    stamp = dict(headers)["X-Timestamp"]
    clients = town.lab.engine.gate._clients
    clients["K01"] = type(clients["K01"])("K01", lambda: examples.SECRET, clients["K01"].scopes)
    town.lab.engine.gate._fresh = lambda at: at == float(stamp)  # type: ignore[method-assign]  # its day is another
    reply = town.ask("POST", START, body.encode(), headers=headers)  # type: ignore[arg-type]  # pairs of text
    assert reply.status in (200, 409), reply.body


def test_the_hl7_example_is_the_same_order(town: Town, site: Site, text: str) -> None:
    spec = site.channels["outpatient_settlement"].hl7
    assert spec is not None
    made = examples.message(spec, "NHIS")
    assert made is not None
    assert examples.message_text(made) in html.unescape(text)
    ack = HisLine(town).ask(made.to_bytes(), "gb18030")
    assert ack.field("MSA", 2) == "M000001"
    assert town.lab.engine is not None
    (row,) = town.select("SELECT no FROM settlements")
    case = town.do(_look(town, row["no"]))
    assert case.data["request"] == words.EXAMPLE


async def _look(town: Town, no: str) -> object:
    assert town.lab.engine is not None
    return await town.lab.engine.driver.look(no)


def test_it_names_no_party_s_address_and_no_secret(site: Site, text: str) -> None:
    for entry in site.engine.parties.values():
        assert entry.url == "here:" or entry.url.removeprefix("http://") not in text
    assert "file:" not in text
    assert "var/" not in text


def test_both_languages_stand_beside_each_other(text: str) -> None:
    zh, en = text.count('class="zh"'), text.count('class="en"')
    assert en > 200
    assert zh >= en


def test_the_page_for_his_vendors_is_the_profile_in_force() -> None:
    shown = hl7.PATH.read_text(encoding="utf-8")
    for name, part in hl7.parts().items():
        assert between(shown, name) == part, "python -m tests.docs.hl7 --write"
