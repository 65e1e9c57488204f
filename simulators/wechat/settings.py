"""What a tester may switch on the platform, with the act `set`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from simulators.base.settings import Switches


@dataclass
class Settings(Switches):
    """Defaults are those of an ordinary merchant; seconds are business seconds."""

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {"verify": ("cert", "pubkey", "mixed")}

    verify: str = "mixed"  # cert, pubkey or mixed: which platform keys sign
    codepay: bool = False  # v3 codepay and reverse are open to this merchant
    v2_certificate: bool = False  # /secapi/ answers only over TLS with the merchant's certificate
    refund_seconds: float = 2.0  # PROCESSING lasts so long
    callback_delay: float = 0.0
    probe_rate: float = 0.0  # share of callbacks preceded by a false-signature probe
    old_spelling: bool = False  # ORDERNOTEXIST instead of ORDER_NOT_EXIST, and the like
    refuse_replay: bool = False  # the same nonce twice within ten minutes is refused
    fee_bp: int = 0  # fee in 1/10000
    bill_hour: int = 10  # yesterday's bill is ready from this hour, Beijing time
    link_seconds: float = 300.0  # life of a bill's download link
    min_expire: float = 60.0  # time_expire must lie at least so far ahead
    auto_pay: float = -1.0  # payers of QR and app orders pay after so many seconds; negative: they wait for an act
    public_base: str = ""  # address in download links; empty: the one the client used
