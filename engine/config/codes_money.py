"""E4xx: rows that could lose, double or misplace money."""

from __future__ import annotations

from engine.config.problems import Code, declare

declare(
    Code(
        "E401",
        "调用“{name}”没有写 repeats：freely、same_number 还是 never",
        'the call "{name}" does not say whether it may be sent again (repeats: freely, same_number or never)',
        "没有收到应答时，引擎必须知道能否重发。查询类写 freely；对方认我们的流水号写 same_number；都不是写 never。",
        "After silence the engine must know whether to send again. A query: freely. The party recognises our number: "
        "same_number. Neither: never.",
        "his.bill: {to: his, op: query, wait: 5s}",
        "his.bill: {to: his, op: query, wait: 5s, repeats: freely}",
    ),
    Code(
        "E402",
        "“{name}”会改变对方的数据（{op}），不能 repeats: freely",
        '"{name}" changes something outside ({op}), so it must not repeat freely',
        "对会产生变化的接口随意重发，可能重复扣款、重复结算。",
        "To send such a call again at will may charge or settle twice.",
        "pay.code: {to: wechat, op: micropay, repeats: freely}",
        "pay.code: {to: wechat, op: micropay, repeats: same_number}",
    ),
    Code(
        "E403",
        "“{name}”有 fact，却会改变对方的数据（{op}）：查询只能使用查询类接口",
        '"{name}" has a fact, but {op} changes something outside: an inquiry only asks',
        "查询会反复执行，所以不能有副作用。",
        "An inquiry is made again and again, so it may not change anything.",
        "pay.query: {to: wechat, op: reverse, fact: wechat_fact}",
        "pay.query: {to: wechat, op: query, fact: wechat_fact}",
    ),
    Code(
        "E404",
        "查询“{name}”不写 repeats（有 fact 的调用总是可以重发）",
        'the inquiry "{name}" takes no repeats (a call with fact may always be made again)',
        "查询由引擎按间隔反复执行，不需要也不能规定。",
        "The engine makes inquiries again and again at its own pace.",
        "pay.query: {fact: wechat_fact, repeats: never}",
        "pay.query: {fact: wechat_fact}",
    ),
    Code(
        "E405",
        "“{name}”的接口 {op} 不带我们的流水号，不能 repeats: same_number",
        '{op} of "{name}" carries no number of ours, so it cannot repeat with the same number',
        "same_number 的意思是对方凭流水号认出重发；接口里没有流水号，对方会当成第二笔。",
        "same_number means that the party recognises a repeat by our number; without one it is a second deed.",
        "his.note: {op: add.note, repeats: same_number}",
        "his.note: {op: add.note, repeats: never}",
    ),
    Code(
        "E406",
        "“{name}”不是查询：ask 要用带 fact 的调用",
        '"{name}" is no inquiry: ask names a call that has `fact`',
        "只有查询结果映射能把对方的应答变成“有、没有、等待、关闭”这样的事实。",
        "Only a fact map turns an answer into a fact: there, not there, waiting or closed.",
        "- {do: pay.code, ask: pay.refund}",
        "- {do: pay.code, ask: pay.code_query}",
    ),
    Code(
        "E407",
        "“{name}”是查询，不能用作 {role}",
        '"{name}" is an inquiry and cannot be used for {role}',
        "查询不改变任何东西，它不能完成、停止或撤销一笔业务。",
        "An inquiry changes nothing: it cannot do, stop or undo.",
        "- {do: pay.qr, undo: pay.query}",
        "- {do: pay.qr, undo: pay.refund}",
    ),
    Code(
        "E408",
        "“{name}”的接口 {op} 不改变任何东西，不能用作 {role}",
        '{op} of "{name}" changes nothing, so it cannot {role} anything',
        "停止和撤销必须让对方真的改变状态。",
        "To stop or undo, the party must really change something.",
        "- {do: his.lock, undo: his.bill}",
        "- {do: his.lock, undo: his.unlock}",
    ),
    Code(
        "E410",
        "停止调用“{name}”必须能重发（repeats: same_number）",
        'the stop call "{name}" must be repeatable (repeats: same_number)',
        "停止没有应答时引擎会再次发送，直到对方确认或者期限已过。",
        "A stop that gets no answer is sent again until the party confirms it or the fence is reached.",
        "nhsa.reverse: {repeats: never}",
        "nhsa.reverse: {repeats: same_number}",
    ),
    Code(
        "E412",
        "“{name}”会改变对方的数据，这一步需要 ask：没有应答时用哪个调用查询结果",
        '"{name}" changes something outside, so the row needs "ask:", the call that finds out what happened after '
        'silence',
        "超时不等于失败。没有查询手段，引擎就无法知道钱有没有动，只能叫人处理。",
        "Silence is not failure. Without an inquiry nobody can know whether it took effect.",
        "- {do: nhsa.settle, undo: nhsa.cancel}",
        "- {do: nhsa.settle, ask: nhsa.settled, undo: nhsa.cancel}",
    ),
    Code(
        "E413",
        "“{name}”涉及款项或结算，这一步需要 undo：后面失败时用哪个调用撤销",
        '"{name}" moves money or a settlement, so the row needs "undo:", the call that takes it back',
        "后面的步骤可能失败，前面的款项必须能退回。",
        "A later step may fail; what was done before must be taken back.",
        "- {do: pay.code, ask: pay.code_query}",
        "- {do: pay.code, ask: pay.code_query, stop: pay.reverse, undo: pay.refund}",
    ),
    Code(
        "E414",
        "“{name}”没有 stop，而外部系统“{party}”没有约定 late_max：无法确定请求何时不再生效",
        '"{name}" has no stop and the party "{party}" no late_max: nobody can say when a request can no longer take '
        'effect',
        "结果不明的请求可能迟到。要么有停止调用（关单、撤销、冲正），要么在 engine.yaml 中写明与对方约定的最长时间。",
        "A request whose outcome is unknown may arrive late. Either a stop call closes the door, or engine.yaml "
        "states the "
        "longest time agreed with the party.",
        "his: {kind: his, url: …}",
        "his: {kind: his, url: …, late_max: 2m}",
    ),
    Code(
        "E415",
        "撤销调用“{name}”需要 ask（或 repeats: same_number）：撤销没有应答时如何知道结果",
        'the undo call "{name}" needs "ask:" (or repeats: same_number): how to find out after silence',
        "撤销也可能没有应答。不知道撤销是否成功，就不能再撤销一次。",
        "An undo can be answered by silence too, and must not be done twice.",
        "nhsa.cancel: {op: \"2208\", repeats: never}",
        "nhsa.cancel: {op: \"2208\", repeats: never, ask: nhsa.cancelled}",
    ),
    Code(
        "E416",
        "金额“{target}”没有说明单位：请加上 yuan、yuan_number、fen_of_yuan 或 fen_of_fen",
        'the amount "{target}" does not say its unit: add yuan, yuan_number, fen_of_yuan or fen_of_fen',
        "引擎内部一律是整数分，外部有的用元有的用分。不写单位，总有一天会差一百倍。",
        "Inside all amounts are whole fen; parties write fen or yuan. Without a stated unit one day an amount is a "
        "hundred "
        "times too large.",
        "[medfee_sumamt, his.bill.total]",
        "[medfee_sumamt, his.bill.total | yuan]",
    ),
    Code(
        "E417",
        "{role} 的请求用到“{path}”，但{why}",
        'the request of {role} uses "{path}", but {why_en}',
        "停止、查询和撤销正是在应答丢失之后才用的。它们只能使用请求、我们自己的流水号、医院信息，"
        "以及查询也能得到的结果。",
        "Stop, ask and undo are made just when an answer was lost. They may use the request, our own numbers, the "
        "hospital, "
        "and only such results as an inquiry brings too.",
        "[setl_id, nhsa.settle.setl_id]",
        "[setl_id, nhsa.settle.setl_id]，并在 nhsa_5203_fact 的 make 中也给出 setl_id",
    ),
    Code(
        "E418",
        "把“{op}”的代码 {code} 判为 refused 需要写 because：凭什么认定对方不会再生效",
        'to call code {code} of "{op}" refused, say because: why the party will stand by it',
        "判为拒绝后引擎不再查询。如果对方其实已经扣款，这笔钱就丢了。",
        "After a refusal nobody asks again. Had the party charged all the same, the money would be lost.",
        "answers: [{code: SYSTEMERROR, is: refused}]",
        "answers: [{code: NOTENOUGH, is: refused, because: 官方文档：余额不足不扣款}]",
    ),
    Code(
        "E419",
        "这里不能写{what}：地址和密钥只在 engine.yaml 中",
        "{what_en} cannot stand here: addresses and secrets live in engine.yaml only",
        "通道和映射随结算一起存档，会显示在控制台上；地址与密钥要能随时更换。",
        "Channels and maps are kept with each settlement and shown on the console; addresses and keys must be free "
        "to change.",
        "[notify_url, 'https://pay.example/notify']",
        "wechat: {notify_url: https://…}（engine.yaml）",
    ),
    Code(
        "E420",
        "final 中的步骤不能写 {name}：从这里只进不退",
        "a step of `final` takes no {name}: from here the way only leads forward",
        "到了 final，款项已动且各方一致，不会再回到付款选择。",
        "In `final` money has moved and all agree; there is no way back to choosing a payment.",
        "final: [{do: einvoice.issue, again: pay_choice}]",
        "final: [{do: einvoice.issue, ask: einvoice.find}]",
    ),
    Code(
        "E421",
        "支付方式“{kind}”可以选（{schema}），但没有付款步骤，也没有检查拒绝它：选了它会未付款而结清",
        'the kind of paying "{kind}" is accepted ({schema}), but no step charges it and no check refuses it: it would '
        "settle unpaid",
        "每种方式要么有付款步骤（if 提到它），要么由检查映射拒绝；终端或窗口自己收的（如现金）写在 without_step。",
        "Each kind has a payment step whose `if` lets it in, or a check that refuses it; what the terminal or a desk "
        "collects itself, such as cash, stands in `without_step`.",
        "- {await: pay_choice, answer: quoted, within: 5m}",
        "- {await: pay_choice, answer: quoted, within: 5m, without_step: [cash]}",
    ),
    Code(
        "E422",
        "without_step 中的“{kind}”不是 {schema} 允许的支付方式",
        'without_step names "{kind}", which {schema} does not accept',
        "写错的名称不起作用：真正的那种方式仍然没有着落。",
        "A misspelt name does nothing, and the kind that was meant stays uncovered.",
        "without_step: [cach]",
        "without_step: [cash]",
    ),
    Code(
        "E423",
        "{schema} 的 {field} 可以是任何文字：请用 enum 列出支付方式",
        'the field "{field}" of {schema} may be any text: list the kinds of paying with `enum`',
        "只有列出来，才能检查每一种都有付款步骤或被拒绝。",
        "Only listed kinds can be checked: each must be charged or refused.",
        '"kind": {"type": "string"}',
        '"kind": {"enum": ["wechat_qr", "cash"]}',
    ),
    Code(
        "W515",
        "“{party}”的 late_max（{late}）短于“{call}”等待应答的时间（{waits}）",
        'late_max of "{party}" ({late}) is shorter than "{call}" waits for its answer ({waits})',
        "late_max 是与对方书面约定的：请求发出这么久之后不可能再生效，结果不明的付款靠它判定“没有发生”。"
        "比等待应答还短，多半是写错了单位；写短了，迟到的扣款会被当作没有。请写约定的值，或缩短 wait。",
        "late_max is what was agreed with the party in writing: a request that old can no longer take effect, and by "
        "it an unknown payment is held not to have happened. Shorter than the wait for an answer it is mostly a wrong "
        "unit, and a late charge would count as none. Write what was agreed, or shorten the wait.",
        "wechat: {kind: wechat, late_max: 2s}（wait: 10s）",
        "wechat: {kind: wechat, late_max: 2m}",
    ),
)
