"""Bills as platforms write them, and as nobody should: whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from engine.core.outcome import Outcome
from engine.core.times import instant_of
from engine.parties.alipay import bills as alipay
from engine.parties.bills import BadBill, BillRow
from engine.parties.registry import PARTIES
from engine.parties.unionpay import day_file
from engine.parties.wechat import bills as wechat
from engine.runtime.single_call import Line, NoAnswer
from simulators.alipay import bills as alipay_sim

from .bench import Town

AT = instant_of("2026-11-21 10:00:00", "%Y-%m-%d %H:%M:%S")
NEW = (
    "交易时间,商户号,微信订单号,商户订单号,交易状态,微信退款单号,"
    "商户退款单号,退款金额,退款状态,手续费,订单金额,申请退款金额"
)
TOTALS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
PAID = "`2026-11-21 10:00:00,`1600000001,`42,`S1P1,`SUCCESS,`0,`0,`0.00,`,`6.45000,`1075.00,`0.00"
BACK = "`2026-11-21 10:00:00,`1600000001,`42,`S1P1,`REFUND,`50,`S1R2,`75.00,`PROCESSING,`-0.45000,`0.00,`75.00"
SUM = "`2,`1075.00,`75.00,`0.00,`6.00000,`1075.00,`75.00"


def bill(*lines: str) -> bytes:
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def told(data: bytes, of: bytes | None = None) -> dict[str, Any]:
    digest = hashlib.sha1(data if of is None else of, usedforsecurity=False).hexdigest()
    return {"hash_type": "SHA1", "hash_value": digest}


def read(data: bytes, packed: bool = True) -> list[BillRow]:
    return wechat.rows_of(told(data), gzip.compress(data) if packed else data, "1600000001")


def test_payments_and_refunds_of_wechat_to_the_fen() -> None:
    rows = [
        BillRow("charge", "S1P1", "S1P1", AT, 107500, "42", "done", 645),
        BillRow("refund", "S1R2", "S1P1", AT, 7500, "50", "processing", -45),
    ]
    assert read(bill(NEW, PAID, BACK, TOTALS, SUM)) == rows
    assert read(bill(NEW, PAID, BACK, TOTALS, SUM), packed=False) == rows
    whole = bill(NEW, PAID, BACK, TOTALS, SUM)
    packed = gzip.compress(whole)
    assert wechat.rows_of(told(packed), packed, "1600000001") == rows  # the digest may be of the file


def test_columns_are_read_by_their_names() -> None:
    """Old names, other places, more of them."""
    names, cells = NEW.split(","), PAID[1:].split(",`")
    for old, new in (("订单金额", "总金额"), ("申请退款金额", "以后才有的列")):
        names[names.index(old)] = new
    turned = (",".join(reversed(names)), "`" + ",`".join(reversed(cells)))
    totals = TOTALS.replace("订单总金额", "总交易额", 2).replace("应结总交易额", "应结订单总金额")
    [row] = read(bill(*turned, totals, "`1,`1075.00,`0.00,`0.00,`6.45000,`1075.00,`0.00"))
    assert (row.no, row.amount) == ("S1P1", 107500)


@pytest.mark.parametrize("spoil", [
    lambda text: text.replace("`1075.00,`75.00", "`1075.01,`75.00"),
    lambda text: text.replace("`2,`1075", "`3,`1075"),
    lambda text: text.replace("1600000001", "1600000002"),
    lambda text: text.replace("SUCCESS", "PERHAPS"),
    lambda text: text.replace("PROCESSING", "SOMEHOW"),
    lambda text: text.replace("2026-11-21 10", "2026-11-31 10"),
    lambda text: text.replace("`6.45000", "`6,45000"),
    lambda text: text.replace("订单金额,申请", "金额,申请"),
    lambda text: text.replace("商户号", "交易时间"),
    lambda text: text.replace(TOTALS + "\r\n", ""),
    lambda text: text.replace("`1075.00,`0.00", "`1e3,`0.00"),
    lambda text: "",
    lambda text: "<html>login</html>",
])  # fmt: skip
def test_a_bill_of_wechat_that_is_wrong_anywhere_is_no_bill(spoil: Callable[[str], str]) -> None:
    data = spoil(bill(NEW, PAID, BACK, TOTALS, SUM).decode()).encode()
    with pytest.raises(BadBill):
        read(data)


def test_a_bill_of_wechat_that_was_changed_cut_or_blown_up() -> None:
    data = bill(NEW, PAID, BACK, TOTALS, SUM)
    packed = gzip.compress(data)
    for content in (packed[:-9], gzip.compress(data.replace(b"S1P1", b"S2P1")), packed + b"more", b"\x1f\x8bnothing"):
        with pytest.raises(BadBill):
            wechat.rows_of(told(data), content, "1600000001")
    with pytest.raises(BadBill):
        wechat.rows_of({"hash_type": "MD5", "hash_value": ""}, packed, "1600000001")


def test_a_bomb_is_refused_unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wechat, "MAX_BILL", 1 << 20)
    monkeypatch.setattr(alipay, "MAX_BILL", 1 << 20)
    bomb = bytes(2 << 20)
    with pytest.raises(BadBill, match="too large"):
        wechat.rows_of(told(bomb), gzip.compress(bomb), "1600000001")
    with pytest.raises(BadBill, match="too large"):
        alipay.rows_of(alipay_sim.zipped({"a.csv": b"0" * (2 << 20)}), "2088000000000001")


def _alipay() -> bytes:
    common = dict.fromkeys(alipay_sim.COLUMNS, "") | {name: "0.00" for name in alipay_sim.COLUMNS if "（元）" in name}
    common |= {"商户订单号": "S1P1", "支付宝交易号": "2026", "完成时间": "2026-11-21 10:00:00"}

    def row(kind: str, number: str, amount: str, fee: str = "0.00") -> dict[str, str]:
        return {**common, "业务类型": kind, "退款批次号/请求号": number, "订单金额（元）": amount,
                "商家实收（元）": amount, "服务费（元）": fee}  # fmt: skip

    rows = [row("交易", "", "1075.00", "-6.45"), row("退款", "S1R2", "-75.00"), row("退款", "S1P1", "-1.00")]
    return alipay_sim.trade_bill(rows, "2088000000000001", AT, AT + 86400, AT)


def test_payments_refunds_and_cancellations_of_alipay() -> None:
    assert alipay.rows_of(_alipay(), "2088000000000001") == [
        BillRow("charge", "S1P1", "S1P1", AT, 107500, "2026", "done", 645),
        BillRow("refund", "S1R2", "S1P1", AT, 7500, "2026"),
        BillRow("reverse", "S1P1", "S1P1", AT, 100, "2026"),
    ]


def test_a_bill_of_alipay_that_is_wrong_anywhere_is_no_bill() -> None:
    with pytest.raises(BadBill, match="another seller"):
        alipay.rows_of(_alipay(), "2088000000000002")
    totals = ["#交易合计：0笔，商家实收共0.00元"]
    good = alipay_sim._document("业务明细", "2088000000000001", AT, AT, ("业务类型",), [], totals)
    for text in (good, good.replace("列表结束", "列表"), "", "<html></html>", good.replace("明细查询", "汇总查询")):
        with pytest.raises(BadBill):
            alipay.rows_of(alipay_sim.zipped({"a.csv": text.encode("gb18030")}), "2088000000000001")
    for content in (b"", b"PK\x03\x04", _alipay()[:-30], b"<html></html>"):
        with pytest.raises(BadBill):
            alipay.rows_of(content, "2088000000000001")


@pytest.mark.parametrize(
    "files",
    [
        {}, {"INN26112188ZM_1": b"", "INN26112288ZM_1": b""}, {"INN26112188ZM_1": b"x"},
        {"INN26112188ZM_1": b"", "INN26112188ZME_1": b"something"},
    ],
)  # fmt: skip
def test_a_clearing_file_that_is_not_one_or_holds_errors(files: dict[str, bytes]) -> None:
    with pytest.raises(BadBill):
        day_file.bill_rows(files, "2026-11-21", "777290058110048")
    assert day_file.bill_rows({"INN26112188ZM_1": b"", "INN26112188ZME_1": b""}, "2026-11-21", "1") == []


def test_a_link_leads_to_the_platform_or_nowhere() -> None:
    nobody: Any = None
    line = Line(nobody, PARTIES["alipay"], "https://openapi.example/gateway", nobody)
    hosts = frozenset({"bills.example"})
    for good in ("https://openapi.example/x?y=1", "http://bills.example/x?y=1", "https://bills.example/x"):
        assert line.place_of(good, hosts) == good.partition("/x")[0]
    for bad in (
        "http://openapi.example/x", "https://openapi.example.evil.example/x", "https://evil.example/x", "/x", "",
        "file:///etc/passwd", "http://bills.example@evil.example/x", "https://user@bills.example/x",
        "ftp://bills.example/x",
    ):  # fmt: skip
        with pytest.raises(NoAnswer):
            line.place_of(bad, hosts)


# WeChat's operations beyond the channel's


def test_an_abnormal_refund_goes_to_the_payers_card_under_seal() -> None:
    town = Town()
    sim = town.sims["wechat"]
    order = {"out_trade_no": "WX000001", "description": "门诊缴费", "amount": {"total": 100, "currency": "CNY"}}
    town.call("wechat", "native", order, "WX000001")
    sim.act({"act": "pay", "no": "WX000001"})
    back = {"out_trade_no": "WX000001", "out_refund_no": "WX000001R", "amount": {"refund": 100, "total": 100,
                                                                              "currency": "CNY"}}  # fmt: skip
    refund_id = town.call("wechat", "refund", back, "WX000001R")[1].body["refund_id"]
    sim.act({"act": "finish_refund", "no": "WX000001R", "status": "ABNORMAL"})
    ask = {"refund_id": refund_id, "out_refund_no": "WX000001R", "type": "USER_BANK_CARD", "bank_type": "ICBC_DEBIT"}
    outcome, answer = town.call("wechat", "abnormal_refund", {**ask, "bank_account": "6222000000000000",
                                                              "real_name": "测试甲"})  # fmt: skip
    assert (outcome, answer.code) == (Outcome.PENDING, "REFUND_PROCESSING")
    sim.act({"act": "finish_refund", "no": "WX000001R"})
    assert town.call("wechat", "refund_query", {"out_refund_no": "WX000001R"})[1].body["status"] == "SUCCESS"


@pytest.mark.parametrize(("tail", "wanted"), [("000", Outcome.ACCEPTED), ("002", Outcome.PENDING)])
def test_a_payment_code_of_v3_where_it_is_open(tail: str, wanted: Outcome) -> None:
    town = Town()
    body = {"out_trade_no": "WX000002", "description": "门诊缴费", "amount": {"total": 100, "currency": "CNY"},
            "payer": {"auth_code": f"134000000000{'999' if tail != '000' else '000'}{tail}"},
            "scene_info": {"store_info": {"id": "K01"}}}  # fmt: skip
    assert town.call("wechat", "codepay", body, "WX000002")[0] is Outcome.REFUSED  # NO_AUTH: not open
    town.sims["wechat"].act({"act": "set", "codepay": True})
    assert town.call("wechat", "codepay", body, "WX000002")[0] is wanted
    assert town.call("wechat", "code_reverse", {"out_trade_no": "WX000002"})[0] is Outcome.ACCEPTED
    state = town.call("wechat", "query", {"out_trade_no": "WX000002"})[1].body["trade_state"]
    assert state in ("REVOKED", "CLOSED", "REFUND")


def test_a_connection_that_does_not_say_so_sends_no_v3_code_and_no_mini_program() -> None:
    town = Town()
    plain = {"codepay": False, "mini_appid": ""}
    merchant = town.opened["wechat"]
    party = PARTIES["wechat"]
    town.opened["wechat"] = party.open(merchant.plain.model_copy(update=plain))
    for op in ("codepay", "mini"):
        with pytest.raises(ValueError, match=op):
            town.call("wechat", op, {"out_trade_no": "WX000003"}, "WX000003")
    assert not town.sims["wechat"].book.orders


def test_the_self_test_needs_both_key_pairs() -> None:
    town = Town()
    assert town.call("wechat", "echo", {"echo_message": "hello"})[0] is Outcome.ACCEPTED
    plain, party = town.opened["wechat"].plain, PARTIES["wechat"]
    theirs = town.sims["wechat"].world.keys.public_pem("wechat.merchant")  # some other key under their name
    keys = {name: theirs for name in plain.verify_keys if name.startswith("PUB_KEY_ID_")}
    town.opened["wechat"] = party.open(plain.model_copy(update={"verify_keys": keys}))
    assert town.call("wechat", "echo", {"echo_message": "hello"})[0] is not Outcome.ACCEPTED
    ours = town.sims["wechat"].world.keys.private_pem("wechat.platform_public")
    town.opened["wechat"] = party.open(plain.model_copy(update={"merchant_private_key": ours}))
    outcome, answer = town.call("wechat", "echo", {"echo_message": "hello"})
    assert (outcome, answer.code) == (Outcome.REFUSED, "SIGN_ERROR")
