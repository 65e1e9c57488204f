"""What a tester may switch on the gateway, with the act `set`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from simulators.base.settings import Switches


@dataclass
class Settings(Switches):
    """Defaults are those of an ordinary merchant; seconds are business seconds."""

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {"unpaid": ("accepted", "not_found")}

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
