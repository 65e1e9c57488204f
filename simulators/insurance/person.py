"""1101 人员信息, 1201 机构, 1901 字典, 2001 待遇享受检查; who a credential belongs to; who may enjoy 门诊统筹."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.insurance import dictionary
from simulators.insurance.envelope import Call
from simulators.insurance.fields import Refusal, fields, node
from simulators.insurance.money import yuan
from simulators.insurance.policy import REGISTRATION_SHARE, Terms, stay_terms, terms_on
from simulators.insurance.state import Bureau, Visit
from simulators.town import ADMDVS, FIXMEDINS_CODE, FIXMEDINS_NAME, Insurance, Person

_1101 = fields(
    "mdtrt_cert_type C3 Y; mdtrt_cert_no C50 Y; card_sn C32 N; begntime DT N; psn_cert_type C6 N;"
    "certno C50 N;"
    "psn_name C50 N"
)
_1201 = fields("fixmedins_type C6 N; fixmedins_name C200 N; fixmedins_code C30 N")
_1901 = fields("type C50 Y; parentValue C50 N; admdvs C6 N; date D N; valiFlag C3 N")
_2001 = fields(
    "psn_no C30 Y; insutype C6 Y; fixmedins_code C12 Y; med_type C6 Y; begntime DT Y; endtime DT N;"
    "dise_codg C30 N;"
    "dise_name C500 N; oprn_oprt_code C30 N; oprn_oprt_name C500 N; matn_type C6 N; birctrl_type C6 N"
)
_COMMUNITY = ("H37020000099", "模拟社区卫生服务中心", "11")


def holder(bureau: Bureau, kind: str, number: str, card_sn: str, *, fresh: bool = False) -> Person:
    """Whose credential that is; `fresh`: a token must not have expired or been used, a card needs its card_sn."""
    if kind == "02":
        found = bureau.by_id_no.get(number.upper())
    elif kind == "03":
        if fresh and not card_sn:
            raise Refusal("就诊凭证类型为03时card_sn不能为空", 1101)
        found = bureau.by_card.get(number)
        if found is not None and card_sn and card_sn != found.card_sn:
            raise Refusal("卡识别码与社会保障卡号不一致", 1101)
    elif kind == "01":
        token = bureau.tokens.get(number)
        if fresh and token is not None:
            spent = bureau.settings.one_use_tokens and token.used
            if spent or token.expires <= bureau.world.now():
                raise Refusal("电子凭证令牌已失效,请刷新后重试", 1101)
            token.used = True
        found = token.person if token else None
    else:
        raise Refusal(f"就诊凭证类型[{kind}]不正确", 1101)
    if found is None or not found.insurance:
        raise Refusal("未查询到该人员的参保信息", 1101)
    return found


def check_credential(bureau: Bureau, sent: Mapping[str, Any], person: Person) -> None:
    """A credential sent along with a psn_no must be the same person's."""
    if not sent["mdtrt_cert_no"]:
        return
    if holder(bureau, sent["mdtrt_cert_type"], sent["mdtrt_cert_no"], sent.get("card_sn", "")) is not person:
        raise Refusal("就诊凭证与人员编号不是同一人", 1101)


def terms_for(
    bureau: Bureau, person: Person, insutype: str, med_type: str, day: str
) -> tuple[Terms | None, str]:
    """The 门诊统筹 terms for a visit on `day`, or None and the reason why the fund pays nothing."""
    settings = bureau.settings
    terms = terms_on(bureau.policies, day, insutype, settings.hosp_lv)
    if terms is None:
        return None, f"险种[{insutype}]不享受门诊统筹待遇"
    if med_type not in settings.pool_med_types:
        return None, f"医疗类别[{med_type}]不享受门诊统筹待遇"
    if person.psn_no in bureau.stays:
        return None, "参保人住院期间不享受门诊统筹待遇"
    if bureau.signed_on(person, day) is None:
        return None, "参保人未办理门诊统筹签约"
    return terms, ""


def registration_share(bureau: Bureau, person: Person, visit: Visit) -> tuple[int, str]:
    """What the fund pays of this registration at most, in fen, and the reason where it pays nothing."""
    if person.psn_no in bureau.stays:
        return 0, "参保人住院期间不享受门诊挂号待遇"
    for other in bureau.visits_of.get(person.psn_no, ()):
        settled = other.settlement
        if (
            other is not visit and settled is not None and settled.amounts.uncounted and settled.amounts.pool
            and other.begntime[:10] == visit.begntime[:10] and other.sent["dept_code"] == visit.sent["dept_code"]
        ):  # fmt: skip
            return 0, "同日同科室已享受过门诊挂号待遇"
    return REGISTRATION_SHARE.get(visit.insutype, 0), ""


def who(person: Person) -> dict[str, Any]:
    """The fields of a person that 1101 and every settlement repeat."""
    return {
        "psn_no": person.psn_no, "psn_cert_type": "01", "certno": person.id_no, "psn_name": person.name,
        "gend": person.gender, "naty": "01", "brdy": person.birth,
    }


def age(person: Person, today: str) -> int:
    """Full years on `today` (yyyy-MM-dd)."""
    return int(today[:4]) - int(person.birth[:4]) - (today[5:] < person.birth[5:])


def person_info(bureau: Bureau, call: Call) -> object:
    """1101: the person and all insurance rows, stopped ones too; no order is promised."""
    asked = node(call.input, "data", _1101)
    person = holder(bureau, asked["mdtrt_cert_type"], asked["mdtrt_cert_no"], asked["card_sn"], fresh=True)
    if asked["certno"] and asked["certno"].upper() != person.id_no:
        raise Refusal("证件号码与就诊凭证不一致", 1101)
    if asked["psn_name"] and asked["psn_name"] != person.name:
        raise Refusal("姓名与就诊凭证不一致", 1101)
    base = {**who(person), "age": age(person, bureau.today()), "exp_content": None}
    return {"baseinfo": base, "insuinfo": [_row(bureau, person, r) for r in person.insurance], "idetinfo": []}


def _row(bureau: Bureau, person: Person, row: Insurance) -> dict[str, Any]:
    active = row.status == "1"
    return {
        "balc": yuan(bureau.balance(person) if active else 0), "insutype": row.insutype,
        "psn_type": row.psn_type,
        "psn_insu_stas": row.status, "psn_insu_date": "2015-01-01",
        "paus_insu_date": None if active else "2022-12-31", "cvlserv_flag": "0", "insuplc_admdvs": ADMDVS,
        "emp_name": "模拟用人单位" if row.insutype == "310" else None,
    }


def institution(bureau: Bureau, call: Call) -> object:
    """1201: by code or name; hosp_lv decides which ratio holds."""
    asked = node(call.input, "medinsinfo", _1201)
    known = ((FIXMEDINS_CODE, FIXMEDINS_NAME, bureau.settings.hosp_lv), _COMMUNITY)
    found = [
        {"fixmedins_code": code, "fixmedins_name": name, "uscc": f"12370200{code[-9:]}0", "fixmedins_type": "1",
         "hosp_lv": level}
        for code, name, level in known
        if asked["fixmedins_code"] in ("", code) and asked["fixmedins_name"] in name
    ]
    if not found or not (asked["fixmedins_code"] or asked["fixmedins_name"]):
        raise Refusal("未查询到医药机构信息", 1201)
    return {"medinsinfo": found}


def data_dictionary(bureau: Bureau, call: Call) -> object:
    """1901: the rows of one dictionary."""
    asked = node(call.input, "data", _1901)
    values = dictionary.TYPES.get(asked["type"].upper(), {})
    return {"list": [
        {"type": asked["type"], "label": label, "value": value, "parentValue": "", "sort": place, "valiFlag": "1",
         "createUser": "system", "createDate": "2020-01-01 00:00:00", "version": "1"}
        for place, (value, label) in enumerate(values.items(), 1)
    ]}


def of_stay(med_type: str) -> bool:
    """Whether that kind of care is one in hospital."""
    return med_type in dictionary.TYPES["MED_TYPE"] and (med_type.startswith("2") or med_type == "52")


def enjoyment(bureau: Bureau, call: Call) -> object:
    """2001: whether the person enjoys the treatment on that day, and if not, why."""
    asked = node(call.input, "data", _2001)
    person = bureau.person(asked["psn_no"])
    bureau.insurance(person, asked["insutype"])
    day = asked["begntime"][:10]
    if of_stay(asked["med_type"]):
        held = stay_terms(asked["insutype"], bureau.settings.hosp_lv)
        reason = "" if held else f"险种[{asked['insutype']}]不享受住院待遇"
    elif asked["med_type"] in bureau.settings.registration_med_types:
        reason = "参保人住院期间不享受门诊挂号待遇" if person.psn_no in bureau.stays else ""
    else:
        _, reason = terms_for(bureau, person, asked["insutype"], asked["med_type"], day)
    return {"trtinfo": [{
        "psn_no": person.psn_no, "trt_chk_type": "1", "fund_pay_type": "310100",
        "trt_enjymnt_flag": "0" if reason else "1", "begndate": f"{day[:4]}-01-01",
        "enddate": f"{day[:4]}-12-31", "trt_chk_rslt": reason or None,
    }]}
