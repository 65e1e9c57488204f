"""The ways a patient goes while a party misbehaves, and which of them meet whose operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.commercial.hospital import ExampleLab
from tests.faults.receivers import NoticeLab, ReceiversLab
from tests.legacy.hospital import FormerLab
from tests.rig.lab import Lab
from tests.sms.hospital import SmsLab

OUTPATIENT, MUNICIPAL = "/v1/outpatient/settlements", "/v1/municipal/settlements"
QINGDAO, MOBILE = "/v1/qingdao/settlements", "/v1/mobile/settlements"
COMMERCIAL = "/v1/commercial/settlements"
# Former interfaces, and the operations that settle there.
FORMER = (
    ("dareway", "地纬", "Dareway", ("settle_mz",)), ("neusoft", "东软", "Neusoft", ("2410",)),
    ("yinhai", "银海", "Yinhai", ("2410", "confirm")),
)  # fmt: skip
# How a party's sign-in, made in the morning, comes to lie on a patient's way.
SIGN_INS = {"insurance": "9001", "municipal": "9100", "dareway": "login", "neusoft": "9100", "yinhai": "9100"}
STAY, REGISTRATION = "/v1/inpatient/settlements", "/v1/registrations"
EVENTS = ""  # no settlement: what the HIS tells over HL7


@dataclass(frozen=True)
class Journey:
    """One patient's way. `choice`: how he pays, {} when he never chooses; `payer`: the party whose QR he pays (empty:
    nobody pays it); `back`: refund or cancel; `example`: the example site it leads through."""

    name: str
    zh: str
    en: str
    choice: Mapping[str, Any]
    payer: str = ""
    back: str = "refund"
    start: str = OUTPATIENT
    lab: type[Lab] = Lab  # whose hospital it is
    first: Sequence[tuple[str, Mapping[str, Any]]] = ()  # orders to parties that stand before it: what else leads there
    example: str = ""


CASH = {"kind": "cash"}


def _code(kind: str, code: str) -> dict[str, str]:
    return {"kind": kind, "auth_code": code}


def _registration(name: str, zh: str, en: str, choice: Mapping[str, Any], payer: str = "", **more: Any) -> Journey:
    return Journey(name, f"医保挂号，{zh}", f"an insured registration, {en}", choice, payer, start=REGISTRATION,
                   example="insured_registration", **more)  # fmt: skip


_BRANDS = {"alipay": ("支付宝", "Alipay"), "unionpay": ("银联", "UnionPay")}


def _registrations() -> Iterator[Journey]:
    """Every way a patient's part of a registration is paid, and what is asked about when an answer is lost."""
    wechat, back = _code("wechat_code", "134000000000000001"), "后退号"
    yield _registration("reg", f"微信付款码，{back}", "WeChat code, taken back later", wechat)
    yield _registration("reg_ec", f"医保码，{back}", "the insurance's QR for a card, taken back later", wechat)
    yield _registration("reg_left", "不付，取消", "not paid, cancelled", {"kind": "wechat_qr"}, back="cancel")
    yield _registration("reg_lost", "没有应答，按号查询", "answers lost: asked about", wechat, first=tuple(
        (party, {"op": op, "fault": "timeout_after_commit"}) for party, op in (
            ("his", "reg"), ("his", "cancel.reg"), ("insurance", "2201"), ("insurance", "2204"),
            ("insurance", "2207A"), ("einvoice", "invEBillRegistration"), ("wechat", "refund"),
        )
    ))  # fmt: skip
    yield _registration("reg_stopped", "医保结算没有到，先冲正", "a settlement that never arrived: reversed", wechat,
                        first=(("insurance", {"op": "2207A", "fault": "timeout_before_commit"}),))  # fmt: skip
    for kind, tail in (("alipay", "280000000000"), ("unionpay", "6226000000000")):
        brand, paid = _BRANDS[kind], {"kind": f"{kind}_qr"}
        code = _code(f"{kind}_code", f"{tail}{'000001' if kind == 'alipay' else '000000'}")
        never = _code(f"{kind}_code", f"{tail}{'999003' if kind == 'alipay' else '000003'}")
        yield _registration(f"reg_{kind}_qr", f"{brand[0]}扫码，{back}", f"{brand[1]} QR, taken back later", paid, kind)
        yield _registration(f"reg_{kind}_code", f"{brand[0]}付款码，{back}", f"{brand[1]} code, taken back later", code)
        yield _registration(f"reg_{kind}_never", f"{brand[0]}付款码，没有付成", f"{brand[1]} code, never paid", never,
                            back="cancel")  # fmt: skip
        yield _registration(f"reg_{kind}_left", f"{brand[0]}扫码，不付", f"{brand[1]} QR, left", paid, back="cancel")
    for kind, zh, en, more in (
        ("wechat_jsapi", "公众号", "in WeChat", {"openid": "oSimPayer"}),
        ("wechat_mini", "小程序", "mini program", {"openid": "oSimPayer"}),
        ("wechat_h5", "手机浏览器", "the phone's browser", {"client_ip": "203.0.113.9"}),
    ):  # fmt: skip
        name = f"reg_{kind.partition('_')[2]}"
        yield _registration(name, f"{zh}，{back}", f"{en}, taken back later", {"kind": kind, **more}, "wechat")
        yield _registration(f"{name}_left", f"{zh}，不付，取消", f"{en}, not paid, cancelled", {"kind": kind, **more},
                            back="cancel")  # fmt: skip


JOURNEYS: Mapping[str, Journey] = {one.name: one for one in (
    Journey("wechat_qr", "微信扫码，后退费", "WeChat QR, refunded later", {"kind": "wechat_qr"}, "wechat"),
    Journey("wechat_code", "微信付款码，后退费", "WeChat code, refunded later", _code("wechat_code",
        "134000000000000001")),
    Journey("wechat_never", "微信付款码，付款人不输密码", "WeChat code, never confirmed",
            _code("wechat_code", "134000000000999003"), back="cancel"),
    Journey("wechat_left", "微信扫码，不付，取消", "WeChat QR, not paid, cancelled", {"kind": "wechat_qr"},
        back="cancel"),
    Journey("alipay_qr", "支付宝扫码，后退费", "Alipay QR, refunded later", {"kind": "alipay_qr"}, "alipay"),
    Journey("alipay_code", "支付宝付款码，后退费", "Alipay code, refunded later", _code("alipay_code",
        "280000000000000001")),
    Journey("alipay_never", "支付宝付款码，付款人不输密码", "Alipay code, never confirmed",
            _code("alipay_code", "280000000000999003"), back="cancel"),
    Journey("alipay_left", "支付宝扫码，不付，取消", "Alipay QR, not paid, cancelled", {"kind": "alipay_qr"},
        back="cancel"),
    Journey("unionpay_qr", "银联扫码，后退货", "UnionPay QR, refunded later", {"kind": "unionpay_qr"}, "unionpay"),
    Journey("unionpay_code", "银联付款码，后退货", "UnionPay code, refunded later", _code("unionpay_code",
        "6226000000000000000")),
    Journey("unionpay_never", "银联付款码，一直没有结果", "UnionPay code, never definite",
            _code("unionpay_code", "6226000000000000003"), back="cancel"),
    Journey("municipal", "市医保，微信付款码，后退费", "municipal insurance, WeChat code, refunded later",
            _code("wechat_code", "134000000000000001"), start=MUNICIPAL),
    Journey("qingdao", "青岛原医保，微信付款码，后退费", "Qingdao's old platform, WeChat code, refunded later",
            _code("wechat_code", "134000000000000001"), start=QINGDAO),
    Journey("qingdao_left", "青岛原医保，不付，取消", "Qingdao's old platform, not paid, cancelled",
            {"kind": "wechat_qr"}, back="cancel", start=QINGDAO),
    Journey("mobile", "医保移动支付，后退费", "paid by phone from the insurance, refunded later", {}, "mobile_pay",
            start=MOBILE),
    Journey("mobile_left", "医保移动支付，不付，取消", "by phone, not paid, cancelled", {}, back="cancel",
            start=MOBILE),
    Journey("sms", "微信付款码，后退费，各一条短信", "WeChat code, refunded later, a short message each",
            _code("wechat_code", "134000000000000001"), lab=SmsLab),
    Journey("sms_lost", "第一条短信没有应答，先查再发", "the first short message unanswered: asked about, then sent",
            _code("wechat_code", "134000000000000001"), lab=SmsLab,
            first=(("sms", {"op": "SendSms", "fault": "reset_before_commit"}),)),
    Journey("commercial", "医保、商业保险、现金，后退费", "insurance, commercial insurance, cash, refunded later",
            {"kind": "cash"}, start=COMMERCIAL, lab=ExampleLab),
    Journey("commercial_lost", "理赔没有应答，按号查询", "the claim unanswered: asked about",
            {"kind": "cash"}, start=COMMERCIAL, lab=ExampleLab,
            first=(("commercial", {"op": "claim.settle", "fault": "timeout_after_commit"}),)),
    Journey("municipal_left", "市医保，不付，取消", "municipal insurance, not paid, cancelled", {"kind": "wechat_qr"},
        back="cancel",
            start=MUNICIPAL),
    Journey("municipal_lost", "市医保，结算没有应答，按号查询", "municipal insurance, unanswered: asked about",
            _code("wechat_code", "134000000000000001"), start=MUNICIPAL,
            first=(("municipal", {"op": "2410", "fault": "timeout_after_commit"}),)),
    Journey("municipal_never", "市医保，结算一直没有应答，冲正", "municipal insurance, never answered: reversed",
            _code("wechat_code", "134000000000000001"), start=MUNICIPAL,
            first=(("municipal", {"op": "2410", "fault": "timeout_before_commit", "times": None}),)),
    Journey("qingdao_lost", "青岛原医保，扣款没有应答，按号查询", "Qingdao's old platform, unanswered: asked about",
            _code("wechat_code", "134000000000000001"), start=QINGDAO,
            first=(("qingdao", {"op": "YL001", "fault": "timeout_after_commit"}),)),
    *(way for vendor, zh, en, op in FORMER for way in (
        Journey(vendor, f"{zh}，现金，后退费", f"{en}, cash, refunded later", CASH, start=f"/v1/{vendor}/settlements",
            lab=FormerLab),
        Journey(f"{vendor}_left", f"{zh}，不付，取消", f"{en}, not paid, cancelled", {}, back="cancel",
            start=f"/v1/{vendor}/settlements", lab=FormerLab),
        Journey(f"{vendor}_lost", f"{zh}，结算没有应答，按号查询", f"{en}, a settlement unanswered: asked about", CASH,
            start=f"/v1/{vendor}/settlements", lab=FormerLab,
            first=tuple((vendor, {"op": one, "fault": "timeout_after_commit"}) for one in op)),
        Journey(f"{vendor}_never", f"{zh}，结算一直没有应答，撤回", f"{en}, never answered: taken back", CASH,
            start=f"/v1/{vendor}/settlements", lab=FormerLab,
            first=((vendor, {"op": op[-1], "fault": "timeout_before_commit", "times": None}),)),
    )),
    Journey("preauth", "支付宝预授权，后退费", "Alipay's pre-authorisation, refunded later",
            _code("alipay_code", "280000000000000001"), example="alipay_preauth"),
    Journey("preauth_never", "支付宝预授权，付款人不输密码", "Alipay's pre-authorisation, never confirmed",
            _code("alipay_code", "280000000000999003"), back="cancel", example="alipay_preauth"),
    Journey("admission", "入院登记、信息变更，后取消入院", "admitted, changed, the admission withdrawn later", {},
            start=STAY, example="inpatient"),
    Journey("admission_lost", "入院登记没有应答，按号查询", "an admission without an answer: asked about", {},
            start=STAY, example="inpatient", first=(("his", {"op": "register.inhos", "fault": "timeout_after_commit"}),
                                                    ("insurance", {"op": "2401", "fault": "timeout_before_commit"}))),
    Journey("stay", "住院：入院、预交金、出院结算，后撤销", "a stay with a deposit, discharged, taken back later", {},
            start=STAY, example="inpatient"),
    Journey("stay_lost", "出院结算没有应答，按号查询", "a discharge without answers: asked about", {}, start=STAY,
            example="inpatient", first=(("insurance", {"op": "2304", "fault": "timeout_before_commit"}),
                                        ("his", {"op": "balance.and.pay.bill", "fault": "timeout_after_commit"}),
                                        ("his", {"op": "back.inhos.deposit", "fault": "timeout_after_commit"}))),
    Journey("notice", "微信付款码，以 DFT^P03 通知 HIS", "WeChat code, the HIS told by DFT^P03", _code("wechat_code",
        "134000000000000001"), lab=NoticeLab),
    *_registrations(),
    Journey("events", "HIS 事件送往各接收方", "events to all receivers", {}, start=EVENTS, lab=ReceiversLab),
    Journey("deposit", "住院预交金，后退", "a deposit of a stay, given back later", {}, start=STAY,
            example="inpatient"),
    Journey("deposit_lost", "预交金入账没有应答，按号查询", "a deposit without an answer: asked about", {}, start=STAY,
            example="inpatient", first=(("his", {"op": "pay.inhos.deposit", "fault": "timeout_after_commit"}),)),
)}  # fmt: skip
# Where each party's operations are met, in this order: one table of the page each, `party` or `party/part`.
MET: Mapping[str, tuple[str, ...]] = {
    "his": ("wechat_qr", "wechat_left", "notice"),
    "his/admission": ("admission", "admission_lost"),
    "his/deposit": ("deposit", "deposit_lost"),
    "his/stay": ("stay", "stay_lost"),
    "his/registration": ("reg", "reg_left", "reg_lost"),
    "insurance": ("wechat_qr", "wechat_left"),
    "insurance/admission": ("admission", "admission_lost"),
    "insurance/stay": ("stay", "stay_lost"),
    "insurance/registration": ("reg", "reg_ec", "reg_left", "reg_lost", "reg_stopped"),
    "municipal": ("municipal", "municipal_left", "municipal_lost", "municipal_never"),
    "qingdao": ("qingdao", "qingdao_left", "qingdao_lost"),
    "dareway": ("dareway", "dareway_left", "dareway_lost", "dareway_never"),
    "neusoft": ("neusoft", "neusoft_left", "neusoft_lost", "neusoft_never"),
    "yinhai": ("yinhai", "yinhai_left", "yinhai_lost", "yinhai_never"),
    "mobile_pay": ("mobile", "mobile_left"),
    "wechat": ("wechat_qr", "wechat_code", "wechat_never", "wechat_left"),
    "wechat/registration": ("reg_jsapi", "reg_mini", "reg_h5", "reg_lost", "reg_jsapi_left"),
    "alipay": ("alipay_qr", "alipay_code", "alipay_never", "alipay_left", "preauth",
               "preauth_never"),
    "alipay/registration": ("reg_alipay_qr", "reg_alipay_code", "reg_alipay_never", "reg_alipay_left"),
    "unionpay": ("unionpay_qr", "unionpay_code", "unionpay_never"),
    "unionpay/registration": ("reg_unionpay_qr", "reg_unionpay_code", "reg_unionpay_never"),
    "einvoice": ("wechat_qr", "stay", "deposit"),
    "einvoice/registration": ("reg", "reg_lost"),
    "commercial": ("commercial", "commercial_lost"),
    "sms": ("sms", "sms_lost"),
    "subscribers": ("events",),
}
