"""WeChat Pay v2 before `wechatpy`: payment codes, queries, reversal, refunds; MD5 and HMAC-SHA256; every tampering."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted

from engine.core.http import HttpReply
from engine.core.outcome import Outcome
from engine.parties.registry import PARTIES
from simulators.wechat import WeChatSim
from tests.judges.court import Court
from tests.judges.judge import Judge, Objection

HOW = ("MD5", "HMAC-SHA256")
CODE = "134000000000000000"


async def wechat(courts: list[Court], how: str = "MD5") -> tuple[Court, Judge]:
    court = Court.of(WeChatSim)
    courts.append(court)
    card = court.card
    court.open(
        **{name: card[name] for name in ("appid", "mchid", "merchant_serial", "merchant_private_key", "api_v3_key",
                                         "api_v2_key")},
        verify_keys={card["public_key_id"]: card["public_key"]}, notify_url=court.ear_url, v2_sign=how,
    )  # fmt: skip
    judge = court.judge("wechatpy", "wechat_v2.py")
    await judge.ask("open", card=card)
    return court, judge


def micropay(no: str) -> dict[str, Any]:
    return {"body": "门诊缴费", "total_fee": 107500, "auth_code": CODE, "client_ip": "127.0.0.1", "out_trade_no": no}


async def holds(court: Court, judge: Judge, fields: dict[str, str], how: str) -> bool:
    """Whether the judge would have put the same signature under it."""
    return bool(fields.get("sign")) and fields["sign"] == await judge.ask(
        "signed", fields=fields, key=court.card["api_v2_key"], how=how
    )


@pytest_twisted.ensureDeferred
async def test_a_payment_code_its_query_and_its_reversal(courts: list[Court]) -> None:
    court, judge = await wechat(courts)
    paid = await judge.ask("call", part="micropay", what="create", **micropay("JUDGEV2001"))
    assert (paid["result_code"], paid["total_fee"]) == ("SUCCESS", "107500")
    assert await holds(court, judge, paid, "MD5")
    found = await judge.ask("call", part="micropay", what="query", out_trade_no="JUDGEV2001")
    assert (found["trade_state"], found["transaction_id"]) == ("SUCCESS", paid["transaction_id"])
    assert await holds(court, judge, found, "MD5")
    back = await judge.ask("call", part="order", what="reverse", out_trade_no="JUDGEV2001")
    assert (back["result_code"], back["recall"]) == ("SUCCESS", "N")
    assert await holds(court, judge, back, "MD5")
    found = await judge.ask("call", part="micropay", what="query", out_trade_no="JUDGEV2001")
    assert found["trade_state"] == "REVOKED"
    none = await judge.ask("call", part="micropay", what="query", out_trade_no="JUDGEV2404")
    assert none["err_code"] == "ORDERNOTEXIST"


@pytest_twisted.ensureDeferred
async def test_a_payer_who_must_enter_a_password(courts: list[Court]) -> None:
    court, judge = await wechat(courts)
    court.sim.act({"act": "payer", "auth_code": CODE, "behaviour": "userpaying_never", "seconds": 3600})
    waiting = await judge.ask("call", part="micropay", what="create", **micropay("JUDGEV2002"))
    assert (waiting["result_code"], waiting["err_code"]) == ("FAIL", "USERPAYING")
    found = await judge.ask("call", part="micropay", what="query", out_trade_no="JUDGEV2002")
    assert found["trade_state"] == "USERPAYING"
    court.sim.act({"act": "pay", "no": "JUDGEV2002"})
    found = await judge.ask("call", part="micropay", what="query", out_trade_no="JUDGEV2002")
    assert found["trade_state"] == "SUCCESS"


@pytest.mark.parametrize("how", HOW)
@pytest_twisted.ensureDeferred
async def test_any_request_in_both_ways_of_signing(courts: list[Court], how: str) -> None:
    court, judge = await wechat(courts, how)
    given = {"appid": court.card["appid"], "sign_type": how}
    order = {**given, "body": "x", "out_trade_no": "JUDGEV2003", "total_fee": "5", "spbill_create_ip": "127.0.0.1",
             "auth_code": CODE}  # fmt: skip
    for path, fields in (
        ("pay/micropay", order),
        ("pay/orderquery", {**given, "out_trade_no": "JUDGEV2003"}),
        ("secapi/pay/refund", {**given, "out_trade_no": "JUDGEV2003", "out_refund_no": "JUDGEV2003R1",
                               "total_fee": "5", "refund_fee": "2"}),
        ("pay/refundquery", {**given, "out_refund_no": "JUDGEV2003R1"}),
        ("secapi/pay/reverse", {**given, "out_trade_no": "JUDGEV2003"}),
    ):  # fmt: skip
        answer = await judge.ask("post", path=path, fields=dict(fields))
        assert answer["return_code"] == "SUCCESS", answer
        if answer["result_code"] == "SUCCESS":
            assert await holds(court, judge, answer, how), path


@pytest.mark.parametrize("how", HOW)
@pytest_twisted.ensureDeferred
async def test_the_engines_requests_carry_the_judges_signature(courts: list[Court], how: str) -> None:
    court, judge = await wechat(courts, how)
    body = {"out_trade_no": "JUDGEV2004", "body": "门诊缴费", "total_fee": 107500, "auth_code": CODE}
    for op, fields, number in (
        ("micropay", body, "JUDGEV2004"), ("order_query", {"out_trade_no": "JUDGEV2004"}, ""),
        ("reverse", {"out_trade_no": "JUDGEV2004"}, ""),
    ):  # fmt: skip
        _, request = court.built(op, fields, number)
        sent = await judge.ask("parsed", xml=request.body.decode())
        assert sent["sign_type"] == how
        assert await holds(court, judge, sent, how), op
        outcome, _ = await court.engine(op, fields, number)
        assert outcome is Outcome.ACCEPTED, op


@pytest.mark.parametrize("how", HOW)
@pytest_twisted.ensureDeferred
async def test_the_engine_believes_what_the_judge_signed_and_nothing_changed(courts: list[Court], how: str) -> None:
    court, judge = await wechat(courts, how)
    call, request = court.built("order_query", {"out_trade_no": "JUDGEV2005"})
    key, card = court.card["api_v2_key"], court.card
    said = {
        "return_code": "SUCCESS", "result_code": "SUCCESS", "appid": card["appid"], "mch_id": card["mchid"],
        "nonce_str": "n", "trade_state": "SUCCESS", "total_fee": "107500", "out_trade_no": "JUDGEV2005",
        "attach": "",
    }  # fmt: skip
    party = PARTIES["wechat"]

    def read(xml: bytes) -> bool:
        return bool(party.read(call, request, HttpReply(200, (), xml)).intact)

    good: bytes = await judge.ask("printed", fields=said, key=key, how=how)
    assert read(good)
    assert not read(good.replace(b"107500", b"107501"))
    assert not read(good.replace(b"JUDGEV2005", b"JUDGEV2006"))
    assert not read(good[:-20])
    assert not read(await judge.ask("printed", fields=said, key="0" * 32, how=how))
    assert not read(await judge.ask("printed", fields=said, key=key, how=HOW[1 - HOW.index(how)]))
    assert not read(await judge.ask("printed", fields={**said, "mch_id": "1600000002"}, key=key, how=how))
    unsigned = good[: good.index(b"<sign>")] + b"</xml>"
    assert not read(unsigned)


@pytest_twisted.ensureDeferred
async def test_a_refunds_callback_opens_with_the_apiv2_key_only(courts: list[Court]) -> None:
    court, judge = await wechat(courts)
    await judge.ask("call", part="micropay", what="create", **micropay("JUDGEV2007"))
    await judge.ask(
        "post", path="secapi/pay/refund",
        fields={"appid": court.card["appid"], "out_trade_no": "JUDGEV2007", "out_refund_no": "JUDGEV2007R1",
                "total_fee": "107500", "refund_fee": "107500", "notify_url": court.ear_url},
    )  # fmt: skip
    court.ear.says = lambda _: HttpReply(200, (), b"<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>")
    court.sim.act({"act": "finish_refund", "no": "JUDGEV2007R1"})
    got = await court.ear.nth(1)
    told = await judge.ask("refunded", xml=got.body.decode())
    assert (told["refund_status"], told["refund_fee"], told["out_refund_no"]) == ("SUCCESS", 107500, "JUDGEV2007R1")
    await judge.ask("open", card={**court.card, "api_v2_key": "0" * 32})
    with pytest.raises(Objection):
        await judge.ask("refunded", xml=got.body.decode())
