"""Whose signature a callback may carry: certificates, the public key, and both sides of a rotation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.edge.test_callbacks import _paid, _settled_once
from tests.edge.town import Town


@pytest.mark.parametrize("mode", ["cert", "pubkey", "mixed"])
def test_certificates_and_public_keys(new_town: Callable[..., Town], mode: str) -> None:
    """While a merchant moves from certificates to the public key, callbacks come signed by either."""
    edit = () if mode == "cert" else (
        ("merchant_private_key:", "wechatpay_serial: file:var/sim/wechat/public_key_id\n    merchant_private_key:"),
    )  # fmt: skip
    town = new_town(edit=edit)
    town.lab.act("wechat", "set", verify=mode)
    for i, signer in enumerate(town.wechat.identity.live(mode)):
        bill = f"B{i}"
        town.lab.act("his", "new_bill", patient="P0001", bill=bill, template="visit1")
        no = town.paying(bill=bill)
        town.pass_time(20.0)
        town.lab.act("wechat", "pay", no=f"{no}P1")
        due = town.show(no).json["amounts"]["cash"]
        assert town.callback(town.notice(town.plain(f"{no}P1", amount=due), signer=signer)).status == 200
        town.sim.run(lambda i=i: len(town.ledger("his", "book")) == i + 1, 5.0)
        assert len(town.ledger("his", "book")) == i + 1
        town.rest(no)


def test_a_rotation_with_both_keys_live(town: Town) -> None:
    """The new certificate is laid beside the old one; both are believed, one the platform does not list is not."""
    old = town.wechat.identity.certificates[0]
    town.lab.act("wechat", "rotate_key")
    new = town.wechat.identity.certificates[1]
    no = _with_new_key(town, new)
    number = _paid(town, no)
    for signer in (old, new):
        assert town.callback(town.notice(town.plain(number), signer=signer)).status == 200
    town.lab.act("wechat", "rotate_key")
    third = town.wechat.identity.certificates.pop()
    assert town.callback(town.notice(town.plain(number), signer=third)).status == 401
    _settled_once(town, no)


def _with_new_key(town: Town, new: Any) -> str:
    """What an admin does: lay the new certificate beside the old one, start again."""
    keys = town.folder / "var" / "sim" / "wechat"
    (keys / "platform_serial_new").write_text(new.serial)
    (keys / "platform_certificate_new").write_text(new.certificate)
    row = "file:var/sim/wechat/public_key_id:   file:var/sim/wechat/public_key"
    more = "file:var/sim/wechat/platform_serial_new: file:var/sim/wechat/platform_certificate_new"
    town.lab._edit = ((row, f"{row}\n      {more}"),)
    town.kill()
    town.rise()
    return town.paying()
