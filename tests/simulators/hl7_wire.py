"""An HL7 speaker without a network: blocks into a party's MLLP door, blocks out, written by hand."""

from __future__ import annotations

from typing import Any

from memory_http import Connection, Desk

from simulators.base.mllp_side import MllpFactory

MSH = "MSH|^~\\&|ENG|X|{to}||20261122080000||{event}|{number}|P|{version}|||AL|AL|CHN|{charset}\r"


def block(body: bytes) -> bytes:
    return b"\x0b" + body + b"\x1c\r"


def blocks(raw: bytes) -> list[str]:
    """The bodies of whole blocks, in GB18030 or UTF-8; anything else is an AssertionError."""
    found = []
    while raw:
        assert raw[:1] == b"\x0b", raw
        body, end, raw = raw[1:].partition(b"\x1c\r")
        assert end, "cut short"
        found.append(body)
    return [body.decode("gb18030" if b"|GB" in body.split(b"\r")[0] else "utf-8") for body in found]


def msa(text: str) -> list[str]:
    """MSA's fields: code, number, text."""
    return next(line for line in text.split("\r") if line.startswith("MSA")).split("|")[1:]


def dft(number: str = "M1", *ft1: str, charset: str = "GBK", version: str = "2.4", patient: str = "P0001") -> bytes:
    """A DFT^P03 of these FT1 lines (default: a deposit of 500.00 under D1)."""
    head = MSH.format(to="NHIS", event="DFT^P03", number=number, version=version, charset=charset)
    lines = ft1 or (deposit("D1", "500.00"),)
    text = head + f"EVN|P03|20261122080000\rPID|1|{patient}|{patient}||张億\rPV1|1|I" + "|" * 17 + "V1\r"
    text += "".join(line + "\r" for line in lines)
    return text.encode("gb18030" if charset.startswith("GB") else "utf-8")


def deposit(no: str, yuan: str, *, kind: str = "INPAY", state: str = "0", at: int = 2, parts: str = "") -> str:
    """One FT1; `at`: the field of the number; `parts`: insurance^self."""
    row = [""] * 27
    row[0:2] = ["FT1", "1"]
    row[at], row[4], row[6], row[7], row[11], row[25] = no, "20261122080000", kind, "WX", f"^^{yuan}", state
    if parts:
        row[15], row[22] = (f"^^{part}" for part in parts.split("^"))
    return "|".join(row).rstrip("|")


class Caller:
    """Speaks to the MLLP door of a desk's party."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.line = self.connect()

    def connect(self) -> Connection:
        side: Any = self.desk.party.mllp
        return Connection(MllpFactory(side))

    def __call__(self, body: bytes) -> str:
        """The one acknowledgement."""
        found = blocks(self.line.send(block(body)))
        assert len(found) == 1
        return found[0]

    def act(self, act: str, **more: object) -> Any:
        answer = self.desk.sim("act", {"act": act, **more})
        assert answer.status == 200, answer.body
        return answer.json
