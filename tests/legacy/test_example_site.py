"""The example site as a whole: it lints, and its conversations hold."""

from __future__ import annotations

import pytest

from engine.conversation import run
from engine.site.load import lint
from simulators.registry import party_class
from tests.legacy.hospital import EXAMPLE

SETTLEMENTS = ("dareway_settlement", "neusoft_settlement", "yinhai_settlement")


def test_it_lints_without_a_word() -> None:
    assert [f"{one.file}:{one.line} {one.code} {one.en}" for one in lint(EXAMPLE)] == []


@pytest.mark.parametrize("channel", [*SETTLEMENTS, "dareway_signin", "neusoft_signin", "yinhai_signin"])
def test_its_conversations_hold(channel: str) -> None:
    results = run(EXAMPLE, [channel])
    assert len(results) >= (6 if channel in SETTLEMENTS else 2)
    assert [f"{one['name']}\n{one['text']}" for one in results if not one["passed"]] == []


@pytest.mark.parametrize("name", ["dareway", "neusoft", "yinhai"])
def test_its_descriptions_are_those_the_bridges_serve(name: str) -> None:
    from twisted.internet.task import Clock

    from simulators.base.world import SimWorld
    from simulators.municipal.functions import FunctionSim

    sim = party_class(name)(SimWorld(Clock(), anchor=1795305600.0))
    assert isinstance(sim, FunctionSim)
    shipped = (EXAMPLE / f"schemas/wsdl/{name}_v1.wsdl").read_text(encoding="utf-8")
    assert sim.service(f"http://{name}.example") == shipped
