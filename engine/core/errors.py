"""Every error a caller, a patient or a desk can meet: a stable code, whose side it is, what it says, what to do.

`engine explain CODE` prints a row; the interface document lists them all. `{x}` in a text is filled by `said`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """One row: side is patient, his, insurance, payment, einvoice, engine or client."""

    side: str
    zh: str
    en: str
    next: str
    next_en: str


ERRORS: dict[str, Said] = {
    # The caller's own mistakes
    "E-BODY": Said("client", "请求内容不是合法的 JSON：{detail}", "The body is not valid JSON: {detail}", "请改正该处（从 0 数起的字节）；正文是 UTF-8 的 JSON", "Correct it there (byte, counted from 0); the body is JSON in UTF-8."),
    "E-EDIT": Said("client", "改后的消息不能发：{detail}", "The edited message cannot be sent: {detail}", "请改正后再发；先用 engine messages body 取出原文再改", "Correct it; take the text out with `engine messages body` before you edit."),
    "E-SOAP": Said("client", "请求不是合法的 SOAP 报文：{detail}", "Not a proper SOAP message: {detail}", "请按 ?wsdl 重新生成报文", "Make the message from ?wsdl."),
    "E-FIELD": Said("client", "字段 {detail}", "Field {detail}", "请按接口文档修改该字段", "Correct the field; see the interface document."),
    "E-TOO-LARGE": Said("client", "请求内容过大", "The request is too large", "请减小报文", "Send less at once."),
    "E-NO-ROUTE": Said("client", "没有这个接口地址", "There is no such address", "请查看接口文档 /openapi.json", "See /openapi.json."),
    "E-METHOD": Said("client", "这个地址只接受 {detail}", "This address takes {detail} only", "请查看接口文档", "See the interface document."),
    "E-NO-SETTLEMENT": Said("client", "没有这个结算单号，或它不是本调用方办的", "There is no such settlement, or it is another client's", "请检查结算单号；别人办的由办理的终端查询", "Check the number; another client's is asked for by that client."),
    "E-REPEAT-DIFFERS": Said("client", "同一请求号的内容与第一次不同，已拒绝", "The same request number came with other content; refused", "内容改变时请使用新的请求号", "Use a new request number for other content."),
    "E-BUSY": Said("client", "账单正由结算单 {detail} 办理", "The bill is held by settlement {detail}", "请等待该结算结束或取消", "Wait for that settlement or cancel it."),
    "E-SETTLED": Said("client", "已由结算单 {detail} 办结，不再重复办理", "Settlement {detail} has settled this; it is not done twice", "无需再次缴费或办理，可按该单号查询结果；退费之后才能重新办理", "Nothing more is to be paid or done: look that settlement up. It can begin anew only after a refund."),
    "E-STATE": Said("client", "结算单当前状态为 {detail}，不能这样操作", "The settlement is {detail}; this is not possible now", "请先查询结算状态", "Ask for its state first."),
    "E-NOT-FINISHED": Said("client", "已结算，票据等后续步骤还在办理，暂不能退费", "Settled, but its last steps (the invoice, deposits going back) are still under way", "请稍后用同一请求号再退；长时间如此请联系信息科", "Ask again later under the same number; call the IT desk if it lasts."),
    "E-UNDECIDED": Said("client", "还有往来没有说明结果：{detail}", "Legs without a word on what became of them: {detail}", "逐笔查实后写明 done、not_done、again 或 off", "Find out and say done, not_done, again or off for each."),
    "E-NOT-OFF": Said("client", "这笔退费不能作罢：{detail}", "This refund cannot be called off: {detail}", "只有退费的第一步没有办成、别的都还没退时才能写 off；请写 done、not_done 或 again", "Say off only where the first step of a refund did not happen and nothing else was begun; else done, not_done or again."),
    "E-RESOLVED": Said("engine", "已由人工处理：{detail}", "Decided by a person: {detail}", "", ""),
    "E-REFUND-PART": Said("client", "只能整单退费，不能只退部分明细", "Only the whole bill can be taken back, not some of its lines", "整单退费请不填 lines；部分退费请到窗口办理", "Leave lines out for the whole bill; for a part go to the desk."),
    "E-NO-WAY-BACK": Said("client", "这个业务没有整单撤销的办法", "This kind of business cannot be taken back here", "请用对应的撤销业务办理", "Use the business made for withdrawing it."),
    "E-ASKED-MANY": Said("client", "这张结算单已受理 {detail} 次不同请求号的同类请求，不再受理新的", "This settlement has taken {detail} requests of this kind, each under another number; no more are taken", "请用原来的请求号查询结果；仍要退费请到 HIS 窗口办理", "Repeat an earlier request number to hear how it stands; for a refund go to the window of the HIS."),
    "E-PROOF-USED": Said("client", "这张收款凭据已用于结算单 {detail}", "This proof of payment was used already, by settlement {detail}", "请核对终端小票；未用于本次结算的刷卡请在终端撤销", "Check the slip; void at the terminal a payment that belongs to no settlement."),
    "E-PAY-KIND": Said("client", "本次结算不支持支付方式 {detail}", "This settlement cannot be paid by {detail}", "请选择其他支付方式", "Choose another way."),
    "E-RATE": Said("client", "请求过于频繁", "Too many requests", "请稍后再试", "Try again later."),
    # The engine
    "E-STORE": Said("engine", "结算平台暂时不能受理，未发生任何扣费", "The engine cannot take new work now; nothing was charged", "请稍后再试", "Try again later."),
    "E-ENGINE": Said("engine", "结算平台内部错误，已记录", "Internal error, recorded", "请联系信息科", "Call the IT desk."),
    "E-NO-MESSAGE": Said("client", "没有消息 {detail}", "There is no message {detail}", "请核对消息号：engine list messages", "Check the number: engine list messages."),
    "E-NO-CHANNEL": Said("client", "没有这个转发通道或外部系统：{detail}", "There is no such deliver channel or party: {detail}", "写 channel 名称 或 party 名称", "Write `channel NAME` or `party NAME`."),
    "E-CHANNEL-STOPPED": Said("engine", "通道 {detail} 已停用，消息未收下", "Channel {detail} is stopped; the message was not taken", "请稍后再发，或联系信息科", "Send it later, or call the IT desk."),
    "E-REPLAY-MONEY": Said("client", "涉及款项的消息不能以新的消息号重发：{detail}", "A message about money is not sent again under a new number: {detail}", "死信可以用原消息号重发（messages resend）；已送达的请先向对方核实", "Dead letters go again under their own number; ask the receiver about those delivered."),
    "E-BODY-GONE": Said("client", "消息 {detail} 的正文已过保存期", "The bytes of message {detail} are no longer kept", "请由发送方重发", "Have its sender send it again."),
    "E-DEST": Said("client", "没有接收方要这条消息：{detail}", "No receiver takes this message: {detail}", "请核对通道 to 中的名称与条件", "Check the names and conditions under `to`."),
    "E-NOT-DEAD": Said("client", "消息 {detail} 没有死信", "Message {detail} has no dead letter", "只有死信可以放弃", "Only a dead letter can be given up."),
    "E-WORKER": Said("engine", "工作进程 {detail} 没有应答，不知是否已办", "Worker process {detail} did not answer; whether it was done is not known", "用 engine show 核对后再试", "Look with engine show, then try again."),
    "E-NO-TASK": Said("client", "没有待办 {detail}", "There is no task {detail}", "请核对待办号：engine list tasks", "Check the number: engine list tasks."),
    "E-TASK-CLOSED": Said("client", "待办 {detail} 已经关闭", "Task {detail} is closed already", "", ""),
    "E-CHANGED": Said("client", "这期间情况已变，没有办：{detail}", "Things have changed meanwhile, nothing was done: {detail}", "看过现在的情况再决定", "Look how it stands now, then decide again."),
    "E-LIMIT": Said("client", "超过一次最多 {detail} 条", "More than {detail} at once", "请缩小时间范围", "Ask for a shorter time."),
    "E-DELIVER-GONE": Said("engine", "消息正文或其通道已不存在", "The message's bytes or its channel are gone", "请由发送方重发", "Have its sender send it again."),
    "E-STOPPING": Said("engine", "结算平台正在停机", "The engine is stopping", "请稍后再试", "Try again later."),
    "E-MAP-MISSING": Said("engine", "缺少数据：{detail}", "Data is missing: {detail}", "请联系信息科检查映射", "Have the mapping checked."),
    "E-MAP-TYPE": Said("engine", "数据格式不符：{detail}", "Data has an unexpected form: {detail}", "请联系信息科检查映射", "Have the mapping checked."),
    "E-UNMAPPED": Said("engine", "代码未对照：{detail}", "A code is not mapped: {detail}", "请联系信息科补充对照表", "Have the code table completed."),
    "E-CONDITION": Said("engine", "条件无法判断：{detail}", "A condition cannot be decided: {detail}", "请联系信息科", "Call the IT desk."),
    "E-DRIFT": Said("insurance", "正式结算金额与预结算不一致（{detail}），已撤销", "The settlement differs from the quote ({detail}); undone", "请重新发起结算", "Start again."),
    "E-SILENT": Said("engine", "{detail}长时间没有应答，已撤销本次结算", "{detail} did not answer; the settlement was undone", "请稍后再试或到窗口办理", "Try later or go to the desk."),
    "E-UNREADABLE": Said("engine", "应答内容不符合约定，未采用。{detail}", "An answer does not keep to the agreed form and was not used. {detail}", "请联系信息科核对该接口", "Have the interface checked."),
    "E-NO-ANSWER": Said("engine", "{detail}没有应答", "{detail} did not answer", "请稍后再试", "Try again later."),
    "E-REFUSED": Said("engine", "{detail}", "{detail}", "请到窗口咨询", "Ask at the desk."),
    "E-WITHOUT": Said("engine", "{detail}，不计入本次结算，余款由患者支付", "{detail}: it is left out, the patient pays the rest", "患者可以付清后自行办理", "The patient may pay now and claim later."),
    "E-PERSON": Said("engine", "本次结算未能自动办完，正由工作人员核实，请勿重复缴费", "The settlement could not be finished by itself; a person is looking into it. Do not pay again", "请到窗口，出示结算单号", "Go to the desk with the settlement's number."),
    # The configuration of a running engine
    "E-SITE-WRONG": Said("client", "配置有错误，未启用，仍按原配置运行：{detail}", "The configuration has mistakes and was not taken; the one in force goes on: {detail}", "engine lint 列出全部问题", "engine lint lists them all."),
    "E-SITE-MOVED": Said("client", "您修改所依据的版本已不是现行版本，现行的是 {detail}", "What you changed is no longer the version in force; that is {detail}", "engine diff 看他人的改动，并入后再 apply", "See the other's change with engine diff, take it over, apply again."),
    "E-SITE-RESTART": Said("client", "这些设置不能在运行中改变：{detail}", "These settings cannot change while the engine runs: {detail}", "停机后以 engine run --folder 启动", "Stop the engine and start it with engine run --folder."),
    "E-SITE-IN-USE": Said("client", "在途的结算还需要被去掉的部分：{detail}", "Settlements in flight still need what is gone: {detail}", "等它们办完，或先保留该连接", "Wait until they end, or keep the connection for now."),
    "E-SITE-DOOR": Said("engine", "监听地址无法打开：{detail}", "A listener cannot be opened: {detail}", "换一个地址，或停下占用它的程序", "Use another address or stop what holds it."),
    "E-SITE-KEYS": Said("client", "新的密钥无法读取：{detail}", "A new key cannot be read: {detail}", "放好密钥文件（权限 0600）再 apply；本节点自己的用 engine keys", "Put the key file in place (mode 0600) and apply again; the node's own: engine keys."),
    "E-SITE-BUSY": Said("client", "正在启用另一份配置", "Another configuration is being taken just now", "请稍后再试", "Try again in a moment."),
    "E-SITE-NONE": Said("client", "没有这个版本：{detail}", "There is no such version: {detail}", "engine history 列出各版本", "engine history lists them."),
    "E-ONTO": Said("client", "该结算不能改用这个版本：{detail}", "The settlement cannot go on under that version: {detail}", "已做的步骤必须相同；让它按原配置办完，或用 engine resolve 人工处理", "What was done must be the same there: let it end as it began, or decide it by hand."),
    "E-BILL-MAX": Said("his", "账单金额 {detail} 元超出合理范围，未受理，未收费", "The bill's {detail} yuan are beyond what is plausible; not taken, nothing was charged", "请到窗口核对账单金额", "Have the bill's amount checked at the desk."),
    # Patient and terminal
    "E-CANCELLED": Said("patient", "已按要求取消，未收费用", "Cancelled as asked; nothing was kept", "", ""),
    "E-UNDOING": Said("engine", "正在撤销本次结算，结果还没有确定", "The settlement is being taken back; how it ends is not known yet", "请等待结果，请勿重复缴费", "Wait for how it ends; do not pay again."),
    "E-REFUNDED": Said("patient", "已按要求退费", "Refunded as asked", "", ""),
    "E-REFUND-REFUSED": Said("his", "退费没有获准，原结算仍然有效，什么都没有退（{detail}）", "The refund was not allowed: the settlement stands and nothing was taken back ({detail})", "请按对方的说明办理，多为到收费窗口；之后可用新的请求号再退", "Do as they say, mostly at the desk; then ask again under a new request number."),
    "E-PAY-EXPIRED": Said("patient", "未在规定时间内选择支付方式，本次结算已取消", "No payment was chosen in time; nothing was charged", "请重新发起结算", "Start the settlement again."),
    # Payment
    "E-PAY-NOTENOUGH": Said("payment", "支付账户余额不足", "Not enough money in the account", "请更换支付方式", "Choose another way."),
    "E-PAY-CODE": Said("payment", "付款码无效或已过期", "The payment code is invalid or has expired", "请刷新付款码后重试", "Refresh the code and try again."),
    "E-PAY-NOT-PAID": Said("payment", "支付未完成", "The payment was not completed", "请重新支付", "Pay again."),
    "E-PAY-REFUSED": Said("payment", "支付被拒绝：{detail}", "The payment was refused: {detail}", "请更换支付方式", "Choose another way."),
    # HIS
    "E-BILL-LOCKED": Said("his", "账单正在别处办理", "The bill is being handled elsewhere", "请稍后再试", "Try again later."),
    "E-BILL-PAID": Said("his", "账单已缴费", "The bill is already paid", "无需重复缴费", "Do not pay again."),
    "E-BILL-CHANGED": Said("his", "账单内容已变化", "The bill has changed", "请重新查询账单", "Read the bill again."),
    "E-BILL-NONE": Said("his", "没有这张账单", "There is no such bill", "请核对账单号", "Check the bill number."),
}  # fmt: skip

CODE_OF_PARTY: dict[str, str] = {
    "NOTENOUGH": "E-PAY-NOTENOUGH", "AUTHCODEEXPIRE": "E-PAY-CODE", "AUTH_CODE_ERROR": "E-PAY-CODE",
    "AUTH_CODE_INVALID": "E-PAY-CODE", "ACQ.PAYMENT_AUTH_CODE_INVALID": "E-PAY-CODE",
    "PAYMENT_AUTH_CODE_INVALID": "E-PAY-CODE", "ACQ.BUYER_BALANCE_NOT_ENOUGH": "E-PAY-NOTENOUGH",
    "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH": "E-PAY-NOTENOUGH", "PAYER_BALANCE_NOT_ENOUGH": "E-PAY-NOTENOUGH",
    "USER_MONEY_NOT_ENOUGH": "E-PAY-NOTENOUGH", "BILL_LOCKED": "E-BILL-LOCKED", "BILL_PAID": "E-BILL-PAID",
    "BILL_CHANGED": "E-BILL-CHANGED", "BILL_NOT_FOUND": "E-BILL-NONE", "BILL_VOID": "E-BILL-NONE",
}  # fmt: skip
"""A party's own code → ours, where we have better words."""


def said(code: str, detail: str = "") -> tuple[str, str, str, str, str]:
    """(side, zh, en, next zh, next en) of a code, with its detail filled in; unknown codes speak for themselves."""
    row = ERRORS.get(code)
    if row is None:
        return ("engine", detail or code, detail or code, "请到窗口咨询", "Ask at the desk.")
    return (
        row.side,
        row.zh.replace("{detail}", detail),
        row.en.replace("{detail}", detail),
        row.next,
        row.next_en,
    )
