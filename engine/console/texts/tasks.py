"""Words of the tasks page: for each kind, what it means and what to do now."""

# ruff: noqa: E501 a table reads best with one row a line

TEXTS: dict[str, tuple[str, str]] = {
    "heading": ("待办", "Tasks"),
    "about": (
        "引擎不能自行判断、需要人处理的事，最早的在前。",
        "What the engine cannot decide alone and a person must settle, oldest first.",
    ),
    "none": ("没有待办，一切正常。", "No open task: all is well."),
    "col.since": ("发生", "Since"),
    "col.what": ("事情", "What"),
    "col.side": ("责任方", "Side"),
    "col.settlement": ("结算单", "Settlement"),
    "col.do": ("现在做什么", "What to do now"),
    "open_for": ("已等", "open for"),
    "words": ("记录", "Noted"),
    "means.differs": (
        "对方返回的金额、商户或编号与我方不一致，已停在原处。",
        "Amount, merchant or number of the party differ from ours; everything stands still.",
    ),
    "do.differs": (
        "1. 打开结算单，对照该笔两边报文中的金额与编号。\n2. 与对方核实以哪边为准。\n3. 未核实前不要让患者再次付款。",
        "1. Open the settlement and compare amount and number in both sides' bytes.\n2. Ask the party which is right.\n"
        "3. Do not let the patient pay again before that.",
    ),
    "means.undo_refused": (
        "已完成的一步要撤销，但对方拒绝；排在后面的撤销（含退款）都在等它。",
        "A step that was done must be undone and the party refuses; later undos, the refund too, wait for it.",
    ),
    "do.undo_refused": (
        "1. 看报文中对方的拒绝原因。\n2. 在对方系统或窗口人工撤销该笔。\n3. 由管理员登记处理结果，结算单才会继续。",
        "1. Read the party's reason in the bytes.\n2. Undo it in the party's own system or at the window.\n"
        "3. An administrator records what was done; only then the settlement goes on.",
    ),
    "means.undo_unknown": (
        "撤销已发出，但一直得不到确定结果。",
        "The undo was sent, but no definite outcome could be had.",
    ),
    "do.undo_unknown": (
        "1. 用该笔编号到对方系统查是否已撤销。\n2. 未撤销的，在对方系统人工撤销。\n3. 由管理员登记处理结果。",
        "1. Look the number up in the party's system.\n2. If it is not undone, undo it there.\n3. An administrator records what was done.",
    ),
    "means.statement_differs": (
        "昨日与对方（医保、电子票据等）的日对账不平：笔数、金额不一致，或有一方没有的。逐笔差异在“对账”页（或 engine books）。之后一周内每夜再对一次。",
        "Yesterday's comparison with a party (insurance, e-invoices) does not agree: counts, amounts, or what only one side has. The Books page "
        "(or `engine books`) lists them. The day is compared again every night for a week.",
    ),
    "do.statement_differs": (
        "1. 财务在“对账”页核对该日（或运行 engine books），看每一笔差异和它的下一步。\n2. 医保办或财务与对方核对。\n3. 对平后本待办自动关闭；一周内对不平的，查清后用 engine tasks close 关闭并写明原因。",
        "1. Finance compares that day on the Books page (or run engine books): each difference with its next step.\n2. The insurance or finance office compares with the party.\n"
        "3. It closes itself once both agree; what does not agree within a week is closed with engine tasks close and the reason.",
    ),
    "means.bill_differs": (
        "支付平台的日账单与本平台的记录不符：多收、少收、没有退到，或有本平台没有的单号。逐笔差异在“对账”页（或 engine books）。之后一周内每天再对一次。",
        "A payment platform's bill and our own record differ: taken twice or not at all, not given back, or a number that is none of ours. "
        "The Books page (or `engine books`) lists them. The day is compared again every day for a week.",
    ),
    "do.bill_differs": (
        "1. 财务在“对账”页按平台账单核对该日（或 engine books --bills --since 该日 --until 该日），看逐笔的下一步。\n2. 财务按说明办理，不凭账单手工退款。\n"
        "3. 对平后本待办自动关闭；一周内对不平的，查清后用 engine tasks close 关闭并写明原因。",
        "1. Finance compares that day by the bills on the Books page (or engine books --bills --since DAY --until DAY): each with its next step.\n2. Finance does what it says; nothing is refunded "
        "by hand from the bill alone.\n3. It closes itself once all agree; what does not agree within a week is closed with engine tasks close and the reason.",
    ),
    "means.bill_missing": (
        "前一日的支付账单到下午还没有取到：平台未生成、连接不通，或账单不可信。引擎每半小时再取一次。",
        "Yesterday's bill of a payment platform could not be had until the afternoon: not made yet, no connection, or not to be believed. "
        "The engine tries again every half hour.",
    ),
    "do.bill_missing": (
        "1. 看原因：连接、证书、账单权限。\n2. 在商户平台看账单是否已生成。\n3. 取到后本待办自动关闭；当天取不到的，改天由财务在“对账”页按账单核对该日（或 engine books --bills --since 该日 --until 该日）。",
        "1. See why: connection, certificate, permission for bills.\n2. See at the merchant portal whether the bill is there.\n"
        "3. It closes itself once the bill came; one that does not come that day is compared later, by finance on the Books page (or engine books --bills --since DAY --until DAY).",
    ),
    "means.undo_slow": (
        "撤销（如退款）已经办了 15 分钟还没有结果；引擎会继续查，与它无关的撤销已先办。结果出来后本待办自动关闭。",
        "An undo such as a refund is on its way for 15 minutes; the engine goes on asking, and undoes meanwhile what does not "
        "depend on it. This task closes itself with the outcome.",
    ),
    "do.undo_slow": (
        "1. 用记录中的编号到对方系统查：退款处理中（银行卡可达数日）只需等待，可告知患者款项原路退回。\n"
        "2. 对方系统里没有这笔、已关闭或异常的，联系对方处理；24 小时仍无结果会转人工。\n3. 不要在窗口另行退现金。",
        "1. Look the number noted up in the party's system. A refund being processed (cards may take days) only needs "
        "waiting; tell the patient it goes back the way it came.\n2. If it is not there, closed or abnormal, talk to the "
        "party; after 24 hours it becomes a manual case.\n3. Pay no cash back meanwhile.",
    ),
    "means.fence_unknown": (
        "请求已不可能再生效，但对方始终答不出该编号是否存在。",
        "The request can no longer take effect, but the party never says whether the number is there.",
    ),
    "do.fence_unknown": (
        "1. 致电对方值班，报出该笔编号，问是否成功、金额多少。\n2. 记下答复人与时间。\n3. 由管理员按答复处理结算单。",
        "1. Call the party's duty desk with the number: did it succeed, and for how much?\n2. Note who said so and when.\n"
        "3. An administrator settles the case accordingly.",
    ),
    "means.late_payment": (
        "已判为未成的付款后来却成功了；引擎已自动发起退款，退成后本待办自动关闭。",
        "A payment known as not done took effect after all; the engine is giving it back by itself, and closes "
        "this task when the money is back.",
    ),
    "do.late_payment": (
        "1. 打开结算单看退款那一笔；患者询问时告知款项原路退回。\n2. 退款被拒的，在商户平台退，再用 engine resolve 写明 done；要引擎再试写 again。\n"
        "3. 该支付没有退款接口的，人工退后关闭本待办。",
        "1. Open the settlement and look at the refund; tell the patient the money goes back.\n2. If it was refused, refund "
        "at the merchant portal and say done with engine resolve, or again to let the engine try once more.\n"
        "3. Where there is no refund by interface, refund by hand and close this task.",
    ),
    "means.undone_outside": (
        "我方记为成功的一笔，被他人在对方系统撤销（如商户后台退款、窗口作废）。",
        "What we know as done was undone by somebody else, such as a refund at the portal.",
    ),
    "do.undone_outside": (
        "1. 查是谁、为何撤销。\n2. 与财务确认 HIS、医保、支付、票据四方是否需要一并撤销。",
        "1. Find out who undid it and why.\n2. Decide with finance whether HIS, insurance, payment and invoice must follow.",
    ),
    "means.final_refused": (
        "款项已结清，但收尾的一步（如开票）未成；结算本身有效。",
        "The money is settled, but a finishing step such as the invoice failed; the settlement stands.",
    ),
    "do.final_refused": (
        "1. 看报文中的拒绝原因并更正（如票据信息）。\n2. 在对方系统补开。结算不用重做。",
        "1. Read the reason in the bytes and correct it.\n2. Do the step in the party's own system. The settlement stands.",
    ),
    "means.cannot_send": (
        "映射无法生成要发的报文，本笔没有发出。",
        "The map cannot make the request; nothing of it was sent.",
    ),
    "do.cannot_send": (
        "1. 看记录中的错误代码与字段。\n2. 由接口管理员补充对照表或修正映射。",
        "1. Read the code and field noted.\n2. The interface administrator completes the table or corrects the map.",
    ),
    "means.cannot_ask": (
        "映射无法生成查证报文，结果暂时无从得知。",
        "The map cannot make the inquiry, so the outcome cannot be known yet.",
    ),
    "do.cannot_ask": (
        "1. 先用该笔编号到对方系统查证结果。\n2. 由接口管理员修正映射。",
        "1. Look the number up in the party's system.\n2. The interface administrator corrects the map.",
    ),
    "means.key_missing": (
        "支付平台用一把我方没有的证书签名，应答无法验证；验证不了的一律当作结果不明，付款因此停滞。引擎自动下载没有成功。",
        "The platform signs with a certificate we do not have. Answers that cannot be verified count as unknown, so "
        "payments stall; fetching the certificate did not succeed.",
    ),
    "do.key_missing": (
        "1. 按记录中的序列号到商户平台（API 安全）取得平台证书或公钥。\n2. 把它加在 engine.yaml 该系统的 verify_keys 里，旧的先保留。\n"
        "3. 检查 api_v3_key 是否正确：自动下载靠它解密。",
        "1. Get the platform certificate or public key of the serial noted from the merchant portal (API security).\n"
        "2. Add it to verify_keys of that party in engine.yaml beside the old ones.\n"
        "3. Check api_v3_key: fetching by itself depends on it.",
    ),
    "means.stuck": (
        "这笔结算单处理时程序出错，引擎每隔几秒重试，仍不能继续。",
        "The engine fails at this settlement; it tries again every few seconds and cannot go on.",
    ),
    "do.stuck": (
        "1. 把结算单号和日志中 settlement_reloaded 的一行发给接口管理员。\n2. 未解决前不要让患者再次付款。",
        "1. Give the settlement's number and the log line settlement_reloaded to the interface administrator.\n"
        "2. Do not let the patient pay again before it is solved.",
    ),
    "means.bill_too_large": (
        "HIS 给出的账单金额超过 engine.yaml 的 limits.bill_max，已拒绝受理，未收费。多半是元与分弄错，那样会张张如此。",
        "The HIS gave a bill above limits.bill_max of engine.yaml; it was refused, nothing was charged. Most likely yuan "
        "and fen are mixed up, and then every bill is wrong.",
    ),
    "do.bill_too_large": (
        "1. 对照 HIS 里这张账单的金额与报文中的金额。\n2. 单位错了，改 engine.yaml 该连接的 amounts（fen 或 yuan），或请 HIS 厂商更正。\n"
        "3. 金额属实的，到窗口办理，或由管理员调高 limits.bill_max。",
        "1. Compare the bill in the HIS with the amount in the bytes.\n2. If the unit is wrong, correct `amounts` of the "
        "connection (fen or yuan), or have the HIS corrected.\n3. If it is right, settle at the desk, or raise "
        "limits.bill_max.",
    ),
    "means.callback_unknown": (
        "平台的通知签名有效，但说的编号不是我方的，或读不懂。",
        "A notice of the platform is well signed, but names a number that is none of ours, or cannot be read.",
    ),
    "do.callback_unknown": (
        "1. 查是否有别的系统共用这个商户号与回调地址。\n2. 有真实付款的，由财务与平台核对。",
        "1. Does another system share this merchant number and callback address?\n"
        "2. Where money was really paid, finance settles it with the platform.",
    ),
    "means.hl7_findings": (
        "收下并转发的 HL7 报文里，有标准（hl7apy）不认可的写法；消息照常送达。记录里是通道、处数与字段。",
        "HL7 messages that were taken and sent on break the standard as hl7apy reads it; nothing was held up. Noted are the "
        "channel, how many places, and which.",
    ),
    "do.hl7_findings": (
        "1. 日志 hl7_findings 列出每条消息；engine show 消息号 --bytes 看报文。\n2. 请发送方更正；确属 hl7apy 过严的可不理会，关闭本待办。\n"
        "3. 不想再查，把通道的 check: full 改回 yes。",
        "1. The log's hl7_findings names each message; look at it with engine show NO --bytes.\n2. Have its sender correct "
        "it; where hl7apy is too strict, close this task.\n3. To have no more of it set the channel's check: full back to yes.",
    ),
    "means.other": ("需要人工查看。", "A person must look."),
    "do.other": ("打开结算单，看时间线最后一步。", "Open the settlement and read the last row of its timeline."),
    "times": ("共 {n} 次，最近 {last}", "{n} times, last {last}"),
    "close": ("在服务器上输入（查明、办完之后输入最后一行）：", "On the node, the last line once it is found out and done:"),
    "open": ("打开结算单", "Open the settlement"),
}
