"""Which simulators an engine.yaml needs, and where they listen."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.folder import node_file_of
from engine.cli.say import CannotRun, WrongUse
from engine.cli.town import Town, addresses, mllp_ports
from engine.config.engine_file import EngineFile

ROOT = Path(__file__).resolve().parents[2]
EMR = "  emr: {kind: subscriber, url: http://127.0.0.1:9741, path: /emr/messages}\n"
LIS = "  lis: {kind: mllp, url: mllp://127.0.0.1:9742, receiver: LIS}\n"
HIS = "  his_hl7: {kind: mllp, url: mllp://127.0.0.1:8702, receiver: NHIS}\n"


def file(*more: str) -> EngineFile:
    text = (ROOT / "engine.yaml").read_text(encoding="utf-8")
    head, _, rest = text.partition("parties:\n")
    his = rest[: rest.index("  nhsa:")]
    tail = rest[rest.index("limits:") :]
    return node_file_of(ROOT, f"{head}parties:\n{his}{''.join(more)}\n{tail}")


def test_a_subscriber_is_played_at_its_address() -> None:
    assert addresses(file(EMR)) == {"his": "http://127.0.0.1:8701", "subscribers": "http://127.0.0.1:9741"}
    assert mllp_ports(file(EMR), addresses(file(EMR))) == {}


def test_mllp_doors_belong_to_the_simulator_beside_them() -> None:
    one = file(EMR, LIS, HIS)
    assert mllp_ports(one, addresses(one)) == {"subscribers": 9742, "his": 8702}
    assert Town(ROOT, one).mllp == {"subscribers": 9742, "his": 8702}


def test_a_his_that_takes_hl7_is_no_laboratory() -> None:
    one = file(HIS)
    assert addresses(one) == {"his": "http://127.0.0.1:8701"}
    assert mllp_ports(one, addresses(one)) == {"his": 8702}
    both = file(HIS, LIS)
    assert mllp_ports(both, addresses(both, ["subscribers"])) == {"subscribers": 9742}


def test_a_laboratory_alone_is_played_too() -> None:
    one = file(LIS)
    assert addresses(one)["subscribers"] == "http://127.0.0.1:9741"
    assert mllp_ports(one, addresses(one)) == {"subscribers": 9742}


def test_some_only() -> None:
    one = file(EMR, LIS, HIS)
    assert addresses(one, ["subscribers"]) == {"subscribers": "http://127.0.0.1:9741"}
    assert mllp_ports(one, addresses(one, ["subscribers"])) == {"subscribers": 9742}
    with pytest.raises(WrongUse, match="nobody"):
        addresses(one, ["nobody"])
    with pytest.raises(CannotRun, match="wechat"):
        addresses(one, ["wechat"])


def test_the_shipped_file_names_the_subscribers() -> None:
    shipped = node_file_of(ROOT, (ROOT / "engine.yaml").read_text(encoding="utf-8"))
    assert addresses(shipped)["subscribers"] == "http://127.0.0.1:8741"
    assert mllp_ports(shipped, addresses(shipped)) == {"subscribers": 8742, "his": 8702}
