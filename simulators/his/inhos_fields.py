"""Which fields the operations about stays in hospital take: required or not, and how long at most."""

from __future__ import annotations

FIELDS: dict[str, dict[str, tuple[bool, int]]] = {
    "query.check.inhos.status": {"patientId": (True, 32), "admissionNo": (False, 32), "inhosNo": (False, 32)},
    "register.inhos": {
        "patientId": (True, 32), "admissionNo": (True, 32), "registerNo": (True, 64), "contact": (True, 50),
        "tel": (True, 20),
    },
    "query.register.inhos": {"registerNo": (True, 64)},
    "cancel.register.inhos": {"registerNo": (True, 64), "voidNo": (True, 64), "reason": (True, 200)},
    "insure.inhos": {
        "inhosNo": (True, 32), "insureNo": (True, 64), "mdtrtId": (False, 64), "psnNo": (False, 64),
        "insutype": (False, 6), "admdvs": (False, 6),
    },
    "pay.inhos.deposit": {
        "inhosNo": (True, 32), "depositNo": (True, 64), "amount": (True, 16), "tradeMode": (True, 4),
        "outTradeNo": (False, 64), "transNo": (False, 64), "posTransNo": (False, 32), "bankTransNo": (False, 64),
        "posIndexNo": (False, 32), "sellerAccountNo": (False, 32), "bankCardNo": (False, 32),
    },
    "query.inhos.deposit": {"depositNo": (True, 64)},
    "void.inhos.deposit": {"depositNo": (True, 64), "voidNo": (True, 64), "reason": (True, 200)},
    "back.inhos.deposit": {
        "inhosNo": (True, 32), "receiptNo": (True, 64), "backNo": (True, 64), "amount": (True, 16),
        "tradeMode": (True, 4),
    },
    "query.inhos.back": {"backNo": (True, 64)},
}  # fmt: skip
