"""医保移动支付 as a server: five signed and hidden transactions, and a notice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from simulators.base.menu import Section
from simulators.base.party import ActRefused, SimParty
from simulators.base.wire import Req, Resp, text_resp
from simulators.base.world import SimWorld
from simulators.insurance.books import InsuranceLedger
from simulators.mobile_pay import said
from simulators.mobile_pay.book import (
    FAILED,
    ORDERED,
    REVOKED,
    SETTLED,
    Body,
    Book,
    Order,
    fen,
    person_of,
    told,
    yuan,
)
from simulators.mobile_pay.courier import PATH, Courier
from simulators.mobile_pay.envelope import Identity, Refusal, refused
from simulators.mobile_pay.settings import Settings
from simulators.town import FIXMEDINS_CODE, PERSONS

PATHS = {
    "/org/local/api/hos/uldFeeInfo": "6201", "/org/local/api/hos/pay_order": "6202",
    "/org/local/api/hos/refund_Order": "6203", "/org/local/api/hos/query_order_info": "6301",
    "/org/local/api/hos/revoke_order": "6401",
}  # fmt: skip
# What must be filled, besides what is checked by its meaning.
NEEDED = {
    "6201": ("orgCodg", "medOrgOrd", "begntime", "idNo", "userName", "idType", "iptOtpNo", "deptName", "deptCode",
             "atddrNo", "drName", "medType", "feeType", "medfeeSumamt", "acctUsedFlag", "chrgBchno", "uldLatlnt",
             "feedetailList"),
    "6202": ("orgCodg", "payOrdId", "payToken", "payAuthNo", "orgBizSer"),
    "6203": ("payOrdId", "appRefdSn", "appRefdTime", "totlRefdAmt", "psnAcctRefdAmt", "fundRefdAmt", "cashRefdAmt",
             "refdType"),
    "6301": ("payOrdId", "orgCodg", "payToken", "idNo", "userName", "idType"),
    "6401": ("payOrdId", "orgCodg", "payToken", "idNo", "userName", "idType"),
}  # fmt: skip
_REFUSED = {
    "refuse_business": ("30001", "业务处理失败，请稍后重试"), "not_enough_balance": ("30002", "账户余额不足"),
    "token_expired": ("20001", "支付授权码无效或已过期"),
}  # fmt: skip
_AMOUNTS = ("feeSumamt", "ownPayAmt")


class MobilePaySim(SimParty):
    """The mobile payment platform of one hospital's app: 6201, 6202, 6203, 6301, 6401, and 6302 outwards."""

    name: ClassVar[str] = "mobile_pay"
    default_port: ClassVar[int] = 8714
    own_refusals: ClassVar[frozenset[str]] = frozenset({"refund_fail"})
    own_breaks: ClassVar[frozenset[str]] = frozenset({"unsigned", "odd_state", "refund_exp"})
    title = said.TITLE
    ops_said = said.OPS
    faults_said = said.FAULTS
    acts_said = said.ACTS

    def __init__(self, world: SimWorld) -> None:
        super().__init__(world)
        self.identity = Identity(world)
        self.books = InsuranceLedger(world)
        self.ledger = self.books
        self.reset()

    def reset(self) -> None:
        """No orders, ordinary settings."""
        self.settings = Settings()
        self.book = Book(self.world, self.books)
        self.courier = Courier(self)
        self.doors: dict[str, Callable[[Body], Body]] = {
            "6201": self._upload, "6202": self._order, "6203": self._refund, "6301": self._state,
            "6401": self._revoke,
        }  # fmt: skip

    def op_of(self, req: Req) -> str:
        return PATHS.get(req.path, req.path)

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        """no (the hospital's number), refund_no, person (HIS number)."""
        try:
            body = self.identity.opened(req.json, self.settings)
        except Refusal:
            return {}
        order = self.book.orders.get(str(body.get("payOrdId", "")))
        found = {"no": order.med_org_ord if order else str(body.get("medOrgOrd", ""))}
        if order is not None:
            found["person"] = order.person.id
        if "appRefdSn" in body:
            found["refund_no"] = str(body["appRefdSn"])
        return found

    def serve(self, op: str, req: Req) -> Resp | Deferred[Resp]:
        if op not in self.doors:
            return text_resp("Not Found", 404)
        if req.method != "POST":
            return text_resp("Method Not Allowed", 405)
        try:
            body = self._checked(op, self.identity.opened(req.json, self.settings))
            answer = self.identity.answer(self.doors[op](body), self.settings)
        except Refusal as no:
            self.objected(no.objection(no.code, no.text))
            return refused(no)
        return self._early(body, answer) if op == "6202" else answer

    def _checked(self, op: str, body: Body) -> Body:
        for name in NEEDED[op]:
            if body.get(name) in (None, "", []):
                raise Refusal("10002", f"参数{name}不能为空").at(name, "filled")
        if op != "6203" and body["orgCodg"] != FIXMEDINS_CODE:
            wrong = Refusal("10008", f"定点医药机构{body['orgCodg']}不存在")
            raise wrong.at("orgCodg", FIXMEDINS_CODE, body["orgCodg"])
        if op == "6201" and (bool(body.get("ecToken")) == bool(body.get("payAuthNo"))):
            raise Refusal("10009", "ecToken与payAuthNo必须且只能传一个").at("payAuthNo", "one of the two")
        return body

    # The transactions

    def _upload(self, body: Body) -> Body:
        content = json.dumps({k: v for k, v in body.items() if k != "uldLatlnt"}, sort_keys=True, default=str)
        order = self.book.upload(body, content, self.settings.order_seconds)
        return {"payOrdId": order.number, "payToken": order.token, "extData": {"mdtrtId": f"MD{order.number[3:]}"}}

    def _order(self, body: Body) -> Body:
        order = self.book.find(body["payOrdId"], body["payToken"])
        if self.book.holder(body["payAuthNo"]) is not order.person:
            raise Refusal("20003", "授权人与就诊人不一致").at("payAuthNo", "of the same person")
        if order.state == SETTLED:
            return told(order)
        self.book.place(order, mixed=self.settings.cash == "wechat")
        if self.settings.auto_pay >= 0:
            self.later(self.settings.auto_pay, self._paid_by_itself, order)
        return told(order)

    def _paid_by_itself(self, order: Order) -> None:
        self.book.age(order)
        if order.state == ORDERED and not order.mixed:
            self.pay(order)

    def settle_mixed(self, number: str, *, late: bool = False) -> bool:
        """What WeChat asks when a mixed order is paid: fund and account of this payOrdId. False: not to be had. `late`:
        it was asked before the order ended here."""
        order = self.book.orders.get(number)
        if order is None or not order.mixed:
            return False
        self.book.age(order)
        if order.state != ORDERED and not (late and order.state in (FAILED, REVOKED)):
            return False
        self.pay(order)
        return True

    def _refund(self, body: Body) -> Body:
        return self.book.refund(self.book.find(body["payOrdId"]), body)

    def _state(self, body: Body) -> Body:
        return told(self.book.find(body["payOrdId"], body["payToken"]))

    def _revoke(self, body: Body) -> Body:
        order = self.book.find(body["payOrdId"], body["payToken"])
        self.book.revoke(order)
        return {"payOrdId": order.number}

    def pay(self, order: Order) -> None:
        """The patient pays; the hospital is told."""
        self.book.pay(order)
        self.courier.tell(order)

    def _early(self, body: Body, answer: Resp) -> Resp | Deferred[Resp]:
        """Fault callback_before_reply: paid and told before the order is answered, which then says so."""
        order = self.book.orders[body["payOrdId"]]
        if order.state != ORDERED or order.mixed or not self.faults.take(
            "6202", {"callback_before_reply"}, lambda: {"no": order.med_org_ord}
        ):
            return answer
        self.book.pay(order)
        return self.courier.tell_now(order).addBoth(lambda _: answer)

    # Misfortune

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        if resp is None:
            if kind == "refund_fail":
                return self.identity.answer({"refStatus": "FAIL"}, self.settings)
            return refused(Refusal(*_REFUSED[kind]))
        form = json.loads(resp.body)
        if "encData" not in form:
            return resp
        data = self._own(form)
        if kind == "odd_state" and "ordStas" in data:
            data["ordStas"] = "99"
        elif kind == "refund_exp" and "refStatus" in data:
            data["refStatus"] = "EXP"
        elif kind == "wrong_amount":
            data |= {name: yuan(fen(data[name]) + 1) for name in _AMOUNTS if name in data}
        return self.identity.answer(data, self.settings, kind if kind in ("bad_signature", "unsigned") else "")

    def _own(self, form: Body) -> Body:
        """The data of an answer of our own."""
        return dict(self.identity.plain(form, self.settings))

    # Other people

    def card(self, base_url: str) -> dict[str, Any]:
        who = self.identity
        return {
            "base_url": base_url, "org_code": FIXMEDINS_CODE, "app_id": who.app_id, "app_secret": who.app_secret,
            "private_key": who.hospital.private_text, "public_key": who.hospital.public_text,
            "platform_key": who.platform.public_text, **who.hospital.forms("private_key", private=True),
            **who.hospital.forms("public_key"), **who.platform.forms("platform_key"),
            "paths": {op: path for path, op in PATHS.items()},
            "notify_url": self.courier.address or PATH, "settings": vars(self.settings),
            "persons": [{"id": p.id, "name": p.name, "id_no": p.id_no} for p in PERSONS if p.insurance],
        }  # fmt: skip

    def sections(self) -> list[Section]:
        return said.sections(self)

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        """authorize, pay, cancel, fail, callback_again, state, set."""
        kind = body.get("act")
        if kind == "set":
            self.settings.change({name: value for name, value in body.items() if name != "act"})
            return {"settings": vars(self.settings)}
        if kind == "authorize":
            person = person_of(str(body.get("person", "")))
            if person is None:
                raise ValueError(f"person: no {body.get('person')!r} in the town")
            if not any(row.status == "1" for row in person.insurance):
                raise ActRefused("未查询到有效参保信息")
            return {"person": person.id, "pay_auth_no": self.book.grant(person, self.settings.token_seconds)}
        if kind not in ("pay", "cancel", "fail", "callback_again", "state"):
            raise ValueError(f"unknown act {kind!r}; there are {', '.join(act.name for act in self.acts_said)}")
        number = str(body.get("no", ""))
        order = self.book.by_hospital.get(number) or self.book.orders.get(number)
        if order is None:
            raise ActRefused("查无此订单")
        self.book.age(order)
        return self._acted(kind, order)

    def _acted(self, kind: str, order: Order) -> dict[str, Any]:
        if kind == "callback_again":
            if order.state != SETTLED:
                raise ActRefused("订单未支付，没有可通知的结果")
            self.courier.tell(order)
        elif kind == "pay":
            if order.state != ORDERED or order.mixed:
                raise ActRefused("订单不在待支付状态" if not order.mixed else "混合订单由微信收款")
            self.pay(order)
        elif kind in ("cancel", "fail"):
            if order.state == SETTLED:
                raise ActRefused("订单已支付")
            self.book.fail(order)
        return {**told(order), "no": order.med_org_ord, "state": order.state}
