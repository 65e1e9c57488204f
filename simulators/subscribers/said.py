"""The subscribers' doors, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.base.faults import BREAKS, CALLBACKS
from simulators.base.menu import ACKS_SAID, Act, Line, Section, misfortune, said, setting, settings_section

if TYPE_CHECKING:
    from simulators.subscribers.party import SubscribersSim

TITLE = said("订阅方", "Subscribers")
OPS = {
    "emr": said("电子病历", "medical record"), "platform": said("数据平台", "data platform"),
    "report": said("检查检验报告", "reports"), "queue": said("预约叫号", "queue calling"),
    "lis": said("检验（HL7）", "laboratory (HL7)"), "ris": said("影像（HL7）", "imaging (HL7)"),
}  # fmt: skip
_HTTP, _HL7 = ("emr", "platform", "report", "queue", "post"), ("lis", "ris", "mllp")
FAULTS = {
    "http_400": misfortune("HTTP 400 请求无效", "HTTP 400, bad request", _HTTP),
    "http_429": misfortune("HTTP 429 过于频繁", "HTTP 429, too many requests", _HTTP),
    "http_503": misfortune("HTTP 503 维护中", "HTTP 503, maintenance", _HTTP),
    "http_502": misfortune("网关 HTTP 502", "HTTP 502 of a gateway", _HTTP),
    "http_504": misfortune("已执行，网关答复 504", "executed, answered with HTTP 504 of a gateway", _HTTP),
    "token_expired": misfortune("令牌过期", "the token has expired", _HTTP),
    **{name: misfortune(one.words.zh, one.words.en, _HL7) for name, one in ACKS_SAID.items()},
}
MEANINGLESS = BREAKS | CALLBACKS | {"not_enough_balance"}  # nothing is signed here, nothing is paid
ACTS = (Act("counts", "各收到多少", "what each has received"), setting(names=("names", "signed", "unsaid")))
_COLUMNS = (
    said("订阅方", "subscriber"), said("消息", "messages"), said("重复", "duplicates"), said("冲突", "conflicts"),
    said("按事件", "by event"),
)  # fmt: skip


def sections(party: SubscribersSim) -> list[Section]:
    """What each has received."""
    lines = [
        Line((name, one["messages"], one["duplicates"], one["conflicts"],
              ", ".join(f"{event} {count}" for event, count in one["events"].items())))
        for name, one in party.inbox.counts().items()
    ]  # fmt: skip
    return [
        Section(said("各订阅方", "Subscribers"), _COLUMNS, lines),
        settings_section({"signed": party.signed, **{name: tuple(known) for name, known in party.names.items()}}),
    ]
