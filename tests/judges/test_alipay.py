"""Alipay before `python-alipay-sdk`, in both key modes: trades, pre-authorisation, notifications; every tampering."""

from __future__ import annotations

import json

import pytest
import pytest_twisted

from engine.codecs import form
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties.contract import Heard, NotHeard
from engine.parties.registry import PARTIES
from simulators.alipay import AlipaySim
from tests.judges.court import Court
from tests.judges.judge import Judge, Objection

MODES = ("pubkey", "cert")
CODE = "280000000000000000"


async def alipay(courts: list[Court], mode: str) -> tuple[Court, Judge]:
    court = Court.of(AlipaySim)
    courts.append(court)
    card = court.card
    keys = ("alipay_public_key",) if mode == "pubkey" else (
        "app_certificate", "alipay_certificate", "alipay_root_certificate")
    names = ("app_id", "seller_id", "app_private_key", *keys)
    court.open(**{name: card[name] for name in names}, notify_url=court.ear_url)
    judge = court.judge("alipay", "alipay_gateway.py")
    numbers = await judge.ask("open", card=card, mode=mode, notify_url=court.ear_url)
    if mode == "cert":
        assert numbers == [card["app_cert_sn"], card["alipay_root_cert_sn"]]
        assert numbers == [court.opened.app_cert_sn, court.opened.root_cert_sn]
    return court, judge


@pytest.mark.parametrize("mode", MODES)
@pytest_twisted.ensureDeferred
async def test_a_qr_its_payment_and_its_refund(courts: list[Court], mode: str) -> None:
    court, judge = await alipay(courts, mode)
    made = await judge.ask("call", what="api_alipay_trade_precreate", subject="门诊缴费", out_trade_no="JUDGEA001",
                           total_amount="1075.00")  # fmt: skip
    assert (made["code"], made["qr_code"][:8]) == ("10000", "https://")
    found = await judge.ask("call", what="api_alipay_trade_query", out_trade_no="JUDGEA001")
    assert found["sub_code"] == "ACQ.TRADE_NOT_EXIST"  # nobody has scanned it yet
    court.sim.act({"act": "pay", "no": "JUDGEA001"})
    found = await judge.ask("call", what="api_alipay_trade_query", out_trade_no="JUDGEA001")
    assert (found["trade_status"], found["total_amount"]) == ("TRADE_SUCCESS", "1075.00")
    back = {"what": "api_alipay_trade_refund", "refund_amount": "75.00", "out_trade_no": "JUDGEA001",
            "out_request_no": "JUDGEA001R1"}  # fmt: skip
    refunded = await judge.ask("call", **back)
    assert (refunded["fund_change"], refunded["refund_fee"]) == ("Y", "75.00")
    again = await judge.ask("call", **back)
    assert (again["fund_change"], again["refund_fee"]) == ("N", "75.00")
    asked = {"what": "api_alipay_trade_fastpay_refund_query", "out_trade_no": "JUDGEA001"}
    found = await judge.ask("call", **asked, out_request_no="JUDGEA001R1")
    assert (found["refund_status"], found["refund_amount"]) == ("REFUND_SUCCESS", "75.00")
    found = await judge.ask("call", **asked, out_request_no="JUDGEA001R2")
    assert "refund_status" not in found
    outcome, answer = await court.engine("query", {"out_trade_no": "JUDGEA001"})
    assert (outcome, answer.body["trade_status"]) == (Outcome.ACCEPTED, "TRADE_SUCCESS")


@pytest.mark.parametrize("mode", MODES)
@pytest_twisted.ensureDeferred
async def test_a_payment_code_cancelled_and_a_qr_closed(courts: list[Court], mode: str) -> None:
    court, judge = await alipay(courts, mode)
    paid = await judge.ask("call", what="api_alipay_trade_pay", out_trade_no="JUDGEA002", scene="bar_code",
                           auth_code=CODE, subject="门诊缴费", total_amount="5.00")  # fmt: skip
    assert (paid["code"], paid["total_amount"]) == ("10000", "5.00")
    back = await judge.ask("call", what="api_alipay_trade_cancel", out_trade_no="JUDGEA002")
    assert (back["action"], back["retry_flag"]) == ("refund", "N")
    found = await judge.ask("call", what="api_alipay_trade_query", out_trade_no="JUDGEA002")
    assert found["trade_status"] == "TRADE_CLOSED"
    await judge.ask("call", what="api_alipay_trade_precreate", subject="门诊缴费", out_trade_no="JUDGEA003",
                    total_amount="5.00")  # fmt: skip
    court.sim.act({"act": "scan", "no": "JUDGEA003"})
    closed = await judge.ask("call", what="api_alipay_trade_close", out_trade_no="JUDGEA003")
    assert (closed["code"], closed["out_trade_no"]) == ("10000", "JUDGEA003")


@pytest.mark.parametrize("mode", MODES)
@pytest_twisted.ensureDeferred
async def test_freezing_fourteen_taking_six_giving_back_eight(courts: list[Court], mode: str) -> None:
    court, judge = await alipay(courts, mode)
    frozen = await judge.ask("server_api", method="alipay.fund.auth.order.freeze", biz_content={
        "out_order_no": "JUDGEF1", "out_request_no": "JUDGEF1-F", "amount": "14.00", "order_title": "门诊预授权",
        "auth_code": CODE, "auth_code_type": "bar_code", "product_code": "PRE_AUTH",
        "payee_user_id": court.card["seller_id"],
    })  # fmt: skip
    assert (frozen["status"], frozen["amount"]) == ("SUCCESS", "14.00")
    taken = await judge.ask("call", what="api_alipay_trade_pay", out_trade_no="JUDGEF1P", scene="bar_code",
                            auth_code=None, subject="门诊缴费", total_amount="6.00", auth_no=frozen["auth_no"],
                            product_code="PRE_AUTH", auth_confirm_mode="NOT_COMPLETE")  # fmt: skip
    assert taken["total_amount"] == "6.00"
    free = await judge.ask("server_api", method="alipay.fund.auth.order.unfreeze", biz_content={
        "auth_no": frozen["auth_no"], "out_request_no": "JUDGEF1-U", "amount": "8.00", "remark": "多余部分",
    })  # fmt: skip
    assert (free["status"], free["amount"]) == ("SUCCESS", "8.00")
    found = await judge.ask("server_api", method="alipay.fund.auth.operation.detail.query", biz_content={
        "out_order_no": "JUDGEF1", "out_request_no": "JUDGEF1-F", "operation_type": "FREEZE",
    })  # fmt: skip
    assert (found["total_freeze_amount"], found["total_pay_amount"], found["rest_amount"]) == ("14.00", "6.00", "0.00")


async def told(court: Court, judge: Judge, no: str = "JUDGEA004") -> HttpRequest:
    await judge.ask("call", what="api_alipay_trade_precreate", subject="门诊缴费", out_trade_no=no,
                    total_amount="1075.00")  # fmt: skip
    court.sim.act({"act": "pay", "no": no})
    return await court.ear.nth(len(court.ear.heard) + 1)


async def believed(judge: Judge, fields: dict[str, str]) -> bool:
    try:
        return bool(await judge.ask("notice", fields=fields))
    except Objection:
        return False


@pytest.mark.parametrize("mode", MODES)
@pytest_twisted.ensureDeferred
async def test_notifications_hold_for_both_and_changed_ones_for_none(courts: list[Court], mode: str) -> None:
    court, judge = await alipay(courts, mode)
    got = await told(court, judge)
    fields = dict(form.parse(got.body))
    assert await believed(judge, fields)
    heard = court.hears(got)
    assert isinstance(heard, Heard)
    assert (heard.number, heard.kind) == ("JUDGEA004", "TRADE_SUCCESS")
    assert all(fields.values())  # clients disagree on what an empty value means
    changed = {
        "total_amount": "1075.01", "trade_status": "TRADE_FINISHED", "out_trade_no": "JUDGEA005",
        "app_id": "2021000000000002", "seller_id": "2088000000000002", "notify_id": "0", "subject": "别的",
        "sign_type": "RSA",
    }  # fmt: skip
    changed["sign"] = ("B" if fields["sign"][0] == "A" else "A") + fields["sign"][1:]
    for name, value in changed.items():
        wrong = {**fields, name: value}
        assert not await believed(judge, wrong), name
        request = HttpRequest("POST", got.target, got.headers, form.print_form(wrong))
        assert isinstance(court.hears(request), NotHeard), name
    more = {**fields, "extra": "1"}
    assert not await believed(judge, more)
    assert isinstance(court.hears(HttpRequest("POST", "/", got.headers, form.print_form(more))), NotHeard)
    less = {name: value for name, value in fields.items() if name != "buyer_id"}
    assert not await believed(judge, less)
    assert isinstance(court.hears(HttpRequest("POST", "/", got.headers, form.print_form(less))), NotHeard)


@pytest.mark.parametrize("mode", MODES)
@pytest_twisted.ensureDeferred
async def test_the_engine_hears_what_the_judge_signed_as_alipay(courts: list[Court], mode: str) -> None:
    court, judge = await alipay(courts, mode)
    plain = {
        "app_id": court.card["app_id"], "seller_id": court.card["seller_id"], "out_trade_no": "JUDGEA006",
        "trade_no": "2026", "trade_status": "TRADE_SUCCESS", "total_amount": "1075.00", "notify_id": "n1",
        "notify_type": "trade_status_sync", "notify_time": "2026-11-22 10:00:00", "charset": "utf-8",
        "version": "1.0", "auth_app_id": court.card["app_id"],
    }  # fmt: skip
    ring = court.sim.world.keys
    made = await judge.ask("made_notice", fields=plain, private_key=ring.private_pem("alipay.platform"))
    assert isinstance(court.hears(HttpRequest("POST", "/", (), form.print_form(made))), Heard)
    false = await judge.ask("made_notice", fields=plain, private_key=ring.private_pem("alipay.app"))
    assert isinstance(court.hears(HttpRequest("POST", "/", (), form.print_form(false))), NotHeard)


@pytest.mark.parametrize("mode", MODES)
@pytest_twisted.ensureDeferred
async def test_answers_changed_on_their_way_are_believed_by_none(courts: list[Court], mode: str) -> None:
    court, judge = await alipay(courts, mode)
    await judge.ask("call", what="api_alipay_trade_pay", out_trade_no="JUDGEA007", scene="bar_code", auth_code=CODE,
                    subject="门诊/缴费", total_amount="5.00")  # fmt: skip
    call, request = court.built("query", {"out_trade_no": "JUDGEA007"})
    raw = (await court.raw(request)).body.decode()
    party, method = PARTIES["alipay"], "alipay.trade.query"
    assert party.read(call, request, HttpReply(200, (), raw.encode())).intact
    assert (await judge.ask("answer", raw=raw, method=method))["total_amount"] == "5.00"
    tree = json.loads(raw)
    for name, wrong in {
        "amount": raw.replace("5.00", "6.00", 1),
        "status": raw.replace("TRADE_SUCCESS", "TRADE_CLOSED"),
        "signature": raw.replace(tree["sign"], ("B" if tree["sign"][0] == "A" else "A") + tree["sign"][1:]),
        "no signature": raw[: raw.index(',"sign"')] + "}",
        "another node": raw.replace("alipay_trade_query_response", "alipay_trade_pay_response"),
        "truncated": raw[:-5],
    }.items():
        assert not party.read(call, request, HttpReply(200, (), wrong.encode())).intact, name
        try:
            verdict = await judge.ask("answer", raw=wrong, method=method)
        except Objection:
            verdict = None
        assert verdict is None, name


@pytest.mark.parametrize("mode", MODES)
@pytest_twisted.ensureDeferred
async def test_the_engines_requests_carry_the_judges_signature(courts: list[Court], mode: str) -> None:
    court, judge = await alipay(courts, mode)
    _, request = court.built("precreate", {"out_trade_no": "JUDGEA008", "subject": "门诊缴费", "total_amount": "5.00"},
                             "JUDGEA008")  # fmt: skip
    sent = {**form.parse(request.query.encode()), **form.parse(request.body)}
    assert sent["sign"] == await judge.ask("signed", fields=sent)

