"""The demo beside another program that has its ports: the parties move, and stay where the engine looks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli import demo_stage


@pytest.mark.parametrize("taken", [{8701}, {8702}, {8701, 8702, 8741, 8742}, set()], ids=str)
def test_a_simulator_that_speaks_http_and_hl7_moves_with_both(
    taken: set[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_stage, "port_taken", lambda _, port: "taken" if port in taken else "")
    stage = demo_stage.Stage(tmp_path / "demo", 10)
    try:
        ports = {name: int(url.rpartition(":")[2]) for name, url in stage.town.urls.items()}
        hl7 = {name: ports[name] + 1 for name in ("his", "subscribers")}
        assert stage.town.mllp == hl7
        assert not taken & {*ports.values(), *hl7.values()}
        addresses = {_port(one.url) for one in stage.file.parties.values() if one.url.startswith("mllp://")}
        assert addresses == set(hl7.values()), "the engine calls them there"
        assert {name for name, _, _ in stage.moved} == {
            name for name, usual in (("his", 8701), ("subscribers", 8741)) if taken & {usual, usual + 1}
        }
    finally:
        stage.close()


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
