"""The national insurance's transactions, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from simulators.base.menu import (
    Act,
    Input,
    Line,
    Section,
    Words,
    maybe,
    misfortune,
    said,
    setting,
    settings_section,
    text,
)
from simulators.insurance.settings import Settings
from simulators.town import PERSONS, Person

if TYPE_CHECKING:
    from simulators.insurance.party import InsuranceSim

TITLE = said("国家医保（两定接口）", "National medical insurance")
FAULTS = {
    "http_502": misfortune("前置机 HTTP 502", "HTTP 502 of the front machine"),
    "clock_skew": misfortune("网关时钟不准，拒绝时间戳", "the gateway's clock is off: it refuses our timestamp"),
    "infcode_string": misfortune("infcode 写成文本", "infcode as a text"),
    "warn_msg": misfortune("成功而带提示", "a success with a warning"),
    "null_vs_empty": misfortune("null 写成空串", "null written as an empty text"),
    "wrong_refmsgid": misfortune("答复的报文号不对应", "the reply names another message"),
    "mojibake_name": misfortune("姓名乱码", "the name is garbled", (
        "1101", "2207", "2207A", "2206", "2206A", "2303", "2304", "5203")),
    "empty_body": misfortune("答复为空", "an empty reply"),
    "broken_file": misfortune("文件不完整", "a file cut short", ("9102",)),
    "bad_signature": misfortune("cainfo 被改写", "cainfo holds what cannot be verified"),
    "wrong_amount": misfortune("金额多一元", "one yuan too much", (
        "1101", "2206", "2206A", "2207", "2207A", "2303", "2304", "5203", "5206")),
}  # fmt: skip
_PERSON = text("person", "人员（P0001）", "person (P0001)", hint="P0001")
ACTS = (
    Act("sign_community", "签约社区", "sign with the community clinic", (_PERSON, maybe("from", "起始日", "from",
        hint="2026-11-22"))),
    Act("unsign", "解除签约", "end the signing", (_PERSON,)),
    Act("admit", "入院", "admit to hospital", (_PERSON, maybe("day_ward", "日间病房", "day ward", "flag"))),
    Act("discharge", "出院", "discharge", (_PERSON,)),
    Act("make_ec_token", "出示电子凭证", "show an electronic credential", (_PERSON, maybe("seconds", "有效秒数",
        "seconds it lives", "whole"))),
    Act("show_ec_code", "出示电子凭证二维码", "show the code of the electronic credential", (_PERSON, maybe("seconds",
        "有效秒数", "seconds it lives", "whole"))),
    Act("expire_signin", "签到全部失效", "all sign-ins expire", grave=True),
    Act("set_counter", "年度累计（分）", "the year's counters (fen)", (
        _PERSON, maybe("fund_used", "统筹已用", "fund used", "fen"), maybe("deductible_used", "起付已付",
            "deductible used", "fen"),
        maybe("balance", "个人账户", "account", "fen"))),
    Act("new_year", "累计换年", "a new counting year"),
    Act("change_policy", "改政策", "change the policy", (
        maybe("ratio_bp", "报销比例（万分之）", "share in 1/10000", "whole"), maybe("deductible_fen", "起付线（分）",
            "deductible (fen)", "fen"),
        maybe("limit_fen", "限额（分）", "limit (fen)", "fen")), grave=True),
    Act("change_item", "改目录", "change the catalogue", (
        text("code", "院内编码", "hospital's code", hint="K0008"),
        Input("level", Words("等级", "level"), "choice", ("", "01", "02", "03"), needed=False),
        maybe("first_self_pay_bp", "先行自付（万分之）", "first self-pay in 1/10000", "whole"),
        maybe("cap_fen", "限价（分）", "price cap (fen)", "fen"),
        maybe("end", "停用日期", "last day", hint="2026-12-31")), grave=True),
    setting(names=["profile", *(f.name for f in fields(Settings))]),
)  # fmt: skip
SHOWN = 50


def sections(party: InsuranceSim) -> list[Section]:
    """Persons with their counters and buttons, visits, settlements, the settings."""
    bureau = party.bureau
    persons = [_person(party, one) for one in PERSONS]
    visits = [
        Line((v.mdtrt_id, v.ipt_otp_no, v.person.name, len(v.lines), v.total().total,
            "open" if v.open else "cancelled"))
        for v in list(bureau.visits.values())[: -SHOWN - 1 : -1]
    ]
    settled = [
        Line((s.setl_id, s.visit.ipt_otp_no, s.amounts.split.total, s.amounts.pool, s.amounts.account, s.amounts.cash,
            s.state, s.infno))
        for s in list(bureau.settlements.values())[: -SHOWN - 1 : -1]
    ]  # fmt: skip
    sums = tuple(said(zh, en) for zh, en in (
        ("结算号", "settlement"), ("账单", "bill"), ("总额", "total"), ("统筹", "fund"), ("个账", "account"),
        ("现金", "cash"), ("状态", "state"), ("交易", "transaction")))  # fmt: skip
    return [
        Section(said("人员", "Persons"), tuple(said(zh, en) for zh, en in (
            ("编号", "id"), ("姓名", "name"), ("险种", "insurance"), ("签约", "signed with"), ("统筹已用", "fund used"),
            ("起付已付", "deductible used"), ("个账余额", "account"), ("在院", "in hospital"))), persons, frozenset({4,
                5, 6})),
        Section(said("就诊", "Visits"), tuple(said(zh, en) for zh, en in (
            ("就诊号", "visit"), ("账单", "bill"), ("姓名", "name"), ("明细", "lines"), ("金额", "amount"), ("状态",
                "state"))),
            visits, frozenset({4})),
        Section(said("结算", "Settlements"), sums, settled, frozenset({2, 3, 4, 5})),
        settings_section({"profile": party.gateway.profile, **vars(bureau.settings)}),
    ]  # fmt: skip


def _person(party: InsuranceSim, one: Person) -> Line:
    bureau = party.bureau
    used, day = bureau.counters(one, bureau.year()), bureau.today()
    signed = bureau.signed_on(one, day)
    active = ", ".join(row.insutype for row in one.insurance if row.status == "1")
    stay = bureau.stays.get(one.psn_no, "")
    acts = []
    if one.insurance:
        acts = [("unsign" if signed else "sign_community", {"person": one.id}),
                ("discharge" if stay else "admit", {"person": one.id})]  # fmt: skip
    name = signed.fixmedins_name if signed else ""
    return Line((one.id, one.name, active, name, used.fund, used.deductible, bureau.balance(one), stay), acts)


_EN = {
    "9001": "sign in", "9002": "sign out", "1101": "person", "1201": "institution", "1901": "dictionary",
    "2001": "entitlement", "2201": "register a visit", "2202": "cancel a visit", "2203": "visit information",
    "2203A": "visit information A", "2204": "upload fees", "2205": "withdraw fees", "2206": "quote", "2206A": "quote A",
    "2207": "settle", "2207A": "settle A", "2208": "cancel a settlement", "2505": "designate",
    "2506": "withdraw a designation", "2601": "reverse", "3201": "compare totals", "5201": "visits",
    "5203": "settlement", "5204": "fee lines", "5206": "yearly sums", "5302": "designations", "5303": "in hospital",
    "1301": "western and Chinese patent medicines", "1302": "herbal pieces", "1303": "preparations of hospitals",
    "1304": "ethnic medicines", "1305": "services", "1306": "consumables", "1307": "diseases", "1308": "operations",
    "1309": "chronic diseases", "1310": "diseases paid by kind", "1311": "day operations", "1312": "directory",
    "1313": "tumour morphology", "1314": "Chinese medicine diseases", "1315": "Chinese medicine syndromes",
    "1316": "pairings of the directory", "1317": "pairings of the institution", "1318": "price limits",
    "1319": "first own shares", "2301": "upload a stay's fees", "2302": "withdraw a stay's fees",
    "2303": "quote a stay", "2304": "settle a stay", "2305": "cancel a stay's settlement", "2401": "admit",
    "2402": "discharge",
    "2403": "change a stay", "2404": "withdraw an admission", "2405": "withdraw a discharge", "3202": "compare details",
    "3301": "upload pairings", "3302": "withdraw a pairing", "5202": "diagnoses", "5205": "drugs of special diseases",
    "5301": "special diseases registered", "5304": "transfers", "9101": "upload a file", "9102": "download a file",
    "ec.query": "read an electronic credential",
}  # fmt: skip


def ops(titles: Mapping[str, str]) -> dict[str, Words]:
    """The transactions by number; their Chinese titles are the document's."""
    return {code: said(f"{code} {title}", f"{code} {_EN.get(code, '')}".strip()) for code, title in titles.items()}
