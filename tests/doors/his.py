"""A HIS that speaks HL7 over MLLP, written without the engine's own codecs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.protocol import Factory

from tests.edge.town import Line, Town

CARD = {"P0001": ("A12345678", "")}
AMOUNTS = ("total", "fund", "account", "relief", "other", "cash")
ANSWER = {
    1: "state", 2: "settlement_no", 3: "request_no", 10: "expires_at", 11: "pay.kind", 12: "pay.qr", 13: "pay.until",
    14: "numbers.his", 15: "numbers.insurance", 16: "numbers.trade", 17: "numbers.invoice", 18: "numbers.asked_by",
    19: "invoice.code", 20: "invoice.check", 21: "invoice.url", 22: "reason.code", 23: "reason.zh", 24: "reason.en",
    25: "reason.side", 26: "reason.next", 27: "field",
    28: "give_back.kind", 29: "give_back.no", 31: "reason.next_en",
}  # fmt: skip
"""ZJA's fields → where the JSON answer has the same value."""


@dataclass(frozen=True)
class Ack:
    """An acknowledgement taken apart by hand."""

    raw: bytes
    charset: str = "utf-8"

    @property
    def segments(self) -> list[list[str]]:
        return [line.split("|") for line in self.raw.decode(self.charset).split("\r") if line]

    def segment(self, name: str) -> list[str]:
        return next((one for one in self.segments if one[0] == name), [])

    def field(self, name: str, number: int) -> str:
        segment = self.segment(name)
        at = number - 1 if name == "MSH" else number
        return plain(segment[at]) if at < len(segment) else ""

    @property
    def code(self) -> str:
        return self.field("MSA", 1)

    @property
    def state(self) -> str:
        return self.field("ZJA", 1)

    @property
    def no(self) -> str:
        return self.field("ZJA", 2)

    @property
    def answer(self) -> dict[str, Any]:
        """The settlement in the shape of the JSON answer; amounts in fen again."""
        made: dict[str, Any] = {}
        for number, path in ANSWER.items():
            value = self.field("ZJA", number)
            if value:
                at = made
                *parents, last = path.split(".")
                for part in parents:
                    at = at.setdefault(part, {})
                at[last] = value
        amounts = {name: self.field("ZJA", 4 + i) for i, name in enumerate(AMOUNTS)}
        if amounts["total"]:
            made["amounts"] = {name: fen(text) for name, text in amounts.items()}
        if "give_back" in made:
            made["give_back"]["amount"] = fen(self.field("ZJA", 30))
        if "invoice" in made:
            made["invoice"]["number"] = made["numbers"]["invoice"]
        return made


def fen(yuan: str) -> int:
    """Yuan with two decimals to fen."""
    whole, _, part = yuan.partition(".")
    assert len(part) == 2, yuan
    return int(whole) * 100 + int(part)


def plain(text: str) -> str:
    """The five escape sequences read."""
    for sequence, mark in (("\\F\\", "|"), ("\\S\\", "^"), ("\\R\\", "~"), ("\\T\\", "&"), ("\\E\\", "\\")):
        text = text.replace(sequence, mark)
    return text


class HisLine:
    """One MLLP connection to the engine."""

    def __init__(self, town: Town) -> None:
        self.town, self.line = town, Line()
        factory = Factory.forProtocol(lambda: self.line)
        factory.noisy = False
        factory.startedConnecting = factory.clientConnectionFailed = factory.clientConnectionLost = lambda *_: None
        town.stranger.connectTCP(town.lab.engine_host, town.lab.hl7_port, factory)
        assert town.sim.run(lambda: self.line.transport is not None, 5.0), "nobody listens"
        self.read = 0

    def send(self, body: bytes) -> None:
        self.line.say(b"\x0b" + body + b"\x1c\r")

    def reply(self, seconds: float = 130.0, charset: str = "utf-8") -> Ack:
        """The next acknowledgement."""
        def there() -> bool:
            return b"\x1c\r" in self.line.heard[self.read :] or self.line.closed

        assert self.town.sim.run(there, seconds), "no acknowledgement"
        rest = self.line.heard[self.read :]
        end = rest.find(b"\x1c\r")
        assert rest[:1] == b"\x0b", f"hung up after {rest!r}"
        assert end > 0, f"hung up after {rest!r}"
        self.read += end + 2
        return Ack(rest[1:end], charset)

    def ask(self, body: bytes, charset: str = "utf-8") -> Ack:
        self.send(body)
        return self.reply(charset=charset)


class His:
    """Writes the messages of the profile."""

    def __init__(
        self, town: Town, sender: str = "NHIS", facility: str = "MAIN", charset: str = "UNICODE UTF-8"
    ) -> None:
        self.town, self.sender, self.facility, self.charset = town, sender, facility, charset
        self.number = 0
        self._line: HisLine | None = None

    @property
    def line(self) -> HisLine:
        if self._line is None or self._line.line.closed:
            self._line = HisLine(self.town)
        return self._line

    def header(self, control_id: str = "", kind: str = "DFT^P03", version: str = "2.4") -> str:
        if not control_id:
            self.number += 1
            control_id = f"M{self.number:06d}"
        structure = "^DFT_P03" if version >= "2.5" else ""
        return (
            f"MSH|^~\\&|{self.sender}|{self.facility}|ENGINE|HOSP|20261122100000||{kind}{structure}|{control_id}|P|{version}"
            f"||||AL|CHN|{self.charset}"
        )

    def message(
        self, action: str, *, zjs: dict[int, str] | None = None, order: dict[str, Any] | None = None,
        control_id: str = "", version: str = "2.4",
    ) -> bytes:
        """A DFT^P03. `order`: the JSON order it carries; `zjs`: more fields of ZJS."""
        order = {"patient": {"id": "P0001"}, **({} if order else {"bills": ["B0"]}), **(order or {})}
        patient = order["patient"]
        credential = patient.get("credential", {})
        terminal = order.get("terminal", {})
        fields = {
            1: action, 2: order.get("request_no", ""), 5: order.get("campus", ""), 6: terminal.get("kind", ""),
            7: terminal.get("id", ""), 8: credential.get("kind", ""), 9: credential.get("value", ""),
            10: credential.get("card_sn", ""), **(zjs or {}),
        }  # fmt: skip
        kind = {"insured": "02", "self_pay": "01", "": ""}.get(order.get("pay_identity", ""), order.get("pay_identity"))
        lines = [
            self.header(control_id, version=version),
            f"EVN|P03|20261122100000|||{order.get('operator', 'C001')}",
            f"PID||{patient.get('id', '')}|P0001||测试甲",
            f"PV1|1|O||||||||||||||||{kind}",
            *(f"FT1|1|{bill}||20261122|20261122|CG|WX" for bill in order.get("bills") or [""]),
            "ZJS|" + "|".join(fields.get(i, "") for i in range(1, max(fields) + 1)),
        ]
        charset = {"UNICODE UTF-8": "utf-8", "": "utf-8"}.get(self.charset, "gb18030")
        return "".join(f"{line}\r" for line in lines).encode(charset)

    def ask(self, action: str, **more: Any) -> Ack:
        charset = "gb18030" if self.charset.startswith("GB") else "utf-8"
        return self.line.ask(self.message(action, **more), charset)
