"""What the HIS's answers mean, in either style.

DUPLICATE says that our number is already taken: what stands there must be asked for. A refusal at the door says nothing
about an earlier try, so what changes something stays unknown. A void of a number the HIS does not know (NOT_FOUND)
buries that number: it can no longer be booked; likewise a quote (PRE_NOT_FOUND). Where the HIS leads, a refusal to book
says nothing once the insurance has settled inside (BOOK_FAILED, INSIDE_UNKNOWN): it is asked for by our number.
"""

from __future__ import annotations

from typing import Final

from engine.core.outcome import Outcome
from engine.parties.contract import OutcomeRow
from engine.parties.described import FAULT
from engine.parties.his import inhos
from engine.parties.his.operations import OPS

# The gateway says these before it knows who asks: such a refusal cannot be signed.
AT_THE_DOOR: Final = frozenset(
    {"APP_UNKNOWN", "TIMESTAMP_INVALID", "NONCE_INVALID", "SIGN_INVALID", "SIGN_ERROR", "NONCE_REPLAYED",
     "OPERATION_UNKNOWN", "TOKEN_INVALID"}
)  # fmt: skip

_CHANGES: Final = frozenset(name for name, op in OPS.items() if op.changes)
_UNLOCK: Final = frozenset({"unlock.bill", "unlock.reg"})
_VOID: Final = frozenset({"void.pay.bill", "cancel.reg"})
_CLOSE: Final = frozenset({"cancel.pay.order"})
_ORDERED: Final = frozenset({"create.pay.order"})
_UNQUOTE: Final = frozenset({"cancel.pre.balance.bill"})
_REFUSED: Final = (
    "PATIENT_NOT_FOUND", "BILL_NOT_FOUND", "BILL_LOCKED", "BILL_PAID", "BILL_VOID", "BILL_CHANGED",
    "LOCK_CLOSED", "NOT_LOCKED", "LOCK_LOST", "EXPIRED", "SETTLE_VOID", "AMOUNT_MISMATCH", "ALREADY_VOID",
    "NOT_FOUND", "PARAM_ERROR", "PARAM_INVALID", "BUSINESS_REFUSED", "NOT_ENOUGH_BALANCE", "TOKEN_EXPIRED",
    "WINDOW_ONLY", "PRE_NOT_FOUND", "PRE_CLOSED", "PRE_USED", "PRE_UNCONFIRMED",
    "INSURANCE_UNAVAILABLE", "INSURANCE_REFUSED",
    "INSURANCE_CHANGED", "INSURANCE_KEPT", "SCHEDULE_NOT_FOUND", "SLOT_LOCKED", "SLOT_GONE", "REG_TAKEN",
    "ORDER_NOT_FOUND", "ORDER_PAID", "ORDER_CLOSED", "REFUND_TOO_MUCH",
)  # fmt: skip

OUTCOMES: Final = (
    OutcomeRow("OK", Outcome.PENDING, _ORDERED, because="ordered is not paid"),
    OutcomeRow("OK", Outcome.ACCEPTED),
    *inhos.OUTCOMES,
    OutcomeRow("NOT_LOCKED", Outcome.ACCEPTED, _UNLOCK, because="no lock stands: that is what was wanted"),
    OutcomeRow("LOCK_CLOSED", Outcome.ACCEPTED, _UNLOCK, because="the lock is already closed"),
    OutcomeRow("LOCK_LOST", Outcome.ACCEPTED, _UNLOCK, because="the lock has ended by itself"),
    OutcomeRow("ALREADY_VOID", Outcome.ACCEPTED, _VOID, because="it is already void"),
    OutcomeRow("NOT_FOUND", Outcome.ACCEPTED, _VOID, because="the number is buried"),
    OutcomeRow("ORDER_NOT_FOUND", Outcome.ACCEPTED, _CLOSE, because="the number is buried"),
    OutcomeRow("ORDER_CLOSED", Outcome.ACCEPTED, _CLOSE, because="it is already closed"),
    OutcomeRow("PRE_NOT_FOUND", Outcome.ACCEPTED, _UNQUOTE, because="the number is buried"),
    OutcomeRow("PRE_CLOSED", Outcome.ACCEPTED, _UNQUOTE, because="it is already taken back"),
    *(OutcomeRow(code, Outcome.UNKNOWN) for code in (
        "DUPLICATE", "DUPLICATE_DIFFERENT", "PROCESSING", "BOOK_FAILED", "INSIDE_UNKNOWN", "VOID_PENDING",
        "CLOSE_PENDING", "INVOICE_PENDING",
    )),
    *(OutcomeRow(code, Outcome.UNKNOWN, _CHANGES) for code in sorted(AT_THE_DOOR)),
    *(OutcomeRow(code, Outcome.REFUSED) for code in (*_REFUSED, *sorted(AT_THE_DOOR))),
)  # fmt: skip
# A SOAP fault says that the service stumbled, not that it executed nothing.
SOAP_OUTCOMES: Final = (*OUTCOMES, OutcomeRow(f"{FAULT}*", Outcome.UNKNOWN))
