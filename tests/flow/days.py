"""What a day leaves behind that its comparisons are about."""

from __future__ import annotations

from tests.edge.town import Town


def settled(town: Town, bill: str, patient: str = "P0001") -> str:
    """A settlement paid by code, to its end; its number."""
    kiosk = town.lab.terminal("K01", "C01")
    town.lab.act("his", "new_bill", patient=patient, template="visit1", bill=bill)
    _, quoted = town.do(kiosk.settle(town.lab.bill_request(patient, bill)))
    no = str(quoted["settlement_no"])
    choice = {"choice_no": "1", "kind": "wechat_code", "auth_code": f"1340000000000{bill[-5:]}"}
    assert town.do(kiosk.pay(no, choice))[1]["state"] == "settled"
    town.pass_time(30.0)
    return no
