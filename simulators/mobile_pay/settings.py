"""What a tester may switch on the platform, with the act `set`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

_CHOICES = {
    "cipher": ("ecb", "cbc"), "iv": ("zero", "key"), "key_pick": ("first", "even"), "output": ("hex", "base64"),
    "signer": ("secret", "default"), "numbers": ("kept", "text"), "stamp": ("ms", "text"),
}  # fmt: skip


@dataclass
class Settings:
    """The first seven are the province's habits of signing and hiding; seconds are business seconds."""

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
    notify_url: str = ""  # where 6302 goes; empty: /callback/mobile_pay of the engine that was named at the start
    auto_pay: float = -1.0  # patients pay an ordered payment after so many seconds; negative: they wait for an act

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
            if name in _CHOICES and value not in _CHOICES[name]:
                raise ValueError(f"{name}: one of {', '.join(_CHOICES[name])}")
            new[name] = value
        for name, value in new.items():
            setattr(self, name, value)
