"""What a tester may switch on the platform, with the act `set`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from simulators.base.settings import Switches


@dataclass
class Settings(Switches):
    """The first seven are the province's habits of signing and hiding; seconds are business seconds."""

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "cipher": ("ecb", "cbc"), "iv": ("zero", "key"), "key_pick": ("first", "even"), "output": ("hex", "base64"),
        "signer": ("secret", "default"), "numbers": ("kept", "text"), "stamp": ("ms", "text"),
        "cash": ("app", "wechat"),
    }  # fmt: skip

    cipher: str = "ecb"
    iv: str = "zero"
    key_pick: str = "first"
    output: str = "hex"
    signer: str = "secret"
    numbers: str = "kept"
    stamp: str = "ms"
    joiner: str = "&key="
    window_seconds: float = 600.0  # a request's time may be so far from the platform's clock
    token_seconds: float = 600.0  # life of a payAuthNo and an ecToken
    order_seconds: float = 900.0  # life of an order that nobody pays
    callback_delay: float = 0.0
    cash: str = "app"  # who takes it: the app with the rest, or WeChat's mixed order; then 6202 answers the amounts
    notify_url: str = ""  # where 6302 goes; empty: /callback/mobile_pay of the engine that was named at the start
    auto_pay: float = -1.0  # patients pay an ordered payment after so many seconds; negative: they wait for an act
