"""A stay in hospital at the insurance simulator's door, on top of `insurance_hospital`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from insurance_hospital import ITEMS, PEOPLE, Hospital


def data_2401(hospital: Hospital, who: str, number: str, insutype: str = "310", **more: Any) -> dict[str, Any]:
    person, now = PEOPLE[who], hospital.world.stamp()
    return {
        "mdtrtinfo": {
            "psn_no": person.psn_no, "insutype": insutype, "coner_name": "联系人", "tel": "13900000000",
            "begntime": now, "mdtrt_cert_type": "03", "mdtrt_cert_no": person.card_no, "card_sn": person.card_sn,
            "med_type": "21", "ipt_no": number, "atddr_no": "D370200000002", "chfpdr_name": "模拟医师二",
            "adm_diag_dscr": "慢性根尖周炎", "adm_dept_codg": "KQ02", "adm_dept_name": "口腔颌面外科",
            "adm_bed": "01", "dscg_maindiag_code": "K04.500", "dscg_maindiag_name": "慢性根尖周炎", **more,
        },
        "diseinfo": diagnoses(hospital, who),
    }


def diagnoses(hospital: Hospital, who: str) -> list[dict[str, Any]]:
    return [{
        "psn_no": PEOPLE[who].psn_no, "diag_type": "1", "maindiag_flag": "1", "diag_srt_no": 1, "diag_code": "K04.500",
        "diag_name": "慢性根尖周炎", "adm_cond": "", "diag_dept": "KQ02", "dise_dor_no": "D370200000002",
        "dise_dor_name": "模拟医师二", "diag_time": hospital.world.stamp(),
    }]


def admitted(hospital: Hospital, who: str, number: str, insutype: str = "310") -> str:
    """2401; the mdtrt_id."""
    if not hospital.sign_no:
        hospital.sign_in()
    return str(hospital.ok("2401", data_2401(hospital, who, number, insutype))["result"]["mdtrt_id"])


def fee(hospital: Hospital, who: str, mdtrt_id: str, sn: str, item: str, qty: str = "1", **more: Any) -> dict[str, Any]:
    line = hospital.line(who, mdtrt_id, sn, item, qty)
    del line["chrg_bchno"], line["dise_codg"], line["rx_circ_flag"]
    return {**line, "drord_no": sn, "init_feedetl_sn": "", **more}


def back(hospital: Hospital, who: str, mdtrt_id: str, sn: str, item: str, qty: str, origin: str) -> dict[str, Any]:
    """The negative line that takes `qty` of line `origin` back."""
    amount = -Decimal(ITEMS[item].price_fen) / 100 * Decimal(qty)
    return fee(
        hospital, who, mdtrt_id, sn, item, qty, cnt=-float(qty), det_item_fee_sumamt=float(amount),
        init_feedetl_sn=origin,
    )


def left(hospital: Hospital, who: str, mdtrt_id: str, insutype: str = "310") -> None:
    """2402."""
    hospital.ok("2402", {
        "dscginfo": {
            "mdtrt_id": mdtrt_id, "psn_no": PEOPLE[who].psn_no, "insutype": insutype,
            "endtime": hospital.world.stamp(), "dscg_dept_codg": "KQ02", "dscg_dept_name": "口腔颌面外科",
            "dscg_way": "1",
        },
        "diseinfo": [{"mdtrt_id": mdtrt_id, **row} for row in diagnoses(hospital, who)],
    })


def data_2303(who: str, mdtrt_id: str, total: float, insutype: str = "310", account: str = "0") -> dict[str, Any]:
    person = PEOPLE[who]
    return {"data": {
        "psn_no": person.psn_no, "mdtrt_cert_type": "03", "mdtrt_cert_no": person.card_no, "card_sn": person.card_sn,
        "medfee_sumamt": total, "psn_setlway": "01", "mdtrt_id": mdtrt_id, "acct_used_flag": account,
        "insutype": insutype, "mid_setl_flag": "0",
    }}


def settled(hospital: Hospital, who: str, mdtrt_id: str, total: float, insutype: str = "310") -> dict[str, Any]:
    """2303 and 2304; the output of 2304."""
    asked = data_2303(who, mdtrt_id, total, insutype)
    output = hospital.ok("2304", hospital.data_2207(hospital.ok("2303", asked), asked))
    assert isinstance(output, dict)
    return output


def one(who: str, mdtrt_id: str, **more: Any) -> dict[str, Any]:
    return {"data": {"mdtrt_id": mdtrt_id, "psn_no": PEOPLE[who].psn_no, **more}}
