"""The municipal platform before `zeep`: its description is fetched over a socket and spoken by, SOAP 1.1 and 1.2."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

import pytest
import pytest_twisted

from simulators.municipal import MunicipalSim
from simulators.town import PERSONS
from tests.judges.court import Court
from tests.judges.judge import Judge, Objection


class Hospital:
    """One method, one transaction code; the head's fields are filled in."""

    def __init__(self, court: Court, judge: Judge) -> None:
        self.court, self.judge, self.serial, self.cycle = court, judge, 0, ""

    async def call(self, code: str, **fields: str) -> tuple[int, str, dict[str, str]]:
        """appcode, appmsg, body."""
        self.serial += 1
        world = self.court.sim.world
        head = {
            "jybh": code, "czybh": "K01", "ywzqh": self.cycle, "yljgbh": self.court.card["hospital"],
            "jylsh": f"{world.stamp('%Y%m%d%H%M%S')}{self.serial:04d}", "jysj": world.stamp(),
        }  # fmt: skip
        document = (
            '<?xml version="1.0" encoding="GB18030"?>'
            f"<input><head>{_rows(head)}</head><body>{_rows(fields)}</body></input>"
        )
        text = await self.judge.ask("call", code=code, document=document)
        root = ElementTree.fromstring(text.split("?>", 1)[1])  # noqa: S314 - our own simulator's answer
        told = {child.tag: child.text or "" for child in root.find("head") or ()}
        return int(told["appcode"]), told["appmsg"], {c.tag: c.text or "" for c in root.find("body") or ()}


def _rows(fields: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())


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
