"""The invoice a HIS that leads the settlement issues by itself; one that failed is tried again until it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulators.base.ledger import Row
from simulators.his.bills import Bill
from simulators.his.outside import InvoiceOffice, Said

if TYPE_CHECKING:
    from simulators.base.party import SimParty

CHANNELS = {"WX": "05", "ZFB": "04", "YL": "07", "CASH": "02", "YB": "11", "DB": "07", "QYK": "02"}
GROUPS = {"03": "检查费", "04": "化验费", "05": "治疗费", "06": "手术费", "08": "卫生材料费", "09": "西药费"}
ALREADY_RED = "E0010"
PLACE, CLERK = "001", "收费处"


@dataclass
class Invoice:
    """One invoice under the HIS's receipt number; `number` empty until it stands. `body`: what it is issued from."""

    bus_no: str
    row: Row
    body: dict[str, Any] | None = None
    batch: str = ""
    number: str = ""
    check: str = ""
    url: str = ""

    def public(self) -> dict[str, str]:
        """As the gateway tells it."""
        return {
            "busNo": self.bus_no, "batchCode": self.batch, "number": self.number, "check": self.check, "url": self.url,
        }


class Invoices:
    """Issues and writes off."""

    def __init__(self, party: SimParty) -> None:
        self._party = party
        self._office = InvoiceOffice(party)

    async def issue(self, made: Invoice, bill: Bill, parts: dict[str, int], mode: str) -> None:
        """Issue it, or find it issued. `parts`: cash, fund, account in fen. Errors: Said, Silence."""
        made.body = made.body or self._body(made, bill, parts, mode)
        await self._issued(made, made.body)

    async def _issued(self, made: Invoice, body: dict[str, Any]) -> None:
        """Under one busNo the platform issues once: a repeat is told the bill that stands."""
        told = await self._office.ask("invoiceEBillOutpatient", body)
        made.batch, made.number, made.check = told["billBatchCode"], told["billNo"], told["random"]
        made.url = told.get("pictureUrl", "")
        self._party.ledger.change(made.row, state="done", party_no=made.number)

    async def write_off(self, made: Invoice, reason: str) -> None:
        """Red-flush it. One whose answer was lost is issued once more first: to find nothing would not help against a
        late one. Errors: Said, Silence."""
        if not made.number and made.body is not None:
            await self._issued(made, made.body)
        try:
            await self._office.ask("writeOffEBill", {
                "billBatchCode": made.batch, "billNo": made.number, "reason": reason, "operator": CLERK,
                "busDateTime": self._party.world.stamp("%Y%m%d%H%M%S000"), "placeCode": PLACE,
            })
        except Said as no:
            if no.code != ALREADY_RED:
                raise
        self._party.ledger.change(made.row, state="written_off")

    def _body(self, made: Invoice, bill: Bill, parts: dict[str, int], mode: str) -> dict[str, Any]:
        person = bill.person
        groups: dict[str, int] = {}
        for line in bill.lines:
            groups[line.item.charge_type] = groups.get(line.item.charge_type, 0) + line.amount
        paid = {CHANNELS["YB"]: parts["fund"] + parts["account"]}
        paid[CHANNELS[mode]] = paid.get(CHANNELS[mode], 0) + parts["cash"]
        return {
            "busType": "02", "busNo": made.bus_no, "payer": person.name,
            "busDateTime": self._party.world.stamp("%Y%m%d%H%M%S000"), "placeCode": PLACE, "payee": CLERK,
            "author": CLERK, "totalAmt": _yuan(bill.amount), "cardType": "1101", "cardNo": person.id_no,
            "patientId": person.id, "caseNumber": bill.visit_no, "accountPay": _yuan(parts["account"]),
            "fundPay": _yuan(parts["fund"]), "ownPay": _yuan(parts["cash"]),
            "payChannelDetail": [
                {"payChannelCode": code, "payChannelValue": _yuan(fen)} for code, fen in paid.items() if fen
            ],
            "chargeDetail": [
                {"sortNo": place, "chargeCode": code, "chargeName": GROUPS.get(code, "其他费"), "amt": _yuan(fen)}
                for place, (code, fen) in enumerate(groups.items(), 1)
            ],
        }


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
