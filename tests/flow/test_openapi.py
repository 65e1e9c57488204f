"""The interface document says what the doors do."""

from __future__ import annotations

import json

import pytest_twisted

from engine.runtime.openapi import document
from tests.rig.lab import Lab

ADDRESSES = {
    "/v1/outpatient/settlements",
    "/v1/outpatient/bills",
    "/v1/outpatient/his-led/settlements",
    "/v1/municipal/settlements",
    "/v1/qingdao/settlements",
    "/v1/mobile/settlements",
    "/v1/settlements/{no}",
    "/v1/settlements/{no}/pay",
    "/v1/settlements/{no}/returned",
    "/v1/settlements/{no}/cancel",
    "/v1/settlements/{no}/refunds",
    "/v1/settlements/{no}/resolve",
    "/v1/tasks/{id}/close",
    "/v1/settlements/{no}/move",
    "/v1/deliver/switch",
    "/v1/deliver/replay",
    "/v1/deliver/messages/{no}/body",
    "/v1/deliver/messages/{no}/resend",
    "/v1/deliver/messages/{no}/discard",
    "/v1/site",
    "/v1/site/apply",
    "/v1/site/rollback",
}


@pytest_twisted.ensureDeferred
async def test_an_address_that_channels_share_takes_what_each_of_them_takes(lab: Lab) -> None:
    engine = lab.engine
    assert engine is not None
    site = engine.sites.current
    post = document(site)["paths"]["/v1/settlements/{no}/pay"]["post"]
    shown = post["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    heard = [(channel.name, hears) for channel in site.channels.values() for hears in channel.hears]
    hearing = {name: hears.schema for name, hears in heard if hears.event == "pay_choice" and hears.request is not None}
    assert {name for kind in shown for name in kind["x-channels"]} == set(hearing)
    for kind in shown:
        for name in kind["x-channels"]:
            assert kind["properties"] == json.loads(site.files[f"schemas/{hearing[name]}.json"])["properties"], name
    assert len(shown) == len(set(hearing.values()))


@pytest_twisted.ensureDeferred
async def test_every_code_and_every_field_of_an_answer_is_in_it(lab: Lab) -> None:
    engine = lab.engine
    assert engine is not None
    shown = document(engine.sites.current)
    codes = shown["x-error-codes"]
    assert set(codes) >= {"E-FIELD", "E-NOT-SIGNED"}, "the engine's own, and those of the site's maps"
    assert all(bool(text["next"]) == bool(text["next_en"]) for text in codes.values())
    _, answer = await lab.kiosk.settle({**lab.bill_request("P0001", "B20261122001"), "bills": []})
    assert set(answer) <= set(shown["components"]["schemas"]["Settlement"]["properties"])


@pytest_twisted.ensureDeferred
async def test_the_document_lists_every_door_of_the_api(lab: Lab) -> None:
    status, raw = await lab.kiosk._talk("GET", "/openapi.json", b"")
    shown = json.loads(raw)
    assert status == 200
    assert set(shown["paths"]) == ADDRESSES
    engine = lab.engine
    assert engine is not None
    table = {(method, template) for template, method, _ in engine.doors.tables["api"].table() if "/v1/" in template}
    assert {(m.upper(), path) for path, ops in shown["paths"].items() for m in ops} == table
    body = shown["paths"]["/v1/outpatient/settlements"]["post"]["requestBody"]
    assert "request_no" in body["content"]["application/json"]["schema"]["required"]
    assert shown == json.loads(json.dumps(document(engine.sites.current)))
