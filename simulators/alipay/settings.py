"""What a tester may switch on the platform, with the act `set`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass
class Settings:
    """Defaults are those of an ordinary seller; seconds are business seconds."""

    strict_clock: bool = False  # a request's timestamp more than ten minutes off is refused
    cancel_unknown: bool = True  # cancel of a trade that does not exist: success, else TRADE_NOT_EXIST
    notify_charset: str = "utf-8"  # utf-8 or GBK: of notifications
    callback_delay: float = 0.0
    refund_days: int = 365  # by contract: later, nothing is refunded
    fee_bp: int = 0  # fee in 1/10000
    bill_hour: int = 10  # yesterday's bill is ready from this hour, Beijing time
    link_seconds: float = 30.0  # life of a bill's download link
    auto_pay: float = -1.0  # payers of QR orders pay after so many seconds; negative: they wait for an act
    public_base: str = ""  # address in download links; empty: the one the client used

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
        if new.get("notify_charset", "utf-8") not in ("utf-8", "GBK"):
            raise ValueError("notify_charset: utf-8 or GBK")
        for name, value in new.items():
            setattr(self, name, value)
