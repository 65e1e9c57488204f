"""Every gateway profile with every form of address: signed in, settled (outpatient and stay), undone, reversed, files
sent and fetched. The whole list is played by the party's own code against the simulator's own gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.core.http import HttpRequest
from engine.parties.nhsa.party import PARTY
from tests.conformance.ground import Memory, standing
from tests.conformance.test_lists import told

SECRETS = {
    "none": ("", ""), "tif": ("tif_paasid", "tif_token"), "x-ca": ("xca_key", "xca_secret"),
    "csb": ("csb_access_key", "csb_secret"), "apikey": ("", "apikey"),
}  # fmt: skip
PROFILES: list[tuple[str, dict[str, Any]]] = [
    ("none", {}), ("tif", {}), ("tif", {"tif_prefix": "x-rio"}), ("x-ca", {}), ("csb", {}), ("csb", {"csb_stamp": "s"}),
    ("apikey", {}),
]  # fmt: skip
TEMPLATES = ("path", "infno", "base")


def settings_for(ground: Memory, settings: Any, profile: str, template: str, more: dict[str, Any]) -> Any:
    sim: Any = ground.party
    sim.act({"act": "set", "profile": profile, "path_template": template})
    key, secret = (getattr(sim.gateway.secrets, name) if name else "" for name in SECRETS[profile])
    given = {"profile": profile, "access_key": key, "secret": secret, "path_template": template, **more}
    return PARTY.open(settings.model_copy(update=given))


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize(("profile", "more"), PROFILES)
def test_the_whole_list_passes(profile: str, more: dict[str, Any], template: str, tmp_path: Path) -> None:
    run, ground = standing("nhsa", tmp_path)
    run.settings = settings_for(ground, run.settings, profile, template, more)
    asked: list[HttpRequest] = []
    send = ground.send
    ground.send = lambda request: (asked.append(request), send(request))[1]  # type: ignore[method-assign]  # listens
    lines = run.play()
    assert told(lines) == []
    assert {"2207A", "2208", "2304", "2305", "2601", "9101", "9102", "ec.query"} <= {line.op for line in lines}
    targets = {request.target for request in asked}
    assert len(targets) == (1 if template == "base" else len({line.op for line in lines}))


@pytest.mark.parametrize(("profile", "more"), [one for one in PROFILES if one[0] != "none"])
def test_without_its_headers_nothing_is_let_in(profile: str, more: dict[str, Any], tmp_path: Path) -> None:
    run, ground = standing("nhsa", tmp_path)
    run.settings = settings_for(ground, run.settings, profile, "path", more)
    send = ground.send
    bare = lambda request: send(HttpRequest(request.method, request.target, request.headers[:1], request.body))  # noqa: E731 - one line says it
    ground.send = bare  # type: ignore[method-assign]  # strips what signs
    assert {line.result for line in run.play()} == {"refused", "not_run"}
