"""Another program's HL7 client settles over a real socket: python-hl7 knows nothing of this engine."""

from __future__ import annotations

from typing import Any

import hl7
import pytest_twisted
from hl7.client import MLLPClient
from twisted.internet.threads import deferToThread  # noqa: TID251 - the other program's client blocks

from tests.rig.lab import Lab


@pytest_twisted.ensureDeferred
async def test_python_hl7_settles(lab: Lab) -> None:
    order = lab.bill_request("P0001", "B20261122001")
    card = order["patient"]["credential"]

    def message(number: str, *fields: str) -> str:
        return "\r".join([
            f"MSH|^~\\&|NHIS|MAIN|ENGINE|HOSP|20261122100000||DFT^P03|{number}|P|2.4||||||UNICODE UTF-8",
            "EVN|P03|20261122100000|||C001", "PID||P0001|P0001||测试甲", "PV1|1|O||||||||||||||||02",
            "FT1|1|B20261122001||20261122|20261122|CG|WX", "|".join(("ZJS", *fields)),
        ]) + "\r"  # fmt: skip

    def play() -> list[Any]:
        with MLLPClient("127.0.0.1", lab.hl7_port, encoding="utf-8") as client:
            asked = ("PRE", "N-1", "", "", "main", "window", "W01", card["kind"], card["value"], card["card_sn"])
            quoted = hl7.parse(client.send_message(message("N1", *asked)).decode())
            no = str(quoted.segment("ZJA")[2])
            paid = hl7.parse(client.send_message(message("N2", "PAY", "1", no, *[""] * 7, "cash")).decode())
            again = client.send_message(message("N1", *asked))
            return [quoted, paid, hl7.parse(again.decode())]

    quoted, paid, again = await deferToThread(play)
    assert [str(one.segment("MSA")[1]) for one in (quoted, paid, again)] == ["AA", "AA", "AA"]
    assert [str(one.segment("ZJA")[1]) for one in (quoted, paid, again)] == ["quoted", "settled", "quoted"]
    assert str(again) == str(quoted)
    assert str(paid.segment("MSA")[2]) == "N2"
    assert [row["state"] for row in lab.ledger("insurance", "settle")] == ["done"]
