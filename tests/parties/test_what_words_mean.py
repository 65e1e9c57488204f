"""What each word of each platform means, written a second time and by hand: a word that is taken for a yes, a no or
"wait" where it is none moves money. Words that nobody listed are unknown, whatever the operation."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from engine.core.outcome import Outcome
from engine.parties.contract import Answer
from engine.parties.outcome_table import judge
from engine.parties.registry import PARTIES

YES, NO, WAIT, UNKNOWN = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.PENDING, Outcome.UNKNOWN


class Word(NamedTuple):
    """Of one party: these operations, answered with these codes (and this text), mean this."""

    party: str
    ops: str
    codes: str
    means: Outcome
    text: str = ""


ORDERS = "native jsapi mini h5 med_ins"
CODES = "micropay codepay"
WECHAT_QUERIES = "query order_query refund_query med_ins_query"
NEVER_DONE = (
    "PARAM_ERROR INVALID_REQUEST APPID_MCHID_NOT_MATCH MCH_NOT_EXISTS MCHID_NOT_EXIST APPID_NOT_EXIST SIGN_ERROR "
    "SIGNERROR NO_AUTH NOAUTH RULE_LIMIT RULELIMIT ACCOUNT_ERROR LACK_PARAMS XML_FORMAT_ERROR REQUIRE_POST_METHOD "
    "POST_DATA_EMPTY NOT_UTF8"
)
ALIPAY_PAYS = "precreate pay freeze freeze_code"
ALIPAY_STOPS = "close cancel freeze_cancel"
PAYER_REFUSED = (
    "ACQ.PAYMENT_AUTH_CODE_INVALID ACQ.BUYER_BALANCE_NOT_ENOUGH ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH "
    "ACQ.ERROR_BALANCE_PAYMENT_DISABLE ACQ.BUYER_SELLER_EQUAL ACQ.TRADE_BUYER_NOT_MATCH "
    "ACQ.BUYER_ENABLE_STATUS_FORBID ACQ.MOBILE_PAYMENT_SWITCH_OFF ACQ.PAYMENT_REQUEST_HAS_RISK "
    "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE ACQ.TRADE_HAS_CLOSE ACQ.TOTAL_FEE_EXCEED ACQ.SELLER_BEEN_BLOCKED "
    "ACQ.PARTNER_ERROR ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR "
    "ACQ.BEYOND_PAY_RESTRICTION ACQ.BEYOND_PER_RECEIPT_RESTRICTION PAYMENT_AUTH_CODE_INVALID "
    "PAYER_BALANCE_NOT_ENOUGH USER_MONEY_NOT_ENOUGH"
)
UNION_MONEY = "qr scan undo refund"
OF_THE_ISSUER = " ".join(str(code) for code in range(60, 80))

WORDS = (
    # An order is not a payment, and "already paid" under our number is asked about.
    Word("wechat", ORDERS, "OK ORDERPAID ORDER_PAID", WAIT),
    Word("wechat", CODES, "OK", YES),
    Word("wechat", CODES, "ORDERPAID ORDER_PAID USERPAYING", WAIT),
    Word("wechat", "codepay", "NOTPAY", WAIT),
    Word("wechat", "codepay", "PAYERROR REVOKED CLOSED", NO),
    Word("wechat", "micropay native", "NOTPAY PAYERROR REVOKED CLOSED", UNKNOWN),
    Word("wechat", f"{ORDERS} {CODES}",
         "AUTHCODEEXPIRE AUTH_CODE_EXPIRED AUTH_CODE_ERROR AUTH_CODE_INVALID NOTENOUGH NOT_ENOUGH NOTSUPORTCARD "
         "ORDERCLOSED ORDER_CLOSED ORDERREVERSED BUYER_MISMATCH TRADE_ERROR INVALID_TRANSACTION TRADE_STATE_ERROR", NO),
    Word("wechat", "close reverse code_reverse", "OK ORDERCLOSED ORDER_CLOSED ORDERREVERSED", YES),
    Word("wechat", "reverse code_reverse", "RECALL", WAIT),
    Word("wechat", "close reverse code_reverse",
         "ORDERPAID ORDER_PAID TRADE_STATE_ERROR REVERSE_EXPIRE ORDERNOTEXIST ORDER_NOT_EXIST", NO),
    Word("wechat", "refund abnormal_refund", "OK", YES),
    Word("wechat", "refund abnormal_refund", "REFUND_PROCESSING", WAIT),
    Word("wechat", "refund abnormal_refund", "REFUND_CLOSED NOTENOUGH NOT_ENOUGH RESOURCE_NOT_EXISTS", NO),
    Word("wechat", f"{ORDERS} {CODES} refund abnormal_refund", "INVALID_REQUEST", UNKNOWN, "参数与首次请求时不一致"),
    Word("wechat", WECHAT_QUERIES, "ORDER_NOT_EXIST ORDERNOTEXIST RESOURCE_NOT_EXISTS", NO),
    Word("wechat", "trade_bill flow_bill", "NO_STATEMENT_EXIST", NO),
    Word("wechat", "trade_bill flow_bill", "STATEMENT_CREATING", WAIT),
    Word("wechat", f"{ORDERS} {CODES} close reverse code_reverse refund query", NEVER_DONE, NO),
    Word("wechat", f"{ORDERS} {CODES} close reverse code_reverse refund {WECHAT_QUERIES}",
         "SYSTEM_ERROR SYSTEMERROR BANK_ERROR BANKERROR OUT_TRADE_NO_USED FREQUENCY_LIMITED NEW", UNKNOWN),
    # Alipay
    Word("alipay", "precreate freeze_code", "OK", WAIT),
    Word("alipay", "pay freeze close cancel freeze_cancel refund unfreeze query", "OK", YES),
    Word("alipay", ALIPAY_PAYS, "10003 ACQ.TRADE_HAS_SUCCESS", WAIT),
    Word("alipay", "freeze freeze_code refund unfreeze", "INIT", WAIT),
    Word("alipay", ALIPAY_PAYS, PAYER_REFUSED, NO),
    Word("alipay", ALIPAY_STOPS, "RETRY", WAIT),
    Word("alipay", ALIPAY_STOPS, "ACQ.TRADE_HAS_CLOSE ORDER_ALREADY_CLOSED", YES),
    Word("alipay", ALIPAY_STOPS,
         "NOTHING ACQ.TRADE_NOT_EXIST ACQ.REASON_TRADE_STATUS_INVALID ACQ.TRADE_STATUS_ERROR ACQ.TRADE_HAS_FINISHED "
         "ACQ.TRADE_HAS_SUCCESS ACQ.TRADE_CANCEL_TIME_OUT ACQ.SELLER_BALANCE_NOT_ENOUGH AUTH_ORDER_NOT_EXIST "
         "ORDER_ALREADY_FINISH AUTH_OPERATION_NOT_EXIST", NO),
    Word("alipay", "refund unfreeze", "NO_CHANGE", WAIT),
    Word("alipay", "refund unfreeze",
         "ACQ.SELLER_BALANCE_NOT_ENOUGH ACQ.REFUND_AMT_NOT_EQUAL_TOTAL ACQ.TRADE_HAS_FINISHED ACQ.TRADE_NOT_EXIST "
         "ACQ.REASON_TRADE_STATUS_INVALID ACQ.TRADE_NOT_ALLOW_REFUND AUTH_ORDER_NOT_EXIST AUTH_AMOUNT_NOT_ENOUGH "
         "ORDER_ALREADY_CLOSED ORDER_ALREADY_FINISH", NO),
    Word("alipay", "query refund_query freeze_query",
         "ACQ.TRADE_NOT_EXIST NOT_YET AUTH_ORDER_NOT_EXIST AUTH_OPERATION_NOT_EXIST", NO),
    Word("alipay", f"{ALIPAY_PAYS} {ALIPAY_STOPS} refund unfreeze query",
         "ACQ.INVALID_PARAMETER ACQ.ACCESS_FORBIDDEN INVALID_PARAMETER 40001 40002 40003 40006 20001 "
         "isv.invalid-signature aop.invalid-auth-token", NO),
    Word("alipay", f"{ALIPAY_PAYS} {ALIPAY_STOPS} refund unfreeze query",
         "20000 ACQ.SYSTEM_ERROR ACQ.CONTEXT_INCONSISTENT ACQ.DISCORDANT_REPEAT_REQUEST isp.unknow-error NEW", UNKNOWN),
    # UnionPay: what moves money is only taken in, done is what the query says.
    Word("unionpay", UNION_MONEY, "00 A6 05", WAIT),
    Word("unionpay", "reverse query file", "00 A6", YES),
    Word("unionpay", f"{UNION_MONEY} reverse query file", "10 11 13 31 32", NO),
    Word("unionpay", "qr scan", f"30 33 38 39 {OF_THE_ISSUER}", NO),
    Word("unionpay", "undo refund", "30 33 35 36 39", NO),
    Word("unionpay", "qr scan", "42", WAIT),
    Word("unionpay", "query", "34", NO),
    Word("unionpay", "file", "98", NO),
    Word("unionpay", f"{UNION_MONEY} reverse", "01 03 04 12 34 37 98 99 ZZ", UNKNOWN),
    Word("unionpay", "undo refund", f"38 42 {OF_THE_ISSUER}", UNKNOWN),
    Word("unionpay", "qr scan", "35 36", UNKNOWN),
)  # fmt: skip


def _cases() -> list[tuple[str, str, str, str, Outcome]]:
    return [(w.party, op, code, w.text, w.means) for w in WORDS for op in w.ops.split() for code in w.codes.split()]


@pytest.mark.parametrize("party", ["wechat", "alipay", "unionpay"])
def test_each_word_means_what_is_written_here(party: str) -> None:
    of = PARTIES[party]
    wrong = [
        f"{op} {code} {text}: {found}, not {means}"
        for name, op, code, text, means in _cases()
        if name == party and (found := judge(Answer(True, code, text), op, (), of.outcomes)) is not means
    ]
    assert not wrong
    assert {op for name, op, *_ in _cases() if name == party} <= set(of.ops), "an operation that is none"


@pytest.mark.parametrize("party", ["wechat", "alipay", "unionpay"])
def test_no_word_of_a_table_is_left_out_here(party: str) -> None:
    """What is added to a table is written here too, by who knows what it means."""
    stated = {(op, code) for name, op, code, *_ in _cases() if name == party}
    left_out = [
        (op, row.code)
        for row in PARTIES[party].outcomes
        for op in row.ops
        if not any(op == of and (code == row.code or row.code.endswith("*")) for of, code in stated)
    ]
    assert not left_out
