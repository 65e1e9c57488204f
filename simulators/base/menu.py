"""What a party says about itself to a person: operations, misfortunes, acts and state, each in Chinese and English.

Declared as data on the party's class (`SimParty`): the page at `/sim/` shows it, scenario files name it, tests hold
it against what the party really does.

    title = said("微信支付", "WeChat Pay")
    ops_said = {"native": said("二维码下单", "order a QR")}
    faults_said = {"probe": misfortune("先发假签名的探测", "a probe with a false signature first", ops=("paid",))}
    meaningless = frozenset({"not_enough_balance"})        # of the common ones: nothing happens here
    acts_said = (Act("pay", "付款", "pay", (text("no", "订单号", "order number"),)),)
    def sections(self) -> list[Section]: ...
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulators.base.faults import BREAKS, CALLBACKS, EXECUTED, NOT_EXECUTED, REFUSALS, TIMED


@dataclass(frozen=True, slots=True)
class Words:
    """One thing said twice."""

    zh: str
    en: str

    def of(self, language: str) -> str:
        """In `zh` or `en`."""
        return self.zh if language == "zh" else self.en


def said(zh: str, en: str) -> Words:
    """Words in both languages."""
    return Words(zh, en)


@dataclass(frozen=True, slots=True)
class Misfortune:
    """One entry of a fault menu. `ops`: the only operations where it can happen; none: all."""

    words: Words
    ops: tuple[str, ...] = ()


def misfortune(zh: str, en: str, ops: Iterable[str] = ()) -> Misfortune:
    """An own fault of a party, as it is told."""
    return Misfortune(Words(zh, en), tuple(ops))


# Groups in the order a menu shows them.
GROUPS: Mapping[str, Words] = {
    "not_executed": said("未执行，通信出错", "not executed, the line fails"),
    "refused": said("未执行，被拒绝", "not executed, refused"),
    "executed": said("已执行，答复丢失或出错", "executed, the reply is lost or wrong"),
    "late": said("迟", "late"),
    "callback": said("通知", "callbacks"),
    "bill": said("账单", "bills"),
    "own": said("本系统特有", "this party's own"),
}
COMMON_SAID: Mapping[str, Misfortune] = {
    "refuse_connection": misfortune("连接被拒", "the connection is refused"),
    "reset_before_commit": misfortune("执行前断开", "reset before it is executed"),
    "timeout_before_commit": misfortune("不执行也不答复", "neither executed nor answered"),
    "html": misfortune("答复登录网页", "answers a login page"),
    "http_500": misfortune("HTTP 500", "HTTP 500"),
    "http_502": misfortune("网关 HTTP 502", "HTTP 502 of a gateway"),
    "http_503": misfortune("网关 HTTP 503（稍后再试）", "HTTP 503 of a gateway, to be tried later"),
    "refuse_business": misfortune("业务拒绝", "refused for business"),
    "not_enough_balance": misfortune("余额不足", "not enough balance"),
    "token_expired": misfortune("登录或授权失效", "sign-in or authorisation expired"),
    "reset_after_commit": misfortune("执行后断开", "executed, then reset"),
    "timeout_after_commit": misfortune("已执行，不答复", "executed, never answered"),
    "half_reply": misfortune("答复只到一半", "half of the reply"),
    "duplicate_reply": misfortune("答复两次", "the reply twice"),
    "http_504": misfortune("已执行，网关答复 504", "executed, answered with HTTP 504 of a gateway"),
    "drip": misfortune("已执行，答复分秒滴出（秒数内发完）", "executed, the reply trickles out (over the seconds)"),
    "bad_signature": misfortune("答复签名错误", "the reply's signature is wrong"),
    "wrong_amount": misfortune("答复金额不符", "the reply tells another amount"),
    "slow": misfortune("慢（秒数内不答）", "slow (seconds)"),
    "late_commit": misfortune("不答复，若干秒后才执行", "never answered, executed seconds later"),
    "callback_never": misfortune("不通知", "never told"),
    "callback_late": misfortune("通知迟到（秒）", "told late (seconds)"),
    "callback_twice": misfortune("通知两次", "told twice"),
    "callback_before_reply": misfortune("先通知后答复", "told before the reply"),
    "callback_dead": misfortune("通知一次送不到，按平台的间隔再送", "one try reaches nobody, told again later"),
    "callback_odd_type": misfortune("通知的 Content-Type 不对", "told with another Content-Type"),
    "callback_more_fields": misfortune("通知多出未约定的字段", "told with fields nobody has agreed"),
    "callback_gbk": misfortune("通知是 GBK 编码", "told in GBK"),
}
_GROUP_OF = {
    **dict.fromkeys(NOT_EXECUTED, "not_executed"), **dict.fromkeys(REFUSALS, "refused"),
    **dict.fromkeys(EXECUTED | BREAKS, "executed"), **dict.fromkeys(TIMED, "late"),
    **dict.fromkeys(CALLBACKS, "callback"),
}  # fmt: skip
ACKS_SAID: Mapping[str, Misfortune] = {
    "ack_ae": misfortune("HL7 应答 AE", "HL7 acknowledgement AE"),
    "ack_ar": misfortune("HL7 应答 AR", "HL7 acknowledgement AR"),
    "ack_aa_failed": misfortune("应答 AA 而文字说失败", "an AA whose text speaks of a failure"),
    "ack_wrong_number": misfortune("应答的是另一条消息", "acknowledges another message"),
    "ack_late": misfortune("应答迟到（秒）", "the acknowledgement late (seconds)"),
}


def group_of(fault: str) -> str:
    """The group a menu shows it in."""
    first = fault.partition("_")[0]
    return _GROUP_OF.get(fault) or (first if first in ("bill", "callback") else "own")


@dataclass(frozen=True, slots=True)
class Input:
    """One field of an act. `kind`: text, fen, whole, number, flag, choice, json (text when it is none)."""

    name: str
    words: Words
    kind: str = "text"
    choices: tuple[str, ...] = ()
    needed: bool = True
    hint: str = ""


def text(name: str, zh: str, en: str, hint: str = "") -> Input:
    """A text that must be given."""
    return Input(name, Words(zh, en), hint=hint)


def maybe(name: str, zh: str, en: str, kind: str = "text", hint: str = "") -> Input:
    """A field that may stay empty."""
    return Input(name, Words(zh, en), kind, needed=False, hint=hint)


def fen(name: str, zh: str, en: str) -> Input:
    """An amount, whole fen."""
    return Input(name, Words(zh, en), "fen")


def choice(name: str, zh: str, en: str, choices: Iterable[str]) -> Input:
    """One of a list."""
    return Input(name, Words(zh, en), "choice", tuple(choices))


@dataclass(frozen=True, slots=True)
class Act:
    """What the other person can do: the body of `POST /sim/act` is {"act": name, field: value, …}."""

    name: str
    zh: str
    en: str
    inputs: tuple[Input, ...] = ()
    grave: bool = False  # coloured as a warning: it makes trouble on purpose
    setting: bool = False  # the two fields `name` and `value` become one: {name: value}

    @property
    def words(self) -> Words:
        return Words(self.zh, self.en)


def setting(zh: str = "改设置", en: str = "change a setting", names: Iterable[str] = ()) -> Act:
    """The act `set` as a form: which setting, which value."""
    return Act(
        "set", zh, en,
        (choice("name", "设置", "setting", names), Input("value", Words("值", "value"), "json")), setting=True,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a section. `acts`: buttons, (act, its fields ready filled)."""

    cells: Sequence[Any]
    acts: Sequence[tuple[str, Mapping[str, Any]]] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the party's state. `money`: the columns (from 0) that hold fen and are shown as yuan."""

    words: Words
    columns: Sequence[Words]
    lines: Sequence[Line] = ()
    money: frozenset[int] = field(default_factory=frozenset)
    note: Words | None = None
    quiet: bool = False  # pairs of name and value, folded until somebody wants them


def settings_section(values: Mapping[str, Any]) -> Section:
    """What may be switched, and how it stands."""
    lines = [Line((name, _plain(value))) for name, value in values.items()]
    return Section(said("设置", "Settings"), (said("名称", "name"), said("值", "value")), lines, quiet=True)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return str(value)
