"""Invented parties' bytes for the console's stage: what each call says and hears, with names and numbers of nobody."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

ID_NO = "370202198003120117"
PHONE = "13900000001"
CARD = "6217000012340001234"
PSN_NO = "37020000000000000001000001"
AUTH_CODE = "134520019283746512"
TOKEN = "ec-token-3f9a77b1c2d4e5f60718293a4b5c6d7e"
SIGN_KEY = "9f0c5a1e77d2481bb6f3c0de12345678"


@dataclass(frozen=True)
class Patient:
    """Who pays."""

    id: str = "P0001"
    name: str = "测试甲"
    id_no: str = ID_NO
    phone: str = PHONE


def request_of(
    patient: Patient, no: int, *, insured: bool, kind: str = "kiosk", terminal: str = "K01"
) -> dict[str, Any]:
    """A terminal's request for a settlement."""
    return {
        "request_no": f"{terminal}-{no:06d}",
        "campus": "main",
        "terminal": {"kind": kind, "id": terminal},
        "operator": terminal,
        "bills": [f"B20261122{no:03d}"],
        "pay_identity": "insured" if insured else "self_pay",
        "patient": {"id": patient.id, "credential": {"kind": "insurance_card", "value": CARD, "card_sn": "SIMSN0001"}},
    }


def _wire(head: str, kind: str, body: bytes, *more: str) -> bytes:
    lines = [head, f"Content-Type: {kind}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _json(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()


def _his_bill(patient: Patient, total: int) -> dict[str, Any]:
    line = {
        "lineNo": "1",
        "itemCode": "K0001",
        "itemName": "根管治疗",
        "unit": "根管",
        "price": "40000",
        "qty": "2",
        "amount": str(total),
        "drName": "模拟医生甲",
        "deptName": "口腔内科",
    }
    return {
        "billNo": "B20261122001",
        "patientId": patient.id,
        "patientName": patient.name,
        "idNo": patient.id_no,
        "gender": "1",
        "birth": "1980-03-12",
        "phone": patient.phone,
        "visitNo": "V20261122001",
        "deptName": "口腔内科",
        "amount": str(total),
        "items": [line],
    }


def _his(op: str, number: str, patient: Patient, code: str, text: str, total: int) -> tuple[bytes, bytes]:
    body: dict[str, Any] = {"billNo": "B20261122001"} | ({"settleNo": number} if number else {})
    request = _wire(f"POST /gateway/{op}", "application/json", _json(body), "X-App-Id: HISAPP01", f"X-Sign: {SIGN_KEY}")
    data = _his_bill(patient, total) if op.endswith("item.list") else {"receipt": "H0000123"}
    good = {"success": True, "code": "0", "msg": "成功", "data": data}
    bad = {"success": False, "code": code, "msg": text, "data": None}
    return request, _wire("200", "application/json; charset=utf-8", _json(bad if text else good), f"X-Sign: {SIGN_KEY}")


def _nhsa(op: str, number: str, patient: Patient, code: str, text: str, total: int) -> tuple[bytes, bytes]:
    envelope = {
        "infno": op,
        "msgid": number or "H37020000000202611221432010001",
        "mdtrtarea_admvs": "370200",
        "fixmedins_name": "模拟口腔医院",
        "opter_name": "自助机",
        "sign_no": "S20261122000001",
        "infver": "V1.0",
        "input": {
            "data": {
                "psn_no": PSN_NO,
                "mdtrt_cert_type": "03",
                "mdtrt_cert_no": CARD,
                "card_sn": "SIMSN0001",
                "medfee_sumamt": f"{total / 100:.2f}",
                "mdtrt_id": "610000000012345678",
            }
        },
    }
    base = {"psn_no": PSN_NO, "certno": patient.id_no, "psn_name": patient.name, "gend": "1", "brdy": "1980-03-12"}
    output = (
        {"baseinfo": base}
        if op == "1101"
        else {
            "setlinfo": {
                **base,
                "setl_id": "610000000000456789",
                "medfee_sumamt": total / 100,
                "fund_pay_sumamt": 125.0,
                "acct_pay": 0,
                "psn_cash_pay": total / 100 - 125,
            }
        }
    )
    good = {"infcode": "0", "inf_refmsgid": "3702202611220001", "err_msg": "", "output": output}
    bad = {"infcode": code or "-1", "err_msg": text, "output": None}
    request = _wire(
        f"POST /hsa-fsi/{op}",
        "application/json",
        _json(envelope),
        "x-tif-paasid: HOSP01",
        f"x-tif-signature: {SIGN_KEY}",
    )
    return request, _wire("200", "application/json", _json(bad if text else good))


def _wechat(op: str, number: str, patient: Patient, code: str, text: str, total: int) -> tuple[bytes, bytes]:
    if op in ("micropay", "order_query", "reverse"):
        fields = {
            "appid": "wx0000000000000001",
            "mch_id": "1900000001",
            "out_trade_no": number,
            "body": "模拟口腔医院-门诊缴费",
            "total_fee": str(total),
            "auth_code": AUTH_CODE,
            "sign": SIGN_KEY.upper(),
        }
        xml = "<xml>" + "".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in fields.items()) + "</xml>"
        said = {
            "return_code": "SUCCESS",
            "result_code": "FAIL" if text else "SUCCESS",
            "err_code": code,
            "err_code_des": text,
            "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
            "out_trade_no": number,
            "transaction_id": "4200001234202611220000000001",
            "total_fee": str(total),
            "sign": SIGN_KEY.upper(),
        }
        reply = "<xml>" + "".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in said.items() if v) + "</xml>"
        path = {"micropay": "/pay/micropay", "order_query": "/pay/orderquery", "reverse": "/secapi/pay/reverse"}[op]
        return _wire(f"POST {path}", "text/xml; charset=utf-8", xml.encode()), _wire("200", "text/xml", reply.encode())
    body = {
        "appid": "wx0000000000000001",
        "mchid": "1900000001",
        "out_trade_no": number,
        "description": "门诊缴费",
        "amount": {"total": total, "currency": "CNY"},
    }
    good = {
        "code_url": "weixin://wxpay/bizpayurl?pr=invented",
        "trade_state": "SUCCESS",
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    }
    authorization = f'Authorization: WECHATPAY2-SHA256-RSA2048 mchid="1900000001",signature="{SIGN_KEY}"'
    status = "403" if text else "200"
    return (
        _wire(f"POST /v3/pay/transactions/{op}", "application/json", _json(body), authorization),
        _wire(status, "application/json", _json({"code": code, "message": text} if text else good)),
    )


def _einvoice(op: str, number: str, patient: Patient, code: str, text: str, total: int) -> tuple[bytes, bytes]:
    data = {
        "busNo": number,
        "payer": patient.name,
        "tel": patient.phone,
        "idCardNo": patient.id_no,
        "cardNo": patient.id_no,
        "totalAmt": f"{total / 100:.2f}",
        "listDetail": [{"name": "根管治疗", "code": "K0001", "number": 2}],
    }
    outer = {
        "appid": "EBILLAPP01",
        "data": base64.b64encode(_json(data)).decode(),
        "noise": "0f" * 16,
        "version": "1.0",
        "sign": SIGN_KEY.upper(),
    }
    message = (
        text.encode() if text else _json({"billBatchCode": "37060126", "billNo": "0000012345", "random": "a1b2c3"})
    )
    inner = {"result": code if text else "S0000", "message": base64.b64encode(message).decode()}
    reply = {"data": base64.b64encode(_json(inner)).decode(), "noise": "f0" * 16, "sign": SIGN_KEY.upper()}
    return (
        _wire("POST /medical-web/api/medical/invoiceEBillOutpatient", "application/json", _json(outer)),
        _wire("200", "application/json", _json(reply)),
    )


def bytes_of(
    party: str, op: str, number: str, patient: Patient, code: str = "", text: str = "", total: int = 107500
) -> tuple[bytes, bytes]:
    """(request, reply) of a call; `text`: the party's words when it says no."""
    makers = {"his": _his, "nhsa": _nhsa, "wechat": _wechat, "einvoice": _einvoice}
    return makers[party](op, number, patient, code, text, total)
