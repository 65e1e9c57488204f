"""The HIS of the simulated hospital as an HTTP server: `POST /gateway/{operation}`, JSON, signed; and the same
operations by SOAP, one method with one string."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from simulators.base.faults import CALLBACKS
from simulators.base.menu import Section
from simulators.base.mllp_side import ACK_FAULTS
from simulators.base.party import ActRefused, SimParty
from simulators.base.wire import Req, Resp
from simulators.base.world import SimWorld
from simulators.his import inhos, said
from simulators.his.acts import Acts
from simulators.his.answers import Habits, Refusal, read_time, write_time
from simulators.his.bills import long_form, short_form
from simulators.his.counter import Counter
from simulators.his.desk import Desk, Payment, Settled
from simulators.his.fields import OPERATIONS, PRE_MODES, TRADE_MODES, checked, insurance_of
from simulators.his.gateway import FORM
from simulators.his.hl7_acts import Hl7Acts
from simulators.his.hl7_asks import Hl7Asks
from simulators.his.hl7_charges import Charges
from simulators.his.hl7_desk import HisDoor
from simulators.his.led import LedDesk
from simulators.his.registry_desk import RegistryDesk
from simulators.his.soap import CODES, PATH
from simulators.his.stays import Stays
from simulators.his.styles import SPOILS, Style, Styles, Turned
from simulators.town import PERSONS, Person, everybody

APP_ID = "HISAPP01"
_NUMBERS = ("settleNo", "preNo", "lockNo", "registerNo", "depositNo", "backNo")
_PERSONS = everybody()


def cards_of(person: Person) -> dict[str, str]:
    """What a person can show, by cardType."""
    return {
        "1": f"Q{person.id}", "2": person.card_no, "3": person.id_no, "4": f"EHC{person.id}", "5": person.id_no,
        "6": person.id,
    }


_BY_CARD = {(kind, value): p for p in _PERSONS.values() for kind, value in cards_of(p).items()}


class HisSim(SimParty):
    """Bills, locks and settlement booking of one hospital; where it leads, insurance and invoice inside its answers.

    Own fault `booking_fails`: the insurance has settled and the HIS cannot book; it tries again by itself.
    """

    name = "his"
    default_port = 8701
    mllp_port = 8702
    own_breaks: ClassVar[frozenset[str]] = SPOILS
    own_faults: ClassVar[frozenset[str]] = ACK_FAULTS | {"booking_fails"}
    title = said.TITLE
    ops_said = said.OPS
    faults_said = said.FAULTS
    acts_said = said.ACTS
    meaningless = CALLBACKS

    def __init__(self, world: SimWorld) -> None:
        super().__init__(world)
        self._secret = world.keys.secret("his")
        self.mllp = door = HisDoor(self, _PERSONS)
        self._hl7 = Hl7Acts(self, door)
        door.charges = Charges(self)
        door.asks = Hl7Asks(self, door.deposit, door.charges)
        self.reset()

    def reset(self) -> None:
        self.habits = Habits()
        self.desk = Desk(self, self.habits)
        self.stays = Stays(self, self.desk, self.habits)
        self.led = LedDesk(self, self.desk, self.habits)
        self.registry = RegistryDesk(self, self.habits, _PERSONS)
        self.counter = Counter(self, self.habits, _PERSONS)
        self._acts = Acts(self.world, self.desk, self.stays, self.counter, self.habits, _PERSONS)
        self._styles = Styles(self.world, APP_ID, self._secret, self.habits)
        self._acts.first_morning()
        self._hl7.stop()

    def op_of(self, req: Req) -> str:
        return self._styles.op_of(req)

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        body = self._styles.body_of(req)
        texts = {name: value for name, value in body.items() if isinstance(value, str)}
        no = next((texts[name] for name in _NUMBERS if texts.get(name)), "")
        bill = texts.get("billNo") or texts.get("inhosNo") or self._bill_of(texts.get("settleNo", ""))
        return {**texts, "no": no, "bill": bill, "patient": texts.get("patientId", "")}

    def _bill_of(self, settle_no: str) -> str:
        payment = self.desk.settled(settle_no).payment
        return payment.bill_no if payment else ""

    def serve(self, op: str, req: Req) -> Resp | Deferred[Resp]:
        try:
            style = self._styles.admit(op, req)
        except Turned as turned:
            self.objection = turned.objection
            return turned.resp
        try:
            if op not in OPERATIONS:
                raise Refusal("OPERATION_UNKNOWN", "不支持的操作")
            body = style.body
            done = _WORK[op](self, checked(op, body), body)
        except Refusal as refusal:
            self.objected(refusal.objection(refusal.code, refusal.msg))
            return style.refused(refusal)
        if isinstance(done, Coroutine):
            return Deferred.fromCoroutine(self._later_answered(done, style))
        return style.accepted(done)

    async def _later_answered(self, work: Coroutine[Any, Any, dict[str, Any]], style: Style) -> Resp:
        """The answer of work that asks the insurance or the invoice platform first."""
        try:
            return style.accepted(await work)
        except Refusal as refusal:
            return style.refused(refusal)

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        """Refusals in the HIS's envelope; what is spoiled is spoiled in the style it was asked in."""
        return self._styles.spoiled(kind, req, resp)

    def signed(self, resp: Resp, req: Req) -> Resp:
        """A reply of the gateway whose body was changed, signed as if it were its own."""
        return self._styles.of_gateway(req).signed(resp)

    def card(self, base_url: str) -> dict[str, Any]:
        persons = [
            {
                "id": p.id, "name": p.name, "id_no": p.id_no, "card_no": p.card_no, "card_sn": p.card_sn,
                "region_card": cards_of(p)["1"], "health_code": cards_of(p)["4"], "record_no": p.id,
            }
            for p in PERSONS
        ]
        bills = [
            {"bill": b.no, "patient": b.person.id, "amount": b.amount, "status": self.desk.status(b)}
            for b in self.desk.bills.values()
        ]
        return {
            "base_url": base_url, "app_id": APP_ID, "secret": self._secret, "sign": FORM,
            "persons": persons, "bills": bills,
            "admissions": inhos.listed(self.stays), "settings": self.habits.public(),
            "soap": {"path": PATH, "wsdl": f"{base_url}{PATH}?wsdl", "method": "callService", "token": self._secret,
                     "codes": CODES},
        }

    def sections(self) -> list[Section]:
        return said.sections(self)

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        """new_bill, collect_at_window, change_bill, void_bill, set; HL7: send, set_hl7, waiting, hang_up."""
        try:
            if (done := self._hl7.play(body)) is not None:
                return done
            return self._acts.play(body)
        except Refusal as refusal:
            raise ActRefused(f"{refusal.code}: {refusal.msg}") from None

    # The operations

    def patient(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        if texts["patientId"]:
            person = _PERSONS.get(texts["patientId"])
        elif texts["cardNo"]:
            person = _BY_CARD.get((texts["cardType"], texts["cardNo"]))
        else:
            raise Refusal("PARAM_INVALID", "参数patientId和cardNo不能都为空", field="patientId")
        if person is None:
            return self.registry.created(texts)
        return {
            "patientId": person.id, "patientName": person.name, "idNo": person.id_no, "phone": person.phone,
            "gender": person.gender, "birth": person.birth, "cardNo": person.card_no,
            "balance": self.habits.money(self.desk.cards.balance(person.id)),
        }

    def bill_list(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        rows = [
            short_form(bill, self.desk.status(bill), self.habits)
            for bill in self.desk.by_patient.get(texts["patientId"], [])
            if bill.state == "unpaid"
        ]
        return self.habits.listed("bills", rows)

    def bill_items(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        bill = self.desk.bill(texts["billNo"])
        if bill.person.id != texts["patientId"]:
            raise Refusal("BILL_NOT_FOUND", "账单不存在")
        return long_form(bill, self.desk.status(bill), self.habits)

    def lock(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        amount = self.habits.read_money("amount", texts["amount"])
        lock = self.desk.lock(
            texts["billNo"], texts["lockNo"], amount, read_time("expireTime", texts["expireTime"])
        )
        return {"billNo": texts["billNo"], "lockNo": lock.no, "until": write_time(lock.until)}

    def unlock(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        self.desk.unlock(texts["billNo"], texts["lockNo"])
        return {"billNo": texts["billNo"], "lockNo": texts["lockNo"]}

    def pay(self, texts: dict[str, str], body: Any) -> Any:
        money = {n: self.habits.read_money(n, texts[n]) for n in ("amount", "cash", "fund", "account")}
        mode, insurance = texts["tradeMode"], insurance_of(body)
        if mode not in TRADE_MODES:
            raise Refusal("PARAM_INVALID", f"参数tradeMode应为{'、'.join(TRADE_MODES)}", field="tradeMode")
        if mode in ("WX", "ZFB", "YL") and money["cash"] and not texts["outTradeNo"]:
            raise Refusal("PARAM_INVALID", "线上支付须有outTradeNo", field="outTradeNo")
        if mode == "DB" and money["cash"] and not (texts["bankTransNo"] and texts["posIndexNo"]):
            raise Refusal("PARAM_INVALID", "刷卡支付须有bankTransNo和posIndexNo", field="bankTransNo")
        if texts["preNo"] and insurance is not None:
            raise Refusal("PARAM_INVALID", "按预结算号结算时医保由HIS办理，不能再给insurance", field="insurance")
        if money["fund"] + money["account"] and insurance is None and not texts["preNo"]:
            raise Refusal("PARAM_INVALID", "医保支付须有insurance", field="insurance")
        commercial = self.habits.read_money("commercial", texts["commercial"]) if texts["commercial"] else 0
        if commercial and not texts["commercialNo"]:
            raise Refusal("PARAM_INVALID", "商保支付须有commercialNo", field="commercialNo")
        payment = Payment(
            texts["billNo"], texts["settleNo"], texts["lockNo"], trade_mode=mode,
            out_trade_no=texts["outTradeNo"], trans_no=texts["transNo"], insurance=insurance,
            deposit=self.habits.read_money("deposit", texts["deposit"] or "0"), **money,
            commercial=commercial, commercial_no=texts["commercialNo"],
        )
        expires = read_time("expireTime", texts["expireTime"])
        if texts["preNo"]:
            return self._pay_led(payment, texts["preNo"], expires)
        settled = self.desk.pay(payment, expires)
        return {"settleNo": texts["settleNo"], "receiptNo": settled.receipt_no, "payTime": settled.pay_time}

    async def _pay_led(self, payment: Payment, pre_no: str, expires: float) -> dict[str, Any]:
        settled = await self.led.pay(payment, pre_no, expires)
        return {"settleNo": payment.settle_no, **self._known(payment.settle_no, settled)}

    def paid(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        no = texts["settleNo"]
        return {"settleNo": no, **self._known(no, self.desk.settled(no))}

    def _known(self, no: str, settled: Settled) -> dict[str, Any]:
        payment = settled.payment
        if payment is None:
            return {"state": settled.state}
        parts = ("amount", "cash", "fund", "account")
        return {
            "state": settled.state, "receiptNo": settled.receipt_no, "billNo": payment.bill_no,
            "payTime": settled.pay_time, **{part: self.habits.money(getattr(payment, part)) for part in parts},
            **({"commercial": self.habits.money(payment.commercial)} if payment.commercial else {}),
            **self._deposit(payment), **self.led.told(no),
        }

    def _deposit(self, payment: Payment) -> dict[str, str]:
        return {"deposit": self.habits.money(payment.deposit)} if payment.bill_no in self.stays.by_no else {}

    def void(self, texts: dict[str, str], body: Any) -> Any:
        numbers = {"settleNo": texts["settleNo"], "voidNo": texts["voidNo"]}
        if self.led.inside(texts["settleNo"]) is not None:
            return self._void_led(numbers, texts["reason"])
        self.desk.void(texts["settleNo"], texts["voidNo"], texts["reason"])
        return numbers

    async def _void_led(self, numbers: dict[str, str], reason: str) -> dict[str, Any]:
        await self.led.void(numbers["settleNo"], numbers["voidNo"], reason)
        return numbers

    def quote(self, texts: dict[str, str], body: Any) -> Any:
        if texts["tradeMode"] not in PRE_MODES:
            raise Refusal("PARAM_INVALID", f"参数tradeMode应为{'、'.join(PRE_MODES)}", field="tradeMode")
        if texts["tradeMode"] == "MIC" and not texts["ybCardNo"]:
            raise Refusal("PARAM_INVALID", "医保预结算须有ybCardNo", field="ybCardNo")
        return self.led.quote(texts)

    def invoice(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        told = self.led.told(texts["settleNo"]).get("invoice")
        if told is None:
            raise Refusal("INVOICE_PENDING", "票据正在开具")
        return dict(told)

    def confirm_quote(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        self.led.confirm(texts["preNo"])
        return {"preNo": texts["preNo"]}

    async def close_quote(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        await self.led.close(texts["preNo"])
        return {"preNo": texts["preNo"]}


_WORK: dict[str, Callable[[HisSim, dict[str, str], Any], Any]] = {
    "query.patient.info": HisSim.patient,
    "query.wait.balance.bill.list": HisSim.bill_list,
    "query.wait.balance.bill.item.list": HisSim.bill_items,
    "lock.bill": HisSim.lock,
    "unlock.bill": HisSim.unlock,
    "balance.and.pay.bill": HisSim.pay,
    "query.pay.bill": HisSim.paid,
    "void.pay.bill": HisSim.void,
    "pre.balance.bill": HisSim.quote,
    "cancel.pre.balance.bill": HisSim.close_quote,
    "query.ebill": HisSim.invoice,
    **inhos.WORK,
    "confirm.pre.balance.bill": HisSim.confirm_quote,
    "set.patient.info": lambda sim, texts, body: sim.registry.set_patient(texts, body),
    "query.reg.schedule.list": lambda sim, texts, body: sim.registry.listed(texts, body),
    "pre.reg": lambda sim, texts, body: sim.registry.pre(texts, body),
    "lock.reg": lambda sim, texts, body: sim.registry.lock(texts, body),
    "unlock.reg": lambda sim, texts, body: sim.registry.unlock(texts, body),
    "reg": lambda sim, texts, body: sim.registry.book(texts, body),
    "query.reg": lambda sim, texts, body: sim.registry.asked(texts, body),
    "take.reg": lambda sim, texts, body: sim.registry.take(texts, body),
    "cancel.reg": lambda sim, texts, body: sim.registry.cancel(texts, body),
    "query.zy.pre.out.hos.self": lambda sim, texts, body: sim.counter.pre_out(texts, body),
    "query.lis.report": lambda sim, texts, body: sim.counter.lis(texts, body),
    "query.pacs.check.result": lambda sim, texts, body: sim.counter.pacs(texts, body),
    "create.pay.order": lambda sim, texts, body: sim.counter.create(texts, body),
    "query.pay.order": lambda sim, texts, body: sim.counter.asked(texts, body),
    "cancel.pay.order": lambda sim, texts, body: sim.counter.close(texts, body),
    "refund.pay.order": lambda sim, texts, body: sim.counter.refund(texts, body),
    "query.day.bill": lambda sim, texts, body: sim.counter.day_bill(texts, body),
    "upload.operation.state": lambda sim, texts, body: sim.counter.upload(texts, body),
    "monitor.sign.in": lambda sim, texts, body: sim.counter.sign_in(texts, body),
}
