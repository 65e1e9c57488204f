"""The insurer's services, misfortunes, acts and state, told to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.base.menu import Act, Line, Section, misfortune, said, setting, settings_section, text
from simulators.commercial.book import PAID, REVIEW

if TYPE_CHECKING:
    from simulators.commercial.book import Claim
    from simulators.commercial.party import CommercialSim

TITLE = said("商业保险直赔", "Commercial insurance")
OPS = {
    "policy.query": said("查保单", "policies of a person"), "claim.trial": said("理赔试算", "try a claim out"),
    "claim.settle": said("直赔结算", "claim"), "claim.query": said("按理赔号查询", "ask for a claim"),
    "claim.withdraw": said("撤销直赔", "withdraw a claim"),
}  # fmt: skip
_AMOUNTS = ("claim.trial", "claim.settle", "claim.query")
FAULTS = {
    "review": misfortune("转人工核赔，若干秒后同意", "goes to a person, who agrees seconds later", ("claim.settle",)),
    "review_denied": misfortune("转人工核赔，若干秒后拒赔", "goes to a person, who denies seconds later",
                                ("claim.settle",)),
    "not_enough_balance": misfortune("年度限额已用完", "the year's limit is used up"),
    "refuse_business": misfortune("拒绝直赔（需人工核赔）", "no direct payment (a person must decide)"),
    "token_expired": misfortune("应用授权过期", "the application's authorisation expired"),
    "wrong_amount": misfortune("答复金额多一分", "the reply tells one fen more", _AMOUNTS),
}  # fmt: skip
_NO = text("no", "理赔号", "claim number")
ACTS = (
    Act("approve", "核赔同意", "agree to a claim under review", (_NO,)),
    Act("deny", "核赔拒绝", "deny a claim under review", (_NO,)),
    Act("pay_out", "款项划付医院（此后不能撤销）", "pay the hospital (no withdrawal after it)", (_NO,), grave=True),
    setting(names=("review", "network")),
)
_CLAIMS = (
    said("理赔号", "claim number"), said("保险公司号", "their number"), said("保单", "policy"), said("金额", "amount"),
    said("状态", "state"), said("已划付", "paid out"),
)  # fmt: skip
_POLICIES = (
    said("保单", "policy"), said("被保险人", "person"), said("产品", "product"), said("比例%", "ratio %"),
    said("免赔额", "deductible"), said("已抵", "borne"), said("限额", "limit"), said("已赔", "paid"),
    said("状态", "state"),
)  # fmt: skip
SHOWN = 50


def sections(party: CommercialSim) -> list[Section]:
    """Claims with the buttons of the person who decides, policies, settings."""
    book = party.book
    claims = [_line(claim) for claim in list(book.claims.values())[: -SHOWN - 1 : -1]]
    policies = [
        Line((p.no, p.holder.id, p.product, p.ratio, p.deductible, p.borne, p.limit, p.paid, p.why[1] or "有效"))
        for p in book.policies.values()
    ]
    return [
        Section(said("理赔", "Claims"), _CLAIMS, claims, frozenset({3})),
        Section(said("保单", "Policies"), _POLICIES, policies, frozenset({4, 5, 6, 7})),
        settings_section({"review": party.review, "network": book.network}),
    ]


def _line(claim: Claim) -> Line:
    no = {"no": claim.no}
    acts = {REVIEW: [("approve", no), ("deny", no)], PAID: [] if claim.paid_out else [("pay_out", no)]}
    cells = (claim.no, claim.party_no, claim.policy.no, claim.pay, claim.state, "✓" if claim.paid_out else "")
    return Line(cells, acts.get(claim.state, []))
