"""The console on the engine's own doors."""

from __future__ import annotations

from dataclasses import replace

from engine.app import Engine
from engine.core.http import HttpReply, HttpRequest

from .conftest import Night, Notes
from .stage import ROOT, result


def knock(engine: Engine, path: str, peer: str = "127.0.0.1") -> HttpReply:
    request = HttpRequest("GET", path, (("Host", "127.0.0.1:8600"),), b"", peer)
    reply = engine.doors.knock("api", request)
    found = reply if isinstance(reply, HttpReply) else result(reply)
    assert isinstance(found, HttpReply)
    return found


def test_engine_opens_the_console_where_engine_yaml_says(night: Night) -> None:
    site = night.site()
    engine = Engine(night.stage.world, ROOT, site, night.stage.store, Notes())
    engine.doors.build(site, engine.extra_routes)
    page = knock(engine, "/console/")
    assert page.status == 200
    assert site.content_hash[:12] in page.body.decode()
    doors = knock(engine, "/console/routes").body.decode()
    assert "/v1/outpatient/settlements" in doors
    channel = knock(engine, "/console/channels/outpatient_settlement?lang=en").body.decode()
    assert "charge a payment code" in channel
    assert knock(engine, "/console/", "10.0.0.7").status == 403
    assert knock(engine, "/healthz").status == 200
    assert engine.doors.body_limit("api")("POST", "/console/login") == 4096
    assert engine.doors.body_limit("api")("GET", "/console/") == 0


def test_no_console_section_no_console(night: Night) -> None:
    site = replace(night.stage.site, engine=replace(night.stage.site.engine, console=None))
    engine = Engine(night.stage.world, ROOT, site, night.stage.store, Notes())
    engine.doors.build(site, engine.extra_routes)
    assert knock(engine, "/console/").status == 404
