"""医保自费混合支付 (`/v3/med-ins`): mixed orders, their payers and notice, and what the hospital tells of refunds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulators.base.ledger import Row
from simulators.base.wire import Req
from simulators.mobile_pay import MobilePaySim
from simulators.wechat.courier import Notice
from simulators.wechat.fields import RFC3339, TRADE_NO, URL, Flag, Node, Rows, Text, Whole, check
from simulators.wechat.forms import beijing
from simulators.wechat.reasons import Refusal

if TYPE_CHECKING:
    from simulators.wechat.party import WeChatSim

PATH = "/v3/med-ins/orders"
BY_NO, BY_MIX = f"{PATH}/out-trade-no/", f"{PATH}/mix-trade-no/"
NOTIFY = "/v3/med-ins/refunds/notify"
_PERSON = {
    "name": Text("姓名", 1024, need=True), "id_digest": Text("证件摘要", 1024, need=True),
    "card_type": Text("证件类型", 32, need=True, choices=("ID_CARD", "HOUSEHOLD_REGISTRATION", "PASSPORT")),
}
_FEES = ("med_ins_gov_fee", "med_ins_self_fee", "med_ins_other_fee", "med_ins_cash_fee", "wechat_pay_cash_fee")
SPEC = Node("医保自费混合下单", {
    "mix_pay_type": Text("混合支付类型", 32, need=True, choices=("CASH_ONLY", "INSURANCE_ONLY", "CASH_AND_INSURANCE")),
    "order_type": Text("订单类型", 32, need=True, choices=(
        "REG_PAY", "DIAG_PAY", "COVID_EXAM_PAY", "IN_HOSP_PAY", "PHARMACY_PAY", "INSURANCE_PAY", "INT_REG_PAY",
        "INT_RE_DIAG_PAY", "INT_RX_PAY", "COVID_ANTIGEN_PAY", "MED_PAY")),
    "appid": Text("公众号ID", 32, need=True), "openid": Text("用户标识", 128, need=True),
    "payer": Node("支付人身份信息", _PERSON, need=True), "pay_for_relatives": Flag("是否代亲属支付"),
    "relative": Node("亲属身份信息", _PERSON),
    "out_trade_no": Text("商户订单号", 64, 6, need=True, pattern=TRADE_NO),
    "serial_no": Text("医疗机构订单号", 40, need=True),
    "pay_order_id": Text("医保局支付单ID", 64), "pay_auth_no": Text("医保局支付授权码", 64),
    "geo_location": Text("定位信息", 40), "city_id": Text("城市ID", 8, need=True),
    "med_inst_name": Text("医疗机构名称", 128, need=True), "med_inst_no": Text("医疗机构编码", 32, need=True),
    "med_ins_order_create_time": Text("医保下单时间", 64, need=True, pattern=RFC3339),
    "total_fee": Whole("总金额", 1, need=True), **{name: Whole(name) for name in _FEES},
    "cash_add_detail": Rows("现金补充", Node("现金补充", {
        "cash_add_fee": Whole("现金补充金额", need=True), "cash_add_type": Text("现金补充类型", 32, need=True)})),
    "cash_reduce_detail": Rows("现金减免", Node("现金减免", {
        "cash_reduce_fee": Whole("现金减免金额", need=True), "cash_reduce_type": Text("现金减免类型", 32, need=True)})),
    "callback_url": Text("回调通知url", 256, need=True, pattern=URL), "prepay_id": Text("自费预下单ID", 64),
    "passthrough_request_content": Text("透传数据", 2048), "extends": Text("扩展字段", 2048),
    "attach": Text("附加数据", 128), "channel_no": Text("渠道号", 32), "med_ins_test_env": Flag("测试环境"),
})  # fmt: skip
_BACK = ("med_refund_gov_fee", "med_refund_self_fee", "med_refund_other_fee")
REFUND = Node("医保退款通知", {
    "med_refund_total_fee": Whole("医保退款总金额", need=True), **{name: Whole(name, need=True) for name in _BACK},
    "refund_time": Text("退款成功时间", 64, need=True, pattern=RFC3339),
    "out_refund_no": Text("商户退款单号", 64, need=True),
})  # fmt: skip


@dataclass
class Mixed:
    """One mixed order. `state`: CREATED, SUCCESS, REFUND or FAIL; `told`: fen of insurance money said to be back."""

    number: str
    body: dict[str, Any]
    print_: bytes
    row: Row
    state: str = "CREATED"
    paid_at: float = 0.0
    told: dict[str, int] = field(default_factory=dict)

    @property
    def insured(self) -> int:
        return sum(self.body.get(name, 0) for name in _FEES[:3])

    @property
    def cash(self) -> int:
        return int(self.body.get("wechat_pay_cash_fee", 0))


class MedIns:
    """The doors of `/v3/med-ins`."""

    def __init__(self, party: WeChatSim) -> None:
        self.party = party
        self.orders: dict[str, Mixed] = {}
        self.by_number: dict[str, Mixed] = {}

    def order(self, req: Req) -> dict[str, Any]:
        """POST /v3/med-ins/orders; its repeat is the same order."""
        body = check(SPEC, req.json)
        if body["appid"] != self.party.identity.appid:
            raise Refusal("appid")
        for name in ("payer", "relative"):
            if name in body:
                self.party.v3.money.opened(req, body[name]["name"], f"{name}/name")
                self.party.v3.money.opened(req, body[name]["id_digest"], f"{name}/id_digest")
        self._sums(body)
        plain = {name: value for name, value in body.items() if name not in ("payer", "relative")}
        print_ = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).digest()
        before = self.orders.get(body["out_trade_no"])
        if before is not None:
            if before.state != "CREATED":
                raise Refusal("paid")
            if before.print_ != print_:
                raise Refusal("differs")
            return self.form(before)
        number = f"{self.party.world.stamp('%Y%m%d%H%M%S')}{self.party.world.rng.randrange(10**14):014d}"
        row = self.party.ledger.add(
            "order", no=body["out_trade_no"], party_no=number, amount=body["total_fee"], state="open",
            bill=body.get("attach", ""),
        )
        made = self.orders[body["out_trade_no"]] = self.by_number[number] = Mixed(number, body, print_, row)
        return self.form(made)

    def _sums(self, body: dict[str, Any]) -> None:
        gov, own, other, due, cash = (body.get(name, 0) for name in _FEES)
        less = sum(row["cash_reduce_fee"] for row in body.get("cash_reduce_detail", ()))
        more = sum(row["cash_add_fee"] for row in body.get("cash_add_detail", ()))
        if not body["total_fee"] == gov + own + other + cash + less == gov + own + other + due + more:
            raise Refusal("param", "金额校验不通过，请检查total_fee与各项金额之和").at(
                "total_fee", "the sum of the parts", body["total_fee"])  # fmt: skip
        kind, insured = body["mix_pay_type"], gov + own + other + due > 0
        fits = {"CASH_ONLY": not insured and cash, "INSURANCE_ONLY": not cash, "CASH_AND_INSURANCE": insured and cash}
        if not fits[kind]:
            raise Refusal("param", "mix_pay_type与金额不匹配").at("mix_pay_type", "one that fits the amounts", kind)
        if kind != "CASH_ONLY" and not (body.get("pay_order_id") and body.get("pay_auth_no")):
            raise Refusal("param", "医保下单须有pay_order_id与pay_auth_no").at("pay_order_id", "filled")
        if not cash:
            return
        order = self.party.book.orders.get(body["out_trade_no"])
        if order is None or order.code != body.get("prepay_id") or order.terms.total != cash:
            raise Refusal("param", "prepay_id与out_trade_no或金额不一致").at(
                "prepay_id", "the cash order's of this number and amount", body.get("prepay_id"))  # fmt: skip

    def query(self, req: Req) -> dict[str, Any]:
        """GET by out-trade-no or mix-trade-no."""
        if req.path.startswith(BY_NO):
            return self.form(self.find(req.path[len(BY_NO) :]))
        found = self.by_number.get(req.path[len(BY_MIX) :])
        if found is None:
            raise Refusal("no_order")
        return self.form(found)

    def find(self, no: str) -> Mixed:
        """By out_trade_no; Refusal no_order. One whose cash order was closed has failed."""
        found = self.orders.get(no)
        if found is None:
            raise Refusal("no_order")
        if found.state == "CREATED" and found.cash and self.party.book.find(no).state == "CLOSED":
            self.fail(found)
        return found

    def refunded(self, req: Req) -> None:
        """POST /v3/med-ins/refunds/notify: the hospital tells that insurance money was given back."""
        body = check(REFUND, req.json)
        found = self.by_number.get(req.query.get("mix_trade_no", ""))
        if found is None:
            raise Refusal("no_order")
        if body["med_refund_total_fee"] != sum(body[name] for name in _BACK):
            raise Refusal("limit", "医保退款总金额校验不通过").at("med_refund_total_fee", "gov + self + other")
        if not found.insured:
            raise Refusal("limit", "混合单中没有医保订单，无法接收医保退款")
        if found.state not in ("SUCCESS", "REFUND"):
            raise Refusal("refund_unpaid")
        found.told[body["out_refund_no"]] = body["med_refund_total_fee"]
        if self._all_back(found):
            found.state = "REFUND"

    def _all_back(self, mixed: Mixed) -> bool:
        order = self.party.book.orders.get(mixed.body["out_trade_no"])
        spent = sum(one.amount for one in order.refunds if one.status != "CLOSED") if order else 0
        return sum(mixed.told.values()) >= mixed.insured and spent >= mixed.cash

    def pay(self, mixed: Mixed, *, late: bool = False, elsewhere: bool = False) -> None:
        """The patient gives the password: insurance and cash at one stroke, and one notice. Where the insurance does
        not settle, the order has failed. `late`: he had given it before the order ended. `elsewhere`: the insurance is
        none that is simulated beside this one; it settles."""
        no, bureau = mixed.body["out_trade_no"], self.party.world.parties.get("mobile_pay")
        here = bureau if mixed.insured and not elsewhere and isinstance(bureau, MobilePaySim) else None
        if here is not None and not here.settle_mixed(mixed.body["pay_order_id"], late=late):
            self.fail(mixed)
            return
        if mixed.cash:
            self.party.charge_quietly(no)
        mixed.state, mixed.paid_at = "SUCCESS", self.party.world.now()
        self.party.ledger.change(mixed.row, state="paid")
        self.party.courier.tell(self.notice(mixed))

    def fail(self, mixed: Mixed) -> None:
        """The insurance said no, or the patient walked away: nobody can pay the cash any more either."""
        order = self.party.book.orders.get(mixed.body["out_trade_no"]) if mixed.cash else None
        if order is not None and order.state == "NOTPAY":
            self.party.book.go(order, "CLOSED")
        mixed.state = "FAIL"
        self.party.ledger.change(mixed.row, state="closed")

    def notice(self, mixed: Mixed) -> Notice:
        """MEDICAL_INSURANCE.SUCCESS."""
        no = mixed.body["out_trade_no"]
        return Notice(
            "paid", "MEDICAL_INSURANCE.SUCCESS", "医保混合收款成功", mixed.body["callback_url"], "medical_insurance",
            "", self.form(mixed), {"no": no, "attach": mixed.body.get("attach", "")}, origin="med_ins",
        )

    def form(self, mixed: Mixed) -> dict[str, Any]:
        """An order as it is answered and told."""
        shown = {k: v for k, v in mixed.body.items() if k not in ("payer", "relative", "pay_auth_no")}
        state = mixed.state
        made = {
            "mix_trade_no": mixed.number, "mix_pay_status": f"MIX_PAY_{state}",
            "self_pay_status": f"SELF_PAY_{state}" if mixed.cash else "NO_SELF_PAY",
            "med_ins_pay_status": f"MED_INS_PAY_{state}" if mixed.insured else "NO_MED_INS_PAY", **shown,
        }  # fmt: skip
        return {**made, "paid_time": beijing(mixed.paid_at)} if mixed.paid_at else made
