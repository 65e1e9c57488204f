"""The events a HIS tells the hospital about, as HL7 v2 messages with the fields Chinese HIS really fill."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from simulators.base.mllp_er7 import codec_named, esc, parsed_place, written
from simulators.town import DOCTORS, FIXMEDINS_CODE, Person

_ADT_STATE = {"A01": "1", "A03": "2", "A04": "0", "A08": "1", "A11": "9", "A13": "1"}  # PV1-36
EVENTS = (*(f"ADT^{event}" for event in _ADT_STATE), "SIU^S12", "ORU^R01")
# Written as 2.4 only, as the HIS that send them do.
_MORE_ADT = {"A02": "1", "A06": "1", "A10": "1", "A16": "1", "A25": "1", "A28": "0", "A31": "1", "A32": "0", "A42": "1",
             "A54": "1"}  # fmt: skip
_ORDERS = ("ORM^O01", "OMP^O09", "OMG^O19", "OML^O21", "ORG^O20", "ORL^O22", "ORR^O02", "RAS^O17", "ZAS^O17")
EVENTS_24 = (
    *(f"ADT^{event}" for event in _MORE_ADT), *_ORDERS, "OUL^R21", "MFN^M01", "BAR^P01", "BAR^P05", "BAR^P06",
)  # fmt: skip
_INSIDE = ("A01", "A02", "A03", "A06", "A08", "A11", "A13", "A16", "A25")
_STATES = {**_ADT_STATE, **_MORE_ADT}
DOCTOR = "D01"


@dataclass(frozen=True)
class Wish:
    """What one message shall say. `charset` is MSH-18 as it will be written, "" for none (then in the codec `unsaid`);
    `places`: raw text at a place (`PID-11`), `name` instead of the person's own."""

    event: str
    number: str
    at: datetime
    charset: str = "GBK"
    version: str = "2.4"
    visit: str = ""
    name: str = ""
    places: dict[str, str] = field(default_factory=dict)
    unsaid: str = "gb18030"


def codec_of(charset: str, unsaid: str) -> str:
    """What a HIS that declares this really writes; ValueError for a name no hospital here uses."""
    try:
        return codec_named(charset) or unsaid
    except LookupError:
        raise ValueError(f"charset: {charset!r} is none of GBK, GB18030, GB 18030-2000, UNICODE UTF-8, UTF-8") from None


def event_message(wish: Wish, person: Person) -> bytes:
    """The message's bytes; ValueError for an event this HIS does not send or a character its charset has not."""
    if wish.event not in (*EVENTS, *EVENTS_24):
        raise ValueError(f"event: there are {', '.join((*EVENTS, *EVENTS_24))}")
    if wish.event in EVENTS_24 and wish.version != "2.4":
        raise ValueError(f"event: {wish.event} is sent as 2.4")
    code, _, trigger = wish.event.partition("^")
    stamp = wish.at.strftime("%Y%m%d%H%M%S")
    rows = [_msh(wish, stamp)]
    if code == "ADT":
        merged = [["MRG", esc(f"{person.id}X")]] if trigger == "A42" else []
        rows += [["EVN", trigger, stamp, "", "", "0001"], _pid(wish, person), *merged, _pv1(wish, person, stamp)]
    elif code == "BAR":
        insured = [["IN1", "1", "310^职工医保", "YB", "", ""]] if trigger != "P06" and person.insurance else []
        rows += [["EVN", trigger, stamp], _pid(wish, person), _pv1(wish, person, stamp), *insured]
    elif code == "MFN":
        rows += [["MFI", "CDM^收费项目", "", "UPD", stamp, stamp, "AL"],
                 ["MFE", "MUP", esc(wish.number), stamp, "K0001^口腔检查", "CE"]]  # fmt: skip
    elif wish.event in _ORDERS:
        rows += _order(wish, person, stamp)
    elif code == "SIU":
        rows += [_sch(wish, stamp), _pid(wish, person), _pv1(wish, person, stamp), ["RGS", "1", "A"],
                 ["AIS", "1", "A", "KQ01^牙体牙髓科", stamp]]  # fmt: skip
    else:
        rows += [_pid(wish, person), _pv1(wish, person, stamp), *_report(wish, stamp)]
    for place, text in wish.places.items():
        _put(rows, place, text)
    codec = codec_of(wish.charset, wish.unsaid)
    try:
        return written(rows, codec)
    except UnicodeEncodeError as wrong:
        raise ValueError(f"{wrong.object[wrong.start]!r} cannot be written in {codec}") from None


def text_message(text: str, charset: str, unsaid: str) -> bytes:
    """A message somebody typed or pasted: line ends become segment ends, MSH-18 says the charset."""
    rows = [line.split("|") for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()]
    if not rows or rows[0][0] != "MSH" or len(rows[0]) < 10:
        raise ValueError("text: a message begins with MSH and has an MSH-10")
    _put(rows, "MSH-18", charset)
    return written(rows, codec_of(charset, unsaid))


def _put(rows: list[list[str]], place: str, text: str) -> None:
    name, number, component, _ = parsed_place(place)
    row = next((row for row in rows if row[0] == name), None)
    if row is None:
        row = [name]
        rows.append(row)
    at = number - 1 if name == "MSH" else number
    row.extend([""] * (at + 1 - len(row)))
    if component:
        pieces = row[at].split("^")
        pieces.extend([""] * (component - len(pieces)))
        pieces[component - 1] = text
        text = "^".join(pieces)
    row[at] = text


def _msh(wish: Wish, stamp: str) -> list[str]:
    kind = f"{wish.event}^{_structure(wish.event)}" if wish.version >= "2.5" else wish.event
    fields = ["MSH", "^~\\&", "NHIS", FIXMEDINS_CODE, "ENGINE", "", stamp, "", kind, esc(wish.number), "P"]
    return [*fields, wish.version, "", "", "AL", "AL", "CHN", wish.charset]


def _structure(event: str) -> str:
    """MSH-9.3, which senders write since 2.5."""
    shared = {"ADT^A04": "ADT_A01", "ADT^A08": "ADT_A01", "ADT^A11": "ADT_A09", "ADT^A13": "ADT_A01"}
    return shared.get(event, event.replace("^", "_"))


def _pid(wish: Wish, person: Person) -> list[str]:
    numbers = [(person.id, "PatientNO"), (person.card_no, "IDCard"), (person.id_no, "IdentifyNO")]
    ids = "~".join(f"{esc(value)}^^^^{kind}" for value, kind in numbers)
    gender = {"1": "M", "2": "F"}.get(person.gender, "U")
    row = ["PID", "1", person.id, ids, "", esc(wish.name or person.name), "", person.birth.replace("-", ""), gender]
    phone = f"^^^^^^{person.phone}" if wish.version >= "2.6" else person.phone  # its first component was withdrawn
    return [*row, "", "", "", "", phone, "", "", "", "", "", person.psn_no]


def _pv1(wish: Wish, person: Person, stamp: str) -> list[str]:
    trigger = wish.event.partition("^")[2]
    inside = wish.event.startswith("ADT^") and trigger in _INSIDE
    name, _, dept, _, _ = DOCTORS[DOCTOR]
    row = [""] * 46
    row[0:4] = ["PV1", "1", "I" if inside else "O", f"W01^^B01^{dept}" if inside else f"^^^{dept}"]
    row[7] = f"{DOCTOR}^{name}"
    row[18] = "02" if person.insurance else "01"
    row[19] = esc(wish.visit)
    row[36] = _STATES.get(trigger, "0")
    row[44] = stamp
    row[45] = stamp if trigger == "A03" else ""
    return row


def _sch(wish: Wish, stamp: str) -> list[str]:
    row = [""] * 26
    row[0:3] = ["SCH", esc(wish.visit), esc(wish.visit)]
    row[6:8] = ["BOOK^预约", "CHECKUP^复诊"]
    row[11] = f"^^^{stamp}"
    row[16] = row[20] = f"{DOCTOR}^{DOCTORS[DOCTOR][0]}"
    row[25] = "Booked"
    return row


def _order(wish: Wish, person: Person, stamp: str) -> list[list[str]]:
    """One order, its answer, or what was charged when it was carried out."""
    code = wish.event.partition("^")[0]
    number = esc(f"A{wish.visit}")
    orc = ["ORC", "OK" if code in ("ORG", "ORL", "ORR") else "NW", number, esc(f"B{wish.visit}"), "", "IP"]
    orc += ["", "", "", stamp]
    if code in ("ORG", "ORL", "ORR"):
        return [["MSA", "AA", esc(wish.number)], _pid(wish, person), orc]
    rows = [_pid(wish, person), _pv1(wish, person, stamp), orc]
    if code == "OMP":
        return [*rows, ["RXO", "K0101^甲硝唑", "1", "", "盒"], ["RXR", "PO^口服"]]
    if code in ("RAS", "ZAS"):
        given = ["RXA", "0", "1", stamp, stamp, "K0101^甲硝唑", "1", "盒"]
        return [*rows, ["RXO", "K0101^甲硝唑", "1", "", "盒"], ["RXR", "PO^口服"], given, ["RXR", "PO^口服"]]
    obr = ["OBR", "1", number, esc(f"B{wish.visit}"), "K0007^血常规化验", "", stamp]
    return [*rows, obr]


def _report(wish: Wish, stamp: str) -> list[list[str]]:
    obr = ["OBR", "1", esc(f"A{wish.visit}"), esc(f"B{wish.visit}"), "K0007^血常规化验", "", "", stamp]
    obr += [""] * 14 + [stamp, "", "", "F", "", f"^^^{stamp}"]
    return [
        obr,
        ["OBX", "1", "NM", "WBC^白细胞", "1", "6.2", "10\\S\\9/L", "4-10", "N", "", "", "F"],
        ["OBX", "2", "ST", "NOTE^说明", "1", "未见异常 \\T\\ 复查", "", "", "", "", "", "F"],
    ]
