"""The platform's certificates, fetched when it signs with one we do not have yet.

The list proves itself: each certificate is encrypted under the APIv3 key, which only the platform and this merchant
know, and the answer as a whole is signed by a certificate we had, or by one of those just opened.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509

from engine.core.http import HttpReply
from engine.parties import wire
from engine.parties.contract import Answer
from engine.parties.wechat import v3
from engine.parties.wechat.keys import Merchant, public_key, same_serial

LISTED_MAX: Final = 20  # the platform lists two or three
_HEX: Final = re.compile(r"[0-9A-Fa-f]{1,64}", re.ASCII)


def hands_out(serial: str) -> bool:
    """Certificates are listed by the platform; public keys (`PUB_KEY_ID_…`) are copied from its portal by a person."""
    return _HEX.fullmatch(serial) is not None


def read(merchant: Merchant, reply: HttpReply, now: float) -> Answer:
    """The certificates valid at `now` (unix seconds) as `{serial: PEM}`; not intact unless all of it proves itself."""
    tree = wire.object_of(reply.body)
    if isinstance(tree, str):
        return wire.not_intact(tree)
    listed = tree.get("data")
    if not isinstance(listed, list) or not 0 < len(listed) <= LISTED_MAX:
        return wire.not_intact("no list of certificates")
    found: dict[str, str] = {}
    for row in listed:
        one = _opened(merchant, row, now)
        if isinstance(one, str):
            return wire.not_intact(one)
        found.update(one)
    fault = v3.fault_of(added(merchant, found), reply, now)
    return wire.not_intact(fault) if fault else Answer(intact=True, code="OK", body=found)


def added(merchant: Merchant, body: Any) -> Merchant:
    """The merchant with these certificates beside the keys it has; a configured key is never replaced."""
    new = {same_serial(serial): public_key(serial, pem) for serial, pem in body.items()}
    return replace(merchant, verify_keys={**new, **merchant.verify_keys})


def _opened(merchant: Merchant, row: Any, now: float) -> dict[str, str] | str:
    """One row of the list as {serial: PEM}, empty when it is not valid now; or what is wrong with it."""
    serial = row.get("serial_no") if isinstance(row, dict) else None
    if not isinstance(serial, str) or not hands_out(serial):
        return "a certificate without its serial"
    data = v3.opened_bytes(merchant.plain.api_v3_key, row.get("encrypt_certificate"))
    if isinstance(data, str):
        return data
    try:
        pem = data.decode("ascii")
        certificate = x509.load_pem_x509_certificate(data)
        public_key(serial, pem)
    except ValueError as error:  # what is not ASCII too
        return f"certificate {same_serial(serial)}: {error}"
    at = datetime.fromtimestamp(now, UTC)
    valid = certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
    return {same_serial(serial): pem} if valid else {}
