"""Each gateway profile over real sockets: our bytes pass the simulator's gate, and no tampered ones do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251 - these tests are about real sockets

from engine.connectors.http_sender import HttpSender
from engine.core.http import HttpRequest
from engine.core.outcome import Outcome
from engine.core.world import World
from engine.parties.contract import Outgoing
from engine.parties.nhsa.party import PARTY
from simulators.base.world import SimWorld
from simulators.insurance import InsuranceSim
from tests.parties.judge import outcome_of

SECRETS = {
    "tif": ("tif_paasid", "tif_token"), "x-ca": ("xca_key", "xca_secret"), "csb": ("csb_access_key", "csb_secret"),
    "apikey": ("", "apikey"), "none": ("", ""),
}  # fmt: skip
SIGNED = ("x-tif-signature", "x-rio-signature", "x-ca-signature", "_api_signature", "apikey")
STAMPED = ("x-tif-timestamp", "x-rio-timestamp", "_api_timestamp")


class Line:
    """Engine's party and sender on one side, the simulator's port on the other."""

    def __init__(self) -> None:
        self.sim = InsuranceSim(SimWorld(reactor))
        self.port = self.sim.listen(0)
        self.world = World(reactor)
        self.sender = HttpSender(self.world, f"http://127.0.0.1:{self.port.getHost().port}", window=2)
        self.sent = 0

    def connection(self, profile: str, **more: Any) -> Any:
        self.sim.gateway.profile = profile
        key, secret = (getattr(self.sim.gateway.secrets, name) if name else "" for name in SECRETS[profile])
        card = self.sim.card("")
        names = ("fixmedins_code", "fixmedins_name", "mdtrtarea_admvs", "recer_sys_code", "infver")
        given = {name: card[name] for name in names} | {
            "opter": "K01", "opter_name": "自助机", "profile": profile, "access_key": key, "secret": secret, **more,
        }  # fmt: skip
        return PARTY.open(PARTY.settings.model_validate(given))

    def signed(self, settings: Any, op: str = "9001", given: Any = None) -> tuple[Outgoing, HttpRequest]:
        self.sent += 1
        now = self.world.now()
        number = f"H37020000000{self.sim.world.stamp('%Y%m%d%H%M%S')}{self.sent:04d}"
        call = Outgoing(op, {"input": given or {}}, number, settings, {}, now, f"{self.sent:032x}")
        return call, PARTY.build(call)

    async def outcome(self, call: Outgoing, request: HttpRequest) -> tuple[Outcome, int]:
        reply = await self.sender.send(request, 10.0)
        return outcome_of(PARTY, call.op, PARTY.read(call, request, reply)), reply.status


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.sender.stop()
    pytest_twisted.blockon(made.port.stopListening())


def changed(request: HttpRequest, names: tuple[str, ...], change: Any) -> HttpRequest:
    """The request with one of these headers changed; the same when it has none of them."""
    return replace(request, headers=tuple((n, change(v) if n in names else v) for n, v in request.headers))


def flipped(value: str) -> str:
    """Another signature whatever it is written in: a digit has no small and capital form, as `a` of hexadecimal has,
    and in the middle every bit of Base64 counts."""
    at = len(value) // 2
    return value[:at] + ("0" if value[at] != "0" else "1") + value[at + 1 :]


CASES = [("none", {}), ("tif", {}), ("tif", {"tif_prefix": "x-rio"}), ("x-ca", {}), ("csb", {}),
         ("csb", {"csb_stamp": "s"}), ("apikey", {})]  # fmt: skip


@pytest.mark.parametrize(("profile", "more"), CASES)
@pytest_twisted.ensureDeferred
async def test_a_signed_call_passes_and_a_tampered_one_does_not(line: Line, profile: str, more: Any) -> None:
    settings = line.connection(profile, **more)
    assert await line.outcome(*line.signed(settings)) == (Outcome.ACCEPTED, 200)
    call, request = line.signed(settings)
    if profile != "none":
        assert await line.outcome(call, changed(request, SIGNED, flipped)) == (Outcome.UNKNOWN, 401)
        assert await line.outcome(call, replace(request, headers=request.headers[:1])) == (Outcome.UNKNOWN, 401)
    late = changed(request, STAMPED, lambda stamp: str(int(stamp) - 200 * (1000 if len(stamp) == 13 else 1)))
    if late != request:
        assert await line.outcome(call, late) == (Outcome.UNKNOWN, 401)
    if profile == "x-ca":  # the only one that signs the body
        other = replace(request, body=request.body.replace(b"K01", b"K02"))
        assert await line.outcome(call, other) == (Outcome.UNKNOWN, 401)
    assert await line.outcome(call, request) == (Outcome.ACCEPTED, 200)
    if profile == "tif":
        assert await line.outcome(call, request) == (Outcome.UNKNOWN, 401)  # a nonce is for one use


@pytest.mark.parametrize("template", ["path", "infno", "base"])
@pytest_twisted.ensureDeferred
async def test_each_address_form_is_understood_and_another_is_not(line: Line, template: str) -> None:
    settings = line.connection("tif", path_template=template)
    line.sim.bureau.settings.path_template = template
    assert (await line.outcome(*line.signed(settings)))[0] is Outcome.ACCEPTED
    line.sim.bureau.settings.path_template = {"path": "infno", "infno": "base", "base": "path"}[template]
    assert (await line.outcome(*line.signed(settings)))[0] is Outcome.REFUSED  # 未知交易编号: executed nothing


@pytest_twisted.ensureDeferred
async def test_a_file_comes_through_the_gate(line: Line) -> None:
    settings = line.connection("x-ca")
    call, request = line.signed(settings)
    reply = await line.sender.send(request, 10.0)
    session = {"sign_no": PARTY.read(call, request, reply).body["signinoutb"]["sign_no"]}
    call, request = line.signed(settings, "1305", {"data": {"ver": "0"}})
    call.session = session
    told = PARTY.read(call, request := PARTY.build(call), await line.sender.send(request, 10.0)).body
    want = {"fsDownloadIn": {"file_qury_no": told["file_qury_no"], "filename": "plc", "fixmedins_code": "plc"}}
    call, request = line.signed(settings, "9102", want)
    call.session = session
    answer = PARTY.read(call, request := PARTY.build(call), await line.sender.send(request, 10.0))
    assert len(answer.body["rows"]) == told["data_cnt"]
