"""`tell`: a settlement hands DFT^P03 to the HIS in the unit that stores its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet import reactor  # noqa: TID251 - a laboratory on the real reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import Factory

from engine.codecs.hl7v2 import parse
from tests.deliver.ward import Lis, _with
from tests.rig.lab import Lab

NET: Any = reactor
CODE = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}


@pytest_twisted.ensureDeferred
async def test_a_settlement_tells_the_his_by_dft_p03(tmp_path: Path) -> None:
    got: list[bytes] = []
    factory: Any = Factory()
    factory.protocol = lambda: _with(Lis(), got)
    his = NET.listenTCP(0, factory, interface="127.0.0.1")
    edit = (('dft:         "no"', 'dft:         "yes"'), ("127.0.0.1:8702", f"127.0.0.1:{his.getHost().port}"))
    lab = Lab(NET, tmp_path, edit=edit)
    await lab.open()
    try:
        _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
        no = quoted["settlement_no"]
        status, done = await lab.kiosk.pay(no, CODE)
        assert (status, done["state"]) == (200, "settled")
        for _ in range(100):
            if got:
                break
            pause: Deferred[None] = Deferred()
            NET.callLater(0.05, pause.callback, None)
            await pause
        message = parse(got[0])
        assert len(got) == 1
        assert message.get("MSH-9.1") + message.get("MSH-9.2") == "DFTP03"
        assert message.get("MSH-18") == "GBK"
        assert message.get("FT1-2") == no
        assert [message.get(f"FT1-{field}.3") for field in (11, 15, 22)] == ["1200.00", "125.00", "1075.00"]
        assert message.get("PID-2") == "P0001"
        assert message.get("MSH-10").isdigit()
        assert len(message.get("MSH-10")) <= 20
    finally:
        await lab.close()
        await maybeDeferred(his.stopListening)
