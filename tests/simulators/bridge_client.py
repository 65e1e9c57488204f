"""A vendor's client that has never seen this project: what it knows is `/sim/card.json` and the documented shape of a
call. Standard library only, blocking, over real sockets; it runs in a thread of its own."""

from __future__ import annotations

import http.client
import json
import re
import xml.etree.ElementTree as ElementTree
from typing import Any
from xml.sax.saxutils import escape

XML = "text/xml; charset=utf-8"
Rows = list[dict[str, str]]
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
MOMENT, DAY = "2026-11-22 10:00:00", "20261122100000"


class SoapFault(Exception):
    """The service itself said no: HTTP status and the words of the fault."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class Bridge:
    """Functions as SOAP operations."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.card: dict[str, Any] = json.loads(self.http("GET", "/sim/card.json")[1])
        self.count = 0
        self.cycle = ""

    def http(self, method: str, path: str, body: bytes = b"", media: str = XML) -> tuple[int, str]:
        line = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            line.request(method, path, body or None, {"Content-Type": media, "SOAPAction": '""'} if body else {})
            reply = line.getresponse()
            return reply.status, reply.read().decode("utf-8")
        finally:
            line.close()

    def envelope(self, function: str, values: dict[str, str], space: str = "") -> str:
        inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
        space = space or self.card["namespace"]
        return (
            f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body><f:{function} xmlns:f="{space}">{inside}</f:{function}>'
            "</s:Body></s:Envelope>"
        )

    def post(self, text: str, media: str = XML) -> dict[str, str]:
        """The out parameters by name."""
        status, told = self.http("POST", self.card["path"], text.encode(), media)
        body = ElementTree.fromstring(told).find(f"{{{ENVELOPE}}}Body")  # noqa: S314 - the simulator's own answer
        assert body is not None
        if body[0].tag == f"{{{ENVELOPE}}}Fault":
            raise SoapFault(status, body[0].findtext("faultstring") or "")
        assert status == 200
        return {one.tag: one.text or "" for one in body[0]}

    def function(self, name: str, **values: str) -> dict[str, str]:
        return self.post(self.envelope(name, values))

    def ledger(self, kind: str) -> list[dict[str, Any]]:
        rows = json.loads(self.http("GET", "/sim/ledger")[1])["rows"]
        return [row for row in rows if row["kind"] == kind]

    def objections(self) -> list[dict[str, str]]:
        """What the simulator noted about requests that broke its rules, oldest first."""
        rows = json.loads(self.http("GET", "/sim/exchanges")[1])["exchanges"]
        return [row["objection"] for row in rows if "objection" in row]

    def serial(self) -> str:
        self.count += 1
        return f"{DAY}{self.count:04d}"

    # A patient, as every city's interface asks for him

    @property
    def credential(self) -> dict[str, str]:
        person = self.card["persons"][0]
        return {"klx": "1", "kh": person["card_no"], "kxlh": person["card_sn"]}

    def visit_of(self, who: dict[str, str]) -> dict[str, str]:
        return {
            "grbh": who["grbh"], **self.credential, "yltclb": "6", "ghsj": MOMENT, **self.card["doctors"][0],
            "jbbm": "K04.001", "jbmc": "急性牙髓炎",
        }  # fmt: skip

    def fees(self) -> list[dict[str, str]]:
        doctor, rows = self.card["doctors"][0], []
        for place, item in enumerate(self.card["items"][:2], 1):
            rows.append({
                "mxxh": str(place), "yyxmbm": f"H{place}", "yyxmmc": item["name"], "ylxmbm": item["ylxmbm"],
                "fssj": MOMENT, "dj": item["dj"], "sl": "1", "zje": item["dj"], "dw": item["dw"], "gg": "",
                "kdksbm": doctor["ksbm"], "kdksmc": doctor["ksmc"], "ysbm": doctor["ysbm"], "ysxm": doctor["ysxm"],
            })  # fmt: skip
        return rows


class NeusoftDesk(Bridge):
    """BUSINESS_HANDLE: `^` behind parts, a bar behind fields, `$` between rows."""

    def flow(self, serial: str) -> str:
        return f"{serial[:14]}-{self.card['hospital']}-{serial[14:]}"

    def line(self, code: str, serial: str, row: Rows | None = None, **given: str) -> str:
        fields, inside = self.card["fields"][code], self.card["rows"].get(code, [])
        names = [name for name in fields if name != "row"]
        many = [[*(given.get(n, "") for n in names), *(one.get(n, "") for n in inside)] for one in row or [{}]]
        text = "$".join("".join(f"{value}|" for value in values) or "|" for values in many)
        head = (code, self.card["hospital"], self.card["operator"], self.cycle, self.flow(serial), self.card["center"])
        return "".join(f"{part}^" for part in (*head, text, "1"))

    def say(self, line: str) -> tuple[str, str]:
        told = self.function("BUSINESS_HANDLE", inputData=line)
        return told["result"], told["outputData"]

    def call(self, code: str, serial: str = "", row: Rows | None = None, **given: str) -> dict[str, str]:
        """The values of the answer by name; `said` alone when it is a no."""
        serial = serial or self.serial()
        result, output = self.say(self.line(code, serial, row, **given))
        if result != "0":
            return {"said": output}
        number, online, values, rest = output.split("^")
        assert (number, online, rest) == (f"C{serial}", "1", "")
        found = values.split("|")[:-1]
        names = self.card["replies"][code]
        assert len(found) == max(len(names), 1)
        return dict(zip(names, found, strict=False))


class DarewayDesk(Bridge):
    """login for a token, invoke with a method and JSON."""

    def sign_in(self, password: str = "") -> dict[str, Any]:
        given = {"usercode": self.card["user"], "password": password or self.card["password"]}
        told: dict[str, Any] = json.loads(self.function("login", **given)["result"])
        self.cycle = str(told["resulttext"])
        return told

    def call(self, method: str, para: Any, number: str = "", **head: str) -> tuple[str, dict[str, Any]]:
        """(resultcode, the whole answer)."""
        given = {
            "sbjgbh": self.card["sbjgbh"], "token": self.cycle, "hisjyh": number or self.serial(), "method": method,
            "jsonPara": para if isinstance(para, str) else json.dumps(para, ensure_ascii=False),
            "yybm": self.card["yybm"], **head,
        }  # fmt: skip
        told: dict[str, Any] = json.loads(self.function("invoke", **given)["result"])
        return str(told["resultcode"]), told

    def bill(self) -> dict[str, Any]:
        person, doctor = self.card["persons"][0], self.card["doctors"][0]["ysbm"]
        rows = [
            {"ylxmbm": item["ylxmbm"], "ysbm": doctor, "sl": "1", "dj": item["dj"], "zje": item["dj"]}
            for item in self.card["items"][:2]
        ]
        return {"p_grbh": person["card_no"], "p_xm": person["name"], "p_yltclb": "6", "p_fypd_ds": rows}


class YinhaiDesk(Bridge):
    """yh_interface_call: XML in and out; a settlement waits for its confirmation."""

    def document(self, serial: str, row: Rows | None = None, **given: str) -> str:
        head = {
            "czybh": self.card["operator"], "ywzqh": self.cycle, "yljgbh": self.card["hospital"], "yyjylsh": serial,
        }  # fmt: skip
        text = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in {**head, **given}.items())
        for one in row or []:
            text += "<row>" + "".join(f"<{n}>{escape(v)}</{n}>" for n, v in one.items()) + "</row>"
        return f'<?xml version="1.0" encoding="GBK"?><input>{text}</input>'

    def say(self, code: str, document: str) -> tuple[str, dict[str, str]]:
        """(appmsg, or "" when it is good; the values of the answer)."""
        told = self.function("yh_interface_call", astr_jybh=code, astr_jysr_xml=document)
        if told["aint_appcode"] != "0":
            assert int(told["aint_appcode"]) < 0
            return told["astr_appmsg"], {}
        text = re.sub(r"^<\?xml[^>]*\?>", "", told["astr_jysc_xml"])
        values = {one.tag: one.text or "" for one in ElementTree.fromstring(text)}  # noqa: S314 - the simulator's own
        return "", {**values, "jylsh": told["astr_jylsh"], "jyyzm": told["astr_jyyzm"]}

    def call(self, code: str, serial: str = "", row: Rows | None = None, **given: str) -> dict[str, str]:
        """The values of the answer by name; `said` alone when it is a no."""
        no, values = self.say(code, self.document(serial or self.serial(), row, **given))
        return {"said": no} if no else values

    def second(self, what: str, **given: str) -> str:
        """`confirm` or `cancel`: "" when it is good, else its words."""
        told = self.function(f"yh_interface_{what}", **{f"astr_{name}": value for name, value in given.items()})
        return "" if told["aint_appcode"] == "0" else told["astr_appmsg"]

    def unconfirmed(self) -> list[str]:
        """Our numbers of the settlements nobody has confirmed."""
        told = self.function("yh_interface_getuncertaintytrade", astr_jybh="2410")
        root = ElementTree.fromstring(re.sub(r"^<\?xml[^>]*\?>", "", told["astr_jgxml"]))  # noqa: S314 - as above
        return [one.findtext("yyjylsh") or "" for one in root.iter("row")]
