"""What the interface document says that no specification holds: states, rules, the HIS contract; Chinese and English."""

from __future__ import annotations

from typing import Any, Final, NamedTuple


class Both(NamedTuple):
    """One text in both languages."""

    zh: str
    en: str


STATES: Final[dict[str, Both]] = {
    "working": Both("仍在办理。用查询继续等，或把同一请求再发一次", "still working: ask again, or send the same request again"),
    "quoted": Both("已预结算，等待选择支付方式，expires_at 之前有效", "quoted; waits for a choice of payment until expires_at"),
    "paying": Both("等待患者付款（扫码）", "waits for the patient to pay (scan the code)"),
    "settled": Both("已结算，各方一致", "settled; all parties agree"),
    "undone": Both("已全部撤销，没有留下费用", "all undone; nothing was kept"),
    "rejected": Both("未受理，没有发生任何费用", "refused before anything was charged"),
    "manual": Both("需要工作人员处理，请勿重复缴费", "a person is needed; do not pay again"),
    "busy": Both("账单正由另一笔结算办理，settlement_no 是它的单号", "another settlement holds the bill; settlement_no names it"),
}
REFUSALS: Final[dict[str, Both]] = {
    "malformed": Both("请求不合规范，field 是有误的字段", "not as the specification says; field names the place"),
    "unsigned": Both("不能确认是谁，或签名、时间、随机数不对", "nobody we know, or not now"),
    "forbidden": Both("没有这项权限，或不是本院区", "not for this client or campus"),
    "not_found": Both("没有这个结算单，或不属于本调用方", "no such settlement, or not this client's"),
    "conflict": Both("当前状态不能这样做，或同一请求号内容不同", "not possible now, or the number came with other content"),
    "later": Both("暂时不能受理，没有发生任何费用；稍后用同一请求号再发", "cannot be taken now, nothing was charged; send the same later"),
}
RULES: Final = (
    Both("金额都是整数分（HL7 按报文说明的单位）。时间带时区，RFC 3339。", "Amounts are integer fen (HL7: in the profile's unit). Times are RFC 3339 with offset."),
    Both("同一调用方、同一请求号就是同一请求，无论从哪个入口进来：应答是这笔结算现在的样子；内容不同则拒绝（E-REPEAT-DIFFERS，field 是哪个编号），并记下来过。",
         "One client and one request number are one request, whichever door it comes by: it is answered with the settlement as it stands; with other content it is refused (E-REPEAT-DIFFERS, field says which number), and that it came is noted."),
    Both("没有收到应答时，把同一请求再发一次，不要换请求号。", "When no answer came, send the same request again under the same number."),
    Both("一张账单同一时间只有一笔未结束的结算；已结算的账单不再受理。", "A bill has one open settlement at a time; a settled bill is not taken again."),
    Both("退费是整单：写了明细行号时必须写全。", "A refund takes the whole bill back; lines, when given, must be all of them."),
    Both("要求退费后仍答 settled 的：退费没有获准（E-REFUND-REFUSED，原因在 reason），什么都没有退，结算照旧有效；办妥之后用新的请求号再退。",
         "A refund answered `settled` was not allowed (E-REFUND-REFUSED, reason says why): nothing was taken back and the settlement stands; ask again under a new request number."),
    Both("有 refund 权限的调用方可以取消、退费同一院区其他调用方的结算；应答的 numbers.asked_by 写明是谁。",
         "A client with scope refund may cancel and take back what others of its campus made; numbers.asked_by names it."),
)  # fmt: skip
ANSWER: Final[dict[str, Both]] = {
    "settlement_no": Both("结算单号", "settlement number"),
    "request_no": Both("请求号", "request number"),
    "state": Both("状态", "state"),
    "amounts.total": Both("总额（分）", "total, fen"),
    "amounts.fund": Both("统筹基金（分）", "fund, fen"),
    "amounts.account": Both("个人账户（分）", "personal account, fen"),
    "amounts.relief": Both("减免（分）", "relief, fen"),
    "amounts.other": Both("其他（分）", "other, fen"),
    "amounts.cash": Both("现金支付（分）", "to be paid by the patient, fen"),
    "expires_at": Both("报价有效至", "the quote is valid until"),
    "pay.kind": Both("支付方式", "way of paying"),
    "pay.qr": Both("要展示的二维码内容", "the code to show"),
    "pay.url": Both("手机要打开的付款页", "the page the phone is to open"),
    "pay.sheet": Both("调起支付的参数（JSON 文本，原样交给微信的函数）", "what calls up the payment: JSON, handed on as it is"),
    "pay.order": Both("医保移动支付的订单号：手机凭它打开医保支付页", "the order by which the phone opens the insurance's payment page"),
    "pay.until": Both("二维码有效至", "the code is valid until"),
    "numbers.his": Both("HIS 收据号", "the HIS's receipt"),
    "numbers.insurance": Both("医保结算号", "the insurance's settlement"),
    "numbers.trade": Both("最近一次支付：我方给支付渠道的商户订单号；是否付成看 state", "the last payment: our order number at the payment platform; whether it was paid is said by state"),
    "numbers.invoice": Both("票据号", "the invoice"),
    "numbers.asked_by": Both("要求取消或退费的调用方", "the client that asked for the cancel or refund"),
    "invoice.code": Both("票据代码", "invoice code"),
    "invoice.number": Both("票据号码", "invoice number"),
    "invoice.check": Both("票据校验码", "invoice check"),
    "invoice.url": Both("票据地址", "invoice address"),
    "deposit.paid": Both("住院预交金余额（分）", "what the deposits of the stay hold, fen"),
    "deposit.used": Both("其中抵扣（分）", "what they pay of the patient's share, fen"),
    "deposit.collect": Both("还要收（分）", "still to be paid, fen"),
    "deposit.back": Both("结算后退（分）", "to be returned after the settlement, fen"),
    "give_back.kind": Both("终端要退给患者的款：原支付方式", "what the terminal is to give back: how it was paid"),
    "give_back.no": Both("应退款编号（POST …/returned 的 back_no）", "its number, for POST …/returned"),
    "give_back.amount": Both("应退金额（分）", "fen to give back"),
    "reason.code": Both("原因代码，见错误码", "stable code, see the error codes"),
    "reason.zh": Both("原因（中文，可直接给患者看）", "why, in Chinese, for the patient"),
    "reason.en": Both("原因（英文）", "why, in English"),
    "reason.side": Both("责任方", "whose side"),
    "reason.next": Both("下一步怎么办（中文）", "what to do, in Chinese"),
    "reason.next_en": Both("下一步怎么办（英文）", "what to do, in English"),
    "reason.field": Both("有误的字段（400，以及 E-REPEAT-DIFFERS）", "the field at fault (with 400, and E-REPEAT-DIFFERS)"),
    "field": Both("有误的字段", "the field at fault"),
    "fields": Both("全部有误的字段；随别的字段而定的，其余都对了才列出", "all fields at fault; what depends on another field is told once the rest is right"),
}
"""Every field an answer may have; those without a value are left out."""
ASKS: Final[dict[str, Both]] = {
    "start": Both("预结算：发起一笔结算，得到报价", "quote: begin a settlement"),
    "cancel": Both("取消：还没有收费", "cancel before money has moved"),
    "refund": Both("冲正退费：整单撤销已结算的账单", "reversal: take a settled bill back, whole"),
    "show": Both("查询：按结算单号，或按发起时的请求号", "query by settlement number, or by the request number it began with"),
}
SHOW: Final = Both("查询：按结算单号", "query by settlement number")
NO_NUMBER: Final = Both(
    "没有收到结算单号时，把发起的请求原样再发一次，应答里就有。", "Who never got the number sends the first request again: the answer has it.",
)  # fmt: skip
EVENTS: Final[dict[str, Both]] = {
    "pay_choice": Both("结算：选择支付方式并办完", "settle: choose how to pay, and finish"),
    "returned": Both("退还：终端报告刷卡已撤销", "the terminal says: the card payment was voided"),
}
"""What a terminal tells a settlement that waits for it."""
EVENT: Final = EVENTS["pay_choice"]
REASON_CODE: Final = Both("reason_code 由调用方自定，原样留存（例如 patient_left）。",
                          "reason_code is the caller's own word and is kept as it is (patient_left, say).")
ACKS: Final = (
    ("AA", Both("已受理，状态在应答的 Z 段（working 还不是 settled）", "taken: the state stands in the Z segment (working is not yet settled)")),
    ("AE", Both("没有办成：ERR 与 Z 段写明原因和字段位置；PRE/PAY 的结果是 rejected、undone、manual，退费之后仍是 settled 时也是 AE",
                "not done: ERR and the Z segment say why and where; also when PRE or PAY ends rejected, undone or manual, or a refund leaves it settled")),
    ("AR", Both("没有收下：读不出、类型不认识、发送方不认识，或同一报文号内容不同",
                "not taken: unreadable, unknown type or sender, or another message under a used number")),
)  # fmt: skip
HL7_RULES: Final = (
    Both("同一发送方的同一 MSH-10 再来一次，得到第一次的应答，逐字节相同，重启后也一样（MSH-7 可以不同）；内容不同则 AR。要看现在的状态请用新的 MSH-10 查询。",
         "The same MSH-10 of a sender gets the first acknowledgement again, byte for byte, also after a restart (MSH-7 may differ); with other content AR. To see the present state send a query under a new MSH-10."),
    Both("应答说“稍后再试”（later）时什么都没有发生，同一报文可以原样重发。", "An answer later took nothing: the same message may be sent again as it is."),
    Both("字符集按 MSH-18（GBK、GB18030、UNICODE UTF-8）；没有写时按监听的约定。应答用同一字符集。",
         "The character set is MSH-18 (GBK, GB18030, UNICODE UTF-8), else the listener's; the answer uses the same."),
    Both("HL7 没有签名：发送方（MSH-3）必须是约定的调用方，从约定的网络或用约定的证书连接。",
         "HL7 is not signed: the sender (MSH-3) is an agreed client, from an agreed network or with an agreed certificate."),
)  # fmt: skip
SOAP_RULES: Final = (
    Both("操作与字段和 JSON 接口逐一相同，WSDL 由通道生成；document/literal，SOAP 1.1 与 1.2。",
         "Operations and fields are the JSON door's, one by one; the WSDL is made from the channel; document/literal, SOAP 1.1 and 1.2."),
    Both("与 JSON 接口同样签名（四个请求头，对整个信封）；不能设请求头的调用方可约定用 WS-Security UsernameToken（摘要、随机数、时间）。",
         "Signed as the JSON door is (four headers, over the whole envelope); a client whose tools cannot set headers may be allowed a WS-Security UsernameToken (digest, nonce, created)."),
    Both("凡是没有办成的都是 Fault，detail 里的 Problem 有与 JSON 相同的 code、zh、en、side、next、field。",
         "Whatever is not a settlement is a Fault; Problem in its detail has the code, zh, en, side, next and field of the JSON door."),
)  # fmt: skip
HIS: Final = (
    Both("锁定：从 lock.bill 到 expireTime，别人（窗口也一样）不能收、改、作废这张账单。没有锁，收费员会把自助机正在办的账单再收一次。",
         "Lock: from lock.bill until expireTime nobody else, the window neither, may collect, change or void the bill. Without it a cashier collects what a kiosk is settling."),
    Both("同一 lockNo 再来是同一把锁；unlock.bill 之后这个号永远关闭，晚到的 lock.bill 必须拒绝。",
         "The same lockNo is the same lock; unlock.bill closes the number for ever, a lock.bill that comes later is refused."),
    Both("到期：请求写明的 expireTime 之后不得再执行，锁到期自行失效。", "Expiry: after a request's expireTime it must not be executed; a lock ends by itself."),
    Both("按号入账，只入一次：settleNo 由本平台给出，永不改变；同一请求再来，同一收据。",
         "Booked by number, once: settleNo is ours and never changes; the same request again, the same receipt."),
    Both("按号查询：任何号都要有答案，没见过的号答 NONE，已提交的立刻查得到。",
         "Query by number: every number has an answer, NONE for one never heard of; what is committed is seen at once."),
    Both("作废也只一次：没见过的号作废后即被埋掉，晚到的入账必须拒绝。",
         "A void, too, is done once: voiding a number never heard of buries it, a booking that comes later is refused."),
)  # fmt: skip
REPEATS: Final[dict[str, Both]] = {
    "freely": Both("可以随意重发（查询）", "may be repeated freely (a question)"),
    "same_number": Both("没有应答时以同一单号重发", "repeated under the same number after silence"),
    "never": Both("不重发，只查询", "never repeated, only asked about"),
}
EXAMPLE: Final[dict[str, Any]] = {
    "request_no": "W01-000123", "campus": "main", "terminal": {"kind": "window", "id": "W01"}, "operator": "C001",
    "patient": {"id": "P0001", "credential": {"kind": "insurance_card", "value": "A12345678", "card_sn": "SN0001"}},
    "bills": ["B20261122001"], "pay_identity": "insured",
}  # fmt: skip
"""An order as the examples show it: by JSON, and by HL7 (a test sends both)."""
EXAMPLE_CODES: Final[dict[str, str]] = {"pay_identity": "02"}
"""Parts of the example whose HL7 field holds another code than the order."""
EXAMPLE_ANSWER: Final[dict[str, Any]] = {
    "settlement_no": "S20261122101500000001", "request_no": "W01-000123", "state": "quoted",
    "amounts": {"total": 120000, "fund": 12500, "account": 0, "relief": 0, "other": 0, "cash": 107500},
    "expires_at": "2026-11-22T10:20:00+08:00",
}  # fmt: skip
