"""The doors as their callers use them: the same four things asked in each one's own words, answered as (word, answer)
in the shape of the JSON answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.doors.his import Ack, His
from tests.edge.town import START, Reply, Town

Told = tuple[str, dict[str, Any]]
Body = dict[str, Any]
CLIENT = "H01"
ERRORS = {400: "malformed", 401: "unsigned", 403: "forbidden", 404: "not_found", 503: "later"}


class Way(Protocol):
    """One door."""

    def start(self, order: Body) -> Told: ...
    def pay(self, no: str, choice: Body) -> Told: ...
    def cancel(self, no: str, body: Body) -> Told: ...
    def refund(self, no: str, body: Body) -> Told: ...
    def show(self, no: str) -> Told: ...


class Json:
    """HTTP JSON, signed."""

    def __init__(self, town: Town) -> None:
        self._town = town

    def start(self, order: Body) -> Told:
        return self._told(self._town.ask("POST", START, order, client=CLIENT))

    def pay(self, no: str, choice: Body) -> Told:
        return self._told(self._town.ask("POST", f"/v1/settlements/{no}/pay", choice, client=CLIENT))

    def cancel(self, no: str, body: Body) -> Told:
        return self._told(self._town.ask("POST", f"/v1/settlements/{no}/cancel", body, client=CLIENT))

    def refund(self, no: str, body: Body) -> Told:
        return self._told(self._town.ask("POST", f"/v1/settlements/{no}/refunds", body, client=CLIENT))

    def show(self, no: str) -> Told:
        return self._told(self._town.show(no, client=CLIENT))

    def _told(self, reply: Reply) -> Told:
        body = reply.json
        word = str(body.get("state", "")) or ERRORS.get(reply.status, "conflict")
        return word, _common(body)


class Hl7:
    """DFT^P03 over MLLP."""

    def __init__(self, town: Town) -> None:
        self._his = His(town)
        self._his.number = _numbers(town)

    def start(self, order: Body) -> Told:
        return self._told(self._his.ask("PRE", order=order))

    def pay(self, no: str, choice: Body) -> Told:
        fields = {2: choice["choice_no"], 3: no, 11: choice["kind"], 12: choice.get("auth_code", "")}
        return self._told(self._his.ask("PAY", zjs=fields))

    def cancel(self, no: str, body: Body) -> Told:
        return self._told(self._his.ask("CANCEL", zjs={2: body["request_no"], 3: no, 13: body["reason_code"]}))

    def refund(self, no: str, body: Body) -> Told:
        lines = "~".join(body.get("lines", []))
        fields = {2: body["request_no"], 3: no, 13: body["reason_code"], 14: lines}
        return self._told(self._his.ask("REFUND", zjs=fields))

    def show(self, no: str) -> Told:
        return self._told(self._his.ask("QUERY", zjs={3: no}))

    def _told(self, ack: Ack) -> Told:
        answer = ack.answer
        word = answer["state"]
        if word in ("malformed", "not_found", "conflict"):
            del answer["state"]  # JSON says it by its status
        return word, _common(answer)


SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SPACE = "urn:hospital-settlement:v1"
SOAP_PATH = "/soap/insurance"
WORD_OF = {"E-NO-SETTLEMENT": "not_found", "E-FIELD": "malformed", "E-BUSY": "busy", "E-SETTLED": "busy",
           "E-STORE": "later", "E-401": "unsigned", "E-403": "forbidden"}  # fmt: skip
"""A fault's code → the word; every other is a conflict."""


class Soap:
    """SOAP 1.1, signed; written and read without a SOAP library (tests/soap asks with one)."""

    def __init__(self, town: Town) -> None:
        self._town = town

    def start(self, order: Body) -> Told:
        return self._ask("PreSettle", order)

    def pay(self, no: str, choice: Body) -> Told:
        return self._ask("Settle", {"settlement_no": no, **choice})

    def cancel(self, no: str, body: Body) -> Told:
        return self._ask("Cancel", {"settlement_no": no, **body})

    def refund(self, no: str, body: Body) -> Told:
        return self._ask("Refund", {"settlement_no": no, **body})

    def show(self, no: str) -> Told:
        return self.query(settlement_no=no)

    def query(self, **numbers: str) -> Told:
        return self._ask("Query", numbers)

    def _ask(self, operation: str, body: Body) -> Told:
        text = (
            f'<e:Envelope xmlns:e="{SOAP11}"><e:Body><{operation} xmlns="{SPACE}">{_xml(body)}</{operation}>'
            "</e:Body></e:Envelope>"
        )
        data = text.encode()
        headers = [*self._town.signed("POST", SOAP_PATH, data, client=CLIENT), ("Content-Type", "text/xml")]
        reply = self._town.ask("POST", SOAP_PATH, data, headers=headers)
        root = ElementTree.fromstring(reply.body)  # noqa: S314 - the engine's own answer
        settlement = root.find(f".//{{{SPACE}}}settlement")
        if settlement is not None:
            answer = _plain(settlement)
            return str(answer["state"]), _common(answer)
        problem = root.find(f".//{{{SPACE}}}Problem")
        assert problem is not None, reply.body.decode()
        told = _plain(problem)
        reason = {name: told.pop(name) for name in ("code", "zh", "en", "side", "next", "next_en") if name in told}
        return WORD_OF.get(reason["code"], "conflict"), _common({**told, "reason": reason})


def _xml(tree: Any) -> str:
    rows = []
    for name, value in tree.items():
        for one in value if isinstance(value, list) else [value]:
            rows.append(f"<{name}>{_xml(one) if isinstance(one, dict) else escape(str(one))}</{name}>")
    return "".join(rows)


def _plain(node: ElementTree.Element) -> Any:
    """Elements as values; amounts are whole numbers."""
    if len(node) == 0:
        return node.text or ""
    made = {child.tag.rpartition("}")[2]: _plain(child) for child in node}
    if node.tag.endswith("}amounts"):
        return {name: int(value) for name, value in made.items()}
    if node.tag.endswith("}give_back"):
        return {**made, "amount": int(made["amount"])}
    return made


_used: dict[int, int] = {}


def _numbers(town: Town) -> int:
    """Message numbers of several systems of one client do not meet."""
    _used[id(town)] = _used.get(id(town), 0) + 1000
    return _used[id(town)]


def _common(body: Body) -> Body:
    """What all doors tell: the list of all fields at fault is the JSON door's own."""
    return {key: value for key, value in body.items() if key != "fields"}


WAYS: dict[str, Callable[[Town], Way]] = {"json": Json, "soap": Soap, "hl7": Hl7}
