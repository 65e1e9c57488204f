"""The bureau as a server: gate, envelope, sign-in, repeats, then the transaction."""

from __future__ import annotations

import re
import zlib
from typing import Any, ClassVar

from simulators.base.faults import CALLBACKS
from simulators.base.menu import Section
from simulators.base.objection import Objection
from simulators.base.party import SimParty
from simulators.base.wire import Req, Resp, json_resp
from simulators.base.world import SimWorld
from simulators.insurance import card, credential, said, signin
from simulators.insurance.acts import ACTS
from simulators.insurance.books import InsuranceLedger
from simulators.insurance.envelope import (
    Call,
    Malformed,
    business_text,
    failure,
    malformed,
    moment,
    open_envelope,
    success,
)
from simulators.insurance.fields import Refusal
from simulators.insurance.files import Download
from simulators.insurance.gateway import GATE_FORMS, Gateway
from simulators.insurance.money import load
from simulators.insurance.paths import PATHS, agrees
from simulators.insurance.registry import TRANSACTIONS, Transaction
from simulators.insurance.reverse import REPEATED
from simulators.insurance.settings import Settings
from simulators.insurance.spoil import spoil
from simulators.insurance.state import Bureau, Remembered

_INFNO = re.compile(rb'"infno"\s*:\s*"(\w{1,8})"')


class InsuranceSim(SimParty):
    """The national 两定 JSON interface of an invented bureau (医保), one hospital and its town."""

    name: ClassVar[str] = "insurance"
    default_port: ClassVar[int] = 8711
    own_refusals: ClassVar[frozenset[str]] = frozenset({"clock_skew"})
    own_breaks: ClassVar[frozenset[str]] = frozenset({
        "infcode_string", "warn_msg", "null_vs_empty", "wrong_refmsgid", "mojibake_name", "empty_body", "broken_file",
    })
    title = said.TITLE
    ops_said = said.ops({**{code: one.title for code, one in TRANSACTIONS.items()}, "ec.query": "电子凭证解码"})
    faults_said = said.FAULTS
    acts_said = said.ACTS
    meaningless = CALLBACKS

    def __init__(self, world: SimWorld) -> None:
        super().__init__(world)
        self.books = InsuranceLedger(world)
        self.ledger = self.books
        self.gateway = Gateway(world.signing)
        self.bureau = Bureau(world, self.books, Settings())
        self._parsed: tuple[bytes, Any] = (b"", None)

    def reset(self) -> None:
        """A new bureau with default switches; the gateway's profile and secrets stay."""
        self.bureau = Bureau(self.world, self.books, Settings())
        self.gateway.forget()

    def op_of(self, req: Req) -> str:
        """The transaction code (ec.query for the 电子凭证); the path when the body has none."""
        if self._credential(req):
            return "ec.query"
        found = _INFNO.search(req.body)
        return found.group(1).decode() if found else req.path

    def _credential(self, req: Req) -> bool:
        return credential.called(req.path, req.body, self.bureau.settings.path_template)

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        """no (msgid), opter, psn_no, mdtrt_id, bill (ipt_otp_no) and person (HIS number), as far as they are known."""
        message = self._message(req.body)
        if not isinstance(message, dict):
            return {}
        fields = {"no": str(message.get("msgid", "")), "opter": str(message.get("opter", ""))}
        given = message.get("input")
        nodes = list(given.values()) if isinstance(given, dict) else []
        for node in nodes:
            first = node[0] if isinstance(node, list) and node else node
            if isinstance(first, dict):
                fields |= {k: str(first[k]) for k in ("psn_no", "mdtrt_id", "omsgid") if first.get(k)}
                if first.get("ipt_otp_no"):
                    fields["bill"] = str(first["ipt_otp_no"])
        original = self.bureau.messages.get(fields.get("omsgid", ""))
        if original is not None and original.settlement is not None:  # 2601 names only the message
            fields["mdtrt_id"] = original.settlement.visit.mdtrt_id
        if visit := self.bureau.visits.get(fields.get("mdtrt_id", "")):
            fields["bill"] = visit.ipt_otp_no
        if person := self.bureau.by_psn_no.get(fields.get("psn_no", "")):
            fields["person"] = person.id
        return fields

    def _message(self, body: bytes) -> Any:
        """The body as JSON, parsed once a request; None when it is none."""
        if self._parsed[0] is not body:
            try:
                self._parsed = (body, load(body))
            except (ValueError, RecursionError):
                self._parsed = (body, None)
        return self._parsed[1]

    def serve(self, op: str, req: Req) -> Resp:
        """One call of the hospital."""
        if reason := self.gateway.check(req.headers, req.body):
            self.objected(Objection(f"gateway {self.gateway.profile}", reason, "HTTP headers",
                GATE_FORMS[self.gateway.profile]))
            return json_resp({"errcode": 401, "errmsg": reason}, 401)
        if req.method != "POST":
            return json_resp({"errcode": 405, "errmsg": "method not allowed"}, 405, {"Allow": "POST"})
        bureau = self.bureau
        if self._credential(req):
            reply = credential.answer(bureau, self._message(req.body))
            if not reply.body.startswith(b'{"code":0'):
                self.objected(Objection("ec.query", credential.reason_of(reply), "data", credential.FORM))
            return reply
        received = moment(bureau)
        try:
            message = self._message(req.body)
            known = self._transaction(message, req.path)
            call = open_envelope(message, bureau.settings, received)
        except Malformed as wrong:
            self.objected(wrong.objection("envelope", str(wrong)))
            return malformed(bureau, str(wrong))
        try:
            if known.needs_sign_no:
                signin.require(bureau, call)
            self._check_place(call)
            return self._once(known, call)
        except Refusal as refused:
            self.objected(refused.objection(f"{op} {refused.module}", refused.text))
            return failure(bureau, received, business_text(refused))

    def _transaction(self, message: Any, path: str) -> Transaction:
        infno = message.get("infno") if isinstance(message, dict) else None
        if not isinstance(message, dict):
            raise Malformed("报文格式错误")
        known = TRANSACTIONS.get(infno) if isinstance(infno, str) else None
        if known is None or not agrees(self.bureau.settings.path_template, str(infno), path):
            raise Malformed("未知交易编号")
        return known

    def _check_place(self, call: Call) -> None:
        if call.psn_no and call.insuplc != self.bureau.insured_at(call.psn_no):
            raise Refusal(f"参保地医保区划[{call.insuplc}]与人员参保地不一致", 1101)

    def _once(self, known: Transaction, call: Call) -> Resp:
        """A msgid takes effect once: its repeat gets the stored answer, other content is refused."""
        bureau = self.bureau
        before = bureau.messages.get(call.msgid)
        if before is not None and before.digest != call.digest:
            raise Refusal("发送方报文ID重复", 4002)
        if call.msgid in bureau.tombstones:
            raise Refusal(REPEATED, 4003)
        if before is not None and before.answer is not None:
            return Resp(200, zlib.decompress(before.answer), {"Content-Type": "application/json;charset=utf-8"})
        noted = bureau.messages[call.msgid] = Remembered(call.digest, None, call.psn_no, call.infno)
        try:
            output = known.run(bureau, call)
            if isinstance(output, Download):
                headers = {"Content-Disposition": f'attachment; filename="{output.name}"'}
                return Resp(200, output.content, {"Content-Type": "application/octet-stream", **headers})
            reply = success(bureau, call, output)
        except Refusal as refused:
            self.objected(refused.objection(f"{call.infno} {refused.module}", refused.text))
            reply = failure(bureau, call.received, business_text(refused))
        if known.changes:
            noted.answer = zlib.compress(reply.body, 1)
        return reply

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        """Refusals in the bureau's words, and true replies spoiled."""
        if resp is not None:
            return spoil(kind, resp)
        if kind == "clock_skew":  # it is the gateway's clock, not the bureau's, and stands before every door
            return json_resp({"errcode": 401, "errmsg": "timestamp expired"}, 401)
        if op == "ec.query":
            return credential.refused(*credential.WRONG_CODE)
        refused = {
            "token_expired": Refusal(signin.EXPIRED, 9001),
            "not_enough_balance": Refusal("个人账户余额不足", 4517),
        }.get(kind, Refusal("业务处理失败,请联系经办机构", 4999))
        return failure(self.bureau, moment(self.bureau), business_text(refused))

    def card(self, base_url: str) -> dict[str, Any]:
        """Everything an outside client needs; see `card.card`."""
        return card.card(self.bureau, self.gateway, base_url)

    def sections(self) -> list[Section]:
        return said.sections(self)

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        """One of `ACTS`, named by `act`."""
        act = ACTS.get(str(body.get("act")))
        if act is None:
            raise ValueError(f"unknown act {body.get('act')!r}; known: {', '.join(ACTS)}")
        return act(self, body)


assert PATHS.keys() == TRANSACTIONS.keys(), "each transaction has its path"
