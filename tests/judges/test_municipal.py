"""The municipal platform before `zeep`: its description is fetched over a socket and spoken by, SOAP 1.1 and 1.2."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any
from xml.sax.saxutils import escape

import pytest
import pytest_twisted

from simulators.municipal import MunicipalSim
from simulators.town import DOCTORS, PERSONS, TEMPLATES, price_list
from tests.judges.court import Court
from tests.judges.judge import Judge, Objection


class Hospital:
    """One method, one transaction code; the head's fields are filled in."""

    def __init__(self, court: Court, judge: Judge) -> None:
        self.court, self.judge, self.serial, self.cycle = court, judge, 0, ""

    def number(self) -> str:
        """A serial number not used before."""
        self.serial += 1
        return f"{self.court.sim.world.stamp('%Y%m%d%H%M%S')}{self.serial:04d}"

    async def call(self, code: str, number: str = "", **fields: Any) -> tuple[int, str, dict[str, str]]:
        """appcode, appmsg, body; a list of dicts becomes rows."""
        head = {
            "jybh": code, "czybh": "K01", "ywzqh": self.cycle, "yljgbh": self.court.card["hospital"],
            "jylsh": number or self.number(), "jysj": self.court.sim.world.stamp(),
        }  # fmt: skip
        document = (
            '<?xml version="1.0" encoding="GB18030"?>'
            f"<input><head>{_rows(head)}</head><body>{_rows(fields)}</body></input>"
        )
        text = await self.judge.ask("call", code=code, document=document)
        root = ElementTree.fromstring(text.split("?>", 1)[1])  # noqa: S314 - our own simulator's answer
        told = {child.tag: child.text or "" for child in root.iterfind("head/*")}
        return int(told["appcode"]), told["appmsg"], {c.tag: c.text or "" for c in root.iterfind("body/*")}

    async def good(self, code: str, number: str = "", **fields: Any) -> dict[str, str]:
        """The body of a success."""
        appcode, text, body = await self.call(code, number, **fields)
        assert appcode == 0, f"{code}: {text}"
        return body

    async def quoted(self) -> tuple[str, dict[str, str]]:
        """Signed in, registered, uploaded, quoted: the visit and its quote."""
        self.cycle = (await self.good("9100", czyxm="自助机"))["ywzqh"]
        who = {"klx": "1", "kh": PATIENT.card_no, "kxlh": PATIENT.card_sn}
        person = await self.good("2100", **who)
        name, code, dept, dept_name, _ = DOCTORS["D01"]
        stamp = self.court.sim.world.stamp()
        visit = (await self.good(
            "2210", grbh=person["grbh"], **who, yltclb="6", ghsj=stamp, ksbm=dept, ksmc=dept_name, ysbm=code,
            ysxm=name, jbbm="K04.001", jbmc="急性牙髓炎",
        ))["mzlsh"]  # fmt: skip
        prices, rows = price_list(), []
        for place, line in enumerate(TEMPLATES["visit1"].lines, 1):
            item = prices[line.item]
            rows.append({
                "mxxh": str(place), "yyxmbm": item.code, "yyxmmc": item.name, "ylxmbm": item.national, "fssj": stamp,
                "dj": yuan(item.price_fen), "sl": line.qty, "zje": yuan(item.price_fen * int(line.qty)),
                "kdksbm": dept, "ysbm": code, "ysxm": name,
            })  # fmt: skip
        total = (await self.good("2310", mzlsh=visit, row=rows))["zje"]
        return visit, await self.good("2420", mzlsh=visit, zje=total, zhsybz="0")

    def ledger(self, kind: str) -> list[str]:
        """The states of the platform's own rows of this kind."""
        return [row["state"] for row in self.court.sim.ledger.since(0)["rows"] if row["kind"] == kind]


PATIENT = next(one for one in PERSONS if one.id == "P0001")
PARTS = ("zje", "tczf", "grzhzf", "xjzf")


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _rows(fields: dict[str, Any]) -> str:
    parts = []
    for name, value in fields.items():
        if isinstance(value, list):
            parts += [f"<{name}>{_rows(row)}</{name}>" for row in value]
        else:
            parts.append(f"<{name}>{escape(value)}</{name}>")
    return "".join(parts)


async def hospital(courts: list[Court], version: str) -> Hospital:
    court = Court.of(MunicipalSim)
    courts.append(court)
    judge = court.judge("zeep", "soap.py")
    assert await judge.ask("open", wsdl=court.card["wsdl"], version=version) == ["callService"]
    return Hospital(court, judge)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest_twisted.ensureDeferred
async def test_sign_in_and_a_persons_standing(courts: list[Court], version: str) -> None:
    here = await hospital(courts, version)
    code, text, body = await here.call("9100", czyxm="自助机")
    assert code == 0, text
    here.cycle = body["ywzqh"]
    person = next(one for one in PERSONS if one.id == "P0001")
    code, text, who = await here.call("2100", klx="1", kh=person.card_no, kxlh=person.card_sn)
    assert code == 0, text
    assert who["xm"] == person.name  # Chinese through the envelope and back
    code, text, _ = await here.call("2100", klx="1", kh="A00000000", kxlh="1")
    assert code != 0
    assert text


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest_twisted.ensureDeferred
async def test_what_is_no_document_is_told_so(courts: list[Court], version: str) -> None:
    here = await hospital(courts, version)
    try:
        answer = await here.judge.ask("call", code="2100", document="<input><head>")
    except Objection as fault:
        answer = str(fault)
    assert "Fault" in answer or "<appcode>" in answer
    assert "<appcode>0</appcode>" not in answer


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest_twisted.ensureDeferred
async def test_a_whole_settlement_its_inquiry_and_its_cancellation(courts: list[Court], version: str) -> None:
    here = await hospital(courts, version)
    visit, quote = await here.quoted()
    told, number = {name: quote[name] for name in PARTS}, here.number()
    assert (await here.good("2450", yjylsh=number))["jyzt"] == "0", "nothing yet"
    one_fen = yuan(int(quote["xjzf"].replace(".", "")) + 1)
    for wrong in ({"xjzf": one_fen}, {"zje": "0.01"}, {"mzlsh": "M000"}):
        code, text, _ = await here.call("2410", **{"mzlsh": visit, "zhsybz": "0", **told, **wrong})
        assert code != 0
        assert text
    assert here.ledger("settle") == []
    settled = await here.good("2410", number, mzlsh=visit, zhsybz="0", **told)
    assert {name: settled[name] for name in PARTS} == told
    asked = await here.good("2450", yjylsh=number)
    assert (asked["jyzt"], asked["yjybh"], asked["xjzf"]) == ("1", "2410", quote["xjzf"])
    again = await here.good("2410", number, mzlsh=visit, zhsybz="0", **told)
    assert again == settled, "the same serial number is answered as before"
    assert here.ledger("settle") == ["done"]
    back = await here.good("2430", mzlsh=visit, brjsh=settled["brjsh"])
    assert back
    assert (await here.good("2450", yjylsh=number))["jyzt"] == "3"
    assert here.ledger("settle") == ["cancelled"]
    code, text, _ = await here.call("2430", mzlsh=visit, brjsh=settled["brjsh"])
    assert code != 0
    assert text


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest_twisted.ensureDeferred
async def test_what_nobody_heard_is_asked_about_and_reversed(courts: list[Court], version: str) -> None:
    """The settlement is executed and the client hears a fault: 2450 finds it, 2421 takes it back, once."""
    here = await hospital(courts, version)
    visit, quote = await here.quoted()
    told, number = {name: quote[name] for name in PARTS}, here.number()
    here.court.sim.faults.add({"op": "2410", "fault": "soap_fault"})
    with pytest.raises(Objection, match="Fault"):
        await here.call("2410", number, mzlsh=visit, zhsybz="0", **told)
    assert (await here.good("2450", yjylsh=number))["jyzt"] == "1"
    for _ in range(2):
        await here.good("2421", yjylsh=number, yjybh="2410")
    assert (await here.good("2450", yjylsh=number))["jyzt"] == "2"
    assert here.ledger("settle") == ["reversed"]
    code, text, _ = await here.call("2410", number, mzlsh=visit, zhsybz="0", **told)
    assert code != 0, "a buried number never takes effect"
    assert text


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest_twisted.ensureDeferred
async def test_a_reversal_before_its_settlement_buries_the_number(courts: list[Court], version: str) -> None:
    here = await hospital(courts, version)
    visit, quote = await here.quoted()
    told, number = {name: quote[name] for name in PARTS}, here.number()
    await here.good("2421", yjylsh=number, yjybh="2410")
    code, _, _ = await here.call("2410", number, mzlsh=visit, zhsybz="0", **told)
    assert code != 0
    assert here.ledger("settle") == []
    await here.good("2410", mzlsh=visit, zhsybz="0", **told)
    assert here.ledger("settle") == ["done"]
