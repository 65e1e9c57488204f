"""A hospital at the municipal platform's door, with zeep as its SOAP client: the description is fetched, never copied.

The transport is the simulator's HTTP channel in memory, or (in one test) a real socket.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any
from xml.sax.saxutils import escape

import zeep
from memory_http import START, Answer, Connection, read_answers, request_bytes
from twisted.internet.task import Clock

from simulators.base.world import SimWorld
from simulators.municipal import MunicipalSim
from simulators.town import DOCTORS, PERSONS, TEMPLATES, price_list

PATH = "/services/InsuranceService"
_DOCTOR = DOCTORS["D01"]


class InMemory(zeep.Transport):
    """zeep's transport, over the simulator's own HTTP channel."""

    def __init__(self, hospital: MunicipalHospital) -> None:
        super().__init__()
        self._hospital = hospital

    def load(self, url: str) -> bytes:
        assert url.startswith("http://sim.test:1/"), f"zeep wanted {url}"
        return self._hospital.ask("GET", url.removeprefix("http://sim.test:1")).body

    def post_xml(self, address: str, envelope: Any, headers: dict[str, str]) -> Any:
        body = zeep.wsdl.utils.etree_to_string(envelope)
        answer = self._hospital.ask("POST", address.removeprefix("http://sim.test:1"), body, headers)
        return _Response(answer)


class _Response:
    def __init__(self, answer: Answer) -> None:
        self.status_code, self.content, self.encoding = answer.status, answer.body, "utf-8"
        self.headers = {"Content-Type": answer.headers.get("content-type", "")}


class MunicipalHospital:
    """Calls the one method; head fields are filled in."""

    def __init__(self, version: str = "1.1") -> None:
        self.clock = Clock()
        self.world = SimWorld(self.clock, anchor=START)
        self.sim = MunicipalSim(self.world)
        self.site = self.sim.site()
        self.serial = 0
        self.cycle = ""
        client = zeep.Client(f"http://sim.test:1{PATH}?wsdl", transport=InMemory(self))
        port = {"1.1": "InsuranceSoap11", "1.2": "InsuranceSoap12"}[version]
        self.service = client.bind("InsuranceService", port)

    def ask(self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        found = read_answers(Connection(self.site).send(request_bytes(method, target, body, headers)))
        assert len(found) == 1, "no answer"
        return found[0]

    def number(self) -> str:
        self.serial += 1
        return f"{self.world.stamp('%Y%m%d%H%M%S')}{self.serial:04d}"

    def document(self, code: str, body: str, number: str = "", encoding: str = "GB18030", **head: str) -> str:
        fields = {
            "jybh": code, "czybh": "K01", "ywzqh": self.cycle, "jylsh": number or self.number(),
            "yljgbh": "H37020000000", "jysj": self.world.stamp(), **head,
        }  # fmt: skip
        inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
        declared = f'<?xml version="1.0" encoding="{encoding}"?>' if encoding else ""
        return f"{declared}<input><head>{inside}</head><body>{body}</body></input>"

    def call(self, code: str, number: str = "", **fields: Any) -> tuple[int, str, dict[str, str]]:
        """(appcode, appmsg, body) of one transaction; a list of dicts becomes rows."""
        return self.raw(code, self.document(code, xml(fields), number))

    def raw(self, code: str, document: str) -> tuple[int, str, dict[str, str]]:
        answer = self.service.callService(transCode=code, inputXml=document).split("?>", 1)[1]
        root = ElementTree.fromstring(answer)  # noqa: S314 - our own simulator's answer
        head = {child.tag: child.text or "" for child in root.iterfind("head/*")}
        return int(head["appcode"]), head["appmsg"], {c.tag: c.text or "" for c in root.iterfind("body/*")}

    def good(self, code: str, number: str = "", **fields: Any) -> dict[str, str]:
        appcode, text, body = self.call(code, number, **fields)
        assert appcode == 0, text
        return body

    # A visit as the hospital makes it

    def sign_in(self) -> MunicipalHospital:
        self.cycle = self.good("9100", czyxm="自助机")["ywzqh"]
        return self

    def credential(self, patient: str) -> dict[str, str]:
        person = next(p for p in PERSONS if p.id == patient)
        return {"klx": "1", "kh": person.card_no, "kxlh": person.card_sn}

    def registered(self, patient: str = "P0001", number: str = "") -> str:
        who = self.good("2100", **self.credential(patient))
        name, code, dept, dept_name, _ = _DOCTOR
        return self.good(
            "2210", number, grbh=who["grbh"], **self.credential(patient), yltclb="6", ghsj=self.world.stamp(),
            ksbm=dept, ksmc=dept_name, ysbm=code, ysxm=name, jbbm="K04.001", jbmc="急性牙髓炎",
        )["mzlsh"]

    def rows(self, template: str = "visit1") -> list[dict[str, str]]:
        items, name, code, dept = price_list(), _DOCTOR[0], _DOCTOR[1], _DOCTOR[2]
        made = []
        for place, line in enumerate(TEMPLATES[template].lines, 1):
            item = items[line.item]
            made.append({
                "mxxh": str(place), "yyxmbm": item.code, "yyxmmc": item.name, "ylxmbm": item.national,
                "fssj": self.world.stamp(), "dj": yuan(item.price_fen), "sl": line.qty,
                "zje": yuan(item.price_fen * int(line.qty)), "kdksbm": dept, "ysbm": code, "ysxm": name,
            })  # fmt: skip
        return made

    def quoted(self, patient: str = "P0001", account: str = "0") -> tuple[str, dict[str, str]]:
        visit = self.registered(patient)
        total = self.good("2310", mzlsh=visit, row=self.rows())["zje"]
        return visit, self.good("2420", mzlsh=visit, zje=total, zhsybz=account)

    def settle(self, visit: str, quote: dict[str, str], number: str = "", account: str = "0") -> Any:
        told = {name: quote[name] for name in ("zje", "tczf", "grzhzf", "xjzf")}
        return self.call("2410", number, mzlsh=visit, zhsybz=account, **told)

    def ledger(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in self.sim.ledger.since(0)["rows"] if row["kind"] == kind]

    def fault(self, op: str, fault: str) -> None:
        self.sim.faults.add({"op": op, "fault": fault})


def xml(fields: dict[str, Any]) -> str:
    parts = []
    for name, value in fields.items():
        if isinstance(value, list):
            parts += [f"<{name}>{xml(row)}</{name}>" for row in value]
        else:
            parts.append(f"<{name}>{escape(str(value))}</{name}>")
    return "".join(parts)


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
