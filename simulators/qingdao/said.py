"""The Qingdao platform's transactions, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from simulators.base.menu import Act, Line, Section, Words, fen, misfortune, said, setting, settings_section, text
from simulators.town import PERSONS, Person

if TYPE_CHECKING:
    from simulators.qingdao.party import QingdaoSim

TITLE = said("青岛原医保（定长报文）", "Former Qingdao insurance (fixed length)")
FAULTS = {
    "offline": misfortune("P0091 联机失败（未执行）", "P0091, the centre was not reached (not executed)"),
    "offline_after": misfortune("已执行，答复 P0092 联机失败", "executed, answered P0092"),
    "short_reply": misfortune("答复少 96 字节后断开", "96 bytes too few, then closed"),
    "long_reply": misfortune("答复多 100 字节", "100 bytes too many"),
    "wrong_end": misfortune("没有 ZZZZ", "no ZZZZ"),
    "half_character": misfortune("栏位末尾半个汉字", "a field ends in half a character"),
    "wrong_number": misfortune("答复的是另一个流水号", "another call's serial number"),
    "bad_signature": misfortune("没有 ZZZZ", "no ZZZZ"),
    "wrong_amount": misfortune("消费金额多一分", "the amount one fen too much"),
    "token_expired": misfortune("E0009 终端未签到（未执行）", "E0009, the terminal is not signed in (not executed)"),
}
_PERSON = text("person", "人员（P0001）", "person (P0001)", hint="P0001")
ACTS = (
    Act("sign", "签约", "sign", (_PERSON,)),
    Act("unsign", "解除签约", "end the signing", (_PERSON,)),
    Act("admit", "入院", "admit to hospital", (_PERSON,)),
    Act("discharge", "出院", "discharge", (_PERSON,)),
    Act("set_balance", "个人账户（分）", "account (fen)", (_PERSON, fen("balance", "分", "fen"))),
    setting(names=("charset", "amounts")),
)
SHOWN = 50
_EN = {
    "CX001": "person by card", "CX002": "person by id number", "CX005": "chronic diseases", "YL001": "pay an order",
    "YL002": "balance", "YL003": "cancel a payment", "YL004": "outcome of a payment",
}  # fmt: skip


def ops(titles: Mapping[str, str]) -> dict[str, Words]:
    """The transactions by message type."""
    return {code: said(f"{code} {title}", f"{code} {_EN.get(code, '')}".strip()) for code, title in titles.items()}


def sections(party: QingdaoSim) -> list[Section]:
    """Persons, payments, the settings."""
    platform = party.platform
    columns = tuple(said(zh, en) for zh, en in (
        ("编号", "id"), ("姓名", "name"), ("签约", "signed"), ("个账余额", "account"), ("在院", "in hospital"),
    ))  # fmt: skip
    paid_columns = tuple(said(zh, en) for zh, en in (
        ("我方流水号", "our number"), ("支付流水号", "serial"), ("姓名", "name"), ("账户", "account"),
        ("状态", "state"),
    ))  # fmt: skip
    paid = [
        Line((one.number, one.serial, one.person.name, one.amounts.account, one.state))
        for one in list(platform.paid.values())[: -SHOWN - 1 : -1]
    ]
    return [
        Section(said("人员", "Persons"), columns, [_person(party, one) for one in PERSONS], frozenset({3})),
        Section(said("支付", "Payments"), paid_columns, paid, frozenset({3})),
        settings_section({"charset": platform.charset, "amounts": platform.amounts}),
    ]


def _person(party: QingdaoSim, one: Person) -> Line:
    platform = party.platform
    signed, stays = platform.signed.get(one.psn_no, False), one.psn_no in platform.stays
    who = {"person": one.id}
    acts = [("unsign" if signed else "sign", who), ("discharge" if stays else "admit", who)]
    return Line((one.id, one.name, "✓" if signed else "", platform.balance(one), "✓" if stays else ""), acts)
