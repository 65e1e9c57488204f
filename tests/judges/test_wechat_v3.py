"""WeChat Pay v3 before `wechatpayv3`: orders, refunds, bills, callbacks; both kinds of verify key; every tampering."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
import pytest_twisted

from engine.core.http import HttpRequest
from engine.core.outcome import Outcome
from engine.parties.contract import Heard, NotHeard
from simulators.wechat import WeChatSim
from tests.judges.court import Court, reactor
from tests.judges.judge import Judge, Objection


async def wechat(courts: list[Court], mode: str = "pubkey", **settings: Any) -> tuple[Court, Judge]:
    court = Court.of(WeChatSim)
    courts.append(court)
    court.sim.act({"act": "set", **settings})
    keys(court)
    judge = court.judge("wechatpayv3", "wechat_v3.py")
    await judge.ask("open", card=court.card, mode=mode, notify_url=court.ear_url)
    return court, judge


def keys(court: Court) -> None:
    """The engine's connection with all keys that live now, as a site keeps them while WeChat changes one."""
    card = court.card
    court.open(
        **{name: card[name] for name in ("appid", "mchid", "merchant_serial", "merchant_private_key", "api_v3_key",
                                         "api_v2_key")},
        verify_keys={**card["platform_certificates"], card["public_key_id"]: card["public_key"]},
        notify_url=court.ear_url,
    )  # fmt: skip


async def ordered(judge: Judge, no: str, total: int = 107500) -> str:
    status, made = await judge.ask(
        "call", what="pay", description="门诊缴费", out_trade_no=no, amount={"total": total, "currency": "CNY"},
        attach="B20261122001",
    )  # fmt: skip
    assert status == 200, made
    return str(made["code_url"])


@pytest.mark.parametrize("mode", ["pubkey", "cert"])
@pytest_twisted.ensureDeferred
async def test_an_order_its_refund_and_their_queries(courts: list[Court], mode: str) -> None:
    court, judge = await wechat(courts, mode, verify=mode)
    assert (await ordered(judge, "JUDGE0001")).startswith("weixin://")
    status, order = await judge.ask("call", what="query", out_trade_no="JUDGE0001")
    assert (status, order["trade_state"]) == (200, "NOTPAY")
    court.sim.act({"act": "pay", "no": "JUDGE0001"})
    status, order = await judge.ask("call", what="query", out_trade_no="JUDGE0001")
    assert (order["trade_state"], order["amount"]["total"]) == ("SUCCESS", 107500)
    refund = {"out_refund_no": "JUDGE0001R1", "amount": {"refund": 100, "total": 107500, "currency": "CNY"},
              "out_trade_no": "JUDGE0001", "notify_url": court.ear_url}  # fmt: skip
    status, refunded = await judge.ask("call", what="refund", **refund)
    assert (status, refunded["status"]) == (200, "PROCESSING")
    court.sim.act({"act": "finish_refund", "no": "JUDGE0001R1"})
    status, refunded = await judge.ask("call", what="query_refund", out_refund_no="JUDGE0001R1")
    assert (refunded["status"], refunded["amount"]["refund"]) == ("SUCCESS", 100)
    status, again = await judge.ask("call", what="refund", **refund)
    assert (status, again["refund_id"]) == (200, refunded["refund_id"])
    # The engine's own queries read the same facts.
    outcome, answer = await court.engine("query", {"out_trade_no": "JUDGE0001"})
    assert (outcome, answer.body["trade_state"]) == (Outcome.ACCEPTED, "REFUND")
    outcome, answer = await court.engine("refund_query", {"out_refund_no": "JUDGE0001R1"})
    assert (outcome, answer.body["status"]) == (Outcome.ACCEPTED, "SUCCESS")


@pytest.mark.parametrize("mode", ["pubkey", "cert"])
@pytest_twisted.ensureDeferred
async def test_closing_and_its_signed_empty_answer(courts: list[Court], mode: str) -> None:
    _, judge = await wechat(courts, mode, verify=mode)
    await ordered(judge, "JUDGE0002")
    status, made = await judge.ask("call", what="close", out_trade_no="JUDGE0002")
    assert (status, made) == (204, "" if isinstance(made, str) else b"")
    _, order = await judge.ask("call", what="query", out_trade_no="JUDGE0002")
    assert order["trade_state"] == "CLOSED"
    status, made = await judge.ask("call", what="query", out_trade_no="JUDGE0404")
    assert (status, made["code"]) == (404, "ORDER_NOT_EXIST")


@pytest_twisted.ensureDeferred
async def test_payment_codes_of_v3_behind_their_switch(courts: list[Court]) -> None:
    court, judge = await wechat(courts)
    given = {
        "what": "pay", "kind": "CODEPAY", "description": "门诊缴费", "out_trade_no": "JUDGECODE1",
        "amount": {"total": 500, "currency": "CNY"}, "payer": {"auth_code": "134000000000000000"},
        "scene_info": {"store_info": {"id": "K01"}},
    }  # fmt: skip
    status, made = await judge.ask("call", **given)
    assert (status, made["code"]) == (403, "NO_AUTH")
    court.sim.act({"act": "set", "codepay": True})
    status, made = await judge.ask("call", **{**given, "out_trade_no": "JUDGECODE2"})
    assert (status, made["trade_state"]) == (200, "SUCCESS")
    status, made = await judge.ask("call", what="codepay_reverse", out_trade_no="JUDGECODE2")
    assert status == 200
    _, order = await judge.ask("call", what="query", out_trade_no="JUDGECODE2")
    assert order["trade_state"] in ("REVOKED", "REFUND")


@pytest_twisted.ensureDeferred
async def test_an_abnormal_refund_goes_to_another_card(courts: list[Court]) -> None:
    court, judge = await wechat(courts)
    await ordered(judge, "JUDGE0003")
    court.sim.act({"act": "pay", "no": "JUDGE0003"})
    await judge.ask(
        "call", what="refund", out_refund_no="JUDGE0003R1", out_trade_no="JUDGE0003",
        amount={"refund": 107500, "total": 107500, "currency": "CNY"},
    )  # fmt: skip
    court.sim.act({"act": "finish_refund", "no": "JUDGE0003R1", "status": "ABNORMAL"})
    _, refunded = await judge.ask("call", what="query_refund", out_refund_no="JUDGE0003R1")
    assert refunded["status"] == "ABNORMAL"
    status, made = await judge.ask(
        "call", what="abnormal_refund", refund_id=refunded["refund_id"], out_refund_no="JUDGE0003R1",
        type="MERCHANT_BANK_CARD",
    )  # fmt: skip
    assert (status, made["status"]) == (200, "PROCESSING"), made


@pytest_twisted.ensureDeferred
async def test_bills_of_a_day_are_fetched_by_the_link(courts: list[Court]) -> None:
    court = Court.of(WeChatSim, anchor=reactor.seconds() - 86400.0)  # yesterday, by the judge's own clock
    courts.append(court)
    world = court.sim.world
    keys(court)
    court.sim.act({"act": "set", "bill_hour": 0})
    day = world.stamp("%Y-%m-%d")
    body = {"out_trade_no": "JUDGEBILL1", "description": "门诊缴费", "amount": {"total": 107500, "currency": "CNY"}}
    assert (await court.engine("native", body, "JUDGEBILL1"))[0] is Outcome.PENDING
    court.sim.act({"act": "pay", "no": "JUDGEBILL1"})
    world.advance(86400.0)
    judge = court.judge("wechatpayv3", "wechat_v3.py")
    await judge.ask("open", card=court.card, mode="pubkey", notify_url=court.ear_url)
    for what, given in (("trade_bill", {"bill_type": "ALL"}), ("fundflow_bill", {"account_type": "BASIC"})):
        status, made = await judge.ask("call", what=what, bill_date=day, **given)
        assert status == 200, made
        status, content = await judge.ask("call", what="download_bill", url=made["download_url"])
        assert status == 200
        assert "`1075.00" in gzip.decompress(content).decode("utf-8-sig")
    status, made = await judge.ask("call", what="trade_bill", bill_date="2020-01-01")
    assert status == 400


async def told(court: Court, judge: Judge, no: str = "JUDGETOLD1") -> HttpRequest:
    await ordered(judge, no)
    court.sim.act({"act": "pay", "no": no})
    return await court.ear.nth(1)


@pytest.mark.parametrize("mode", ["pubkey", "cert"])
@pytest_twisted.ensureDeferred
async def test_callbacks_hold_for_the_judge_and_for_the_engine(courts: list[Court], mode: str) -> None:
    court, judge = await wechat(courts, mode, verify=mode)
    got = await told(court, judge)
    seen = await judge.ask("callback", headers=headers_of(got), body=got.body)
    heard = court.hears(got)
    assert isinstance(heard, Heard)
    assert (seen["event_type"], seen["resource"]) == (heard.kind, heard.body)
    assert heard.body["out_trade_no"] == "JUDGETOLD1"


@pytest_twisted.ensureDeferred
async def test_a_new_certificate_of_the_platform(courts: list[Court]) -> None:
    """The client fetches it when it first sees it; what the old one signed still holds."""
    court, judge = await wechat(courts, "cert", verify="cert")
    first = await told(court, judge)
    court.sim.act({"act": "rotate_key"})
    keys(court)
    serials = {first.header("Wechatpay-Serial")}
    for i in range(12):
        await ordered(judge, f"JUDGENEW{i:02}", 100)
        court.sim.act({"act": "pay", "no": f"JUDGENEW{i:02}"})
        got = await court.ear.nth(2 + i)
        serials.add(got.header("Wechatpay-Serial"))
        assert await judge.ask("callback", headers=headers_of(got), body=got.body)
        assert isinstance(court.hears(got), Heard)
    assert len(serials) == 2


def headers_of(request: HttpRequest) -> dict[str, str]:
    """As a framework hands them over: the client looks for this spelling."""
    return {name.title(): value for name, value in request.headers}


def _with(request: HttpRequest, name: str, value: str | None) -> HttpRequest:
    kept = tuple((key, text) for key, text in request.headers if key.lower() != name.lower())
    return replace(request, headers=kept if value is None else (*kept, (name, value)))


def _resource(request: HttpRequest, **changed: str) -> HttpRequest:
    tree = json.loads(request.body)
    tree["resource"] |= changed
    return replace(request, body=json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode())


def _flipped(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


def tampered(got: HttpRequest) -> dict[str, HttpRequest]:
    """What an attacker or a careless proxy would change; none may be believed."""
    signature, nonce = got.header("Wechatpay-Signature"), got.header("Wechatpay-Nonce")
    stamp, tree = got.header("Wechatpay-Timestamp"), json.loads(got.body)
    return {
        "signature": _with(got, "Wechatpay-Signature", _flipped(signature)),
        "no signature": _with(got, "Wechatpay-Signature", ""),
        "probe": _with(got, "Wechatpay-Signature", "WECHATPAY/SIGNTEST/" + signature[19:]),
        "nonce": _with(got, "Wechatpay-Nonce", nonce[::-1]),
        "timestamp": _with(got, "Wechatpay-Timestamp", str(int(stamp) + 1)),
        "serial": _with(got, "Wechatpay-Serial", "0" * 36 + "DEAD"),
        "type": _with(got, "Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3"),
        "body": replace(got, body=got.body.replace(b"SUCCESS", b"SUCCES5", 1)),
        "body printed anew": replace(got, body=json.dumps(tree).encode()),
        "ciphertext": _resource(got, ciphertext=_flipped(tree["resource"]["ciphertext"])),
        "truncated": replace(got, body=got.body[:-10]),
        "empty": replace(got, body=b""),
    }


@pytest_twisted.ensureDeferred
async def test_what_was_tampered_with_is_refused_by_both(courts: list[Court]) -> None:
    court, judge = await wechat(courts, "cert", verify="cert")
    got = await told(court, judge)
    assert await judge.ask("callback", headers=headers_of(got), body=got.body)
    for name, wrong in tampered(got).items():
        try:
            verdict = await judge.ask("callback", headers=headers_of(wrong), body=wrong.body)
        except Objection:
            verdict = None
        assert not verdict, f"the judge believed a changed {name}"
        refused = court.hears(wrong)
        assert isinstance(refused, NotHeard), f"the engine believed a changed {name}"
        assert refused.reply.status >= 400, name
    assert not court.hears(tampered(got)["probe"]).alarm
    court.sim.world.advance(301.0)
    assert isinstance(court.hears(got), NotHeard)  # the judge checks no age


@pytest_twisted.ensureDeferred
async def test_what_is_sealed_wrongly_is_refused_though_it_is_signed_well(courts: list[Court]) -> None:
    """Tag, ciphertext, nonce or associated data changed before the platform's key signed it."""
    court, judge = await wechat(courts, "pubkey", verify="pubkey")
    ring = court.sim.world.keys
    given = {
        "private_key": ring.private_pem("wechat.platform_public"), "serial": court.card["public_key_id"],
        "timestamp": str(int(court.sim.world.now())), "nonce": "JUDGENONCE", "event": "TRANSACTION.SUCCESS",
        "plain": {"mchid": court.card["mchid"], "appid": court.card["appid"], "out_trade_no": "JUDGEMADE1",
                  "trade_state": "SUCCESS", "amount": {"total": 1}},
        "api_v3_key": court.card["api_v3_key"], "associated": "transaction",
    }  # fmt: skip
    made = await judge.ask("made_callback", **given)
    good = HttpRequest("POST", "/told", tuple(made["headers"].items()), made["body"])
    heard = court.hears(good)
    assert isinstance(heard, Heard)
    assert heard.number == "JUDGEMADE1"  # what the client's own code signed, the engine believes
    wrong_key = await judge.ask("made_callback", **{**given, "api_v3_key": "0" * 32})
    assert isinstance(court.hears(HttpRequest("POST", "/", tuple(wrong_key["headers"].items()), wrong_key["body"])),
                      NotHeard)  # fmt: skip
    other = await judge.ask("made_callback", **{**given, "plain": {**given["plain"], "mchid": "1600000002"}})
    assert isinstance(court.hears(HttpRequest("POST", "/", tuple(other["headers"].items()), other["body"])), NotHeard)
    sealed = json.loads(made["body"])["resource"]["ciphertext"]
    tag = base64.b64decode(sealed)
    for changed in (
        {"ciphertext": base64.b64encode(tag[:-1] + bytes([tag[-1] ^ 1])).decode()},
        {"ciphertext": base64.b64encode(bytes([tag[0] ^ 1]) + tag[1:]).decode()},
        {"ciphertext": base64.b64encode(tag[:-16]).decode()},
        {"nonce": "0123456789ac"}, {"associated_data": "refund"}, {"algorithm": "AEAD_SM4_GCM"},
    ):  # fmt: skip
        tree = json.loads(made["body"])
        tree["resource"] |= changed
        body = json.dumps(tree).encode()
        signed = court.sim.identity.headers(court.sim.identity.by_public_key, body)
        wrong = HttpRequest("POST", "/told", tuple(signed.items()), body)
        assert isinstance(court.hears(wrong), NotHeard), changed
        try:
            verdict = await judge.ask("callback", headers=headers_of(wrong), body=body)
        except Objection:
            verdict = None
        assert not verdict, changed


@pytest_twisted.ensureDeferred
async def test_the_engines_signatures_hold_for_the_judge(courts: list[Court]) -> None:
    court, judge = await wechat(courts)
    pem = court.sim.world.keys.public_pem("wechat.merchant")
    calls = (
        ("native", {"out_trade_no": "JUDGEOURS1", "description": "门诊缴费", "amount": {"total": 1}}, "JUDGEOURS1"),
        ("query", {"out_trade_no": "JUDGEOURS1"}, ""),
        ("close", {"out_trade_no": "JUDGEOURS1"}, ""),
    )
    for op, body, number in calls:
        _, request = court.built(op, body, number)
        said = {"authorization": request.header("Authorization"), "method": request.method, "path": request.target,
                "body": request.body.decode(), "public_key": pem}  # fmt: skip
        assert await judge.ask("authorized", **said), op
        assert not await judge.ask("authorized", **{**said, "path": request.target + "x"}), op
    outcome, answer = await court.engine(
        "jsapi", {"out_trade_no": "JUDGEOURS2", "description": "门诊缴费", "amount": {"total": 1, "currency": "CNY"},
                  "payer": {"openid": "oSimPayer"}}, "JUDGEOURS2",
    )  # fmt: skip
    sheet = answer.body["sheet"]
    lines = [sheet["appId"], sheet["timeStamp"], sheet["nonceStr"], sheet["package"]]
    assert (outcome, await judge.ask("sign", lines=lines)) == (Outcome.PENDING, sheet["paySign"])
