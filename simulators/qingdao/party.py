"""The platform as a server: messages of 4096 bytes on its port, and the doors of every simulator beside them."""

from __future__ import annotations

from typing import Any, ClassVar

from simulators.base import townsfolk
from simulators.base.door import SimSite
from simulators.base.faults import CALLBACKS
from simulators.base.menu import Section
from simulators.base.objection import Objection
from simulators.base.party import SimParty
from simulators.base.wire import Req, Resp, text_resp
from simulators.base.world import SimWorld
from simulators.insurance.books import InsuranceLedger
from simulators.qingdao import said
from simulators.qingdao.business import HOSPITAL, NO_MONEY, TRANSACTIONS, NotPaid, Platform, Refusal
from simulators.qingdao.door import BothSite
from simulators.qingdao.wire import (
    BEGIN,
    BODY_AT,
    CODECS,
    END,
    HEADER,
    REPLIES,
    REQUESTS,
    SIZE,
    TRAILER_AT,
    Unreadable,
    fields,
    read,
    written,
)
from simulators.town import PERSONS

_GOOD = "00000"
_WORDS = f"words {TRAILER_AT - BODY_AT}C"
_ACTS = {
    "sign": "person", "unsign": "person", "admit": "person", "discharge": "person",
    "set_balance": "person, balance (fen)", "set": "charset, amounts",
}  # fmt: skip


class QingdaoSim(SimParty):
    """The platform of 2015: a personal account behind fixed-length messages.

    Own misfortunes: `offline` answers P0091 without executing; executed and then spoiled are `offline_after` (P0092),
    `short_reply` (96 bytes too few, then the connection closes), `long_reply` (100 too many), `wrong_end` (no ZZZZ),
    `half_character` (a field ends in the first half of a character), `wrong_number` (another call's).
    """

    name: ClassVar[str] = "qingdao"
    default_port: ClassVar[int] = 8713
    own_refusals: ClassVar[frozenset[str]] = frozenset({"offline"})
    own_breaks: ClassVar[frozenset[str]] = frozenset({
        "offline_after", "short_reply", "long_reply", "wrong_end", "half_character", "wrong_number",
    })
    title = said.TITLE
    ops_said = said.ops({code: title for code, (title, _) in TRANSACTIONS.items()})
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

    def site(self) -> SimSite:
        return BothSite(self)

    # What a request is

    def op_of(self, req: Req) -> str:
        """The message type; the path of a request that is no message."""
        kind = req.body[20:25].decode("ascii", "replace").strip()
        return kind if len(req.body) == SIZE and kind in TRANSACTIONS else req.path

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        """no (our number), and the texts of the body."""
        try:
            head, body = read(req.body, self.platform.charset)
        except Unreadable:
            return {}
        return {**body, "no": self._number(head)}

    def _number(self, head: dict[str, str]) -> str:
        return head["reserve"] or head["exchange"]

    # Serving

    def serve(self, op: str, req: Req) -> Resp:
        if req.method not in ("TCP", "POST"):
            return text_resp("messages of 4096 bytes, by TCP or POST", 405)
        try:
            head, body = read(req.body, self.platform.charset)
        except Unreadable as wrong:
            self.objected(Objection("E0001", str(wrong)))
            return self._refused(req, "E0001", str(wrong))
        try:
            if head["hospital"] != HOSPITAL:
                raise Refusal(f"医院编码{head['hospital']}不存在", "E0002")
            made = TRANSACTIONS[head["type"]][1](self.platform, self._number(head), body)
        except Refusal as refused:
            self.objected(Objection(refused.code, refused.text))
            return self._refused(req, refused.code, refused.text)
        except NotPaid as no:
            self.objected(Objection(no.state, no.text))
            made = {"state": no.state, "text": no.text}
        return self._answered(head, made)

    def _answered(self, head: dict[str, str], body: dict[str, Any]) -> Resp:
        zero = self.platform.told(0)
        spec = REPLIES[head["type"]]
        blank = {name: zero for name, _, _, kind in fields(spec, 0) if kind == "N"}
        return self._message({**head, "back": _GOOD}, {**blank, **body}, spec)

    def _refused(self, req: Req, code: str, text: str) -> Resp:
        """A refusal: the header as it came, and words in place of a body."""
        head = {}
        for name, at, size, _ in [*fields(HEADER, 4), ("exchange", TRAILER_AT, 100, "C")]:
            head[name] = req.body[at : at + size].decode("ascii", "ignore").strip()
        return self._message({**head, "back": code}, {"words": text}, _WORDS)

    def _message(self, head: dict[str, str], body: dict[str, Any], spec: str) -> Resp:
        data = written({**head, "received": self.world.stamp("%Y%m%d/%H%M%S/")}, body, spec, self.platform.charset)
        return Resp(200, data, {"Content-Type": "application/octet-stream"})

    # Misfortune

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        """Refusals in the platform's words, and true answers spoiled."""
        if resp is None:
            return self._no(kind, op, req)
        data = bytearray(resp.body)
        if kind == "offline_after":
            return self._refused(req, "P0092", "联机失败")
        if kind == "short_reply":
            del data[-96:]
        elif kind == "long_reply":
            data += b" " * 100
        elif kind in ("wrong_end", "bad_signature"):
            data[-4:] = b"    "
        elif kind == "wrong_number":
            at = next(at for name, at, _, _ in fields(HEADER, 4) if name == "reserve")
            data[at : at + 18] = b"209901010000000001"
        elif op in REPLIES:
            self._spoil(kind, op, data)
        return Resp(resp.status, bytes(data), resp.headers)

    def _spoil(self, kind: str, op: str, data: bytearray) -> None:
        for name, at, size, _ in fields(REPLIES[op], BODY_AT):
            if kind == "half_character" and name in ("text", "name"):
                data[at + size - 1] = 0xC7
            elif kind == "wrong_amount" and name in ("cost", "balance"):
                one_more = self.platform.fen(data[at : at + size].decode("ascii")) + 1
                data[at : at + size] = self.platform.told(one_more).rjust(size, "0").encode("ascii")

    def _no(self, kind: str, op: str, req: Req) -> Resp:
        if kind == "offline":
            return self._refused(req, "P0091", "联机失败,请脱机读卡")
        if kind == "token_expired":
            return self._refused(req, "E0009", "终端未签到")
        try:
            head, _ = read(req.body, self.platform.charset)
        except Unreadable as wrong:
            return self._refused(req, "E0001", str(wrong))
        if "state 4C" not in REPLIES[op]:
            return self._refused(req, "E0003", "业务处理失败")
        state, text = (NO_MONEY, "个人账户余额不足") if kind == "not_enough_balance" else ("0003", "业务处理失败")
        return self._answered(head, {"state": state, "text": text})

    # Other people

    def card(self, base_url: str) -> dict[str, Any]:
        """Address, codes, fields and test persons; the platform has no secret."""
        return {
            "base_url": base_url, "tcp": base_url.replace("http:", "tcp:"), "frame": SIZE,
            "begin": BEGIN.decode(), "end": END.decode(), "hospital": HOSPITAL,
            "charset": self.platform.charset, "amounts": self.platform.amounts,
            "transactions": {code: title for code, (title, _) in TRANSACTIONS.items()},
            "header": HEADER, "requests": REQUESTS, "replies": REPLIES,
            "persons": [{"id": p.id, "name": p.name, "id_no": p.id_no, "card_no": p.card_no} for p in PERSONS],
            "acts": _ACTS,
        }  # fmt: skip

    def sections(self) -> list[Section]:
        return said.sections(self)

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        """See `card`: what persons and the platform's own people do."""
        platform, act = self.platform, body.get("act")
        if act == "set":
            allowed = {"charset": tuple(CODECS), "amounts": ("yuan", "fen")}
            return townsfolk.switch(platform, {name: value for name, value in body.items() if name != "act"}, allowed)
        if act not in _ACTS:
            raise ValueError(f"unknown act {act!r}; known: {', '.join(_ACTS)}")
        return townsfolk.play(platform, act, body)
