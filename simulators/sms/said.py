"""The provider's services, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.base.menu import Act, Line, Section, misfortune, said, setting, settings_section, text

if TYPE_CHECKING:
    from simulators.sms.party import SmsSim

TITLE = said("短信平台", "Short messages")
OPS = {"SendSms": said("发送短信", "send"), "QuerySendDetails": said("查询发送记录", "what was sent to a phone")}
_SEND = ("SendSms",)
FAULTS = {
    "flow_control": misfortune("触发流控", "too many to one phone", _SEND),
    "throttled": misfortune("接口限流 HTTP 400", "the interface is throttled, HTTP 400"),
    "black_list": misfortune("变量含关键词，拒绝", "a forbidden word in a parameter", _SEND),
    "unseen": misfortune("已发送，若干秒后才查得到", "sent, listed only seconds later", _SEND),
    "undelivered": misfortune("已发送，运营商未送达", "sent, the operator did not deliver it", _SEND),
    "not_enough_balance": misfortune("账户余额不足", "the account has no credit left", _SEND),
    "refuse_business": misfortune("模板不合法", "the template is not approved", _SEND),
}
ACTS = (
    Act("find", "查看某编号的短信", "show the texts of a number", (text("no", "编号", "number"),)),
    setting(names=("day_limit",)),
)
_COLUMNS = (
    said("编号", "our number"), said("手机", "phone"), said("模板", "template"), said("内容", "text"),
    said("状态", "state"),
)  # fmt: skip
SHOWN = 50


def sections(party: SmsSim) -> list[Section]:
    """What went out, phones covered; the settings."""
    lines = [
        Line((one.out_id, f"{one.phone[:3]}****{one.phone[-4:]}", one.template, one.text, one.state))
        for one in party.sent[: -SHOWN - 1 : -1]
    ]
    return [Section(said("已发短信", "Sent"), _COLUMNS, lines), settings_section({"day_limit": party.day_limit})]
