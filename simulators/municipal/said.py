"""The municipal platform's transactions, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulators.base.menu import Act, Line, Section, Words, fen, misfortune, said, setting, settings_section, text
from simulators.municipal.fields import yuan
from simulators.town import DOCTORS, PERSONS, Person

if TYPE_CHECKING:
    from simulators.municipal.party import MunicipalSim
    from simulators.municipal.state import Platform

TITLE = said("地方医保（SOAP）", "Municipal insurance (SOAP)")
FAULTS = {
    "unsure": misfortune("答复 -6 结果未知（未执行）", "appcode -6, result unknown (not executed)"),
    "client_fault": misfortune("SOAP Client 错误（未执行）", "a SOAP Client fault (not executed)"),
    "soap_fault": misfortune("已执行，答复 SOAP Server 错误", "executed, answered with a SOAP Server fault"),
    "wrong_namespace": misfortune("命名空间不对", "another namespace"),
    "half_xml": misfortune("答复的 XML 不完整", "the XML of the reply is cut"),
    "empty_body": misfortune("答复为空", "an empty reply"),
    "mojibake_name": misfortune("姓名乱码", "the name is garbled"),
    "inner_utf8": misfortune("内层报文声明别的字符集", "the inner document declares another character set"),
    "bad_signature": misfortune("多出无意义的签名", "a signature that means nothing"),
    "wrong_amount": misfortune("现金多一分", "the cash one fen too much"),
}
_PERSON = text("person", "人员（P0001）", "person (P0001)", hint="P0001")
ACTS = (
    Act("sign", "签约", "sign", (_PERSON,)),
    Act("unsign", "解除签约", "end the signing", (_PERSON,)),
    Act("admit", "入院", "admit to hospital", (_PERSON,)),
    Act("discharge", "出院", "discharge", (_PERSON,)),
    Act("set_balance", "个人账户（分）", "account (fen)", (_PERSON, fen("balance", "分", "fen"))),
    Act("expire_signin", "业务周期全部失效", "all business cycles expire", grave=True),
    setting(names=("encoding", "reverse_of_unknown")),
)
SHOWN = 50
CODES = {
    "klx": {"1": "社保卡（带卡识别码 kxlh）· card, with its kxlh", "2": "身份证号 · id number"},
    "yltclb": {"0": "普通门诊 · ordinary", "6": "门诊统筹 · pooled outpatient"},
    "zhsybz": {"0": "不用个人账户 · leave the account", "1": "用个人账户 · use the account"},
    "jyzt": {"0": "没有 · none", "1": "成功 · done", "2": "已冲正 · reversed", "3": "已撤销 · cancelled"},
}


def catalogue(platform: Platform) -> dict[str, Any]:
    """What a client must know to send a bill that is taken: values of codes, doctors, items and their prices (yuan)."""
    return {
        "codes": CODES,
        "doctors": [{"ysbm": one[1], "ysxm": one[0], "ksbm": one[2], "ksmc": one[3]} for one in DOCTORS.values()],
        "items": [
            {"ylxmbm": item.national, "name": item.name, "dw": item.unit, "dj": yuan(item.price_fen)}
            for item in platform.items.values()
        ],
    }


def sections(party: MunicipalSim) -> list[Section]:
    """Persons, visits, settlements, the settings."""
    platform = party.platform
    columns = tuple(said(zh, en) for zh, en in (
        ("编号", "id"), ("姓名", "name"), ("签约", "signed"), ("个账余额", "account"), ("在院",
            "in hospital")))  # fmt: skip
    visits = [
        Line((v.no, v.person.name, v.kind, len(v.uploads), v.total().total, "open" if v.open else "cancelled"))
        for v in list(platform.visits.values())[: -SHOWN - 1 : -1]
    ]
    visit_columns = tuple(said(zh, en) for zh, en in (
        ("门诊流水号", "visit"), ("姓名", "name"), ("统筹类别", "kind"), ("批次", "uploads"), ("金额", "amount"),
            ("状态", "state")))  # fmt: skip
    return [
        Section(said("人员", "Persons"), columns, [_person(party, one) for one in PERSONS], frozenset({3})),
        Section(said("就诊", "Visits"), visit_columns, visits, frozenset({4})),
        settings_section({"encoding": platform.encoding, "reverse_of_unknown": platform.reverse_of_unknown}),
    ]


def _person(party: MunicipalSim, one: Person) -> Line:
    platform = party.platform
    signed, stays = platform.signed.get(one.psn_no, False), one.psn_no in platform.stays
    acts = [("unsign" if signed else "sign", {"person": one.id}), ("discharge" if stays else "admit",
        {"person": one.id})]
    balance = platform.balances.get(one.psn_no, sum(row.balance_fen for row in one.insurance if row.status == "1"))
    return Line((one.id, one.name, "✓" if signed else "", balance, "✓" if stays else ""), acts)


_EN = {
    "9100": "sign in", "9101": "reconcile", "9110": "sign out", "2100": "person", "2210": "register",
    "2240": "cancel a visit", "2310": "upload fees", "2320": "withdraw fees", "2420": "quote", "2410": "settle",
    "2430": "cancel a settlement", "2421": "reverse", "2450": "outcome of a transaction",
}  # fmt: skip


def ops(titles: Mapping[str, str]) -> dict[str, Words]:
    """The transactions by number; their Chinese titles are the platform's."""
    return {code: said(f"{code} {title}", f"{code} {_EN.get(code, '')}".strip()) for code, title in titles.items()}
