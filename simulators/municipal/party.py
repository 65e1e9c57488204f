"""The platform as a server: `GET …?wsdl`, and one method behind `POST`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any, ClassVar

from simulators.base import townsfolk
from simulators.base.faults import CALLBACKS
from simulators.base.menu import Section
from simulators.base.objection import Objection
from simulators.base.party import SimParty
from simulators.base.soap import Broken, fault
from simulators.base.wire import Req, Resp, text_resp
from simulators.base.world import SimWorld
from simulators.insurance.books import InsuranceLedger
from simulators.municipal import said
from simulators.municipal.business import TRANSACTIONS, Call, Transaction
from simulators.municipal.envelope import (
    ENCODINGS,
    Asked,
    Unreadable,
    opened,
    parsed,
    reply,
    written,
)
from simulators.municipal.fields import HEAD, LISTS, SERIAL, SPECS, Refusal, checked, fen, row_of, yuan
from simulators.municipal.state import NO_CYCLE, Platform, Remembered
from simulators.town import FIXMEDINS_CODE, PERSONS

PATH = "/services/InsuranceService"
_SERVICE = (files("simulators.municipal") / "service.wsdl").read_text(encoding="utf-8")
_REFUSALS = {
    "refuse_business": (-10, "业务处理失败,请联系经办机构"),
    "not_enough_balance": (-11, "个人账户余额不足"),
    "token_expired": (NO_CYCLE, "业务周期号无效或已过期,请重新签到"),
    "unsure": (-6, "交易结果未知,请用原流水号查询"),
}
_ACTS = {
    "sign": "person", "unsign": "person", "admit": "person", "discharge": "person",
    "set_balance": "person, balance (fen)", "set": "encoding, reverse_of_unknown", "expire_signin": "",
}
_TEXT_CODES = {"unreadable": -1, "repeated": -12, "reversed": -13}


class MunicipalSim(SimParty):
    """The municipal insurance of the invented town: its own counters, nothing shared with the national platform.

    Own misfortunes: `unsure` answers "result unknown" without executing; executed and then spoiled are
    `soap_fault` (a Server fault), `wrong_namespace`, `half_xml` (well delivered, not well-formed), `empty_body`,
    `mojibake_name` (UTF-8 read as GBK), `inner_utf8` (the inner document declares another character set).
    """

    name: ClassVar[str] = "municipal"
    default_port: ClassVar[int] = 8712
    own_refusals: ClassVar[frozenset[str]] = frozenset({"unsure", "client_fault"})
    own_breaks: ClassVar[frozenset[str]] = frozenset({
        "soap_fault", "wrong_namespace", "half_xml", "empty_body", "mojibake_name", "inner_utf8",
    })
    title = said.TITLE
    ops_said = said.ops({code: one.title for code, one in TRANSACTIONS.items()})
    faults_said = said.FAULTS
    acts_said = said.ACTS
    meaningless = CALLBACKS

    def __init__(self, world: SimWorld) -> None:
        super().__init__(world)
        self.books = InsuranceLedger(world)
        self.ledger = self.books
        self.platform = Platform(world, self.books)

    def reset(self) -> None:
        self.platform = Platform(self.world, self.books)

    # What a request is

    def op_of(self, req: Req) -> str:
        """The transaction code; `wsdl`, or the path when the body has none."""
        if req.method in ("GET", "HEAD"):
            return "wsdl" if "wsdl" in {name.lower() for name in req.query} else req.path
        try:
            return opened(req).code or req.path
        except Broken:
            return req.path

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        """no (serial number), operator, mzlsh, person (HIS number), and the texts of the body."""
        try:
            head, body = parsed(opened(req).text, ENCODINGS, LISTS)
        except (Broken, Unreadable):
            return {}
        found = {name: value for name, value in body.items() if isinstance(value, str)}
        found |= {"no": str(head.get("jylsh", "")), "operator": str(head.get("czybh", ""))}
        if visit := self.platform.visits.get(found.get("mzlsh", "")):
            found["person"] = visit.person.id
        elif person := self.platform.by_number.get(found.get("grbh", "")):
            found["person"] = person.id
        return found

    # Serving

    def serve(self, op: str, req: Req) -> Resp:
        if req.path != PATH:
            return text_resp("no such service", 404)
        if req.method in ("GET", "HEAD"):
            if op != "wsdl":
                return text_resp("use POST, or GET with ?wsdl", 405)
            return text_resp(self.service(f"http://{req.headers.get('host', '')}"), 200, "text/xml;charset=utf-8")
        if req.method != "POST":
            return text_resp("Method Not Allowed", 405)
        try:
            asked = opened(req)
        except Broken as broken:
            self.objected(Objection(f"SOAP {broken.version}", str(broken), "Envelope"))
            return fault(broken.version, broken.who, str(broken))
        return reply(asked.version, self._answered(asked))

    def service(self, base_url: str) -> str:
        """The description, with the address it is asked at."""
        return _SERVICE.replace("@ADDRESS@", f"{base_url}{PATH}")

    def _answered(self, asked: Asked) -> str:
        serial = ""
        try:
            try:
                given, body = parsed(asked.text, ENCODINGS, LISTS)
            except Unreadable as wrong:
                raise Refusal(str(wrong), _TEXT_CODES["unreadable"]) from None
            serial = str(given.get("jylsh", ""))
            head = checked(HEAD, given)
            known = self._known(asked, head)
            return self._said(0, "成功", serial, self._once(known, head, body))
        except Refusal as refused:
            self.objected(refused.objection(str(refused.code), refused.text))
            return self._said(refused.code, refused.text, serial, {})

    def _known(self, asked: Asked, head: dict[str, Any]) -> Transaction:
        if head["jybh"] != asked.code:
            raise Refusal("transCode与jybh不一致", -1)
        if head["yljgbh"] != FIXMEDINS_CODE:
            raise Refusal(f"医疗机构编号[{head['yljgbh']}]不存在", -1)
        if not SERIAL.fullmatch(head["jylsh"]):
            raise Refusal("交易流水号应为14位时间加4位序号", -1)
        known = TRANSACTIONS.get(asked.code)
        if known is None:
            raise Refusal(f"未知交易编号[{asked.code}]", -1)
        return known

    def _once(self, known: Transaction, head: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """A serial number takes effect once: its repeat gets the stored answer, other content is refused."""
        platform, serial = self.platform, head["jylsh"]
        cycle = platform.cycle(head["ywzqh"]) if known.needs_cycle else None
        body = checked(SPECS[head["jybh"]], given)
        content = json.dumps([head["jybh"], body], sort_keys=True, ensure_ascii=False).encode()
        digest = hashlib.blake2b(content, digest_size=16).digest()
        note = Remembered(head["jybh"], digest, {}, 0, "", "1")
        call = Call(head["jybh"], serial, head["czybh"], body, cycle, note)
        if not known.changes:
            return known.run(platform, call)
        if serial in platform.buried:
            raise Refusal("该交易流水号已冲正,不能再次提交", _TEXT_CODES["reversed"])
        before = platform.serials.get(serial)
        if before is not None:
            if before.digest != digest:
                raise Refusal("交易流水号重复", _TEXT_CODES["repeated"])
            if before.appcode:
                raise Refusal(before.appmsg, before.appcode)
            return dict(before.answer)
        platform.serials[serial] = note
        try:
            note.answer = known.run(platform, call)
        except Refusal as refused:
            note.appcode, note.appmsg, note.state = refused.code, refused.text, "9"
            raise
        return dict(note.answer)

    def _said(self, code: int, text: str, serial: str, body: dict[str, Any]) -> str:
        encoding = self.platform.encoding
        made = written({"appcode": str(code), "appmsg": text, "jylsh": serial}, body, encoding)
        # What a platform behind a GBK database does with a rare name
        return made.encode("gbk", "replace").decode("gbk") if encoding == "GBK" else made

    # Misfortune

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        """Refusals in the platform's words, and true replies spoiled."""
        if resp is None:
            try:
                asked = opened(req)
            except Broken as broken:
                return fault(broken.version, broken.who, str(broken))
            if kind == "client_fault":
                return fault(asked.version, "client", "未授权的调用")
            return reply(asked.version, self._said(*_REFUSALS[kind], "", {}))
        if kind == "soap_fault":
            version = "1.2" if resp.headers["Content-Type"].startswith("application/") else "1.1"
            return fault(version, "server", "java.lang.NullPointerException")
        return Resp(resp.status, _SPOIL[kind](resp.body), resp.headers)

    # Other people

    def card(self, base_url: str) -> dict[str, Any]:
        """Address, codes and test persons; the platform has no secret."""
        return {
            "base_url": base_url, "path": PATH, "wsdl": f"{base_url}{PATH}?wsdl", "method": "callService",
            "transactions": {code: one.title for code, one in TRANSACTIONS.items()},
            "fields": {code: list(spec) for code, spec in SPECS.items()}, "head": list(HEAD),
            "rows": {code: list(inside) for code, spec in SPECS.items() if (inside := row_of(spec))},
            "hospital": FIXMEDINS_CODE, "operator": "K01", "encoding": self.platform.encoding,
            **said.catalogue(self.platform),
            "persons": [{"id": p.id, "name": p.name, "id_no": p.id_no, "card_no": p.card_no, "card_sn": p.card_sn}
                        for p in PERSONS],
            "acts": _ACTS,
        }  # fmt: skip

    def sections(self) -> list[Section]:
        return said.sections(self)

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        """See `card`: what persons and the platform's own people do."""
        platform, act = self.platform, body.get("act")
        if act == "expire_signin":
            count = len(platform.cycles)
            platform.cycles.clear()
            return {"expired": count}
        if act == "set":
            allowed = {"encoding": tuple(ENCODINGS), "reverse_of_unknown": ("bury", "error")}
            return townsfolk.switch(platform, {name: value for name, value in body.items() if name != "act"}, allowed)
        if act not in _ACTS:
            raise ValueError(f"unknown act {act!r}; known: {', '.join(_ACTS)}")
        return townsfolk.play(platform, act, body)


def _one_fen_more(body: bytes) -> bytes:
    """The patient's cash, told one fen too high."""
    start, end = body.find(b"<xjzf>"), body.find(b"</xjzf>")
    if start < 0:
        return body
    amount = yuan(fen(body[start + 6 : end].decode()) + 1)
    return body[: start + 6] + amount.encode() + body[end:]


def _mojibake(body: bytes) -> bytes:
    start, end = body.find(b"<xm>"), body.find(b"</xm>")
    if start < 0:
        return body
    return body[: start + 4] + body[start + 4 : end].decode("gbk", "replace").encode("utf-8") + body[end:]


_SPOIL: dict[str, Callable[[bytes], bytes]] = {
    "bad_signature": lambda body: body.replace(b"</outputXml>", b"</outputXml><sign>0</sign>"),
    "wrong_amount": _one_fen_more,
    "wrong_namespace": lambda body: body.replace(b"municipal.example/insurance", b"municipal.example/other"),
    "half_xml": lambda body: body[: len(body) * 2 // 3].decode("utf-8", "ignore").encode("utf-8"),
    "empty_body": lambda body: b"",
    "mojibake_name": _mojibake,
    "inner_utf8": lambda body: body.replace(b'encoding="GB18030"', b'encoding="ISO-8859-1"'),
}
