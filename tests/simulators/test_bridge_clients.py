"""Vendors' clients of the Neusoft, the Yinhai and the Dareway interface, who know a card and a documented call, over
real sockets: a whole day's business, and a no in the platform's own words for whatever breaks its rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from bridge_client import DAY, DarewayDesk, NeusoftDesk, SoapFault, YinhaiDesk
from twisted.internet import reactor  # noqa: TID251 - these tests are about real sockets
from twisted.internet.defer import maybeDeferred
from twisted.internet.threads import deferToThread  # noqa: TID251 - a client that blocks, beside the reactor

from simulators.base.world import SimWorld
from simulators.dareway import DarewaySim
from simulators.neusoft import NeusoftSim
from simulators.yinhai import YinhaiSim

DESKS: dict[str, tuple[Any, Any]] = {
    "neusoft": (NeusoftSim, NeusoftDesk), "yinhai": (YinhaiSim, YinhaiDesk), "dareway": (DarewaySim, DarewayDesk),
}  # fmt: skip
VENDORS = ["neusoft", "yinhai"]  # which share their transactions


async def at(vendor: str, client: Callable[[Any], None]) -> None:
    """Let the client do its business in a thread, with the simulator on a port of this process."""
    kind, desk = DESKS[vendor]
    sim = kind(SimWorld(reactor))
    port = sim.listen(0)
    try:
        await deferToThread(lambda: client(desk("127.0.0.1", port.getHost().port)))
    finally:
        sim.reset()
        await maybeDeferred(port.stopListening)


def signed_in(desk: Any) -> Any:
    desk.cycle = desk.call("9100", czyxm="窗口一")["ywzqh"]
    return desk


def quoted(desk: Any, account: str = "0") -> dict[str, str]:
    """A visit with its fees, quoted: what a settlement has to send."""
    who = desk.call("2100", **desk.credential)
    visit = desk.call("2210", **desk.visit_of(who))["mzlsh"]
    uploaded = desk.call("2310", row=desk.fees(), mzlsh=visit)
    assert uploaded["bs"] == "2"
    quote = desk.call("2420", mzlsh=visit, zje=uploaded["zje"], zhsybz=account)
    return {"mzlsh": visit, "zhsybz": account, **{name: quote[name] for name in ("zje", "tczf", "grzhzf", "xjzf")}}


def settled(desk: Any, told: dict[str, str], serial: str) -> dict[str, str]:
    """Settled and, where that is a second phase, confirmed; the settlement's number under `no`."""
    done: dict[str, str] = desk.call("2410", serial, **told)
    if isinstance(desk, YinhaiDesk):
        assert desk.ledger("settle") == [], "only prepared"
        assert desk.unconfirmed() == [serial]
        assert desk.second("confirm", jylsh=done["jylsh"], jyyzm=done["jyyzm"]) == ""
        assert desk.unconfirmed() == []
        return {**done, "no": done["jylsh"]}
    return {**done, "no": done["brjsh"]}


def a_day(desk: Any) -> None:
    """Sign in, read, register, upload, quote, settle, ask, cancel, withdraw, end the visit, reconcile, sign out."""
    signed_in(desk)
    who = desk.call("2100", **desk.credential)
    assert (who["xm"], who["mzddbz"], who["zybz"]) == (desk.card["persons"][0]["name"], "1", "0")
    told = quoted(desk, account="1")
    assert told["zje"] == "425.00"
    serial = desk.serial()
    done = settled(desk, told, serial)
    row = desk.ledger("settle")[0]
    assert (row["no"], row["party_no"], row["amount"], row["state"]) == (serial, done["no"], 42500, "done")
    assert row["fund"] + row["account"] + row["cash"] == 42500
    assert row["account"] > 0
    asked = desk.call("2450", yjylsh=desk.flow(serial) if isinstance(desk, NeusoftDesk) else serial)
    assert (asked["jyzt"], asked["zje"]) == ("1", "425.00")
    assert "尚未对账" in desk.call("9110")["said"]
    assert desk.call("9101", bs="1", zje="425.01", tczf=told["tczf"])["sfyz"] == "0"
    sums = desk.call("9101", bs="1", zje="425.00", tczf=told["tczf"])
    assert sums["sfyz"] == "1"
    assert desk.call("2430", mzlsh=told["mzlsh"], brjsh=done["no"])["zje"] == "-425.00"
    assert "已撤销" in desk.call("2430", mzlsh=told["mzlsh"], brjsh=done["no"])["said"]
    assert desk.ledger("settle")[0]["state"] == "cancelled"
    assert [one["account"] for one in desk.ledger("cancel")] == [-row["account"]]
    assert desk.call("2100", **desk.credential)["ye"] == who["ye"], "the account is given back"
    upload = desk.ledger("upload")[0]["no"]
    gone = desk.call("2320", mzlsh=told["mzlsh"], yjylsh=desk.flow(upload) if isinstance(desk, NeusoftDesk) else upload)
    assert "said" not in gone
    assert "said" not in desk.call("2240", mzlsh=told["mzlsh"])
    assert "不能签退" in desk.call("9110")["said"], "business after the reconciliation"
    assert desk.call("9101", bs="0", zje="0.00", tczf="0.00")["sfyz"] == "1"
    assert "said" not in desk.call("9110")
    assert "请重新签到" in desk.call("2100", **desk.credential)["said"]


@pytest.mark.parametrize("vendor", VENDORS)
@pytest_twisted.ensureDeferred
async def test_a_whole_day_of_business(vendor: str) -> None:
    await at(vendor, a_day)


def _twice(desk: Any) -> None:
    told, serial = quoted(signed_in(desk)), desk.serial()
    first = desk.call("2410", serial, **told)
    assert desk.call("2410", serial, **told) == first
    assert "重复" in desk.call("2410", serial, **{**told, "zhsybz": "1"})["said"]
    if isinstance(desk, YinhaiDesk):
        for _ in range(2):
            assert desk.second("confirm", jylsh=first["jylsh"], jyyzm=first["jyyzm"]) == ""
    assert len(desk.ledger("settle")) == 1


@pytest.mark.parametrize("vendor", VENDORS)
@pytest_twisted.ensureDeferred
async def test_a_settlement_sent_twice_is_one(vendor: str) -> None:
    await at(vendor, _twice)


def _reversed(desk: NeusoftDesk) -> None:
    told = quoted(signed_in(desk))
    done, never = desk.serial(), desk.serial()
    desk.call("2410", done, **told)
    for number in (done, never):
        assert "said" not in desk.call("2421", yjylsh=desk.flow(number), yjybh="2410")
        assert desk.call("2450", yjylsh=desk.flow(number))["jyzt"] == "2"
        assert "已冲正" in desk.call("2410", number, **told)["said"], "a late original has no effect"
    assert [row["state"] for row in desk.ledger("settle")] == ["reversed"]
    upload = desk.flow(desk.ledger("upload")[0]["no"])
    assert "原交易编号不一致" in desk.call("2421", yjylsh=upload, yjybh="2410")["said"]


@pytest_twisted.ensureDeferred
async def test_neusofts_settlement_is_reversed_by_our_number_before_and_after_it_came() -> None:
    await at("neusoft", _reversed)


def _called_off(desk: YinhaiDesk) -> None:
    told = quoted(signed_in(desk))
    first = desk.call("2410", **told)
    pair = {"jylsh": first["jylsh"], "jyyzm": first["jyyzm"]}
    assert "验证码不正确" in desk.second("confirm", **{**pair, "jyyzm": "V000000"})
    assert "没有这笔交易" in desk.second("cancel", jylsh="YH0")
    assert desk.second("cancel", jylsh=pair["jylsh"]) == ""
    assert "已取消" in desk.second("confirm", **pair)
    assert (desk.unconfirmed(), desk.ledger("settle")) == ([], [])
    again = desk.call("2410", **told)
    assert desk.second("confirm", jylsh=again["jylsh"], jyyzm=again["jyyzm"]) == ""
    assert "已确认" in desk.second("cancel", jylsh=again["jylsh"])
    assert [row["state"] for row in desk.ledger("settle")] == ["done"]


@pytest_twisted.ensureDeferred
async def test_yinhais_settlement_is_called_off_before_it_is_confirmed_and_not_after() -> None:
    await at("yinhai", _called_off)


def _prepared_twice(desk: YinhaiDesk) -> None:
    """Two settlements of one visit are prepared, as after a lost answer: only one of them may come true."""
    told = quoted(signed_in(desk))
    first, second = desk.call("2410", **told), desk.call("2410", **told)
    assert first["jylsh"] != second["jylsh"]
    assert desk.second("confirm", jylsh=first["jylsh"], jyyzm=first["jyyzm"]) == ""
    assert "已结算" in desk.second("confirm", jylsh=second["jylsh"], jyyzm=second["jyyzm"])
    assert desk.second("cancel", jylsh=second["jylsh"]) == ""
    assert [row["state"] for row in desk.ledger("settle")] == ["done"]


@pytest_twisted.ensureDeferred
async def test_of_two_prepared_settlements_of_a_visit_one_comes_true() -> None:
    await at("yinhai", _prepared_twice)


# What breaks the rules of business, at both: (transaction, what is changed in it, the platform's words)
WRONG: list[tuple[str, dict[str, str], str]] = [
    ("2100", {"kh": "Z99999999"}, "未查询到参保信息"),
    ("2100", {"kxlh": "OTHER"}, "卡识别码与社会保障卡不一致"),
    ("2100", {"klx": "9"}, "未查询到参保信息"),
    ("2100", {"kh": ""}, "kh不能为空"),
    ("2100", {"kh": "A" * 51}, "长度超过50"),
    ("2210", {"grbh": "1"}, "不是同一人"),
    ("2210", {"ysbm": "D999999999999"}, "未备案"),
    ("2210", {"yltclb": "9"}, "医疗统筹类别[9]不正确"),
    ("2210", {"ghsj": "2026/11/22"}, "ghsj格式不正确"),
    ("2210", {"ghsj": "2026-1-2 3:4:5"}, "ghsj格式不正确"),
    ("2310", {"zje": "999.00"}, "金额不等于单价乘数量"),
    ("2310", {"ylxmbm": "NOBODY"}, "不在目录中"),
    ("2310", {"ysbm": "D999999999999"}, "未备案"),
    ("2310", {"sl": "1e3"}, "sl格式不正确"),
    ("2310", {"zje": "400"}, "zje格式不正确"),
    ("2310", {"zje": "４００.00"}, "zje格式不正确"),
    ("2310", {"mxxh": ""}, "mxxh不能为空"),
    ("2310", {"mzlsh": "MZ0"}, "门诊流水号[MZ0]不存在"),
    ("2420", {"zje": "424.99"}, "总金额与明细合计不一致"),
    ("2420", {"zhsybz": "2"}, "账户使用标志不正确"),
    ("2410", {"xjzf": "0.00"}, "与预结算不一致"),
    ("2410", {"tczf": "-1.00"}, "tczf格式不正确"),
    ("2410", {"zje": "0.01"}, "总金额与明细合计不一致"),
    ("2320", {"yjylsh": ""}, "yjylsh不能为空"),
    ("2430", {"brjsh": "JS0"}, "未查询到结算[JS0]"),
    ("2240", {"mzlsh": "MZ0"}, "门诊流水号[MZ0]不存在"),
]


def _refuses(desk: Any) -> None:
    told = quoted(signed_in(desk))
    who, fees = desk.call("2100", **desk.credential), desk.fees()
    fees[0]["mxxh"], fees[1]["mxxh"] = "7", "8"
    good: dict[str, dict[str, str]] = {
        "2100": desk.credential, "2210": desk.visit_of(who), "2310": {"mzlsh": told["mzlsh"]}, "2420": told,
        "2410": told, "2320": {"mzlsh": told["mzlsh"], "yjylsh": desk.serial()}, "2240": {"mzlsh": told["mzlsh"]},
        "2430": {"mzlsh": told["mzlsh"], "brjsh": "JS0"},
    }  # fmt: skip
    good["2420"] = {name: told[name] for name in ("mzlsh", "zje", "zhsybz")}
    before = {kind: desk.ledger(kind) for kind in ("register", "upload", "settle", "cancel")}
    for code, change, words in WRONG:
        given = {**good[code], **{n: v for n, v in change.items() if n in good[code]}}
        row = None
        if code == "2310":
            row = [{**fees[0], **{n: v for n, v in change.items() if n not in given}}, fees[1]]
        heard = desk.call(code, row=row, **given)
        assert words in heard.get("said", "taken"), (code, change, heard)
        assert desk.objections()[-1]["said"] == heard["said"], "the page of the simulator tells it too"
    assert {kind: desk.ledger(kind) for kind in before} == before, "nothing of it is kept"


@pytest.mark.parametrize("vendor", VENDORS)
@pytest_twisted.ensureDeferred
async def test_what_breaks_a_rule_is_refused_in_the_platforms_words_and_leaves_nothing(vendor: str) -> None:
    await at(vendor, _refuses)


def _envelopes(desk: Any) -> None:
    function, (given, *more) = next((name, one["in"]) for name, one in desk.card["functions"].items())
    good = desk.envelope(function, {given: "", **dict.fromkeys(more, "")})
    for text, media, words in (
        (good.replace(desk.card["namespace"], "http://other.example/"), "text/xml", "命名空间"),
        (good.replace(function, "DROP_ALL"), "text/xml", "没有这个方法"),
        (good.replace(given, "other"), "text/xml", "参数为"),
        (good.replace(f"<{given}></{given}>", f"<{given}></{given}"), "text/xml", "XML解析失败"),
        (good.replace(f"<{given}></{given}>", f"<{given}/><{given}/>"), "text/xml", "参数重复"),
        ('<!DOCTYPE x [<!ENTITY e "x">]>' + good, "text/xml", "DTD"), (good[:-20], "text/xml", "XML解析失败"),
        ("<input/>", "text/xml", "不是SOAP报文"), (good, "application/json", "Content-Type"),
    ):  # fmt: skip
        with pytest.raises(SoapFault, match=words) as no:
            desk.post(text, media)
        assert no.value.status == 500
    path = desk.card["path"]
    assert [desk.http("GET", path)[0], desk.http("PUT", path, b"x")[0], desk.http("POST", "/other", b"x")[0]] == [
        405, 405, 404,
    ]  # fmt: skip
    assert desk.card["namespace"] in desk.http("GET", f"{path}?wsdl")[1]
    assert desk.http("POST", path, b"\xff\xfe\x00")[0] == 500


@pytest.mark.parametrize("vendor", list(DESKS))
@pytest_twisted.ensureDeferred
async def test_what_is_no_call_gets_a_fault(vendor: str) -> None:
    await at(vendor, _envelopes)


def _lines(desk: NeusoftDesk) -> None:
    signed_in(desk)
    serial = desk.serial()
    good = desk.line("2100", serial, **desk.credential)
    flow, hospital = desk.flow(serial), desk.card["hospital"]
    for line, words in (
        (good[:-2], "8段"), (good + "^", "8段"), ("", "8段"), (good.replace("^1^", "^1"), "8段"),
        (good.replace(f"2100^{hospital}", "2100^H1"), "医疗机构编号[H1]不存在"),
        (good.replace("2100^", "9999^", 1), "交易编号[9999]"), (good.replace("^0000^", "^0001^"), "中心编码[0001]"),
        (good.replace("^1^", "^0^"), "联机标志[0]"), (good.replace(flow, serial), "医院流水号应为"),
        (good.replace(flow, f"{DAY}-H1-0001"), "医院流水号应为"), (good.replace("|^1^", "^1^"), "每个后有|"),
        (good.replace("|^1^", "||^1^"), "入参应为3个"), (good.replace(desk.cycle, "C0"), "请重新签到"),
    ):  # fmt: skip
        result, said = desk.say(line)
        assert result == "-1", line
        assert words in said, (line, said)
    assert desk.say(good)[0] == "0"


@pytest_twisted.ensureDeferred
async def test_lines_that_are_none_are_refused_in_neusofts_words() -> None:
    await at("neusoft", _lines)


def _documents(desk: YinhaiDesk) -> None:
    signed_in(desk)
    serial = desk.serial()
    good = desk.document(serial, **desk.credential)
    hospital = desk.card["hospital"]
    for document, words in (
        ("", "缺少XML声明"), (good.partition("?>")[2], "缺少XML声明"), (good.replace("GBK", "BIG5"), "缺少XML声明"),
        (good.replace("<input>", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><input>'), "入参含有DTD"),
        (good[:-4], "XML解析失败"), (good.replace("<klx>", "<klx><b>"), "XML解析失败"),
        (good.replace("<input>", "<output>").replace("</input>", "</output>"), "根元素"),
        (good.replace("<klx>1</klx>", "<klx>1</klx><klx>2</klx>"), "元素klx重复"),
        (good.replace("<klx>1</klx>", "<klx><x>1</x></klx>"), "元素klx重复或含有下级元素"),
        (good.replace("<czybh>", "<yljgbh>H1</yljgbh><czybh>"), "元素yljgbh重复"),
        (good.replace(hospital, "H1"), "医疗机构编号"), (good.replace(serial, "1"), "医院流水号不正确"),
        (good.replace(serial, "二" * 18), "医院流水号不正确"), (good.replace(serial, "１" * 18), "医院流水号不正确"),
        (good.replace(desk.cycle, "C0"), "请重新签到"), (good.replace("kxlh", "other"), "未知字段other"),
        (good.replace("</input>", "<jyzt>1</jyzt></input>"), "未知字段jyzt"),
    ):  # fmt: skip
        no, values = desk.say("2100", document)
        assert (words in no, values) == (True, {}), (document, no)
    for code in ("9999", "2421", "", "confirm"):
        assert f"未知交易编号[{code}]" in desk.say(code, good)[0]
    assert desk.say("2100", good)[0] == ""
    assert desk.say("2100", good.replace("GBK", "UTF-8"))[0] == ""


@pytest_twisted.ensureDeferred
async def test_documents_that_are_none_are_refused_in_yinhais_words() -> None:
    await at("yinhai", _documents)


def _ended(desk: Any) -> None:
    signed_in(desk)
    desk.http("POST", "/sim/act", b'{"act": "expire_signin"}', "application/json")
    assert "签到" in desk.call("2100", **desk.credential)["said"]
    assert desk.call("2100", **{**desk.credential, "kh": ""})["said"] != ""
    signed_in(desk)
    assert desk.call("2100", **desk.credential)["xm"] == "测试甲"


@pytest.mark.parametrize("vendor", VENDORS)
@pytest_twisted.ensureDeferred
async def test_a_sign_in_that_is_over_is_made_again(vendor: str) -> None:
    await at(vendor, _ended)


def _dareways_day(desk: DarewayDesk) -> None:
    assert desk.sign_in()["resultcode"] == "0"
    person = desk.card["persons"][0]
    code, who = desk.call("query_basic_info", {"p_grbh": person["id_no"], "p_xm": person["name"]})
    assert (code, who["xm"], who["mzddbz"]) == ("0", person["name"], "1")
    bill, number = desk.bill(), desk.serial()
    quote = desk.call("settle_mz_pre", bill, number)[1]
    assert (quote["zje"], desk.ledger("settle")) == ("425.00", [])
    assert desk.call("ask_for_si", {"p_hisjyh": number})[0] == "-7", "never heard of"
    code, done = desk.call("settle_mz", bill, number)
    assert (code, {**quote, **done}, done["hisjyh"]) == ("0", done, number), "as it was quoted"
    assert desk.call("settle_mz", bill, number)[1] == done, "a number takes effect once"
    assert desk.call("settle_mz", {**bill, "p_yltclb": "4"}, number)[1]["resulttext"] == "HIS交易号重复"
    asked = desk.call("ask_for_si", {"p_hisjyh": number})[1]
    assert (asked["jszt"], asked["jshid"], asked["zje"]) == ("1", done["jshid"], "425.00")
    assert desk.call("destroy_mz", {"p_jshid": "JS0"})[1]["resulttext"] == "未查询到该结算"
    assert desk.call("destroy_mz", {"p_jshid": done["jshid"]})[0] == "0"
    assert desk.call("destroy_mz", {"p_jshid": done["jshid"]})[1]["resulttext"] == "该结算已撤销"
    assert desk.call("ask_for_si", {"p_hisjyh": number})[1]["jszt"] == "3"
    assert [row["state"] for row in desk.ledger("settle")] == ["cancelled"]
    assert [row["amount"] for row in desk.ledger("cancel")] == [-42500]


@pytest_twisted.ensureDeferred
async def test_dareways_day_of_business() -> None:
    await at("dareway", _dareways_day)


def _dareways_no(desk: DarewayDesk) -> None:
    assert desk.sign_in(password="other")["resulttext"] == "用户名或密码错误"
    bill = desk.bill()
    assert desk.call("settle_mz", bill) == ("-8", {"resultcode": "-8", "resulttext": "令牌无效,请重新登录"})
    desk.sign_in()
    assert "不正确" in desk.call("settle_mz", bill, yybm="H1")[1]["resulttext"]
    assert "不正确" in desk.call("settle_mz", bill, sbjgbh="1")[1]["resulttext"]
    for method, para in (("settle_zy", bill), ("settle_mz", "[]"), ("settle_mz", "{"), ("settle_mz", '{"a": NaN}')):
        assert f"未知方法[{method}]" in desk.call(method, para)[1]["resulttext"]
    rows = bill["p_fypd_ds"]
    for change, words in (
        ({"p_grbh": "Z9"}, "未查询到参保信息"), ({"p_xm": "测试乙"}, "姓名与医保登记不一致"),
        ({"p_yltclb": "1"}, "医疗统筹类别不正确"), ({"p_fypd_ds": []}, "费用凭单不能为空"),
        ({"p_fypd_ds": [{**rows[0], "zje": "1.00"}]}, "第1行: 金额不等于单价乘数量"),
        ({"p_fypd_ds": [rows[0], {**rows[1], "ylxmbm": "NOBODY"}]}, "第2行: 医疗项目编码不在目录中"),
        ({"p_fypd_ds": [{**rows[0], "ysbm": "D9"}]}, "第1行: 医师编码未备案"),
        ({"p_fypd_ds": [{**rows[0], "zje": "400.001"}]}, "第1行: 单价、数量、金额不正确"),
        ({"p_fypd_ds": [{**rows[0], "sl": "-1", "zje": "-400.00"}]}, "费用总额应大于零"),
    ):  # fmt: skip
        code, told = desk.call("settle_mz", {**bill, **change})
        assert (code, told["resulttext"][: len(words)]) == ("-1", words)
        assert desk.objections()[-1]["said"] == told["resulttext"]
    assert desk.ledger("settle") == []


@pytest_twisted.ensureDeferred
async def test_what_breaks_dareways_rules_is_refused_in_its_words() -> None:
    await at("dareway", _dareways_no)
