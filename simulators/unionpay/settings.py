"""What a tester may switch on the gateway, with the act `set`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

UNPAID = ("accepted", "not_found")


@dataclass
class Settings:
    """Defaults are those of an ordinary merchant; seconds are business seconds."""

    unpaid: str = "accepted"  # a query for an unpaid QR says 00 with origRespCode 05, or 34: both occur
    qr_seconds: float = 3600.0  # life of a QR code whose order names no payTimeout
    scan_seconds: float = 1.0  # so long after its 00 a payment code is charged
    refund_seconds: float = 2.0  # so long after its 00 a refund or undo is done
    callback_delay: float = 0.0
    txn_time_seconds: float = 3600.0  # txnTime may be so far from the gateway's clock
    cut_hour: int = 23  # the clearing day ends at this hour, Beijing time
    file_hour: int = 9  # the file of a clearing day is ready on the next day from this hour
    fee_bp: int = 0  # fee in 1/10000
    auto_pay: float = -1.0  # payers of QR codes pay after so many seconds; negative: they wait for an act

    def change(self, body: dict[str, Any]) -> None:
        """Take new values; ValueError names what is unknown or of the wrong type, and nothing changes."""
        known = {f.name for f in fields(self)}
        new: dict[str, Any] = {}
        for name, value in body.items():
            if name not in known:
                raise ValueError(f"unknown setting {name}; there are {', '.join(sorted(known))}")
            wanted = type(getattr(self, name))
            if wanted is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(value) is not wanted:
                raise ValueError(f"{name}: {wanted.__name__} wanted")
            new[name] = value
        if new.get("unpaid", self.unpaid) not in UNPAID:
            raise ValueError(f"unpaid: one of {', '.join(UNPAID)}")
        for name, value in new.items():
            setattr(self, name, value)
