"""Each planted fault is found, as exactly its kind and nothing else; good books are silent."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from engine.core.money import yuan_of_fen
from engine.parties.funds import FundRow
from engine.runtime.books_compare import compare, is_open
from engine.runtime.books_kinds import KINDS
from engine.runtime.books_view import CallRow, LedgerRow, Move, Span
from engine.saga.case import CaseState
from engine.saga.legs import LegState
from engine.store.statement_rows import StatementRow
from tests.books.good import NOW, Day, good_day, paid_late

Spoil = Callable[[Day], None]
NO_AMOUNT = {"order_left_open", "lock_left", "visit_left", "observed_differs", *(k for k in KINDS if "statement" in k)}
PLANTED: list[tuple[str, str, Spoil]] = []


def plants(kind: str, no: str) -> Callable[[Spoil], Spoil]:
    """This function spoils good books so that exactly this kind shows, at this settlement."""

    def keep(spoil: Spoil) -> Spoil:
        PLANTED.append((kind, no, spoil))
        return spoil

    return keep


def _kinds(day: Day) -> list[tuple[str, str]]:
    return [(one.kind, one.settlement_no) for one in compare(day.view(), day.books(), funds=day.funds())]


def test_good_books_show_nothing() -> None:
    day = good_day()
    assert _kinds(day) == []
    assert sorted(no for no, kept in day.kept.items() if is_open(kept)) == ["S5", "S6"]


# Money


@plants("unknown_number", "")
def _someone_elses_charge(day: Day) -> None:
    day.rows["wechat"].append(LedgerRow("charge", "X9", 100, 700))


@plants("unknown_number", "")
def _booked_under_a_number_of_nobody(day: Day) -> None:
    day.rows["his"].append(LedgerRow("book", "X9", 100, 700, bill="BX9", ref="700"))


@plants("effect_without_call", "S1")
def _charge_before_our_call(day: Day) -> None:
    day.spoil("wechat", "charge", "S1P1", at=900.0)


@plants("effect_without_call", "S1")
def _effect_whose_call_was_never_stored(day: Day) -> None:
    day.kept["S1"].calls = [call for call in day.kept["S1"].calls if call.number != "S1E1"]


@plants("paid_amount_differs", "S1")
def _channel_took_another_amount(day: Day) -> None:
    day.spoil("wechat", "charge", "S1P1", amount=699)


@plants("paid_twice", "S1")
def _paid_twice(day: Day) -> None:
    day.again("wechat", "charge", "S1P1", party_no="T2")


@plants("service_not_paid", "S2")
def _charge_missing(day: Day) -> None:
    day.drop("wechat", "charge", "S2P1")


@plants("late_payment", "S4")
def _paid_after_it_was_known_as_no(day: Day) -> None:
    day.again("wechat", "charge", "S4P2", no="S4P1")


@plants("late_payment", "S3")
def _late_payment_of_an_undone_settlement(day: Day) -> None:
    day.leg("S3", "pay.qr", lambda leg: replace(leg, state=LegState.NO))
    day.drop("wechat", "refund", "S3R4")


@plants("refund_missing", "S3")
def _refund_never_came(day: Day) -> None:
    day.drop("wechat", "refund", "S3R4")


@plants("refund_missing", "S3")
def _channel_gave_the_refund_up(day: Day) -> None:
    day.spoil("wechat", "refund", "S3R4", state="closed")


@plants("return_missing", "S13")
def _what_is_left_of_a_deposit_never_went_back(day: Day) -> None:
    day.drop("wechat", "refund", "S13B7")


@plants("refund_twice", "S13")
def _what_is_left_of_a_deposit_went_back_twice(day: Day) -> None:
    day.again("wechat", "refund", "S13B7")


@plants("refund_amount_differs", "S13")
def _more_went_back_than_was_left(day: Day) -> None:
    day.spoil("wechat", "refund", "S13B7", amount=300)


@plants("service_not_paid", "S12")
def _what_the_deposits_lacked_was_not_collected(day: Day) -> None:
    day.drop("wechat", "charge", "S12P1")


@plants("paid_twice", "S12")
def _the_deposits_share_was_collected_too(day: Day) -> None:
    day.again("wechat", "charge", "S12P1")


@plants("service_not_paid", "SC")
def _the_his_itself_never_collected(day: Day) -> None:
    day.drop("his", "charge", "SCP1")


@plants("paid_twice", "SC")
def _the_his_itself_collected_twice(day: Day) -> None:
    day.again("his", "charge", "SCP1")


@plants("refund_missing", "SD")
def _the_his_itself_never_gave_it_back(day: Day) -> None:
    day.drop("his", "refund", "SDR1")


@plants("late_payment", "SD")
def _paid_at_the_his_after_its_order_was_known_as_closed(day: Day) -> None:
    day.leg("SD", "scan.order", lambda leg: replace(leg, state=LegState.NO))
    day.drop("his", "refund", "SDR1")


@plants("his_missing", "S11")
def _a_deposit_the_his_does_not_know(day: Day) -> None:
    day.drop("his", "deposit", "S11")


@plants("his_left", "S11")
def _a_deposit_the_his_still_has(day: Day) -> None:
    day.kept["S11"].state = CaseState.UNDONE
    day.kept["S11"].bills = [(bill, False) for bill, _ in day.kept["S11"].bills]
    day.kept["S11"].moves = []
    day.drop("wechat", "charge", "S11P1")
    day.leg("S11", "pay.qr", lambda leg: replace(leg, state=LegState.NO))


@plants("refund_twice", "S3")
def _one_refund_number_twice(day: Day) -> None:
    day.again("wechat", "refund", "S3R4")


@plants("refund_over", "S3")
def _a_second_refund_number_of_ours(day: Day) -> None:
    day.numbers["S3R4X1"] = "S3"
    last = day.kept["S3"].calls[-1]
    day.kept["S3"].calls = [
        *day.kept["S3"].calls,
        replace(last, id=1, party="wechat", number="S3R4X1", started_at=3000.0),
    ]
    day.again("wechat", "refund", "S3R4", no="S3R4X1")


@plants("refund_amount_differs", "S3")
def _less_given_back(day: Day) -> None:
    day.spoil("wechat", "refund", "S3R4", amount=600)


@plants("refund_at_portal", "S2")
def _refunded_at_the_portal(day: Day) -> None:
    day.rows["wechat"].append(LedgerRow("refund", "PORTAL1", 2100, 700, ref="S2P1"))


@plants("refund_not_final", "S3")
def _accepted_is_not_returned(day: Day) -> None:
    day.spoil("wechat", "refund", "S3R4", state="processing")


@plants("refund_not_final", "S3")
def _dead_card(day: Day) -> None:
    day.spoil("wechat", "refund", "S3R4", state="abnormal")


@plants("order_left_open", "S4")
def _order_still_payable(day: Day) -> None:
    day.spoil("wechat", "order", "S4P1", state="open")


# HIS


@plants("his_missing", "S2")
def _his_never_booked(day: Day) -> None:
    day.drop("his", "book", "S2")


@plants("his_missing", "S1")
def _his_voided_behind_our_back(day: Day) -> None:
    day.spoil("his", "book", "S1", state="void")


@plants("his_left", "S3")
def _his_still_booked(day: Day) -> None:
    day.rows["his"].append(LedgerRow("book", "S3", 3005.5, 1000, bill="BS3", ref="700"))


@plants("his_twice", "S1")
def _his_booked_the_number_twice(day: Day) -> None:
    day.again("his", "book", "S1")


@plants("his_twice", "S2")
def _two_settlements_booked_for_one_bill(day: Day) -> None:
    day.spoil("his", "book", "S2", bill="BS1")


@plants("his_amount_differs", "S1")
def _his_booked_another_total(day: Day) -> None:
    day.spoil("his", "book", "S1", amount=999)


@plants("his_amount_differs", "S1")
def _his_booked_another_cash_part(day: Day) -> None:
    day.spoil("his", "book", "S1", ref="701")


@plants("both_collected", "S1")
def _cashier_collected_too(day: Day) -> None:
    day.rows["his"].append(LedgerRow("charge", "W2", 1500, 1000, bill="BS1", ref="window"))


@plants("lock_left", "S3")
def _lock_left(day: Day) -> None:
    day.spoil("his", "lock", "S3L", state="live")


# Insurance


@plants("insurance_missing", "S1")
def _insurance_has_nothing(day: Day) -> None:
    day.drop("nhsa", "settle", "MS13")


@plants("insurance_missing", "S1")
def _insurance_reversed_it(day: Day) -> None:
    day.spoil("nhsa", "settle", "MS13", state="reversed")


@plants("insurance_left", "S3")
def _insurance_still_settled(day: Day) -> None:
    day.spoil("nhsa", "settle", "MS33", state="done")


@plants("insurance_twice", "S1")
def _settled_twice_at_the_insurance(day: Day) -> None:
    day.again("nhsa", "settle", "MS13")


@plants("insurance_amount_differs", "S1")
def _final_is_not_the_quote(day: Day) -> None:
    day.spoil("nhsa", "settle", "MS13", cash=600, account=0)


@plants("insurance_amount_differs", "S1")
def _account_was_used_without_being_quoted(day: Day) -> None:
    day.spoil("nhsa", "settle", "MS13", account=100)


@plants("visit_left", "S3")
def _registration_left(day: Day) -> None:
    day.spoil("nhsa", "register", "MS31", state="open")


@plants("visit_left", "S3")
def _lines_left(day: Day) -> None:
    day.spoil("nhsa", "upload", "S3", state="uploaded")


# Commercial insurance


@plants("commercial_missing", "SA")
def _the_insurer_does_not_pay(day: Day) -> None:
    day.drop("insurer", "settle", "SAC1")


@plants("commercial_left", "SB")
def _a_claim_was_never_withdrawn(day: Day) -> None:
    day.spoil("insurer", "settle", "SBC1", state="done")


@plants("commercial_twice", "SA")
def _two_claims_stand(day: Day) -> None:
    day.again("insurer", "settle", "SAC1")


@plants("commercial_amount_differs", "SA")
def _the_insurer_pays_another_amount(day: Day) -> None:
    day.spoil("insurer", "settle", "SAC1", amount=199)


@plants("insurance_amount_differs", "SA")
def _the_insurance_left_less_than_insurer_and_patient_paid(day: Day) -> None:
    day.spoil("nhsa", "settle", "MSA3", cash=500)


# Invoice


@plants("invoice_missing", "S1")
def _no_invoice(day: Day) -> None:
    day.drop("einvoice", "issue", "S1E1")


@plants("invoice_left", "S3")
def _invoice_of_an_undone_settlement(day: Day) -> None:
    day.numbers["S3E1"] = "S3"
    day.kept["S3"].calls = [*day.kept["S3"].calls, CallRow(1, 6, "do", "einvoice", "issue", "S3E1", 3000.0)]
    day.rows["einvoice"].append(LedgerRow("issue", "S3E1", 3006.0, 1000))


@plants("invoice_twice", "S1")
def _two_invoices(day: Day) -> None:
    day.again("einvoice", "issue", "S1E1", party_no="I2")


@plants("invoice_amount_differs", "S1")
def _invoice_over_another_amount(day: Day) -> None:
    day.spoil("einvoice", "issue", "S1E1", amount=700)


@plants("invoice_red_over", "S4")
def _more_red_than_blue(day: Day) -> None:
    day.rows["einvoice"].append(LedgerRow("write_off", "S4E1", 4500, 900))


# The engine's own order


@plants("amounts_do_not_add", "S2")
def _split_does_not_add(day: Day) -> None:
    day.kept["S2"].amounts = {**day.kept["S2"].amounts, "relief": 1}


@plants("leg_forgotten", "S5")
def _nothing_will_ever_ask(day: Day) -> None:
    day.leg("S5", "pay.qr", lambda leg: replace(leg, next_at=None))


@plants("leg_forgotten", "S5")
def _call_runs_for_an_hour(day: Day) -> None:
    day.leg("S5", "pay.qr", lambda leg: replace(leg, next_at=None, state=LegState.SENT))
    last = day.kept["S5"].calls[-1]
    day.kept["S5"].calls = [*day.kept["S5"].calls[:-1], replace(last, outcome="", started_at=NOW - 3600)]
    day.spoil("wechat", "order", "S5P1", at=NOW - 3599)


@plants("manual_without_task", "S6")
def _nobody_was_told(day: Day) -> None:
    day.kept["S6"].tasks = []


@plants("overdue", "S5")
def _since_yesterday(day: Day) -> None:
    kept = day.kept["S5"]
    kept.moves = [move for move in kept.moves if move.leg_id]
    kept.created_at = NOW - 86400


@plants("bill_held", "S3")
def _undone_but_held(day: Day) -> None:
    day.kept["S3"].bills = [("BS3", True)]


@plants("bill_released", "S1")
def _settled_but_released(day: Day) -> None:
    day.kept["S1"].bills = [("BS1", False)]


@plants("number_differs", "S1")
def _one_number_two_contents(day: Day) -> None:
    call = next(call for call in day.kept["S1"].calls if call.number == "S1P1")
    day.kept["S1"].calls = [*day.kept["S1"].calls, replace(call, id=1, param_hash="other")]


@plants("attempts_overlap", "S4")
def _second_attempt_while_the_first_was_unknown(day: Day) -> None:
    def later(move: Move) -> Move:
        return replace(move, at=move.at + 0.5) if (move.leg_id, move.after) == (2, "no") else move

    day.kept["S4"].moves = sorted(map(later, day.kept["S4"].moves), key=lambda move: move.at)


@plants("sent_before_known", "S2")
def _his_before_the_payment_was_known(day: Day) -> None:
    day.leg("S2", "his.settle", lambda leg: replace(leg, created_at=leg.created_at - 0.5))


@plants("undo_order", "S3")
def _money_back_before_the_insurance(day: Day) -> None:
    day.leg("S3", "pay.refund", lambda leg: replace(leg, created_at=leg.created_at - 0.5))


@plants("undo_order", "SE")
def _money_back_before_the_invoice(day: Day) -> None:
    """Only whoever may refuse the refund goes before the invoice: never the payment, and nothing as the second."""
    begun = next(leg.created_at for leg in day.kept["SE"].legs if leg.call == "his.void")
    day.leg("SE", "pay.refund", lambda leg: replace(leg, created_at=begun + 0.5))


@plants("undo_order", "SE")
def _insurance_back_before_the_invoice(day: Day) -> None:
    begun = next(leg.created_at for leg in day.kept["SE"].legs if leg.call == "his.void")
    day.leg("SE", "nhsa.cancel", lambda leg: replace(leg, created_at=begun + 0.5))


@plants("undo_order", "S3")
def _money_back_and_insurance_never(day: Day) -> None:
    kept = day.kept["S3"]
    kept.legs = [leg for leg in kept.legs if leg.call != "nhsa.cancel"]


@plants("impossible_move", "S1")
def _settled_is_for_ever(day: Day) -> None:
    day.kept["S1"].moves = [*day.kept["S1"].moves, Move(1500.0, 0, "settled", "forward")]


# Where the HIS leads


@plants("led_differs", "S7")
def _the_his_has_another_amount_at_the_insurance(day: Day) -> None:
    day.spoil("his", "settle", "S7", amount=999)


@plants("led_differs", "S7")
def _the_his_does_not_know_its_own_invoice(day: Day) -> None:
    day.drop("his", "issue", "S7")


@plants("led_differs", "S8")
def _the_his_believes_it_still_has_what_the_insurance_cancelled(day: Day) -> None:
    day.spoil("his", "settle", "S8", state="done")


@plants("observed_differs", "S7")
def _the_his_told_us_another_number(day: Day) -> None:
    day.leg("S7", "nhsa.settle", lambda leg: replace(leg, number="H0"))
    day.numbers["H0"] = day.numbers.pop("HS7")


@plants("observed_differs", "S7")
def _what_the_his_did_was_not_noted(day: Day) -> None:
    kept = day.kept["S7"]
    kept.legs = [leg for leg in kept.legs if leg.call != "nhsa.settle"]
    del day.numbers["HS7"]


@plants("observed_left", "S8")
def _nobody_noted_that_it_was_taken_back(day: Day) -> None:
    kept = day.kept["S8"]
    kept.legs = [leg for leg in kept.legs if not (leg.of and leg.call == "einvoice.issue")]


@plants("insurance_missing", "S7")
def _the_his_led_and_the_insurance_has_nothing(day: Day) -> None:
    day.drop("nhsa", "settle", "HS7")


@plants("insurance_left", "S9")
def _settled_inside_without_our_knowledge_and_never_taken_back(day: Day) -> None:
    day.spoil("nhsa", "settle", "HS9", state="done")


@plants("visit_left", "S8")
def _the_his_s_registration_is_left(day: Day) -> None:
    day.spoil("nhsa", "register", "VS8", state="open")


@plants("invoice_left", "S9")
def _an_invoice_of_the_his_is_left(day: Day) -> None:
    day.spoil("einvoice", "issue", "RS9", state="done")


@plants("invoice_missing", "S7")
def _the_his_s_invoice_is_not_there(day: Day) -> None:
    day.drop("einvoice", "issue", "RS7")


@plants("effect_without_call", "S7")
def _settled_at_the_insurance_before_the_his_was_asked(day: Day) -> None:
    day.spoil("nhsa", "settle", "HS7", at=6000.0)


@plants("impossible_move", "S1")
def _ok_is_never_unsure_again(day: Day) -> None:
    day.kept["S1"].moves = [*day.kept["S1"].moves, Move(1500.0, 4, "ok", "unsure")]


def _refund_takes_long(day: Day, until_unload: float) -> None:
    """The refund of S3 is known only after 2000 s; the lines are withdrawn so many seconds after it was sent."""
    kept = day.kept["S3"]
    refund = next(leg for leg in kept.legs if leg.call == "pay.refund")
    kept.moves = [
        replace(move, at=refund.created_at + 2000.0) if (move.leg_id, move.after) == (refund.id, "ok") else move
        for move in kept.moves
    ]
    for call in ("nhsa.unload", "nhsa.unregister", "his.unlock"):
        day.leg("S3", call, lambda leg: replace(leg, created_at=refund.created_at + until_unload))
    kept.moves = [replace(move, at=refund.created_at + until_unload) if move.leg_id > refund.id else move
                  for move in kept.moves]  # fmt: skip
    kept.moves.sort(key=lambda move: move.at)


@plants("undo_order", "S3")
def _lines_withdrawn_before_the_refund_was_slow(day: Day) -> None:
    _refund_takes_long(day, 899.0)


def test_what_moves_no_money_passes_a_refund_that_takes_long() -> None:
    day = good_day()
    _refund_takes_long(day, 900.0)
    assert _kinds(day) == []


def _cancel_takes_long(day: Day, until_unlock: float, until_unload: float = 2000.0) -> None:
    """The insurance's cancel of S3 is known only after 2000 s; its own undos follow, the lock goes before them."""
    kept = day.kept["S3"]
    began = next(leg for leg in kept.legs if leg.call == "nhsa.cancel")
    moved = {began.id: 2000.0}
    for call, after in (("nhsa.unload", until_unload), ("nhsa.unregister", 2000.0), ("his.unlock", until_unlock)):
        day.leg("S3", call, lambda leg, after=after: replace(leg, created_at=began.created_at + after))
        moved[next(leg for leg in kept.legs if leg.call == call).id] = after
    refund = next(leg for leg in kept.legs if leg.call == "pay.refund")
    day.leg("S3", "pay.refund", lambda leg: replace(leg, created_at=began.created_at + 2000.0))
    moved[refund.id] = 2000.0
    kept.moves = [
        replace(move, at=began.created_at + moved[move.leg_id])
        if move.leg_id in moved and (move.leg_id, move.after) != (began.id, "sent") else move for move in kept.moves
    ]  # fmt: skip
    kept.moves.sort(key=lambda move: move.at)


def test_the_lock_passes_an_insurance_that_takes_long_and_what_waits_for_it() -> None:
    day = good_day()
    _cancel_takes_long(day, 900.0)
    assert "undo_order" not in dict(_kinds(day))


def _lock_and_cancel_in_one_instant(day: Day, after: float) -> None:
    """The lock of S3 goes so many seconds after the insurance's cancel began; that ends in the same instant, and the
    trail has it behind. The rest follows a second later."""
    kept = day.kept["S3"]
    cancel = next(leg for leg in kept.legs if leg.call == "nhsa.cancel")
    unlock = next(leg for leg in kept.legs if leg.call == "his.unlock")
    at, place = cancel.created_at + after, next(
        at for at, move in enumerate(kept.moves) if (move.leg_id, move.after) == (cancel.id, "ok")
    )
    begins = next(move for move in kept.moves if move.leg_id == unlock.id)
    rest = [replace(move, at=at + 1) for move in kept.moves[place + 1 :] if move != begins]
    kept.moves = [*kept.moves[:place], replace(begins, at=at), replace(kept.moves[place], at=at), *rest]
    starts = {move.leg_id: move.at for move in reversed(kept.moves)}
    kept.legs = [replace(leg, created_at=starts.get(leg.id, leg.created_at)) for leg in kept.legs]


def test_a_lock_that_goes_in_the_very_instant_a_slow_cancel_ends_is_in_order() -> None:
    day = good_day()
    _lock_and_cancel_in_one_instant(day, 900.0)
    assert "undo_order" not in dict(_kinds(day))


@plants("undo_order", "S3")
def _unlocked_in_the_instant_but_before_a_cancel_ended_that_was_not_slow(day: Day) -> None:
    _lock_and_cancel_in_one_instant(day, 899.0)


def test_a_clock_set_back_meanwhile_puts_nothing_out_of_order() -> None:
    day = good_day()
    kept = day.kept["S3"]
    refund = next(leg for leg in kept.legs if leg.call == "pay.refund")
    place = next(at for at, move in enumerate(kept.moves) if move.leg_id == refund.id)
    kept.legs = [replace(leg, created_at=leg.created_at - 3600 * (leg.id >= refund.id)) for leg in kept.legs]
    kept.moves = [replace(move, at=move.at - 3600 * (at >= place)) for at, move in enumerate(kept.moves)]
    assert not {"undo_order", "sent_before_known", "attempts_overlap"} & set(dict(_kinds(day)))


@plants("undo_order", "S3")
def _unlocked_before_the_cancel_was_slow(day: Day) -> None:
    _cancel_takes_long(day, 899.0)


@plants("undo_order", "S3")
def _lines_withdrawn_while_their_own_cancel_is_slow(day: Day) -> None:
    _cancel_takes_long(day, 2000.0, 900.0)


@plants("no_without_proof", "S4")
def _asked_before_the_fence(day: Day) -> None:
    day.leg("S4", "pay.qr", lambda leg: replace(leg, fence_at=9000.0) if leg.fence_at else leg)


@plants("no_without_proof", "S4")
def _proof_says_nothing(day: Day) -> None:
    kept = day.kept["S4"]
    kept.calls = [replace(call, fact="unknown") if call.purpose == "ask" else call for call in kept.calls]


@plants("no_without_proof", "S4")
def _proof_is_no_inquiry(day: Day) -> None:
    day.leg("S4", "pay.qr", lambda leg: replace(leg, evidence=400001) if leg.fence_at else leg)


@plants("fee_differs", "S1")
def _a_fee_nobody_agreed_to(day: Day) -> None:
    day.spoil("wechat", "charge", fee=5)
    day.span = Span(0.0, 20_000.0, fee_bp=0)


@plants("fund_missing", "S1")
def _paid_and_not_credited(day: Day) -> None:
    moved = day.with_account()
    del moved[next(i for i, row in enumerate(moved) if row.no == "S1P1")]


@plants("fund_only", "S1")
def _given_back_of_the_account_alone(day: Day) -> None:
    day.with_account().append(FundRow("refund", "S1P1", 5000.0, -700, 0))


@plants("fund_only", "")
def _credited_under_a_number_of_nobody(day: Day) -> None:
    day.with_account().append(FundRow("trade", "X9", 5000.0, 700, 0))


@plants("fund_differs", "S1")
def _credited_with_less(day: Day) -> None:
    moved = day.with_account()
    at = next(i for i, row in enumerate(moved) if row.no == "S1P1")
    moved[at] = replace(moved[at], amount=moved[at].amount - 1)


@plants("fund_fee_differs", "S1")
def _a_fee_the_trade_bill_does_not_name(day: Day) -> None:
    day.with_account().append(FundRow("fee", "S1P1", 5000.0, -7, 0))


@plants("fund_returned", "S3")
def _a_refund_that_came_back(day: Day) -> None:
    moved = day.with_account()
    gone = next(row for row in moved if row.kind == "refund" and row.no == "S3R4")
    moved.append(replace(gone, kind="returned", amount=-gone.amount, at=5000.0))


@plants("fund_balance", "")
def _a_balance_nobody_can_follow(day: Day) -> None:
    moved = day.with_account()
    moved[-1] = replace(moved[-1], balance=1)


@plants("fund_other", "")
def _a_transfer(day: Day) -> None:
    day.with_account().append(FundRow("other", "Z1", 5000.0, -100, 0, name="商户转账"))


def test_the_account_alone_is_judged_by_our_own_payments() -> None:
    """Without a trade bill: nothing of a good day, and what the account lacks is told."""
    day = good_day()
    moved = day.with_account()
    rest = [book for book in day.books() if book.party != "wechat"]
    assert compare(day.view(), rest, funds=day.funds()) == []
    del moved[next(i for i, row in enumerate(moved) if row.no == "S1P1")]
    (found,) = compare(day.view(), rest, funds=day.funds())
    assert (found.kind, found.settlement_no) == ("fund_net_differs", "S1")
    assert found.next_en


def test_what_lies_at_the_end_of_the_days_read_is_not_judged() -> None:
    """A movement a minute before midnight may stand in the next day of the other bill."""
    for at, kinds in ((19_900.0, []), (19_800.0, ["fund_only"])):
        day = good_day()
        day.with_account().append(FundRow("trade", "X9", at, 700, 0))
        assert [kind for kind, _ in _kinds(day)] == kinds


def test_an_abnormal_refund_that_another_card_received_is_no_difference() -> None:
    """The bill's row was written when it was abnormal and never changes; it counted as done only after that."""
    day = good_day()
    day.span = Span(0.0, 20_000.0)
    day.spoil("wechat", "refund", "S3R4", state="abnormal")
    assert _kinds(day) == [("refund_not_final", "S3")]
    kept = day.kept["S3"]
    (leg,) = [leg for leg in kept.legs if leg.number == "S3R4"]
    done = next(move for move in kept.moves if (move.leg_id, move.after) == (leg.id, "ok"))
    at = list(kept.moves).index(done)
    called = [replace(done, after="manual"), replace(done, before="manual")]
    kept.moves = [*kept.moves[:at], *called, *kept.moves[at + 1 :]]
    assert _kinds(day) == []
    day.span = None  # a ledger that is read as it stands now: abnormal is abnormal
    assert _kinds(day) == [("refund_not_final", "S3")]


def test_a_refund_under_way_may_move_the_account_or_not() -> None:
    for gone in (True, False):
        day = good_day()
        moved = day.with_account()
        day.spoil("wechat", "refund", state="processing")
        if gone:
            del moved[next(i for i, row in enumerate(moved) if row.kind == "refund")]
        assert [kind for kind, _ in _kinds(day)] == []


def _left_over(verdict: str, no: str | None, party: str = "nhsa") -> Spoil:
    row = StatementRow(party, "2026-11-21", "310/11/370200", "900", verdict, no, "M1", "对账不平")
    return lambda day: day.statements.append(row)


for one in ("here", "differs", "unread", "unlisted", "unlike"):
    plants(f"statement_{one}", "S1")(_left_over(one, "S1"))
plants("statement_billed", "S1")(_left_over("billed", "S1", "unionpay"))  # of a platform whose ledger is not read now
for one in ("there", "listed"):
    plants(f"statement_{one}", "")(_left_over(one, None))


@pytest.mark.parametrize(("kind", "no", "spoil"), PLANTED, ids=lambda one: getattr(one, "__name__", None))
def test_a_planted_fault_is_found_as_itself(kind: str, no: str, spoil: Spoil) -> None:
    day = good_day()
    spoil(day)
    assert _kinds(day) == [(kind, no)]


@pytest.mark.parametrize("spoil", [spoil for _, _, spoil in PLANTED], ids=[spoil.__name__ for _, _, spoil in PLANTED])
def test_a_difference_is_told_in_one_language_at_a_time(spoil: Spoil) -> None:
    """Finance read: nhsa有一笔register."""
    day = good_day()
    spoil(day)
    for one in compare(day.view(), day.books(), funds=day.funds()):
        assert not re.search(r"[\u4e00-\u9fff]/[a-z]", one.text + one.en), one.text
        ours = {"register", "upload", "settle", "charge", "order", "refund", "payment", "fee", "cash", "account"}
        assert not ours & set(re.findall(r"(?<![a-z.])[a-z]+(?![a-z.])", one.text)), one.text


@pytest.mark.parametrize(("kind", "no", "spoil"), PLANTED, ids=lambda one: getattr(one, "__name__", None))
def test_what_a_difference_says_in_yuan_stands_beside_it_in_fen(kind: str, no: str, spoil: Spoil) -> None:
    """Finance adds the column up: nobody copies amounts out of sentences."""
    day = good_day()
    spoil(day)
    (one,) = compare(day.view(), day.books(), funds=day.funds())
    told = {yuan_of_fen(fen) for fen in (one.due, one.amount) if fen is not None}
    said = set(re.findall(r"-?[0-9]+[.][0-9]{2}(?= 元)", one.text))
    assert said <= told, one
    assert told or KINDS[kind].next == KINDS["overdue"].next or kind in NO_AMOUNT, one


def test_every_kind_was_planted() -> None:
    assert {kind for kind, _, _ in PLANTED} | {"source_missing", "fund_net_differs"} == set(KINDS)


def test_a_missing_ledger_is_said_and_judges_nothing() -> None:
    day = good_day()
    day.rows["wechat"].clear()
    rest = [book for book in day.books() if book.party != "wechat"]
    (found,) = compare(day.view(), rest, missing={"wechat": "HTTP 404"})
    assert (found.kind, "HTTP 404" in found.text) == ("source_missing", True)


def test_purged_calls_tell_nothing() -> None:
    day = good_day()
    day.kept["S4"].calls = []
    assert _kinds(day) == []


def test_late_money_that_was_asked_about_and_given_back_is_no_difference() -> None:
    day = good_day()
    paid_late(day, "S90", 7000)
    assert _kinds(day) == []
    kept = day.kept["S90"]
    refund = next(leg for leg in kept.legs if leg.call == "pay.refund")
    kept.legs = [leg for leg in kept.legs if leg is not refund]
    assert ("no_without_proof", "S90") in _kinds(day), "nobody gives it back"


def test_what_is_under_way_is_not_judged_by_its_end() -> None:
    """Paid, not yet settled: open. The same books once it counts as undone are wrong."""
    day = good_day()
    day.again("wechat", "charge", "S1P1", no="S5P1", at=5500.0)
    assert _kinds(day) == []
    kept = day.kept["S5"]
    kept.state, kept.bills = CaseState.UNDONE, [("BS5", False)]
    day.leg("S5", "pay.qr", lambda leg: replace(leg, state=LegState.OK))
    assert ("refund_missing", "S5") in _kinds(day)


def test_texts_speak_two_languages_and_say_what_to_do() -> None:
    day = good_day()
    _channel_took_another_amount(day)
    (found,) = compare(day.view(), day.books())
    assert found.bill == "BS1"
    assert "6.99" in found.text
    assert "6.99" in found.en
    assert found.text != found.en
    assert all((kind.zh, kind.en, kind.next, kind.next_en) for kind in KINDS.values())
