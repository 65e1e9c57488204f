"""The transactions of 医保移动支付, where they are, and what a good answer must hold.

6201 leaves an order behind that nobody has to pay and that lapses by itself; only 6202 asks the patient for money. So
6201 counts as changing nothing: after silence it is made again, and nothing of it is undone.
"""

from __future__ import annotations

from typing import Final

from engine.parties.contract import Op

UPLOAD, ORDER, REFUND, STATE, REVOKE, TOLD = "6201", "6202", "6203", "6301", "6401", "6302"
PATHS: Final = {
    UPLOAD: "/org/local/api/hos/uldFeeInfo",
    ORDER: "/org/local/api/hos/pay_order",
    REFUND: "/org/local/api/hos/refund_Order",
    STATE: "/org/local/api/hos/query_order_info",
    REVOKE: "/org/local/api/hos/revoke_order",
}
NEEDED: Final = {UPLOAD: ("payOrdId", "payToken"), ORDER: ("payOrdId",), STATE: ("payOrdId", "ordStas")}
OPS: Final = {
    op.name: op
    for op in (
        Op(UPLOAD, "费用明细上传", "upload fee lines"),
        Op(ORDER, "支付下单", "order the payment", changes=True, money=True, number="trade"),
        Op(REFUND, "退款", "refund", changes=True, money=True, number="refund"),
        Op(STATE, "医保结算结果查询", "ask for an order"),
        Op(REVOKE, "费用明细上传撤销", "revoke an unpaid order", changes=True),
    )
}
"""6302, the platform's word to us, is no operation of ours: `Party.verify` hears it."""
