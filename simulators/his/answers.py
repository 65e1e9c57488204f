"""How this HIS writes things down: money, times, empty lists, success; the pitfalls are settings."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from simulators.base.objection import Objecting
from simulators.base.wire import Resp, json_resp
from simulators.base.world import BEIJING

_FEN = re.compile(r"(0|[1-9]\d{0,13})")
_YUAN = re.compile(r"(0|[1-9]\d{0,11})(\.\d{1,2})?")


class Refusal(Objecting):
    """The HIS says no: a code, its text, and what the caller may need to know."""

    def __init__(self, code: str, msg: str, **data: str) -> None:
        super().__init__(code)
        self.code, self.msg, self.data = code, msg, data


@dataclass
class Habits:
    """What differs from one HIS to the next (POST /sim/act {"act": "set", "amounts_in": "yuan"})."""

    amounts_in: str = "fen"  # fen, yuan: both ways
    empty_list: str = "null"  # null, list, absent
    success_as: str = "bool"  # bool; "1" writes "1"/"0"; "true" writes "true"/"false"
    lock_respected: bool = True  # the cashier's window looks at the lock
    refund_at_window_only: bool = False  # void.pay.bill is refused: refunds are forced to the window
    duplicates: str = "receipt"  # receipt; refuse: a repeated settleNo gets DUPLICATE instead
    confirm_quotes: bool = False  # a quote must be confirmed before it is settled (HIS-led)
    # The SOAP door: what its XML declares, how the string is carried, the envelope's bytes, how lists are written
    soap_charset: str = "UTF-8"  # UTF-8, GBK, GB18030
    soap_carries: str = "text"  # text; latin1: each byte as a character; base64
    soap_bytes: str = "utf8"  # utf8; gbk: bytes of GBK in an envelope that says UTF-8
    soap_rows: str = "row"  # row: <items><row/></items>; repeat: <items/><items/>

    _CHOICES = {  # noqa: RUF012 - a constant, not a field
        "amounts_in": ("fen", "yuan"),
        "empty_list": ("null", "list", "absent"),
        "success_as": ("bool", "1", "true"),
        "lock_respected": (True, False),
        "refund_at_window_only": (True, False),
        "duplicates": ("receipt", "refuse"),
        "confirm_quotes": (True, False),
        "soap_charset": ("UTF-8", "GBK", "GB18030"),
        "soap_carries": ("text", "latin1", "base64"),
        "soap_bytes": ("utf8", "gbk"),
        "soap_rows": ("row", "repeat"),
    }

    def set(self, name: str, value: Any) -> None:
        """Change one habit; ValueError names the choices."""
        if name not in self._CHOICES:
            raise ValueError(f"no such setting {name}; there are {', '.join(self._CHOICES)}")
        if value not in self._CHOICES[name] or isinstance(value, int) != isinstance(self._CHOICES[name][0], bool):
            raise ValueError(f"{name} is one of {', '.join(map(str, self._CHOICES[name]))}")
        setattr(self, name, value)

    def public(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def money(self, fen: int | Decimal) -> str:
        """An amount (or unit price, up to four decimals of a fen) as this HIS writes it."""
        value = Decimal(fen)
        if self.amounts_in == "fen":
            return _plain(value)
        return f"{value / 100:.2f}" if value == value.to_integral_value() else _plain(value / 100)

    def read_money(self, name: str, text: str) -> int:
        """An amount of a request in fen; Refusal when it is not one."""
        if self.amounts_in == "fen":
            if _FEN.fullmatch(text):
                return int(text)
        elif _YUAN.fullmatch(text):
            return int(Decimal(text) * 100)
        raise Refusal("PARAM_INVALID", f"参数{name}不是以{'分' if self.amounts_in == 'fen' else '元'}为单位的金额")

    def listed(self, name: str, rows: list[Any]) -> dict[str, Any]:
        """A list in a reply; an empty one the way this HIS does it."""
        if rows or self.empty_list == "list":
            return {name: rows}
        return {name: None} if self.empty_list == "null" else {}

    def reply(self, code: str, msg: str, data: dict[str, Any] | None) -> dict[str, Any]:
        """The envelope."""
        good = code == "0"
        flag: Any = good
        if self.success_as == "1":
            flag = "1" if good else "0"
        elif self.success_as == "true":
            flag = "true" if good else "false"
        return {"success": flag, "code": code, "msg": msg, "data": data}

    def accepted(self, data: dict[str, Any]) -> Resp:
        return json_resp(self.reply("0", "成功", data))

    def refused(self, refusal: Refusal) -> Resp:
        return json_resp(self.reply(refusal.code, refusal.msg, refusal.data or None))


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_time(name: str, text: str) -> float:
    """`yyyy-MM-dd HH:mm:ss` in Beijing time as unix seconds; Refusal when it is not one."""
    try:
        if len(text) != 19:
            raise ValueError(text)
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).timestamp()
    except ValueError:
        raise Refusal("PARAM_INVALID", f"参数{name}格式应为yyyy-MM-dd HH:mm:ss") from None


def write_time(at: float) -> str:
    """Unix seconds as `yyyy-MM-dd HH:mm:ss` in Beijing time."""
    return datetime.fromtimestamp(at, BEIJING).strftime("%Y-%m-%d %H:%M:%S")
