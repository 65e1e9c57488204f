"""The example of the HIS's questions over the shipped site: the HIS behind JSON and behind SOAP, in fen and in yuan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.edge.town import Town
from tests.rig.lab import ROOT
from tests.soap.his_site import FILES, edit

EXAMPLE = ROOT / "docs" / "examples" / "his_desk"
LAID_OVER = {
    path.relative_to(EXAMPLE).as_posix(): path.read_bytes()
    for name in ("channels", "mappings", "schemas") for path in sorted((EXAMPLE / name).rglob("*"))
}  # fmt: skip
STYLES: dict[str, dict[str, Any]] = {
    "json": {"more": LAID_OVER},
    "json in yuan": {"more": LAID_OVER, "edit": (("amounts:  fen", "amounts:  yuan"),)},
    "soap": {"more": {**LAID_OVER, **FILES}, "edit": edit()},
    "soap in yuan": {"more": {**LAID_OVER, **FILES}, "edit": edit(amounts="yuan")},
}


@pytest.mark.parametrize("style", STYLES)
def test_every_question_reads_the_same_in_every_style(new_town: Callable[..., Town], style: str) -> None:
    town = new_town(**STYLES[style])
    town.lab.act("his", "set", amounts_in="yuan" if "yuan" in style else "fen")

    def ask(target: str) -> dict[str, Any]:
        reply = town.ask("GET", target, client="C01")
        assert reply.status == 200, reply.body.decode()
        return reply.json

    assert [(one["schedule"], one["fee"], one["free"]) for one in ask("/v1/his/schedules?dept=KQ01")["schedules"]] == [
        ("D01-AM", 1500, 5), ("D01-PM", 1500, 5),
    ]  # fmt: skip
    report = ask("/v1/his/reports?patient=P0002")["reports"][0]
    assert [(one["code"], one["value"]) for one in report["results"]] == [("WBC", "6.2")]
    assert ask("/v1/his/reports?patient=P0001")["reports"] == []
    his: Any = town.lab.parties["his"]
    note = town.lab.act("his", "issue_admission", patient="P0006")["admission"]
    stay = his.stays.register(note, "A1", "测试乙", "13800000000").inhos_no
    town.lab.act("his", "charge_stay", stay=stay, item="K0001")
    his.stays.pay_in(stay, "D1", 50000, "CASH", "", "")
    assert ask(f"/v1/his/discharge?patient=P0006&stay={stay}") == {
        "stay": stay, "total": 40000, "deposit": 50000, "self": -10000,
    }  # fmt: skip
    refused = town.ask("GET", "/v1/his/discharge?patient=P0001&stay=NONE", client="C01")
    assert (refused.status, refused.json["reason"]["side"]) == (422, "his")
