"""What else a kiosk asks of this HIS: reports, its own scan-pay orders, the day's bookings, states, signs of life."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulators.base.party import ActRefused
from simulators.his.answers import Habits, Refusal
from simulators.town import Person

if TYPE_CHECKING:
    from simulators.base.ledger import Row
    from simulators.his.party import HisSim

_MONEY = ("book", "deposit", "deposit_back", "void")


@dataclass
class Order:
    """One order at the HIS's own collection: WAIT, PAID, CLOSED."""

    no: str
    amount: int
    state: str = "WAIT"
    row: Row | None = None
    refunded: int = 0


class Counter:
    """Answers what the desks do not."""

    def __init__(self, party: HisSim, habits: Habits, persons: dict[str, Person]) -> None:
        self._party, self._habits, self._persons = party, habits, persons
        self.orders: dict[str, Order] = {}
        self._refunds: dict[str, tuple[str, int]] = {}
        self.told: list[dict[str, str]] = []
        self.alive: dict[str, str] = {}

    def lis(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        result = {"itemCode": "WBC", "itemName": "白细胞", "value": "6.2", "unit": "10^9/L", "range": "4-10",
                  "flag": "N"}  # fmt: skip
        return self._reports(texts, "血常规化验", {"results": [result]})

    def pacs(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        return self._reports(texts, "全景片", {"finding": "未见异常", "conclusion": "复查"})

    def _reports(self, texts: dict[str, str], name: str, more: dict[str, Any]) -> dict[str, Any]:
        """Even patients have one report, odd ones none."""
        if texts["patientId"] not in self._persons:
            raise Refusal("PATIENT_NOT_FOUND", "未找到患者信息")
        rows = []
        if int(texts["patientId"][1:]) % 2 == 0:
            rows = [{"reportNo": f"J{texts['patientId']}", "reportName": name, "reportTime": self._party.world.stamp(),
                     "state": "DONE", **more}]  # fmt: skip
        return self._habits.listed("reports", rows)

    def create(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        no, amount = texts["outTradeNo"], self._habits.read_money("amount", texts["amount"])
        known = self.orders.get(no)
        if known is not None and (known.amount != amount or known.state == "CLOSED"):
            raise Refusal("ORDER_CLOSED" if known.state == "CLOSED" else "DUPLICATE_DIFFERENT", "订单号已使用")
        self.orders.setdefault(no, Order(no, amount))
        return {"outTradeNo": no, "qrCode": f"https://his.example/pay/{no}"}

    def _order(self, no: str) -> Order:
        if no not in self.orders:
            raise Refusal("ORDER_NOT_FOUND", "没有这个订单")
        return self.orders[no]

    def asked(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        one = self.orders.get(texts["outTradeNo"])
        if one is None:
            return {"outTradeNo": texts["outTradeNo"], "state": "NONE"}
        return {"outTradeNo": one.no, "state": one.state, "amount": self._habits.money(one.amount)}

    def close(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        no = texts["outTradeNo"]
        if no not in self.orders:
            self.orders[no] = Order(no, 0, "CLOSED")
            raise Refusal("ORDER_NOT_FOUND", "没有这个订单，订单号已关闭")
        if self.orders[no].state != "WAIT":
            paid = self.orders[no].state == "PAID"
            raise Refusal("ORDER_PAID" if paid else "ORDER_CLOSED", "订单已支付" if paid else "订单已关闭")
        self.orders[no].state = "CLOSED"
        return {"outTradeNo": no}

    def refund(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        one, fee = self._order(texts["outTradeNo"]), self._habits.read_money("fee", texts["fee"])
        content = (one.no, fee)
        before = self._refunds.get(texts["outRefundNo"])
        if before is not None and before != content:
            raise Refusal("DUPLICATE_DIFFERENT", "退款号重复且内容不同")
        if before is None:
            if one.state != "PAID" or fee <= 0 or one.refunded + fee > one.amount:
                raise Refusal("REFUND_TOO_MUCH", "可退金额不足")
            one.refunded += fee
            self._refunds[texts["outRefundNo"]] = content
            self._party.ledger.add("refund", no=texts["outRefundNo"], amount=fee, ref=one.no)
        return {"outTradeNo": one.no, "outRefundNo": texts["outRefundNo"], "fee": self._habits.money(fee)}

    def pay_order(self, no: str) -> dict[str, Any]:
        """The patient scans and pays."""
        one = self.orders.get(no)
        if one is None or one.state != "WAIT":
            raise ActRefused(f"order {no} is {one.state if one else 'not there'}")
        one.state = "PAID"
        one.row = self._party.ledger.add("charge", no=no, party_no=f"X{no}", amount=one.amount, ref="his")
        return {"order": no, "state": one.state}

    def pre_out(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        """What a discharge comes to for the patient: fees less deposits; below zero, so much goes back to him."""
        stay, money = self._party.stays.find("", texts["inhosNo"]), self._habits.money
        if stay.person.id != texts["patientId"]:
            raise Refusal("STAY_NOT_FOUND", "没有找到电子住院证或住院登记")
        total = stay.bill.amount if stay.bill else 0
        own = total - stay.left()
        told = f"-{money(-own)}" if own < 0 else money(own)
        return {"inhosNo": stay.inhos_no, "amount": money(total), "depositLeft": money(stay.left()), "self": told}

    def day_bill(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        """What was booked and voided on a day, as rows and in sum."""
        rows = [
            {"kind": row.kind, "settleNo": row.no, "receiptNo": row.party_no, "amount": self._habits.money(row.amount),
             "state": row.state}
            for row in self._party.ledger.rows
            if row.kind in _MONEY and self._party.world.rfc3339(row.at)[:10] == texts["date"]
        ]  # fmt: skip
        return {"date": texts["date"], "count": str(len(rows)), **self._habits.listed("rows", rows)}

    def upload(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        """How an operation ended, as its caller tells it; once under its number."""
        no = texts["uploadNo"] or texts["settleNo"]
        if all(one["no"] != no for one in self.told):
            self.told.append({"no": no, "settleNo": texts["settleNo"], "state": texts["state"], "text": texts["text"]})
            self._party.ledger.add("notice", no=no, ref=texts["settleNo"], state="done")
        return {"settleNo": texts["settleNo"]}

    def sign_in(self, texts: dict[str, str], body: Any) -> dict[str, Any]:
        self.alive[texts["terminalId"]] = self._party.world.stamp()
        return {"terminalId": texts["terminalId"], "time": self.alive[texts["terminalId"]]}
