"""The kinds of differences between the parties' ledgers and the store: what each says, and what to do about it. Where a
page of the console does what a command does, the page is named first: finance has no command line.

A literal table. `{x}` is filled by the check that found it; amounts are shown in yuan. The texts name no person.
"""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.core.money import yuan_of_fen


@dataclass(frozen=True, slots=True)
class Kind:
    """One row. `rule` says which promise is broken."""

    rule: str
    zh: str
    en: str
    next: str
    next_en: str


_ASK_THEM = ("向对方查询该单号是谁的业务，不得手工退款", "Ask that party whose number this is; do not refund by hand.")
_FINANCE = ("财务立即核实，不自动改账", "Finance looks at once; nothing is corrected automatically.")
_IT = ("通知信息科检查结算平台", "Have the IT desk check the engine.")
_REFUND = ("在控制台的结算单（或用 engine show）看退款：在办的等其结束，需要人的由信息科用 engine resolve 以原单号再退（--leg 编号=again）；没有退款的由财务在商户平台退回", "Look at the settlement in the console (or engine show): a refund under way ends by itself, for one that needs a person the IT desk runs engine resolve, which sends it again under its number (--leg N=again); where there is none finance refunds at the merchant portal.")

KINDS: Mapping[str, Kind] = {
    # Money
    "unknown_number": Kind("D1", "{party} 有一笔{what}（单号 {no}，{amount} 元），结算平台没有这个单号", "{party}, {no}: {what} of {amount} yuan, which is none of our numbers", *_ASK_THEM),
    "effect_without_call": Kind("P7", "{party} 的{what}（单号 {no}）早于我方任何请求记录", "{party}, {no}: {what} earlier than any call we recorded", *_IT),
    "paid_amount_differs": Kind("D5/P15", "单号 {no} 应收 {due} 元，渠道实收 {amount} 元", "{no}: {due} yuan were due, the channel took {amount}", "由两名财务人员核对处理", "Two persons of finance decide."),
    "paid_twice": Kind("D9/P1", "应收 {due} 元，渠道净收 {amount} 元，患者多付", "{due} yuan were due, the channel keeps {amount}: the patient paid too much", "财务在商户平台退回较晚的一笔（单号见控制台的结算单或 engine show）", "Finance gives the later payment back at the merchant portal (its number: the settlement in the console, or engine show)."),
    "service_not_paid": Kind("D4/P2", "已结算，应收 {due} 元，渠道净收只有 {amount} 元", "Settled for {due} yuan, the channel keeps only {amount}", *_FINANCE),
    "late_payment": Kind("D2/P1", "单号 {no} 已判定未支付，渠道却收了 {amount} 元且未退", "{no} was known as not paid, yet the channel keeps {amount} yuan", *_REFUND),
    "refund_missing": Kind("D3/D7/P1", "结算未成立，渠道仍收着 {amount} 元", "The settlement does not stand, yet the channel keeps {amount} yuan", *_REFUND),
    "return_missing": Kind("D7/P22", "应退的预交金 {due} 元已记为退回，渠道没有退款单号 {no}", "{due} yuan of a deposit count as returned, the channel has no refund {no}", *_REFUND),
    "refund_twice": Kind("P3", "退款单号 {no} 生效了 {count} 次", "Refund number {no} took effect {count} times", *_FINANCE),
    "refund_over": Kind("P4", "单号 {no} 实收 {due} 元，退了 {amount} 元", "{no}: paid {due} yuan, given back {amount}", *_FINANCE),
    "refund_amount_differs": Kind("D5", "退款单号 {no} 应退 {due} 元，渠道退了 {amount} 元", "Refund {no}: {due} yuan were asked, {amount} given back", "由两名财务人员核对处理", "Two persons of finance decide."),
    "refund_at_portal": Kind("D6", "支付单号 {no} 有一笔不是本平台发起的退款（{amount} 元）", "{no} was refunded ({amount} yuan) by somebody else, under a number that is not ours", "财务核实商户平台操作；需要时按审批作废 HIS 结算", "Finance looks at the merchant portal; void the HIS settlement only with approval."),
    "refund_not_final": Kind("D10", "退款单号 {no} 在渠道仍为 {state}，平台已记为退回", "Refund {no} is {state} at the channel, but we count it as returned", "继续查询；ABNORMAL 由两人处理", "Keep asking; two persons handle ABNORMAL."),
    "fee_differs": Kind("D11", "单号 {no} 约定手续费 {due} 元，渠道收了 {amount} 元", "{no}: a fee of {due} yuan was agreed, the channel took {amount}", "财务按月向渠道核对费率", "Finance claims it from the channel monthly."),
    "order_left_open": Kind("P14", "支付单 {no} 仍可支付，而结算已结束", "Order {no} can still be paid although the settlement is at rest", "在商户平台关闭该支付单，或等其到期；其间付款的按 late_payment 处理", "Close the order at the merchant portal, or wait for its expiry; a payment meanwhile is a late_payment."),
    # The account at the platform
    "fund_missing": Kind("D4/D15", "{party} 单号 {no}：交易账单有{what} {due} 元，资金账户没有入出账", "{party}, {no}: the trade bill has a {what} of {due} yuan, the account did not move", "按单号向支付渠道查询；次日账单仍没有的，由财务向渠道追查", "Ask the channel for this number; if the next day's bill lacks it too, finance claims it."),
    "fund_only": Kind("D1/D15", "{party} 单号 {no}：资金账户有{what} {amount} 元，交易账单没有", "{party}, {no}: the account has a {what} of {amount} yuan, the trade bill none", "按单号查询；不是本平台的，由财务核实是谁的业务，不得手工退款", "Ask for this number; where it is not ours finance finds out whose it is; do not refund by hand."),
    "fund_differs": Kind("D5/D15", "{party} 单号 {no}：交易账单的{what}为 {due} 元，资金账户为 {amount} 元", "{party}, {no}: {what} of {due} yuan in the trade bill, {amount} on the account", "由两名财务人员核对处理", "Two persons of finance decide."),
    "fund_fee_differs": Kind("D11", "{party} 单号 {no}：交易账单的手续费为 {due} 元，资金账户扣了 {amount} 元", "{party}, {no}: a fee of {due} yuan in the trade bill, {amount} taken from the account", "财务按月向渠道核对费率", "Finance claims it from the channel monthly."),
    "fund_returned": Kind("D7/D10", "{party}：退款 {no} 没有退成，{amount} 元回到了资金账户，平台已记为退回", "{party}: refund {no} failed, {amount} yuan came back to the account, but we count it as returned", "查询退款状态；患者尚未收到，由两人核实后另行退还", "Ask for the refund; the patient has nothing yet: two persons look, then give it back."),
    "fund_net_differs": Kind("P1/P2", "{party}：本结算资金账户净入 {amount} 元，按平台记录应为 {due} 元", "{party}: the account keeps {amount} yuan of this settlement, by our own record it should be {due}", *_FINANCE),
    "fund_balance": Kind("D15", "{party} {what}：期初加减各笔应为 {due} 元，账单结余 {amount} 元", "{party}, {what}: opening and movements make {due} yuan, the bill's balance is {amount}", "重新下载核对；仍不符的由财务向渠道索要明细", "Fetch it again; if it stays so finance asks the channel for the movements."),
    "fund_other": Kind("D15", "{party} 资金账户有一笔“{what}”（单号 {no}，{amount} 元），不是收款、退款、手续费、提现或充值", "{party}: a movement of {amount} yuan on the account ({what}, {no}) that is no payment, refund, fee, withdrawal or recharge", "财务在商户平台核实这笔资金", "Finance looks it up at the merchant portal."),
    # HIS
    "his_missing": Kind("D3/P2", "已结算，HIS 没有入账", "Settled, but the HIS has not booked it", "由 HIS 厂商以原结算号补入账；不补的整单退费（POST …/refunds）", "The HIS vendor books it under the same number; else take the whole bill back (POST …/refunds)."),
    "his_left": Kind("P2", "结算未成立，HIS 仍记为已收 {amount} 元", "The settlement does not stand, but the HIS still books {amount} yuan", "在 HIS 以原结算号作废", "Void it at the HIS under its settlement number."),
    "his_twice": Kind("P25", "HIS 对单据 {no} 入账 {count} 次", "The HIS booked {no} {count} times", *_FINANCE),
    "his_amount_differs": Kind("D5/P2", "HIS 入账 {theirs}，应为 {ours}", "The HIS booked {theirs}, it should be {ours}", "由两名财务人员核对处理", "Two persons of finance decide."),
    "both_collected": Kind("D13", "账单 {no} 线上已收费，窗口又收了 {amount} 元", "Bill {no} was paid online and collected at the window ({amount} yuan)", "核实窗口收款后退回线上部分：整单退费（POST …/refunds）", "Confirm the cash, then take the online part back (POST …/refunds)."),
    "lock_left": Kind("P2", "结算已结束，HIS 账单仍被锁定（{no}）", "The settlement is at rest, but the HIS bill is still locked ({no})", "在 HIS 解锁该账单；锁到期也会自行解开", "Unlock the bill at the HIS; the lock also ends at its expiry."),
    # Insurance
    "insurance_missing": Kind("D12", "已结算，医保中心没有这笔结算", "Settled, but the insurance has no such settlement", "按报文号查询；缺失的由医保办处理", "Ask by message id; the insurance office decides."),
    "insurance_left": Kind("D12", "结算未成立，医保中心仍有结算 {no}（{amount} 元）", "The settlement does not stand, but the insurance keeps {no} ({amount} yuan)", "由医保办在医保平台按原报文号冲正或撤销", "The insurance office reverses or cancels it at the platform by its message id."),
    "insurance_twice": Kind("D12", "医保中心有 {count} 笔有效结算", "The insurance has {count} live settlements", "保留一笔，其余按报文号冲正", "Keep one, reverse the others."),
    "insurance_amount_differs": Kind("D12/P11", "医保结算{what} {amount} 元，预结算为 {due} 元", "The insurance settled {what} {amount} yuan, the quote was {due}", "医保办核对分项金额", "The insurance office compares the parts."),
    "statement_there": Kind("D12", "{party} {day} 对账（{part}）：中心多一笔（结算号 {no}，报文号 {msgid}）", "{party}, statement of {day} ({part}): only the party has {no} (message {msgid})", "在控制台的“结算单”按报文号查（或 engine show 报文号）：办理中的等其结束；无主的按报文号冲正或由医保办撤销", "Look the message id up under Settlements in the console (or engine show ID): one under way ends by itself; one that is nobody's is reversed by its message id or cancelled by the insurance office."),
    "statement_here": Kind("D12", "{party} {day} 对账（{part}）：中心没有我方的结算 {no}", "{party}, statement of {day} ({part}): the party does not have our settlement {no}", "用 5203 再查；确无记录的由医保办核实后按审批作废", "Ask again by 5203; if it is not there the insurance office decides, and it is voided with approval."),
    "statement_differs": Kind("D12", "{party} {day} 对账（{part}）：结算 {no} 数据不一致（{why}）", "{party}, statement of {day} ({part}): {no} differs ({why})", "医保办逐项核对金额", "The insurance office compares the amounts."),
    "statement_listed": Kind("D14/P19", "{party} {day} 对账（{part}）：对方清单有 {no}，我方没有（{why}）", "{party}, statement of {day} ({part}): the party lists {no}, we do not have it ({why})", "在控制台的“结算单”按号码查（或 engine show 号码）：办理中的等其结束；其他途径开的在那边核对；无主的由对方冲销", "Look the number up under Settlements in the console (or engine show NO): one under way ends by itself; one made elsewhere is checked there; one that is nobody's the party writes off."),
    "statement_unlisted": Kind("D14/P19", "{party} {day} 对账（{part}）：对方清单没有我方的 {no}（{why}）", "{party}, statement of {day} ({part}): the party does not list our {no} ({why})", "按号码向对方查询；确无记录的补办", "Ask the party by its number; if it is not there, have it made again."),
    "statement_unlike": Kind("D14/P19", "{party} {day} 对账（{part}）：{no} 两边不一致（{why}）", "{party}, statement of {day} ({part}): {no} differs ({why}; ours ≠ theirs)", "左为我方、右为对方；核对金额；一边已冲红的，把另一边退费或冲红补齐", "Ours first, then theirs: compare amounts; where one side is written off, finish the refund or the write-off of the other."),
    "statement_billed": Kind("D1–D15", "{party} {day} 账单：{why}", "{party}, bill of {day}: {why}", "在控制台的“对账”选该日、按平台账单核对（或运行 engine books --bills --since 该日 --until 该日），逐笔看下一步", "Compare that day by the bills on the console's Books page (or engine books --bills --since DAY --until DAY): each with its next step."),
    "statement_unread": Kind("D12", "{party} {day} 对账：结算 {no} 无法列入对账行（{why}）", "{party}, statement of {day}: {no} could not be made a row ({why})", *_IT),
    "visit_left": Kind("D12", "结算未成立，医保中心仍留有{what} {no}", "The settlement does not stand, but the insurance still has the {what} {no}", "由医保办在医保平台撤销明细和挂号", "The insurance office withdraws the lines and the registration at the platform."),
    # Commercial insurance
    "commercial_missing": Kind("P2", "已结算，商业保险公司没有理赔 {no}（{due} 元）", "Settled, but the commercial insurer has no claim {no} ({due} yuan)", "按理赔号向保险公司查询；确无记录的由财务与其协商补赔", "Ask the insurer by the claim's number; if it is not there finance settles it with them."),
    "commercial_left": Kind("P2", "结算未成立（或没有使用商保），商业保险公司仍有理赔 {no}（{amount} 元）", "The settlement does not stand (or without it), yet the commercial insurer keeps claim {no} ({amount} yuan)", "按理赔号撤销", "Withdraw it by its number."),
    "commercial_twice": Kind("P1", "商业保险公司有 {count} 笔有效理赔", "The commercial insurer has {count} live claims", *_FINANCE),
    "commercial_amount_differs": Kind("D5", "理赔 {no} 保险公司记 {amount} 元，应为 {due} 元", "Claim {no}: the insurer has {amount} yuan, it should be {due}", "由财务与保险公司核对", "Finance compares with the insurer."),
    # Invoice
    "invoice_missing": Kind("D14/P19", "已结算，没有有效的电子票据，也没有待办", "Settled without a valid invoice and without a task", "由票据窗口在票据平台按业务号查：被冲红的问清是谁冲的，没有的补开", "The invoice desk looks at the platform by the business number: ask who wrote it off; where there is none, issue it there."),
    "invoice_left": Kind("D14/P19", "结算未成立，电子票据 {no} 仍有效", "The settlement does not stand, but invoice {no} is valid", "由票据窗口在票据平台按业务号冲红", "The invoice desk writes it off at the platform."),
    "invoice_twice": Kind("D14/P19", "有 {count} 张有效电子票据", "There are {count} valid invoices", "由票据窗口在票据平台保留一张，其余冲红", "The invoice desk keeps one and writes the others off at the platform."),
    "invoice_amount_differs": Kind("D14/P19", "电子票据 {no} 金额 {amount} 元，应为 {due} 元", "Invoice {no} says {amount} yuan, it should be {due}", "由票据窗口在票据平台冲红后重开", "The invoice desk writes it off at the platform and issues it again."),
    "invoice_red_over": Kind("P19", "票据 {no} 冲红 {amount} 元，超过开票 {due} 元", "Invoice {no}: {amount} yuan written off, only {due} issued", *_FINANCE),
    # Where the HIS leads
    "led_differs": Kind("D12/D14", "HIS 账上的{what} {no} 为 {amount} 元，对方账上为 {due} 元", "The HIS has {what} {no} with {amount} yuan, the other ledger with {due}", "HIS 厂商与医保办（票据：财务）按单号逐笔核对", "HIS vendor and insurance office (invoices: finance) compare it by its number."),
    "observed_differs": Kind("D12/D14", "HIS 告知的{what}单号是 {no}，对方账上有效的是 {other}", "The HIS told us {what} {no}, valid there is {other}", "向 HIS 厂商核实应答中的单号", "Have the HIS vendor check the number in its answer."),
    "observed_left": Kind("P2", "结算未成立，HIS 办的{what}（{no}）没有随之撤回的记录", "The settlement does not stand, and nothing shows that the HIS took {what} ({no}) back", *_IT),
    # The engine's own order
    "amounts_do_not_add": Kind("P11", "总额 {amount} 元不等于各分项之和 {due} 元", "The total of {amount} yuan is not the sum of its parts, {due}", *_IT),
    "leg_forgotten": Kind("P9", "环节 {no} 状态为 {state}，既没有下次查询时间，也没有待办", "Leg {no} is {state} with neither a next inquiry nor a task", *_IT),
    "manual_without_task": Kind("P24", "结算需要人工处理，却没有待办", "The settlement needs a person, but there is no task", *_IT),
    "overdue": Kind("P24", "办理已超过 {count} 秒，既未结束，也没有待办", "Under way for more than {count} seconds, neither at rest nor with a task", *_IT),
    "bill_held": Kind("P24", "结算已撤销，账单 {no} 仍被占用", "Undone, but bill {no} is still held", *_IT),
    "bill_released": Kind("P1", "结算未撤销，账单 {no} 却未被占用，可能重复收费", "Not undone, but bill {no} is not held and could be charged again", *_IT),
    "number_differs": Kind("P13", "单号 {no} 以不同内容发出过", "{no} went out with different contents", *_IT),
    "attempts_overlap": Kind("P14", "第 {count} 次支付发出时，前一次（{no}）尚无定论", "Payment attempt {count} began before {no} was definite", *_IT),
    "sent_before_known": Kind("P5", "{what}（环节 {no}）在前一环节有定论之前发出", "{what} (leg {no}) was sent before the leg before it was definite", *_IT),
    "undo_order": Kind("P16/P20", "{what}（环节 {no}）在后面的环节撤销之前发出", "{what} (leg {no}) was sent before the later legs were undone", *_IT),
    "impossible_move": Kind("P8", "{what} 从 {state} 变为 {no}，状态表中没有这种变化", "{what} went from {state} to {no}, which no table allows", *_IT),
    "no_without_proof": Kind("P18", "环节 {no} 判为未发生，却没有截止时间之后的查询为证", "Leg {no} counts as not done without an inquiry after the fence", *_IT),
    "source_missing": Kind("D16", "缺少 {party} 的账目，本次核对不完整（{why}）", "The ledger of {party} is missing; the books are incomplete ({why})", "取得账目后重新核对；不提供账目的，请对方导出表格，在控制台的“对账”交上（或 engine books --ledgers 目录）", "Get it and compare again; where a party serves none, have its people export a table and hand it in on the console's Books page (or engine books --ledgers DIR)."),
}  # fmt: skip
"""Kind of difference → its row."""
BILLED = "billed"  # the verdict of what a nightly comparison of bills left over
_FIRST, _LAST = "unknown_number", "order_left_open"
MONEY = frozenset(list(KINDS)[list(KINDS).index(_FIRST) : list(KINDS).index(_LAST) + 1])
"""The kinds about money at a channel."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `text` is Chinese, `en` English; `next` what to do now. `due` what should stand there, `amount`
    what does, in fen; None where it is about no amount, or nobody told it."""

    kind: str
    settlement_no: str
    bill: str
    text: str
    en: str
    next: str
    next_en: str
    due: int | None = None
    amount: int | None = None

    def json(self) -> dict[str, Any]:
        """As `engine books` prints it: `due` and `amount` only where they are known."""
        known = {name: fen for name, fen in (("due", self.due), ("amount", self.amount)) if fen is not None}
        return {
            "kind": self.kind, "settlement_no": self.settlement_no, "bill": self.bill, "text": self.text,
            "en": self.en, "next": self.next, "next_en": self.next_en, **known,
        }  # fmt: skip


class Both(NamedTuple):
    """One thing's name in each language."""

    zh: str
    en: str


ROWS: Mapping[str, Both] = {
    "order": Both("下单", "order"), "charge": Both("收款", "charge"), "close": Both("关单", "close"),
    "reverse": Both("撤销", "reversal"), "refund": Both("退款", "refund"), "freeze": Both("冻结", "freeze"),
    "unfreeze": Both("解冻", "release"), "register": Both("登记", "registration"), "upload": Both("费用明细", "upload"),
    "settle": Both("结算", "settlement"), "cancel": Both("结算撤销", "cancel"), "book": Both("入账", "booking"),
    "void": Both("作废", "void"), "lock": Both("锁定", "lock"), "issue": Both("票据", "invoice"),
    "write_off": Both("冲红", "write-off"), "message": Both("消息", "message"), "notice": Both("通知", "notice"),
    "deposit": Both("预交金", "deposit"), "deposit_back": Both("退预交金", "return of a deposit"),
}  # fmt: skip
"""Kind of a row in a party's ledger → what people call it."""


def row_name(kind: str) -> Both:
    """A ledger row's kind as people call it; a kind that only a hospital's own table has, as it stands."""
    return ROWS.get(kind) or Both(kind, kind)


def difference(kind: str, settlement_no: str, bill: str, /, **said: object) -> Difference:
    """A difference of this kind; `amount` and `due` are fen, also where its text does not say them. KeyError for a kind that is not in the
    table or a text that says more than the check knows."""
    row = KINDS[kind]
    shown = {
        name: yuan_of_fen(value) if name in ("amount", "due") and isinstance(value, int) else value
        for name, value in said.items()
    }
    zh = {name: value.zh if isinstance(value, Both) else value for name, value in shown.items()}
    en = {name: value.en if isinstance(value, Both) else value for name, value in shown.items()}
    due, amount = (fen if isinstance(fen := said.get(name), int) else None for name in ("due", "amount"))
    texts = row.zh.format_map(zh), row.en.format_map(en), row.next, row.next_en
    return Difference(kind, settlement_no, bill, *texts, due, amount)
