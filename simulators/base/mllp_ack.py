"""Acknowledgements as the simulated parties give and read them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from simulators.base.mllp_er7 import Er7, Unreadable, esc, read, written

CONDITIONS = {  # HL7 table 0357
    "0": "Message accepted",
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "206": "Application record locked",
    "207": "Application internal error",
}


@dataclass(frozen=True)
class Verdict:
    """What a receiver answers: AA, AE or AR, a text, and for AE and AR what is wrong where (`FT1-2`)."""

    code: str = "AA"
    text: str = ""
    condition: str = ""  # of CONDITIONS
    place: str = ""
    occurrence: int = 1
    kind: str = ""  # the answer's message type where it is more than an acknowledgement (RSP^K21)
    rows: tuple[tuple[str, ...], ...] = ()  # its segments behind MSA and ERR


def ack_of(message: Er7, verdict: Verdict, *, number: str, at: str, control_id: str | None = None) -> bytes:
    """The acknowledgement in the message's own version and character set; `control_id` only to lie in MSA-2."""
    msh, said = message.rows[0], message.said
    version = msh.get(12, 1) or "2.4"
    kind = verdict.kind or "^".join(["ACK", msh.get(9, 2)] + ["ACK"] * bool(msh.get(9, 3)))
    fields = ["MSH", "^~\\&", *(msh.raw(n) for n in (5, 6, 3, 4)), at, "", kind, number, msh.raw(11), version]
    fields += ["", "", "", "", "", said]
    rows = [fields, ["MSA", verdict.code, message.control_id if control_id is None else control_id, esc(verdict.text)]]
    if verdict.condition:
        rows.append(_err(verdict, version))
    rows += [list(row) for row in verdict.rows]
    return written(rows, message.codec)


def _err(verdict: Verdict, version: str) -> list[str]:
    name, _, field = verdict.place.partition("-")
    place = "^".join([name, str(verdict.occurrence), field.partition(".")[0]]) if name else ""
    meaning = CONDITIONS[verdict.condition]
    if re.fullmatch(r"2\.[5-9].*", version):
        code = "^".join([verdict.condition, meaning, "HL70357"])
        return ["ERR", "", place, code, "E", "", "", "", esc(verdict.text)]
    return ["ERR", f"{place or '^^'}^{verdict.condition}&{meaning}&HL70357"]


def refusal_of(body: bytes, wrong: Unreadable, *, number: str, at: str) -> bytes:
    """The AR for bytes that could not be read; the control id is repeated when it is plain ASCII."""
    fields = re.split(rb"[\r\n]", body, maxsplit=1)[0].split(b"|")
    control_id = fields[9].decode() if len(fields) > 9 and fields[9].isascii() else ""
    rows = [
        ["MSH", "^~\\&", "", "", "", "", at, "", "ACK", number, "P", "2.4"],
        ["MSA", "AR", control_id, esc(str(wrong))],
        ["ERR", f"^^^102&{CONDITIONS['102']}&HL70357"],
    ]
    return written(rows, "utf-8")


@dataclass(frozen=True)
class Answer:
    """A reply to a message of ours."""

    code: str  # MSA-1, "" when it is no acknowledgement
    control_id: str = ""
    text: str = ""


def read_answer(body: bytes, default: str = "utf-8") -> Answer:
    """What a reply says; an unreadable one has no code."""
    try:
        message = read(body, default)
    except Unreadable:
        return Answer("")
    found = message.named("MSA")
    return Answer(found[0].get(1), found[0].raw(2), found[0].get(3)) if len(found) == 1 else Answer("")
