"""What a HIS that leads the settlement does at the insurance for one bill: who the patient is, whether the pool pays,
register, upload, quote; and leaving again without a trace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulators.base.ledger import Row
from simulators.his.answers import write_time
from simulators.his.bills import Bill
from simulators.his.outside import InsuranceOffice, Said
from simulators.town import DOCTORS

if TYPE_CHECKING:
    from simulators.base.party import SimParty

MED_TYPE, INSUTYPE, ALL_BATCHES = "11", "310", "0000"
AMOUNTS = {"amount": "medfee_sumamt", "fund": "fund_pay_sumamt", "account": "acct_pay", "cash": "psn_cash_pay"}


class NotEntitled(Exception):
    """The pool does not pay for this patient now: a code and the HIS's words."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code)
        self.code, self.text = code, text


@dataclass(frozen=True)
class Card:
    """What the patient showed: kind of the insurance interface (01, 02, 03), number, card_sn."""

    kind: str
    number: str
    sn: str


@dataclass
class Visit:
    """One registration at the insurance, under the HIS's own visit number; msgids are kept for repeats."""

    number: str
    card: Card
    psn_no: str = ""
    mdtrt_id: str = ""
    asked: dict[str, Any] | None = None  # the 2201 that has left: it may stand or still come, though nobody heard of it
    ended: bool = False
    row: Row | None = None
    msgids: dict[str, str] = field(default_factory=dict)


def fen_of(info: dict[str, Any]) -> dict[str, int]:
    """amount, fund, account and cash of a `setlinfo` in fen."""
    return {name: int(info[key] * 100) for name, key in AMOUNTS.items()}


class Visits:
    """The HIS's insurance clerk, who is a program."""

    def __init__(self, party: SimParty) -> None:
        self._party = party
        self.office = InsuranceOffice(party)
        self._count = 0

    async def entitled(self, bill: Bill, card: Card) -> Visit:
        """A visit not registered yet, for a patient for whom the pool pays. Errors: NotEntitled, Said, Silence."""
        shown = {"mdtrt_cert_type": card.kind, "mdtrt_cert_no": card.number, "card_sn": card.sn}
        found = await self.office.ask("1101", {"data": shown})
        base, rows = found["baseinfo"], found["insuinfo"]
        if base["certno"] != bill.person.id_no:
            raise NotEntitled("NOT_SELF", "医保凭证不是患者本人的")
        if not any(row["insutype"] == INSUTYPE and row["psn_insu_stas"] == "1" for row in rows):
            raise NotEntitled("NOT_EMPLOYEE", "没有正常参保的职工医保")
        psn_no, day = base["psn_no"], self._party.world.stamp("%Y-%m-%d")
        signed = (await self.office.ask("5302", {"data": {"psn_no": psn_no}}))["psnfixmedin"]
        if not any(row["begndate"] <= day <= row["enddate"] for row in signed):
            raise NotEntitled("NOT_SIGNED", "未办理门诊统筹签约")
        if stays := (await self.office.ask("5303", {"data": {"psn_no": psn_no}}))["data"]:
            ward = stays[0]["med_type"] == "28"
            raise NotEntitled("DAY_WARD" if ward else "IN_HOSPITAL", "日间病房期间" if ward else "住院期间")
        self._count += 1
        return Visit(f"MZ{self._party.world.stamp('%Y%m%d')}{self._count:06d}", card, psn_no)

    async def open(self, visit: Visit, bill: Bill, pre_no: str) -> None:
        """Register, say why the patient came, upload the lines. Errors: Said, Silence."""
        name, code, dept, dept_name, caty = DOCTORS[bill.doctor]
        when = write_time(bill.at)
        visit.row = self._party.ledger.add("register", no=pre_no, bill=bill.no, ref=visit.number, state="asked")
        visit.asked = {"data": {
            "psn_no": visit.psn_no, "insutype": INSUTYPE, "begntime": when, **self._card(visit),
            "ipt_otp_no": visit.number, "atddr_no": code, "dr_name": name, "dept_code": dept,
            "dept_name": dept_name, "caty": caty,
        }}
        made = await self._change(visit, "2201", visit.asked)
        visit.mdtrt_id = made["data"]["mdtrt_id"]
        self._party.ledger.change(visit.row, state="open", party_no=visit.mdtrt_id)
        seen = {
            "diag_type": "1", "diag_srt_no": 1, "diag_code": bill.icd, "diag_name": bill.icd_name,
            "diag_dept": dept_name, "dise_dor_no": code, "dise_dor_name": name, "diag_time": when, "vali_flag": "1",
        }
        about = {"mdtrt_id": visit.mdtrt_id, "psn_no": visit.psn_no, "med_type": MED_TYPE, "begntime": when}
        await self._change(visit, "2203A", {"mdtrtinfo": about, "diseinfo": [seen]})
        await self._change(visit, "2204", {"feedetail": [
            {
                "feedetl_sn": line.line_no, "mdtrt_id": visit.mdtrt_id, "psn_no": visit.psn_no,
                "chrg_bchno": visit.number, "rx_circ_flag": "0", "fee_ocur_time": when,
                "med_list_codg": line.item.national, "medins_list_codg": line.item.code,
                "det_item_fee_sumamt": _yuan(line.amount), "cnt": f"{line.qty:f}", "pric": _yuan(line.item.price_fen),
                "bilg_dept_codg": dept, "bilg_dept_name": dept_name, "bilg_dr_codg": code, "bilg_dr_name": name,
                "hosp_appr_flag": "0",
            }
            for line in bill.lines
        ]})

    async def quote(self, visit: Visit, bill: Bill, *, account: bool) -> dict[str, Any]:
        """2206A: the `setlinfo`, amounts in yuan. Errors: Said, Silence."""
        made = await self.office.ask("2206A", {"data": self._asked(visit, bill, account)})
        return dict(made["setlinfo"])

    async def settle(self, visit: Visit, bill: Bill, told: dict[str, Any], msgid: str, *, account: bool) -> Any:
        """2207A under this msgid, the `setlinfo`. Errors: Said, Silence."""
        echo = ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt")
        given = {**self._asked(visit, bill, account), **{name: str(told[name]) for name in echo}}
        return (await self.office.ask("2207A", {"data": given}, msgid))["setlinfo"]

    async def settled(self, visit: Visit, msgid: str) -> dict[str, Any] | None:
        """5203: what stands of a 2207A whose answer was lost; None for nothing yet. Errors: Said, Silence."""
        asked = {"psn_no": visit.psn_no, "mdtrt_id": visit.mdtrt_id}
        info = (await self.office.ask("5203", {"data": asked}))["setlinfo"]
        mine = info is not None and info["medins_setl_id"] == msgid and info["refd_setl_flag"] == "0"
        return dict(info) if mine else None

    async def reverse(self, visit: Visit, msgid: str) -> None:
        """2601: whatever became of that 2207A, it has no effect from now on. Errors: Said, Silence."""
        given = {"psn_no": visit.psn_no, "omsgid": msgid, "oinfno": "2207A"}
        await self._change(visit, "2601", {"data": given})

    async def cancel(self, visit: Visit, setl_id: str) -> None:
        """2208. Errors: Said, Silence."""
        given = {"setl_id": setl_id, "mdtrt_id": visit.mdtrt_id, "psn_no": visit.psn_no}
        await self._change(visit, "2208", {"data": given})

    async def leave(self, visit: Visit) -> None:
        """Take lines and registration back. A registration whose answer was lost is sent once more under its msgid: to
        find nothing would not help against a late one, but what stands can be taken back. Errors: Said, Silence."""
        if visit.ended or visit.asked is None:
            visit.ended = True
            return
        if not visit.mdtrt_id:
            try:
                visit.mdtrt_id = (await self._change(visit, "2201", visit.asked))["data"]["mdtrt_id"]
            except Said:
                visit.mdtrt_id = ""  # refused under this msgid: that stays so
        if visit.mdtrt_id:
            about = {"mdtrt_id": visit.mdtrt_id, "psn_no": visit.psn_no}
            try:
                await self._change(visit, "2205", {"data": {**about, "chrg_bchno": ALL_BATCHES}})
            except Said as no:
                if "没有未结算的费用明细" not in no.text:
                    raise
            await self._change(visit, "2202", {"data": {**about, "ipt_otp_no": visit.number}})
        visit.ended = True
        if visit.row is not None:
            self._party.ledger.change(visit.row, state="cancelled", party_no=visit.mdtrt_id)

    async def _change(self, visit: Visit, infno: str, given: dict[str, Any]) -> Any:
        """A change under a msgid of its own, which a repeat carries again."""
        msgid = visit.msgids.setdefault(infno, self.office.number())
        return await self.office.ask(infno, given, msgid)

    def _card(self, visit: Visit) -> dict[str, str]:
        card = visit.card
        return {"mdtrt_cert_type": card.kind, "mdtrt_cert_no": card.number, "card_sn": card.sn}

    def _asked(self, visit: Visit, bill: Bill, account: bool) -> dict[str, Any]:
        return {
            "psn_no": visit.psn_no, **self._card(visit), "med_type": MED_TYPE,
            "medfee_sumamt": _yuan(bill.amount), "psn_setlway": "01", "mdtrt_id": visit.mdtrt_id,
            "chrg_bchno": visit.number, "acct_used_flag": "1" if account else "0", "insutype": INSUTYPE,
        }


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
