"""W7xx: what a change of the configuration means for money. Said by `engine plan` and `engine apply`; fails nothing."""

from __future__ import annotations

from engine.config.problems import Code, declare

declare(
    Code(
        "W701",
        "不再有动钱的步骤“{step}”（{call}）",
        'the step "{step}" ({call}), which moves money, is gone',
        "新的结算不再做这一步；在途的结算仍按原来的配置做完，包括查询与撤销。",
        "New settlements no longer do this; those in flight finish it as they began, inquiries and undoing included.",
        "（去掉了 - {do: his.settle, …}）",
        "- {do: his.settle, ask: his.paid, undo: his.void}",
    ),
    Code(
        "W702",
        "动钱的步骤“{step}”的 {word} 由“{old}”改为“{new}”",
        'the step "{step}" moves money; its `{word}` changes from "{old}" to "{new}"',
        "查询、停止、撤销和条件决定结果不明时钱怎么办，请与对方确认新的做法，并有对话测试。",
        "What asks, stops, undoes and decides the step rules what becomes of money when an answer is lost: agree it "
        "with the party and have a conversation test.",
        "- {do: pay.order, ask: pay.query, undo: pay.refund}",
        "- {do: pay.order, ask: pay.query, stop: pay.close, undo: pay.refund}",
    ),
    Code(
        "W703",
        "{call} 的代码 {code} 由 {old} 改为 {new}",
        "the code {code} of {call} changes from {old} to {new}",
        "对方的一个代码是接受、拒绝还是未知，决定钱是前进、撤回还是先查询。",
        "Whether a party's code means accepted, refused or unknown decides whether money goes on, comes back or is "
        "asked about first.",
        'answers: [{code: "FAIL", is: refused}]',
        'answers: [{code: "FAIL", is: refused, because: "对方书面确认：该代码一定未扣款"}]',
    ),
    Code(
        "W704",
        "{call} 的 {word} 由“{old}”改为“{new}”",
        'the `{word}` of {call} changes from "{old}" to "{new}"',
        "这次往来会改变外部账目：重复方式、金额、操作或对方的改变都要与对方确认。",
        "This call changes books outside: how it repeats, its amount, its operation and its party are agreed with the "
        "other side.",
        "nhsa.settle: {to: nhsa, op: 2207A, repeats: same_number, …}",
        "nhsa.settle: {to: nhsa, op: 2207A, repeats: never, …}",
    ),
    Code(
        "W705",
        "通道“{channel}”的 {word} 由“{old}”改为“{new}”",
        'the `{word}` of the channel "{channel}" changes from "{old}" to "{new}"',
        "它决定重复的请求和同一账单如何识别；改变之后，改变前的请求可能不再被认出。",
        "It decides how repeats and the same bill are recognised; after the change an earlier request may not be.",
        "once_by: [request_no]",
        "once_by: [client, request_no]",
    ),
    Code(
        "W706",
        "计算金额的映射“{name}”有改动",
        'the map "{name}", which makes amounts, changes',
        "患者应付多少由它算出，请用对话测试证明金额不变或变得正确。",
        "It makes what the patient pays: have a conversation test show that the amounts are right.",
        "- [cash, his.bill.total]",
        "- [cash, due.cash]",
    ),
    Code(
        "W707",
        "连接“{party}”的 {word} 由“{old}”改为“{new}”",
        'the `{word}` of the connection "{party}" changes from "{old}" to "{new}"',
        "金额单位、最晚生效时间与地址改变的是钱的含义或去向，请与对方核对。"
        "late_max 改小时，已发出的请求可能在认定无效之后才生效。",
        "The unit of amounts, the longest delay and the address change what money means or where it goes: check with "
        "the party. With a smaller late_max a request may take effect after it was held dead.",
        "his: {amounts: yuan}",
        "his: {amounts: fen}",
    ),
    Code(
        "W708",
        "调用方“{client}”新获得权限 {scopes}",
        'the client "{client}" may now also do: {scopes}',
        "refund 可以退款，operate 可以代人决定，admin 可以改配置；请确认这是有意的。",
        "refund gives money back, operate decides for a person, admin changes the configuration: is it meant?",
        "scopes: [query, settle, refund]",
        "scopes: [query, settle]",
    ),
    Code(
        "W709",
        "监听“{name}”将接受其他机器的连接（{address}），且引擎自己不加密",
        'the listener "{name}" will take connections from other machines ({address}), unencrypted by the engine itself',
        "请求由签名保护，但内容可被看到；对外的地址请放在 TLS 代理之后。",
        "Signatures protect requests, not what they say: put a TLS proxy before an address others can reach.",
        "api: {http: 0.0.0.0:8600}",
        "api: {http: 127.0.0.1:8600}",
    ),
    Code(
        "W710",
        "代码表“{name}”少了 {count} 个代码（例如 {example}）",
        'the code table "{name}" loses {count} codes ({example} for one)',
        "新的结算遇到这些代码会被拒绝（未对照）；在途的结算仍用原来的表。",
        "New settlements that meet these codes are refused as unmapped; those in flight keep the old table.",
        "（删去了仍在使用的一行）",
        "在 valid_to 写明停用日期 · write the last day in valid_to",
    ),
    Code(
        "W711",
        "定时通道“{channel}”由每日 {old} 改为 {new}",
        'the timed channel "{channel}" moves from {old} to {new} of each day',
        "一天只运行一次：当天已运行过的不再运行，改早时当天可能立即运行。",
        "It runs once a day: a day already done is not run again; moved earlier it may run at once.",
        'every: {period: day, from: "00:05"}',
        'every: {period: day, from: "00:30"}',
    ),
    Code(
        "W712",
        "没有能与之比较的旧版本：本程序已不能编译 {version}",
        "there is nothing to compare with: this program no longer compiles {version}",
        "文字上的差异仍会列出；钱的含义请人工核对。",
        "The differences in text are listed all the same; what they mean for money a person must judge.",
        "（旧版本用到了已取消的功能）",
        "engine diff A B",
    ),
)
