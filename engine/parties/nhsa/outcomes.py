"""What the platform's answers mean: `infcode` 0 or -1, and for -1 the words, since there is no finer code."""

from __future__ import annotations

from typing import Final

from engine.core.outcome import Outcome
from engine.parties.contract import OutcomeRow
from engine.parties.nhsa.operations import EC_QUERY

_UNSURE: Final = ("超时", "系统异常", "处理中", "系统繁忙", "网络异常", "连接失败")
_CHANGES: Final = frozenset({
    "2201", "2202", "2203", "2203A", "2204", "2205", "2207", "2207A", "2208", "2301", "2302", "2304", "2305", "2401",
    "2402", "2404", "2405", "2601", "2505", "2506", "3301", "3302",
})  # fmt: skip
_UNDONE: Final = (
    # A settlement already refunded, whether by 2208 or 2601: nothing is left to undo.
    ("2208", "已撤销"), ("2208", "已退费"), ("2208", "不为未退费"),
    ("2601", "已撤销"), ("2601", "已冲正"), ("2601", "不为未退费"),
    ("2305", "已撤销"), ("2305", "已退费"), ("2305", "不为未退费"),
    ("2302", "已撤销"), ("2302", "没有未结算"), ("2302", "没有可撤销"), ("2404", "已撤销"), ("2405", "未办理出院"),
    ("2202", "已撤销"), ("2205", "已撤销"), ("2205", "没有未结算"), ("2205", "没有可撤销"),
)  # fmt: skip

# The platform says these before it looks at the business: nothing was executed, sign in again.
SESSION_LOST: Final = ("未签到", "请签到", "请重新签到", "签到已失效", "签到失效", "签到已过期", "签到编号")

OUTCOMES: Final = (
    OutcomeRow("0", Outcome.ACCEPTED),
    *(OutcomeRow("-1", Outcome.UNKNOWN, _CHANGES, text) for text in _UNSURE),
    # Our number, our visit or our line is already there, so an earlier try took effect: ask.
    OutcomeRow("-1", Outcome.UNKNOWN, _CHANGES, "报文ID重复"),
    OutcomeRow("-1", Outcome.UNKNOWN, frozenset({"2201"}), "已存在有效的挂号信息"),
    OutcomeRow("-1", Outcome.UNKNOWN, frozenset({"2204", "2301"}), "流水号重复"),
    OutcomeRow("-1", Outcome.UNKNOWN, frozenset({"2401"}), "已存在有效的入院信息"),
    OutcomeRow("-1", Outcome.UNKNOWN, frozenset({"2401"}), "在院信息"),
    OutcomeRow("-1", Outcome.UNKNOWN, frozenset({"2402"}), "已办理出院"),
    # 2207 and 2304 never repeat: "already settled" speaks of a settlement that must be looked at, not of a plain no.
    OutcomeRow("-1", Outcome.UNKNOWN, frozenset({"2207", "2207A", "2304"}), "已结算"),
    *(
        OutcomeRow("-1", Outcome.ACCEPTED, frozenset({op}), text, because="already undone")
        for op, text in _UNDONE
    ),
    OutcomeRow("5*", Outcome.REFUSED, frozenset({EC_QUERY}), because="the code that was shown is not taken"),
    OutcomeRow("-1", Outcome.REFUSED, because="a business refusal in a complete envelope: nothing was stored"),
)
