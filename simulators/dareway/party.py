"""`login(usercode, password)` and `invoke(sbjgbh, token, hisjyh, method, jsonPara, yybm)`; answers are JSON."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from simulators.base.ledger import Row
from simulators.base.menu import Misfortune, Words, misfortune, said
from simulators.base.wire import loads
from simulators.insurance.rules import Amounts, line_amount, split_line
from simulators.municipal.business import _amounts, _apply, _take_back
from simulators.municipal.fields import Refusal, fen, yuan
from simulators.municipal.functions import FAULTS, Functions, FunctionSim, Values
from simulators.municipal.state import CYCLE_LIFE, Cycle, Remembered, Settled, Upload, Visit
from simulators.town import ADMDVS, DOCTORS, FIXMEDINS_CODE, Person

_DOCTORS = frozenset(code for _, code, *_ in DOCTORS.values())
USER, PASSWORD = "SIMUSER", "SIM-PASSWORD"
_LOST, _UNKNOWN, _NOT_FOUND, _UNDONE = -8, -6, -7, -21
_WORDS = {
    "unsure": (_UNKNOWN, "交易结果未知,请问询"), "unsure_after": (_UNKNOWN, "交易结果未知,请问询"),
    "refuse_business": (-1, "业务处理失败,请联系经办机构"), "not_enough_balance": (-1, "个人账户余额不足"),
    "token_expired": (_LOST, "令牌无效,请重新登录"),
}
_NUMBER = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,4})?", re.ASCII)
_MONEY = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,2})?", re.ASCII)
_CASH = re.compile(rb'("brfdje": ?")([0-9.]+)(")')
Para = dict[str, Any]
# What stands in jsonPara, by method; p_fypd_ds is a list of rows.
_BILL = ("p_grbh", "p_xm", "p_yltclb", "p_fypd_ds")
PARAMETERS = {
    "query_basic_info": ("p_grbh", "p_xm"), "settle_mz_pre": _BILL, "settle_mz": _BILL, "destroy_mz": ("p_jshid",),
    "ask_for_si": ("p_hisjyh",),
}
CODES = {
    "p_yltclb": {"0": "基本 · basic", "4": "门诊大病 · grave illness", "6": "普通门诊 · ordinary outpatient"},
    "jszt": {"1": "有效 · stands", "3": "已撤销 · cancelled"},
}
ROW = ("ylxmbm", "ysbm", "sl", "dj", "zje")


class DarewaySim(FunctionSim):
    """Own misfortunes as every bridge's; `unsure` and `unsure_after` are resultcode -6."""

    name: ClassVar[str] = "dareway"
    default_port: ClassVar[int] = 8715
    space: ClassVar[str] = "http://dareway.example/service"
    path: ClassVar[str] = "/services/DarewayService"
    functions: ClassVar[Functions] = {
        "login": (("usercode", "password"), ("result",)),
        "invoke": (("sbjgbh", "token", "hisjyh", "method", "jsonPara", "yybm"), ("result",)),
    }
    title = said("地纬接口（令牌与 invoke）", "Dareway interface (token and invoke)")
    ops_said: ClassVar[dict[str, Words]] = {
        "login": said("登录取令牌", "sign in"), "query_basic_info": said("人员基本信息", "person"),
        "settle_mz_pre": said("门诊预结算", "quote"), "settle_mz": said("门诊结算", "settle"),
        "destroy_mz": said("撤销门诊结算", "cancel a settlement"), "ask_for_si": said("问询", "ask what became of it"),
    }
    faults_said: ClassVar[dict[str, Misfortune]] = {
        **FAULTS, "unsure": misfortune("resultcode -6（未执行）", "resultcode -6 (not executed)"),
        "unsure_after": misfortune("已执行，resultcode -6", "executed, resultcode -6"),
    }

    def code_of(self, function: str, values: Values) -> str:
        return values["method"] if function == "invoke" else function

    def answered(self, function: str, values: Values) -> Values:
        try:
            made = self._login(values) if function == "login" else self._invoke(values)
        except Refusal as refused:
            self.objected(refused.objection(str(refused.code), refused.text))
            made = {"resultcode": str(refused.code), "resulttext": refused.text}
        return {"result": json.dumps(made, ensure_ascii=False)}

    def _login(self, values: Values) -> Para:
        if (values["usercode"], values["password"]) != (USER, PASSWORD):
            raise Refusal("用户名或密码错误", -1)
        platform = self.platform
        platform.count += 1
        token = hashlib.blake2b(f"{platform.world.now()}{platform.count}".encode(), digest_size=12).hexdigest()
        platform.cycles[token] = Cycle(token, USER, platform.world.now() + CYCLE_LIFE)
        return {"resultcode": "0", "resulttext": token}

    def _invoke(self, values: Values) -> Para:
        cycle = self.platform.cycles.get(values["token"])
        if cycle is None or cycle.until <= self.world.now():
            raise Refusal("令牌无效,请重新登录", _LOST)
        if values["sbjgbh"] != ADMDVS or values["yybm"] != FIXMEDINS_CODE or not values["hisjyh"]:
            raise Refusal("社保机构编号、医院编码或HIS交易号不正确", -1)
        run = _METHODS.get(values["method"])
        try:
            para = loads(values["jsonPara"])
        except ValueError:
            para = None
        if run is None or not isinstance(para, dict):
            raise Refusal(f"未知方法[{values['method']}],或参数不是JSON对象", -1)
        made = run(self, values["hisjyh"], para)
        return {"resultcode": "0", "resulttext": "成功", "hisjyh": values["hisjyh"], **made}

    # The methods

    def _holder(self, para: Para) -> Person:
        wanted = str(para.get("p_grbh", ""))
        for person in self.platform.people.values():
            if person.insurance and wanted in (person.psn_no, person.id_no, person.card_no):
                if para.get("p_xm") not in (None, "", person.name):
                    raise Refusal("姓名与医保登记不一致", -1).at("p_xm", person.name, para.get("p_xm"))
                return person
        raise Refusal("未查询到参保信息", -1).at("p_grbh", "a person, an id or a card number", wanted)

    def person(self, number: str, para: Para) -> Para:
        """query_basic_info."""
        platform, found = self.platform, self._holder(para)
        row = platform.insurance(found)
        return {
            "sbjgbh": ADMDVS, "grbh": found.psn_no, "xm": found.name, "xb": found.gender, "sfzhm": found.id_no,
            "csrq": found.birth.replace("-", ""), "rqlb": "A" if row and row.insutype == "310" else "B",
            "cbzt": "1" if row else "0", "zhye": yuan(platform.balance(found)), "zfbz": "0",
            "mzddbz": "1" if platform.signed[found.psn_no] else "0",
            "zybz": "1" if found.psn_no in platform.stays else "0",
        }  # fmt: skip

    def _computed(self, number: str, para: Para) -> tuple[Visit, Amounts]:
        """The bill in the parameters, computed; nothing is kept."""
        who, lines = self._holder(para), {}
        if str(para.get("p_yltclb")) not in ("0", "4", "6"):
            raise Refusal("医疗统筹类别不正确", -1).at("p_yltclb", "0, 4 or 6", para.get("p_yltclb"))
        rows = para.get("p_fypd_ds")
        if not isinstance(rows, list) or not rows:
            raise Refusal("费用凭单不能为空", -1).at("p_fypd_ds", "a list of rows", rows)
        for place, row in enumerate(rows, 1):
            if not isinstance(row, dict):
                raise Refusal(f"第{place}行: 费用凭单不正确", -1).at("p_fypd_ds", "rows of named values", row)
            item = self.platform.items.get(str(row.get("ylxmbm", "")))
            if item is None:
                no = Refusal(f"第{place}行: 医疗项目编码不在目录中", -1)
                raise no.at("ylxmbm", "a national code", row.get("ylxmbm"))
            if str(row.get("ysbm")) not in _DOCTORS:
                raise Refusal(f"第{place}行: 医师编码未备案", -1).at("ysbm", "a registered doctor", row.get("ysbm"))
            numbers = [str(row.get(name)) for name in ("sl", "dj", "zje")]
            if not all(_NUMBER.fullmatch(one) for one in numbers) or not _MONEY.fullmatch(numbers[2]):
                no = Refusal(f"第{place}行: 单价、数量、金额不正确", -1)
                raise no.at("sl, dj, zje", "numbers", ", ".join(numbers))
            quantity, price, amount = Decimal(numbers[0]), Decimal(numbers[1]), fen(numbers[2])
            if line_amount(quantity, price) != amount:
                raise Refusal(f"第{place}行: 金额不等于单价乘数量", -1)
            lines[str(place)] = split_line(item, quantity, price, amount)
        nowhere = Row(0, 0.0, "upload", number, "", 0, "uploaded", "", "", 0)
        day = self.world.stamp("%Y-%m-%d")
        visit = Visit(f"MZ{number}", who, str(para["p_yltclb"]), day, number, nowhere)
        visit.uploads[number] = Upload(number, lines, nowhere)
        if visit.total().total <= 0:
            raise Refusal("费用总额应大于零", -1).at("zje", "a total above 0", yuan(visit.total().total))
        return visit, _amounts(self.platform, visit, {"zje": yuan(visit.total().total), "zhsybz": "0"})

    def quote(self, number: str, para: Para) -> Para:
        """settle_mz_pre."""
        return _told(self._computed(number, para)[1])

    def settle(self, number: str, para: Para) -> Para:
        """settle_mz: a number takes effect once; its repeat gets the first answer."""
        platform = self.platform
        content = json.dumps(para, sort_keys=True, ensure_ascii=False).encode()
        digest = hashlib.blake2b(content, digest_size=16).digest()
        before = platform.serials.get(number)
        if before is not None:
            if before.digest != digest:
                raise Refusal("HIS交易号重复", _UNKNOWN)
            return dict(before.answer)
        visit, amounts = self._computed(number, para)
        no = platform.number("JS")
        row = self.books.add_settlement("settle", amounts, no=number, party_no=no, bill="", ref=visit.no)
        made = Settled(no, visit, amounts, self.world.stamp("%Y"), self.world.stamp(), number, row)
        answer = {"jshid": no, "jssj": made.at, **_told(amounts)}
        platform.settlements[no] = made
        platform.serials[number] = Remembered("settle_mz", digest, dict(answer), 0, "", "1", visit, None, made)
        _apply(platform, made, 1)
        return answer

    def cancel(self, number: str, para: Para) -> Para:
        """destroy_mz."""
        found = self.platform.settlements.get(str(para.get("p_jshid", "")))
        if found is None:
            raise Refusal("未查询到该结算", -1).at("p_jshid", "a jshid", para.get("p_jshid"))
        if found.state != "done":
            raise Refusal("该结算已撤销", _UNDONE)
        _take_back(self.platform, found, "cancelled", "3")
        back = found.amounts.negative(self.platform.balance(found.visit.person))
        self.books.add_settlement("cancel", back, no=number, party_no=found.no, bill="", ref=found.visit.no)
        return {"jshid": found.no}

    def ask(self, number: str, para: Para) -> Para:
        """ask_for_si: the first answer of that number, and whether it stands (jszt 1 有效, 3 已撤销)."""
        found = self.platform.serials.get(str(para.get("p_hisjyh", "")))
        if found is None:
            raise Refusal("没有这笔交易", _NOT_FOUND)
        return {**found.answer, "p_hisjyh": para["p_hisjyh"], "jszt": found.state}

    # Misfortune

    def refused(self, kind: str, function: str, values: Values) -> Values:
        code, text = _WORDS[kind]
        return {"result": json.dumps({"resultcode": str(code), "resulttext": text}, ensure_ascii=False)}

    def one_more(self, body: bytes) -> bytes:
        return _CASH.sub(lambda m: m[1] + yuan(fen(m[2].decode()) + 1).encode() + m[3], body)

    def card(self, base_url: str) -> dict[str, Any]:
        """Address, methods, user and test persons."""
        made = super().card(base_url)
        del made["encoding"], made["rows"]  # of XML
        return {
            **made, "user": USER, "password": PASSWORD, "sbjgbh": ADMDVS, "yybm": FIXMEDINS_CODE,
            "transactions": {name: words.zh for name, words in self.ops_said.items()}, "codes": CODES,
            "fields": {name: list(fields) for name, fields in PARAMETERS.items()}, "rows": {"p_fypd_ds": list(ROW)},
        }  # fmt: skip


def _told(a: Amounts) -> Para:
    """Amounts in yuan: zje = ybfdje + brfdje, and cash is brfdje − grzhzf."""
    return {
        "zje": yuan(a.split.total), "brfdje": yuan(a.person), "ybfdje": yuan(a.pool), "ylbzje": yuan(0),
        "grzhzf": yuan(a.account), "tczf": yuan(a.pool), "dezf": yuan(0), "ye": yuan(a.balance),
    }  # fmt: skip


_METHODS: dict[str, Callable[[DarewaySim, str, Para], Para]] = {
    "query_basic_info": DarewaySim.person, "settle_mz_pre": DarewaySim.quote, "settle_mz": DarewaySim.settle,
    "destroy_mz": DarewaySim.cancel, "ask_for_si": DarewaySim.ask,
}  # fmt: skip
