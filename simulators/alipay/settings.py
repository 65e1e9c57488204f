"""What a tester may switch on the platform, with the act `set`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from simulators.base.settings import Switches


@dataclass
class Settings(Switches):
    """Defaults are those of an ordinary seller; seconds are business seconds."""

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "notify_charset": ("utf-8", "GBK"), "v3_waiting": ("202", "200"),
    }

    strict_clock: bool = False  # a request's timestamp more than ten minutes off is refused
    cancel_unknown: bool = True  # cancel of a trade that does not exist: success, else TRADE_NOT_EXIST
    notify_charset: str = "utf-8"  # utf-8 or GBK: of notifications
    v3_waiting: str = "202"  # /v3's HTTP status while the payer enters his password (the gateway's 10003)
    callback_delay: float = 0.0
    refund_days: int = 365  # by contract: later, nothing is refunded
    fee_bp: int = 0  # fee in 1/10000
    bill_hour: int = 10  # yesterday's bill is ready from this hour, Beijing time
    link_seconds: float = 30.0  # life of a bill's download link
    auto_pay: float = -1.0  # payers of QR orders pay after so many seconds; negative: they wait for an act
    public_base: str = ""  # address in download links; empty: the one the client used
