"""The served SOAP door with zeep as the outside client, over a real socket, SOAP 1.1 and 1.2."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from lxml import etree

from engine.codecs.soap_wsdl import load_wsdl
from tests.rig.lab import SECRET, Lab
from tests.soap.his import SoapHis, asked

PATH = "/soap/insurance"
BILL = "B20261122001"


def his(lab: Lab, **more: Any) -> SoapHis:
    return SoapHis(lab.url(PATH), SECRET, stamp=lab.sim_world.now, **more)


def order(lab: Lab, **more: Any) -> dict[str, Any]:
    return {**lab.bill_request("P0001", BILL), **more}


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest_twisted.ensureDeferred
async def test_a_bill_from_quote_to_refund(lab: Lab, version: str) -> None:
    def work() -> None:
        desk = his(lab, version=version)
        quoted = desk.ask("PreSettle", **order(lab))
        assert quoted["state"] == "quoted"
        assert quoted["amounts"] == {
            "total": 120000, "fund": 12500, "account": 0, "relief": 0, "other": 0, "cash": 107500,
        }  # fmt: skip
        no = quoted["settlement_no"]
        assert desk.ask("PreSettle", **order(lab)) == quoted, "the same request again is the same settlement"
        settled = desk.ask("Settle", settlement_no=no, choice_no="1", kind="cash")
        assert settled["state"] == "settled"
        assert set(settled["numbers"]) >= {"his", "insurance", "invoice"}
        assert desk.ask("Query", settlement_no=no, wait=5) == settled
        assert desk.ask("Query", request_no=quoted["request_no"])["settlement_no"] == no
        undone = desk.ask("Refund", settlement_no=no, request_no="R1", reason_code="patient")
        assert undone["state"] in ("undone", "working")

    await asked(work)
    assert len(lab.ledger("insurance", "settle")) == 1


@pytest_twisted.ensureDeferred
async def test_what_is_wrong_is_told_as_the_json_door_tells_it(lab: Lab) -> None:
    def work() -> None:
        desk = his(lab)
        wrong = desk.ask("PreSettle", **order(lab, request_no="has blanks"))
        assert (wrong["fault"], wrong["code"], wrong["field"]) == ("soap:Client", "E-FIELD", "request_no")
        assert wrong["side"] == "client"
        assert wrong["zh"]
        assert wrong["en"]
        assert wrong["next"]
        assert desk.ask("Query", settlement_no="S0")["code"] == "E-NO-SETTLEMENT"
        assert desk.ask("Query", request_no="nobody")["code"] == "E-NO-SETTLEMENT"
        assert desk.ask("Query", settlement_no="S0", wait=61)["field"] == "wait"
        missing = desk.ask("Query")
        assert missing["field"] == "settlement_no"
        assert "与 request_no 填一个" in missing["zh"], "what is wrong with the field was not said"
        assert "give it or request_no" in missing["en"]
        first = desk.ask("PreSettle", **order(lab))
        busy = desk.ask("PreSettle", **order(lab, request_no="another"))
        assert (busy["code"], busy["settlement_no"]) == ("E-BUSY", first["settlement_no"])
        assert desk.ask("PreSettle", **order(lab, pay_identity="self_pay"))["code"] == "E-REPEAT-DIFFERS"
        refund = desk.ask("Refund", settlement_no=first["settlement_no"], request_no="R1", reason_code="x")
        assert refund["code"] == "E-STATE"
        part = desk.ask("Cancel", settlement_no=first["settlement_no"], request_no="C1", reason_code="patient")
        assert part["state"] == "undone"

    await asked(work)


@pytest_twisted.ensureDeferred
async def test_a_choice_that_cannot_apply_is_a_fault_and_another_one_settles(lab: Lab) -> None:
    def work() -> None:
        desk = his(lab)
        no = desk.ask("PreSettle", **order(lab, pay_identity="self_pay"))["settlement_no"]
        refused = desk.ask("Settle", settlement_no=no, choice_no="1", kind="insurance_account")
        assert (refused["fault"], refused["code"], refused["side"]) == ("soap:Client", "E-ACCOUNT-SELF-PAY", "client")
        assert desk.ask("Query", settlement_no=no)["state"] == "quoted"
        assert desk.ask("Settle", settlement_no=no, choice_no="1", kind="cash")["state"] == "settled"

    await asked(work)


@pytest_twisted.ensureDeferred
async def test_only_who_proves_it_is_heard(lab: Lab) -> None:
    def work() -> None:
        desk = his(lab)
        for bad in (his(lab, client="C02"), SoapHis(lab.url(PATH), "wrong", stamp=lab.sim_world.now)):
            assert bad.ask("PreSettle", **order(lab))["code"] == "E-401"
        message = b"<x/>"
        headers = {"Content-Type": "text/xml", **desk.transport.signed(PATH, message, "used-once")}
        replies = [desk.transport.session.post(lab.url(PATH), data=message, headers=headers) for _ in range(2)]
        assert ["E-401" in reply.text for reply in replies] == [False, True], "a copy is refused"
        unsigned = desk.transport.session.post(lab.url(PATH), data=b"<x/>", headers={"Content-Type": "text/xml"})
        assert "E-401" in unsigned.text
        ops = SoapHis(lab.url(PATH), SECRET, client="K01", stamp=lab.sim_world.now)
        refund = ops.ask("Refund", settlement_no="S1", request_no="R1", reason_code="x")
        assert (refund["fault"], refund["code"]) == ("soap:Client", "E-403")

    await asked(work)
    assert lab.ledger("his", "lock") == []


@pytest_twisted.async_yield_fixture
async def with_tokens(tmp_path: Path) -> AsyncIterator[Lab]:
    """A laboratory in which one client may prove itself by a UsernameToken."""
    from twisted.internet import reactor  # noqa: TID251 - a real socket for an outside client

    c01 = "C01: {secret: file:var/keys/client-C01.secret, scopes: [query, settle, refund]"
    here = Lab(reactor, tmp_path, rate=1.0, edit=((c01, c01 + ", soap_token: 'yes'"),))
    await here.open()
    yield here
    await here.close()


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest_twisted.ensureDeferred
async def test_a_client_that_cannot_set_headers_sends_a_token(with_tokens: Lab, version: str) -> None:
    lab = with_tokens

    def work() -> None:
        desk = his(lab, token=True, version=version)
        assert desk.ask("PreSettle", **order(lab))["state"] == "quoted"
        copy = desk.transport.sent[-1]
        media = {"1.1": "text/xml", "1.2": "application/soap+xml"}[version]
        reply = desk.transport.session.post(lab.url(PATH), data=copy, headers={"Content-Type": media})
        assert "E-401" in reply.text, "a copy is refused"
        clear = copy.replace(b"#PasswordDigest", b"#PasswordText")
        reply = desk.transport.session.post(lab.url(PATH), data=clear, headers={"Content-Type": media})
        assert "soap-token" in reply.text, "a password in clear is never read"
        for bad in (his(lab, token=True, client="K01"), SoapHis(lab.url(PATH), "wrong", token=True)):
            assert bad.ask("Query", settlement_no="S0")["code"] == "E-401", "not allowed; another's password"
        body = ENVELOPE.format(uri=V11, header="", inside='<Query xmlns="urn:hospital-settlement:v1"/>')
        unsigned = desk.transport.session.post(lab.url(PATH), data=body, headers={"Content-Type": "text/xml"})
        assert "E-401" in unsigned.text

    await asked(work)


@pytest_twisted.ensureDeferred
async def test_a_token_is_not_even_read_where_no_client_may_send_one(lab: Lab) -> None:
    def work() -> None:
        assert his(lab, token=True).ask("Query", settlement_no="S0")["code"] == "E-401"
        reply = his(lab).transport.session.post(lab.url(PATH), data=b"<not xml", headers={"Content-Type": "text/xml"})
        assert "E-401" in reply.text
        assert "xml-syntax" not in reply.text

    await asked(work)


@pytest_twisted.ensureDeferred
async def test_the_served_description_is_sound_and_names_where_it_was_asked(lab: Lab) -> None:
    def work() -> bytes:
        session = his(lab).transport.session
        bare = session.get(lab.url(PATH))  # what a browser asks first
        assert (bare.status_code, bare.headers["Allow"]) == (405, "POST")
        assert "?wsdl" in bare.json()["reason"]["zh"]
        return bytes(session.get(lab.url(f"{PATH}?wsdl")).content)

    data = await asked(work)
    wsdl = load_wsdl({"s.wsdl": data}, "s.wsdl")
    assert wsdl.operations == ("PreSettle", "Settle", "Returned", "Cancel", "Refund", "Query")
    assert wsdl.addresses == {version: lab.url(PATH) for version in ("1.1", "1.2")}
    assert wsdl.types is not None


def raw(lab: Lab, body: bytes, media: str = "text/xml") -> Any:
    desk = his(lab)
    headers = {"Content-Type": media, **desk.transport.signed(PATH, body)}
    return desk.transport.session.post(lab.url(PATH), data=body, headers=headers)


ENVELOPE = '<s:Envelope xmlns:s="{uri}">{header}<s:Body>{inside}</s:Body></s:Envelope>'
V11, V12 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
STRANGE: dict[str, tuple[str, str, int, str]] = {
    "nothing": ("", "text/xml", 500, "soap-empty"),
    "half of it": (ENVELOPE[:40].format(uri=V11, header="", inside="") + "<s:Bo", "text/xml", 500, "xml-syntax"),
    "HTML": ("<html><body>x</body></html>", "text/html", 500, "soap-html"),
    "JSON": ('{"request_no": "1"}', "application/json", 500, "xml-syntax"),
    "a DTD": ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "text/xml", 500, "xml-doctype"),
    "another envelope": (ENVELOPE.format(uri="urn:x", header="", inside="<a/>"), "text/xml", 500, "soap-namespace"),
    "nothing inside": (ENVELOPE.format(uri=V11, header="", inside=""), "text/xml", 500, "soap-body"),
    "another operation": (ENVELOPE.format(uri=V12, header="", inside='<Settel xmlns="urn:hospital-settlement:v1"/>'),
                          "application/soap+xml", 400, "soap-element"),
    "another namespace": (ENVELOPE.format(uri=V11, header="", inside='<Query xmlns="urn:other"/>'), "text/xml", 500,
                          "soap-namespace"),
    "an attachment": ("--b\r\n", "multipart/related; boundary=b", 500, "soap-multipart"),
    "another root": ("<a/>", "text/xml", 500, "soap-envelope"),
    "too deep": ("<a>" * 200 + "</a>" * 200, "text/xml", 500, "xml-depth"),
    "a character set nobody has": ("<?xml version='1.0' encoding='x-y'?><a/>", "text/xml", 500, "charset"),
    "a field of another namespace": (
        ENVELOPE.format(uri=V11, header="", inside=(
            '<Query xmlns="urn:hospital-settlement:v1"><wait xmlns="urn:x">1</wait></Query>')), "text/xml", 500,
        "xml-namespace"),
    "a header that insists": (
        ENVELOPE.format(uri=V11, header='<s:Header><t:T xmlns:t="t" s:mustUnderstand="1"/></s:Header>',
                        inside='<Query xmlns="urn:hospital-settlement:v1"/>'), "text/xml", 500, "soap-header"),
    "a field twice": (ENVELOPE.format(uri=V11, header="", inside=(
        '<Query xmlns="urn:hospital-settlement:v1"><wait>1</wait><wait>2</wait></Query>')), "text/xml", 500,
        "xml-repeated"),
}  # fmt: skip


@pytest_twisted.ensureDeferred
async def test_what_is_no_request_gets_a_fault_that_names_it(lab: Lab) -> None:
    def work() -> None:
        for name, (body, media, status, code) in STRANGE.items():
            reply = raw(lab, body.encode(), media)
            assert reply.status_code == status, name
            tree = etree.fromstring(reply.content)
            texts = {node.tag.rpartition("}")[2]: node.text for node in tree.iter() if len(node) == 0}
            assert texts["code"] == "E-SOAP", (name, reply.text)
            assert code in texts["zh"], (name, texts)
            assert code in texts["en"], (name, texts)
            zh, en = (texts[tongue].partition(f"{code}: ")[2] for tongue in ("zh", "en"))
            assert re.search("[\u4e00-\u9fff]", zh), (name, zh)
            assert not re.search("[\u4e00-\u9fff]", en), (name, en)
            assert ("VersionMismatch" in reply.text) == (name == "another envelope")
            assert ("MustUnderstand" in reply.text) == (name == "a header that insists")

    await asked(work)


@pytest_twisted.ensureDeferred
async def test_hand_made_xml_means_the_same(lab: Lab) -> None:
    """Empty and nil elements are absent, children may be without a namespace; the order is the one JSON would give."""
    body = ENVELOPE.format(uri=V11, header="", inside=(
        f'<q:PreSettle xmlns:q="urn:hospital-settlement:v1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<request_no>K01-{BILL}</request_no><campus>main</campus><terminal><kind>kiosk</kind><id>K01</id></terminal>"
        "<operator>K01</operator><patient><id>P0001</id><credential><kind>insurance_card</kind><value>A12345678</value>"
        f"<card_sn>SIMSN0001</card_sn></credential></patient><bills>{BILL}</bills>"
        '<pay_identity>insured</pay_identity></q:PreSettle>'))  # fmt: skip

    def work() -> None:
        reply = raw(lab, body.encode())
        assert reply.status_code == 200, reply.text
        assert "<state>quoted</state>" in reply.text
        again = his(lab).ask("PreSettle", **order(lab))
        assert again["state"] == "quoted", "zeep's order is the same one: no E-REPEAT-DIFFERS"
        empty = body.replace("<campus>main</campus>", "<campus/>").replace(f"K01-{BILL}", "K01-empty")
        nil = body.replace("<campus>main</campus>", '<campus xsi:nil="true"/>').replace(f"K01-{BILL}", "K01-empty")
        assert "E-BUSY" in raw(lab, empty.encode()).text
        assert "E-BUSY" in raw(lab, nil.encode()).text
        assert "E-FIELD" in raw(lab, body.replace("<operator>K01</operator>", "<operator/>").encode()).text

    await asked(work)


@pytest_twisted.ensureDeferred
async def test_names_survive_json_to_soap(lab: Lab) -> None:
    """What a patient is told about a rare name comes back unharmed."""
    desk_operator = "億區東瑋魚𠮷"

    def work() -> None:
        desk = his(lab)
        quoted = desk.ask("PreSettle", **order(lab, operator=desk_operator))
        assert quoted["state"] == "quoted"

    await asked(work)
    status, told = await lab.terminal("K01", "C01").settle(order(lab, operator=desk_operator))
    assert status == 200, told
    assert told["state"] == "quoted", "by JSON the same request is recognised"


@pytest_twisted.ensureDeferred
async def test_the_pages_own_lines_settle_a_bill(lab: Lab, tmp_path: Path) -> None:
    """docs/soap-door.md, Try it: as shipped no client may send a token, so the lines sign."""
    page = (Path(__file__).resolve().parents[2] / "docs/soap-door.md").read_text(encoding="utf-8")
    lines = next(one for one in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "import requests, zeep" in one)
    key = tmp_path / "secret"
    key.write_text(SECRET, encoding="utf-8")
    for there, here in (
        ("http://127.0.0.1:8600", lab.url("")), ("var/keys/client-H01.secret", str(key)),
        ("time.time()", str(lab.sim_world.now())),
    ):  # fmt: skip
        assert there in lines
        lines = lines.replace(there, here)
    told: dict[str, Any] = {}

    def work() -> None:
        exec(lines, told)  # noqa: S102 - the page's own text
        assert told["client"].service.Query(settlement_no=told["quoted"].settlement_no).state == "settled"

    await asked(work)
