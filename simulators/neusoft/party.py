"""`BUSINESS_HANDLE(inputData, outputData)`: parts with `^`, fields with `|`, rows with `$`."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from simulators.base.menu import said
from simulators.municipal import said as municipal_said
from simulators.municipal.business import TRANSACTIONS
from simulators.municipal.fields import SPECS, Refusal, fen, yuan
from simulators.municipal.functions import Functions, FunctionSim, Values
from simulators.town import FIXMEDINS_CODE

_AMOUNTS = (
    "zje", "zfje", "cxje", "xxzfje", "fhzcje", "qfje", "tczf", "dezf", "ybfdje", "grzhzf", "xjzf", "brfdje", "ye",
)  # fmt: skip
REPLIES: dict[str, tuple[str, ...]] = {
    "9100": ("ywzqh",), "9101": ("bs", "zje", "tczf", "sfyz"), "9110": (),
    "2100": (
        "grbh", "ylzbh", "xm", "xb", "shbzhm", "csrq", "sbjbm", "sbjglx", "cbzt", "ye", "zfbz", "mzddbz", "zybz",
    ),
    "2210": ("mzlsh", "grbh"), "2240": (), "2310": ("mzlsh", "bs", "zje"), "2320": (),
    "2420": ("mzlsh", *_AMOUNTS), "2410": ("mzlsh", "brjsh", "jssj", *_AMOUNTS), "2430": ("brjsh", "zje"),
    "2421": (), "2450": ("yjylsh", "jyzt", "yjybh", "mzlsh", "brjsh", "jssj", *_AMOUNTS),
}  # fmt: skip
PARTS = ("jybh", "yljgbh", "czybh", "ywzqh", "jylsh", "zxbm", "rc", "ljbz")
CENTER = "0000"
_FLOW = re.compile(r"([0-9]{14})-([0-9A-Z]+)-([0-9]{4})")
_UNSURE = "与医保中心通讯超时,交易结果未知"
_WORDS = {
    "unsure": _UNSURE, "unsure_after": _UNSURE, "refuse_business": "业务处理失败,请联系经办机构",
    "not_enough_balance": "个人账户余额不足", "token_expired": "业务周期号无效或已过期,请重新签到",
}


class NeusoftSim(FunctionSim):
    """Own misfortunes as every bridge's; a refusal is -1 with words in place of the answer."""

    name: ClassVar[str] = "neusoft"
    default_port: ClassVar[int] = 8716
    space: ClassVar[str] = "http://neusoft.example/bridge"
    path: ClassVar[str] = "/services/SiInterface"
    functions: ClassVar[Functions] = {"BUSINESS_HANDLE": (("inputData",), ("result", "outputData"))}
    title = said("东软接口（^ 与 |）", "Neusoft interface (^ and |)")
    ops_said = municipal_said.ops({code: one.title for code, one in TRANSACTIONS.items()})

    def code_of(self, function: str, values: Values) -> str:
        return values["inputData"].partition("^")[0]

    def answered(self, function: str, values: Values) -> Values:
        try:
            head, body = self._read(values["inputData"])
            made = self._once(TRANSACTIONS[head["jybh"]], head, body)
        except Refusal as refused:
            self.objected(refused.objection(str(refused.code), refused.text))
            return {"result": "-1", "outputData": refused.text}
        if made.get("yjylsh"):
            made = {**made, "yjylsh": _flow(str(made["yjylsh"]))}
        values_ = "".join(f"{str(made.get(name, '')).replace('|', '')}|" for name in REPLIES[head["jybh"]])
        return {"result": "0", "outputData": f"C{head['jylsh']}^1^{values_ or '|'}^"}

    def card(self, base_url: str) -> dict[str, Any]:
        """Of the parts between `^` and the values of an answer, too; rows repeat the single fields before their own."""
        replies = {code: list(names) for code, names in REPLIES.items()}
        return {
            **super().card(base_url), "parts": list(PARTS), "center": CENTER, "replies": replies,
            "flow": f"yyyyMMddHHmmss-{FIXMEDINS_CODE}-0001",
            "line": "jybh^yljgbh^czybh^ywzqh^jylsh^zxbm^a|b|$a|b|^1^ → jylsh^1^a|b|^",
        }

    def _read(self, text: str) -> tuple[dict[str, str], dict[str, Any]]:
        parts = text.split("^")
        if len(parts) != 9 or parts[8]:
            raise Refusal("入参应为8段,每段后有^", -1)
        code, hospital, operator, cycle, number, center, fields, online = parts[:8]
        known = _FLOW.fullmatch(number)
        if hospital != FIXMEDINS_CODE:
            raise Refusal(f"医疗机构编号[{hospital}]不存在", -1)
        if known is None or known[2] != hospital:
            raise Refusal("医院流水号应为时间-机构编号-4位序号", -1)
        if code not in TRANSACTIONS or center != CENTER or online != "1":
            raise Refusal(f"交易编号[{code}]、中心编码[{center}]或联机标志[{online}]不正确", -1)
        head = {"jybh": code, "jylsh": known[1] + known[3], "czybh": operator, "ywzqh": cycle}
        return head, _body(code, fields)

    def refused(self, kind: str, function: str, values: Values) -> Values:
        return {"result": "-1", "outputData": _WORDS[kind]}

    def one_more(self, body: bytes) -> bytes:
        """The cash, told one fen too high (it stands behind grzhzf)."""
        text = body.decode("utf-8")
        start, end = text.find("<outputData>") + 12, text.find("</outputData>")
        parts = text[start:end].split("^")
        values = parts[2].split("|") if len(parts) > 2 else []
        for code in ("2410", "2420", "2450"):
            if len(values) == len(REPLIES[code]) + 1:
                at = REPLIES[code].index("xjzf")
                values[at] = yuan(fen(values[at]) + 1) if values[at] else ""
        if len(parts) > 2:
            parts[2] = "|".join(values)
        return (text[:start] + "^".join(parts) + text[end:]).encode("utf-8")


def _body(code: str, text: str) -> dict[str, Any]:
    """The parameters by name, in the order of the transaction's fields."""
    spec = SPECS[code]
    singles = [name for name, field in spec.items() if field.rows is None]
    group = next((name for name, field in spec.items() if field.rows is not None), None)
    names = [*singles, *((spec[group].rows or {}) if group else ())]
    rows = []
    for row in text.split("$") if group else [text]:
        values = row.split("|")
        if len(values) != max(len(names), 1) + 1 or values[-1]:
            raise Refusal(f"{code}的入参应为{len(names)}个,每个后有|", -1)
        rows.append(dict(zip(names, values, strict=False)))
    body: dict[str, Any] = {name: rows[0][name] for name in singles}
    if group:
        body[group] = [{name: value for name, value in row.items() if name not in singles} for row in rows]
    if code == "9100":
        body["czyxm"] = "操作员"
    known = _FLOW.fullmatch(str(body.get("yjylsh", "")))
    if known is not None:
        body["yjylsh"] = known[1] + known[3]
    return body


def _flow(serial: str) -> str:
    return f"{serial[:14]}-{FIXMEDINS_CODE}-{serial[14:]}"
