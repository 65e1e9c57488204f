"""The provider's services, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.base.menu import Act, Line, Section, choice, misfortune, said, setting, settings_section, text

if TYPE_CHECKING:
    from simulators.sms.party import SmsSim

TITLE = said("短信平台", "Short messages")
OPS = {"SendSms": said("发送短信", "send"), "QuerySendDetails": said("查询发送记录", "what was sent to a phone"),
       "SmsReport": said("推送状态报告", "what became of a message, pushed")}  # fmt: skip
_SEND = ("SendSms",)
_TOLD = ("SmsReport",)
FAULTS = {
    "flow_control": misfortune("触发流控", "too many to one phone", _SEND),
    "throttled": misfortune("接口限流 HTTP 400", "the interface is throttled, HTTP 400"),
    "black_list": misfortune("变量含关键词，拒绝", "a forbidden word in a parameter", _SEND),
    "unseen": misfortune("已发送，若干秒后才查得到", "sent, listed only seconds later", _SEND),
    "undelivered": misfortune("已发送，运营商未送达", "sent, the operator did not deliver it", _SEND),
    "callback_never": misfortune("不推送状态报告", "never reported", _TOLD),
    "callback_late": misfortune("状态报告迟到（秒）", "reported late (seconds)", _TOLD),
    "callback_twice": misfortune("状态报告推送两次", "reported twice", _TOLD),
    "callback_more_fields": misfortune("状态报告多出未约定的字段", "reported with fields nobody has agreed", _TOLD),
    "strange_number": misfortune("状态报告的编号不是我们的", "a report of a number that is none of ours", _TOLD),
    "bad_signature": misfortune("状态报告地址中的口令不对", "reported with another key in the address", _TOLD),
    "not_enough_balance": misfortune("账户余额不足", "the account has no credit left", _SEND),
    "refuse_business": misfortune("模板不合法", "the template is not approved", _SEND),
}
ACTS = (
    Act("find", "查看某编号的短信", "show the texts of a number", (text("no", "编号", "number"),)),
    Act("report", "推送状态报告", "push what became of it", (
        text("no", "编号", "number"), choice("delivered", "送达", "delivered", ("true", "false")),
    )),
    setting(names=("day_limit", "report_url")),
)
_COLUMNS = (
    said("编号", "our number"), said("手机", "phone"), said("模板", "template"), said("内容", "text"),
    said("状态", "state"), said("报告被收下", "reports taken"),
)  # fmt: skip
SHOWN = 50


def sections(party: SmsSim) -> list[Section]:
    """What went out, phones covered; the settings."""
    lines = [
        Line((one.out_id, f"{one.phone[:3]}****{one.phone[-4:]}", one.template, one.text, one.state, one.told))
        for one in party.sent[: -SHOWN - 1 : -1]
    ]
    settings = {"day_limit": party.day_limit, "report_url": party.report_url}
    return [Section(said("已发短信", "Sent"), _COLUMNS, lines), settings_section(settings)]
