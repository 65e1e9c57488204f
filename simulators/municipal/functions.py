"""A bridge beside an insurance library: its functions as SOAP operations, document/literal, 1.1 and 1.2.

The base of platforms that were only ever handed out as a COM object or a DLL. Persons, counters, books and acts are
those of the municipal platform; the wire is written by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from xml.sax.saxutils import escape

from simulators.base import soap
from simulators.base.menu import misfortune
from simulators.base.objection import Objection
from simulators.base.soap import Broken, fault
from simulators.base.wire import Req, Resp, text_resp
from simulators.municipal.party import MunicipalSim

Functions = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
Values = dict[str, str]
FAULTS = {
    "unsure": misfortune("答复结果未知（未执行）", "answers that the result is unknown (not executed)"),
    "unsure_after": misfortune("已执行，答复结果未知", "executed, answers that the result is unknown"),
    "soap_fault": misfortune("已执行，答复 SOAP Server 错误", "executed, answered with a SOAP Server fault"),
    "half_xml": misfortune("答复的 XML 不完整", "the XML of the reply is cut"),
    "empty_body": misfortune("答复为空", "an empty reply"),
    "bad_signature": misfortune("多出未说明的元素", "an element nobody described"),
    "wrong_amount": misfortune("金额多一分", "an amount one fen too much"),
}
BREAKS = frozenset({"unsure_after", "soap_fault", "half_xml", "empty_body"})


class FunctionSim(MunicipalSim):
    """Subclass it: its functions, `answered`, `refused`, `one_more`."""

    space: ClassVar[str] = ""
    path: ClassVar[str] = ""
    functions: ClassVar[Functions] = {}
    own_refusals = frozenset({"unsure"})
    own_breaks = BREAKS
    faults_said = FAULTS

    # What a subclass says

    def code_of(self, function: str, values: Values) -> str:
        """The operation's public name."""
        return function

    def answered(self, function: str, values: Values) -> Values:
        """Executes a function; its out parameters."""
        raise NotImplementedError

    def refused(self, kind: str, function: str, values: Values) -> Values:
        """A refusal or a not knowing in the platform's words; nothing is executed here."""
        raise NotImplementedError

    def one_more(self, body: bytes) -> bytes:
        """The true answer with an amount one fen too high."""
        raise NotImplementedError

    # The wire

    def op_of(self, req: Req) -> str:
        if req.method in ("GET", "HEAD"):
            return "wsdl" if "wsdl" in {name.lower() for name in req.query} else req.path
        try:
            _, function, values = self.asked(req)
        except Broken:
            return req.path
        return self.code_of(function, values)

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        """The in parameters."""
        try:
            return self.asked(req)[2]
        except Broken:
            return {}

    def serve(self, op: str, req: Req) -> Resp:
        if req.path != self.path:
            return text_resp("no such service", 404)
        if req.method in ("GET", "HEAD"):
            if op != "wsdl":
                return text_resp("use POST, or GET with ?wsdl", 405)
            return text_resp(self.service(f"http://{req.headers.get('host', '')}"), 200, "text/xml;charset=utf-8")
        if req.method != "POST":
            return text_resp("Method Not Allowed", 405)
        try:
            version, function, values = self.asked(req)
        except Broken as broken:
            self.objected(Objection(f"SOAP {broken.version}", str(broken), "Envelope"))
            return fault(broken.version, broken.who, str(broken))
        return self._reply(version, function, self.answered(function, values))

    def asked(self, req: Req) -> tuple[str, str, Values]:
        """(version, function, in parameters); Broken when it is no good envelope."""
        version, name, values = soap.asked(req, self.space)
        if name not in self.functions:
            raise Broken(f"没有这个方法,有{'、'.join(self.functions)}", version)
        if values.keys() != set(self.functions[name][0]):
            raise Broken(f"{name}的参数为{'、'.join(self.functions[name][0])}", version)
        return version, name, values

    def _reply(self, version: str, function: str, outs: Values) -> Resp:
        inner = "".join(f"<{name}>{escape(outs.get(name, ''))}</{name}>" for name in self.functions[function][1])
        element = f'<m:{function}Response xmlns:m="{self.space}">{inner}</m:{function}Response>'
        return soap.answered(version, element)

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        try:
            version, function, values = self.asked(req)
        except Broken as broken:
            return fault(broken.version, broken.who, str(broken))
        if resp is None or kind == "unsure_after":
            return self._reply(version, function, self.refused(kind, function, values))
        if kind == "soap_fault":
            return fault(version, "server", "java.lang.NullPointerException")
        body = resp.body
        if kind == "half_xml":
            body = body[: len(body) * 2 // 3].decode("utf-8", "ignore").encode("utf-8")
        elif kind == "empty_body":
            body = b""
        elif kind == "bad_signature":
            body = body.replace(b"</soap:Body>", b"<sign>0</sign></soap:Body>")
        else:
            body = self.one_more(body)
        return Resp(resp.status, body, resp.headers)

    def service(self, base_url: str) -> str:
        """The description, with the address it is asked at."""
        return described(self.name.capitalize(), self.space, f"{base_url}{self.path}", self.functions)

    def card(self, base_url: str) -> dict[str, Any]:
        """Address, functions and test persons."""
        made = super().card(base_url)
        functions = {name: {"in": list(given), "out": list(told)} for name, (given, told) in self.functions.items()}
        del made["method"], made["head"]
        where = {"path": self.path, "namespace": self.space, "wsdl": f"{base_url}{self.path}?wsdl"}
        return {**made, **where, "functions": functions}


def described(name: str, space: str, address: str, functions: Functions) -> str:
    """A WSDL of functions whose parameters are all texts."""
    types, messages, ports, bindings = [], [], [], {"soap": [], "soap12": []}  # type: ignore[var-annotated]  # lists of texts
    for function, (given, told) in functions.items():
        for element, names in ((function, given), (f"{function}Response", told)):
            inside = "".join(f'<xsd:element name="{one}" type="xsd:string"/>' for one in names)
            types.append(
                f'      <xsd:element name="{element}"><xsd:complexType><xsd:sequence>{inside}'
                "</xsd:sequence></xsd:complexType></xsd:element>"
            )
        for message, element in ((f"{function}Request", function), (f"{function}Reply", f"{function}Response")):
            messages.append(
                f'  <wsdl:message name="{message}">'
                f'<wsdl:part name="parameters" element="tns:{element}"/></wsdl:message>'
            )
        ports.append(
            f'    <wsdl:operation name="{function}"><wsdl:input message="tns:{function}Request"/>'
            f'<wsdl:output message="tns:{function}Reply"/></wsdl:operation>'
        )
        for prefix, rows in bindings.items():
            rows.append(
                f'    <wsdl:operation name="{function}"><{prefix}:operation soapAction="{space}/{function}"/>'
                f'<wsdl:input><{prefix}:body use="literal"/></wsdl:input>'
                f'<wsdl:output><{prefix}:body use="literal"/></wsdl:output></wsdl:operation>'
            )
    bound, placed = [], []
    for prefix, number in (("soap", "11"), ("soap12", "12")):
        bound += [
            f'  <wsdl:binding name="{name}Soap{number}" type="tns:{name}Port">',
            f'    <{prefix}:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>',
            *bindings[prefix], "  </wsdl:binding>",
        ]  # fmt: skip
        placed.append(
            f'    <wsdl:port name="{name}Soap{number}" binding="tns:{name}Soap{number}">'
            f'<{prefix}:address location="{address}"/></wsdl:port>'
        )
    return "\n".join([
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<wsdl:definitions name="{name}" targetNamespace="{space}" xmlns:tns="{space}"',
        '    xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"',
        '    xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:xsd="http://www.w3.org/2001/XMLSchema">',
        "  <wsdl:types>",
        f'    <xsd:schema targetNamespace="{space}" elementFormDefault="unqualified">', *types, "    </xsd:schema>",
        "  </wsdl:types>", *messages, f'  <wsdl:portType name="{name}Port">', *ports, "  </wsdl:portType>", *bound,
        f'  <wsdl:service name="{name}">', *placed, "  </wsdl:service>", "</wsdl:definitions>", "",
    ])  # fmt: skip
