"""`yh_interface_call` with XML in and out. A settlement is only prepared: `confirm` makes it true."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from typing import Any, ClassVar
from xml.sax.saxutils import escape

from simulators.base.menu import Line, Section, Words, said
from simulators.municipal import said as municipal_said
from simulators.municipal.business import TRANSACTIONS, Call, _amounts, told
from simulators.municipal.fields import SERIAL, SPECS, Refusal, checked, fen, yuan
from simulators.municipal.functions import Functions, FunctionSim, Values
from simulators.municipal.state import Remembered
from simulators.town import FIXMEDINS_CODE

_HEAD = ("czybh", "ywzqh", "yljgbh", "yyjylsh", "czyxm")
_DECLARED = re.compile(r"\s*<\?xml[^?]*?encoding=[\"'](GBK|GB18030|UTF-8)[\"'][^?]*\?>")
_XJZF = re.compile(r"(&lt;xjzf&gt;)([0-9.]+)(&lt;/xjzf&gt;)")
_REFUSALS = {
    "unsure": (-6, "交易结果未知"), "unsure_after": (-6, "交易结果未知"), "refuse_business": (-10, "业务处理失败"),
    "not_enough_balance": (-11, "个人账户余额不足"), "token_expired": (-91, "未签到或签到已失效"),
}
_SECOND = {
    "yh_interface_confirm": "confirm", "yh_interface_cancel": "cancel",
    "yh_interface_getuncertaintytrade": "uncertain",
}  # fmt: skip


@dataclass(slots=True)
class Prepared:
    """A settlement that waits. `state`: open, done or off."""

    serial: str
    jylsh: str
    jyyzm: str
    head: dict[str, str]
    body: dict[str, Any]
    answer: dict[str, str]
    state: str = "open"


class YinhaiSim(FunctionSim):
    """Own misfortunes as every bridge's."""

    name: ClassVar[str] = "yinhai"
    default_port: ClassVar[int] = 8717
    space: ClassVar[str] = "http://yinhai.example/bridge"
    path: ClassVar[str] = "/services/YinHaiInterface"
    functions: ClassVar[Functions] = {
        "yh_interface_call": (
            ("astr_jybh", "astr_jysr_xml"),
            ("astr_jylsh", "astr_jyyzm", "astr_jysc_xml", "aint_appcode", "astr_appmsg"),
        ),
        "yh_interface_confirm": (("astr_jylsh", "astr_jyyzm"), ("aint_appcode", "astr_appmsg")),
        "yh_interface_cancel": (("astr_jylsh",), ("aint_appcode", "astr_appmsg")),
        "yh_interface_getuncertaintytrade": (("astr_jybh",), ("astr_jgxml", "aint_appcode", "astr_appmsg")),
    }
    title = said("银海接口（XML，两阶段）", "Yinhai interface (XML, two phases)")
    ops_said: ClassVar[dict[str, Words]] = {
        **municipal_said.ops({code: one.title for code, one in TRANSACTIONS.items() if code != "2421"}),
        "confirm": said("确认交易", "confirm"), "cancel": said("取消交易", "call off"),
        "uncertain": said("查询未确认交易", "the unconfirmed"),
    }

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.prepared: dict[str, Prepared] = {}

    def reset(self) -> None:
        super().reset()
        self.prepared = {}

    def code_of(self, function: str, values: Values) -> str:
        return _SECOND.get(function) or values["astr_jybh"]

    def answered(self, function: str, values: Values) -> Values:
        try:
            made = {
                "yh_interface_call": self._transact, "yh_interface_confirm": self._confirm,
                "yh_interface_cancel": self._cancel, "yh_interface_getuncertaintytrade": self._uncertain,
            }[function](values)  # fmt: skip
        except Refusal as refused:
            self.objected(refused.objection(str(refused.code), refused.text))
            return {"aint_appcode": str(refused.code), "astr_appmsg": refused.text}
        return {"aint_appcode": "0", "astr_appmsg": "成功", **made}

    def _transact(self, values: Values) -> Values:
        code = values["astr_jybh"]
        known = TRANSACTIONS.get(code)
        if known is None or code == "2421":
            raise Refusal(f"未知交易编号[{code}]", -1)
        head, body = _input(values["astr_jysr_xml"])
        serial = head["yyjylsh"]
        if head["yljgbh"] != FIXMEDINS_CODE or not SERIAL.fullmatch(serial):
            raise Refusal("医疗机构编号或医院流水号不正确", -1)
        head = {**head, "jybh": code, "jylsh": serial}
        if code == "9100":
            body["czyxm"] = head["czyxm"]
        if code == "2410":
            pair = self._prepare(head, body)
            return {"astr_jylsh": pair.jylsh, "astr_jyyzm": pair.jyyzm, "astr_jysc_xml": _output(serial, pair.answer)}
        made = self._once(known, head, body)
        return {"astr_jylsh": f"YH{serial}", "astr_jyyzm": "", "astr_jysc_xml": _output(serial, made)}

    def _prepare(self, head: dict[str, str], given: dict[str, Any]) -> Prepared:
        platform = self.platform
        cycle = platform.cycle(head["ywzqh"])
        body = checked(SPECS["2410"], given)
        before = next((one for one in self.prepared.values() if one.serial == head["jylsh"]), None)
        if before is not None:
            if before.body != body:
                raise Refusal("医院流水号重复", -12)
            return before
        visit = platform.visit(body["mzlsh"])
        call = Call("2410", head["jylsh"], head["czybh"], body, cycle, Remembered("2410", b"", {}, 0, "", "9"))
        amounts = _amounts(platform, visit, call.body)
        quoted = tuple(fen(body[name]) for name in ("tczf", "grzhzf", "xjzf"))
        if quoted != (amounts.pool, amounts.account, amounts.cash):
            raise Refusal("结算金额与预结算不一致,请重新预结算")
        number = platform.number("YH")
        made = {"mzlsh": visit.no, "jssj": platform.world.stamp(), **told(amounts)}
        pair = Prepared(head["jylsh"], number, f"V{platform.count:06d}", head, body, made)
        self.prepared[number] = pair
        return pair

    def _confirm(self, values: Values) -> Values:
        pair = self.prepared.get(values["astr_jylsh"])
        if pair is None or pair.jyyzm != values["astr_jyyzm"]:
            raise Refusal("交易流水号或验证码不正确", -20)
        if pair.state == "off":
            raise Refusal("该交易已取消,不能确认", -13)
        if pair.state == "open":
            self._once(TRANSACTIONS["2410"], pair.head, pair.body)
            settlement = self.platform.serials[pair.serial].settlement
            assert settlement is not None
            del self.platform.settlements[settlement.no]
            settlement.no = pair.jylsh
            self.platform.settlements[pair.jylsh] = settlement
            self.ledger.change(settlement.row, party_no=pair.jylsh)
            pair.state = "done"
        return {}

    def _cancel(self, values: Values) -> Values:
        pair = self.prepared.get(values["astr_jylsh"])
        if pair is None:
            raise Refusal("没有这笔交易", -20)
        if pair.state == "done":
            settlement = self.platform.settlements.get(pair.jylsh)
            if settlement is not None and settlement.state == "done":
                raise Refusal("交易已确认,不能取消")
            raise Refusal("该交易已撤销", -21)
        pair.state = "off"
        return {}

    def _uncertain(self, values: Values) -> Values:
        rows = [
            {"yyjylsh": pair.serial, "jylsh": pair.jylsh, "jyyzm": pair.jyyzm, **pair.answer}
            for pair in self.prepared.values() if pair.state == "open" and values["astr_jybh"] == "2410"
        ]  # fmt: skip
        return {"astr_jgxml": _document("output", {"bs": str(len(rows)), "row": rows})}

    def card(self, base_url: str) -> dict[str, Any]:
        """Of what stands before a transaction's own fields in every document, too; there is no 2421 here."""
        made = super().card(base_url)
        for names in (made["transactions"], made["fields"]):
            del names["2421"]
        return {
            **made, "head": list(_HEAD), "yyjylsh": "yyyyMMddHHmmss0001",
            "document": '<?xml version="1.0" encoding="GBK"?><input>head, fields, <row>…</row></input>',
        }

    def refused(self, kind: str, function: str, values: Values) -> Values:
        code, text = _REFUSALS[kind]
        return {"aint_appcode": str(code), "astr_appmsg": text}

    def one_more(self, body: bytes) -> bytes:
        text = body.decode("utf-8")
        return _XJZF.sub(lambda found: found[1] + yuan(fen(found[2]) + 1) + found[3], text).encode("utf-8")

    def sections(self) -> list[Section]:
        told_as = (("我方流水号", "our number"), ("交易流水号", "jylsh"), ("状态", "state"))
        columns = tuple(said(zh, en) for zh, en in told_as)
        lines = [Line((one.serial, one.jylsh, one.state)) for one in self.prepared.values()]
        return [*super().sections(), Section(said("待确认的结算", "Prepared settlements"), columns, lines)]


def _input(text: str) -> tuple[dict[str, str], dict[str, Any]]:
    declared = _DECLARED.match(text)
    if declared is None:
        raise Refusal("缺少XML声明或encoding", -1)
    if "<!DOCTYPE" in text.upper():
        raise Refusal("入参含有DTD", -1)
    try:
        root = ElementTree.fromstring(text[declared.end() :])  # noqa: S314 - a DOCTYPE is refused above
    except ElementTree.ParseError as no:
        raise Refusal(f"XML解析失败: {no}", -1) from None
    if root.tag != "input":
        raise Refusal(f"入参的根元素应为input,不是{root.tag}", -1).at(root.tag, "<input>")
    rows = [_texts(child) for child in root if child.tag == "row"]
    found = _texts(root, but="row")
    head = {name: found.pop(name, "") for name in _HEAD}
    return head, {**found, **({"row": rows} if rows else {})}


def _texts(parent: ElementTree.Element, but: str = "") -> dict[str, str]:
    """The children's texts by name; Refusal for one that stands twice or holds others."""
    found: dict[str, str] = {}
    for child in parent:
        if child.tag == but:
            continue
        if child.tag in found or len(child):
            raise Refusal(f"元素{child.tag}重复或含有下级元素", -1).at(child.tag, "one text")
        found[child.tag] = (child.text or "").strip()
    return found


def _output(serial: str, body: dict[str, Any]) -> str:
    return _document("output", {"yyjylsh": serial, **body})


def _document(root: str, tree: dict[str, Any]) -> str:
    parts = [f'<?xml version="1.0" encoding="GBK"?><{root}>']
    for name, value in tree.items():
        for one in value if isinstance(value, list) else [value]:
            inside = "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in one.items()) if isinstance(one, dict) else ""
            parts.append(f"<{name}>{inside or escape('' if isinstance(one, dict) else str(one))}</{name}>")
    return "".join(parts) + f"</{root}>"
