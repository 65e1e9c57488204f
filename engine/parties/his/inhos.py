"""What a HIS is asked about stays in hospital: 入院登记, 预交金, and what is left of it after the discharge.

The discharge itself is the booking of a bill whose number is the stay's (住院号), with the part that deposits pay in
`deposit`.
"""

from __future__ import annotations

from typing import Final

from engine.core.outcome import Outcome
from engine.parties.contract import OutcomeRow

# as in operations.py
TABLE: Final = {
    "query.check.inhos.status": ("QueryInpatient", "查询住院证或住院", "read an admission note or a stay", "", ""),
    "register.inhos": ("RegisterInpatient", "入院登记", "register an admission", "c", "settlement"),
    "query.register.inhos": ("QueryRegisterInpatient", "查询入院登记", "ask for a registration by our number", "", ""),
    "cancel.register.inhos": ("CancelRegisterInpatient", "取消入院登记", "cancel a registration", "c", "void"),
    "insure.inhos": ("InsureInpatient", "登记住院的医保信息", "note the insurance's numbers of a stay", "c", "step"),
    "pay.inhos.deposit": ("RechargeInpatientDeposit", "预交金入账", "book a deposit", "m", "settlement"),
    "query.inhos.deposit": ("QueryRechargeRecords", "查询预交金", "ask for a deposit by our number", "", ""),
    "void.inhos.deposit": ("CancelInpatientDeposit", "作废预交金", "void a deposit", "m", "void"),
    "back.inhos.deposit": ("ReturnInpatientDeposit", "退预交金入账", "book what goes back of a deposit", "m", "step"),
    "query.inhos.back": ("QueryReturnRecords", "查询退预交金", "ask for what went back by our number", "", ""),
}  # fmt: skip
LISTS: Final = {"query.check.inhos.status": ("items", "diagnoses", "deposits")}
AMOUNTS: Final = frozenset({"deposit", "depositLeft", "suggested", "returned", "left"})
NUMBER_FIELD: Final = {
    "register.inhos": "registerNo", "pay.inhos.deposit": "depositNo", "insure.inhos": "insureNo",
    "back.inhos.deposit": "backNo",
}  # fmt: skip
"""Where an operation's own number stands, when not where the kind of number usually does."""
_TAKEN_BACK: Final = frozenset({"cancel.register.inhos", "void.inhos.deposit"})
OUTCOMES: Final = (
    OutcomeRow("ALREADY_VOID", Outcome.ACCEPTED, _TAKEN_BACK, because="it is already void"),
    OutcomeRow("NOT_FOUND", Outcome.ACCEPTED, _TAKEN_BACK, because="the number is buried"),
    *(
        OutcomeRow(code, Outcome.REFUSED)
        for code in (
            "STAY_NOT_FOUND", "ADMISSION_VOID", "ADMISSION_USED", "REGISTER_VOID", "STAY_IN_USE", "STAY_LEFT",
            "STAY_NOT_LEAVING", "DEPOSIT_USED", "DEPOSIT_NOT_FOUND",
        )
    ),
)  # fmt: skip
