"""What a party's ledger as a table holds: its columns and words, as the desk writes them and as they are called here.

The reader, the console's page about tables and its templates are made of this; docs/books.md says the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.runtime.books_view import Role

HEADS: Final = {
    "种类": "kind", "编号": "no", "时间": "at", "状态": "state", "账单号": "bill", "关联号": "ref",
    "对方编号": "party_no",
    "金额(元)": "amount_yuan", "金额(分)": "amount_fen", "现金(元)": "cash_yuan", "现金(分)": "cash_fen",
    "个账(元)": "account_yuan", "个账(分)": "account_fen",
}  # fmt: skip
"""Column names as the desk writes them, and what they are called here."""
REQUIRED: Final = ("kind", "no", "at")  # besides an amount, in yuan or in fen
AMOUNTS: Final = ("amount_yuan", "amount_fen")
KINDS: Final[Mapping[Role, Mapping[str, str]]] = {
    Role.HIS: {
        "入账": "book", "作废": "void", "收款": "charge", "锁定": "lock", "结算": "settle", "开票": "issue",
        "登记": "register", "预交金": "deposit", "退预交金": "deposit_back",
    },
    Role.INSURANCE: {"登记": "register", "上传": "upload", "结算": "settle", "撤销": "cancel"},
    Role.COMMERCIAL: {"理赔": "settle", "撤销": "cancel"},
    Role.PAYMENT: {"下单": "order", "收款": "charge", "退款": "refund", "冲正": "reverse", "关单": "close"},
    Role.INVOICE: {"开票": "issue", "冲红": "write_off"},
}  # fmt: skip
STATES: Final = {
    "有效": "done", "已作废": "void", "未撤销": "open", "未支付": "open", "锁定中": "live", "已上传": "uploaded",
    "已释放": "released", "已撤销": "cancelled", "已关单": "closed", "已冲红": "written_off", "已退款": "refunded",
    "已使用": "used", "已支付": "paid",
}  # fmt: skip
_COMMON: Final = ("kind", "no", "at", "amount_yuan", "state")
COLUMNS: Final[Mapping[Role, tuple[str, ...]]] = {
    Role.HIS: (*_COMMON, "bill", "cash_yuan", "ref", "party_no"),
    Role.INSURANCE: (*_COMMON, "cash_yuan", "account_yuan", "party_no"),
    Role.COMMERCIAL: (*_COMMON, "party_no"),
    Role.PAYMENT: (*_COMMON, "ref", "party_no"),
    Role.INVOICE: (*_COMMON, "party_no"),
}
"""The columns of a party's template: what its table can tell, amounts in yuan."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong with a table. `line`: 1-based as in the file, `col`: which cell of it; line 0: the file as a
    whole. The nearest valid word stands in the texts."""

    file: str
    line: int
    col: int
    zh: str
    en: str

    @property
    def place(self) -> str:
        """`his.csv:3:1`, or `his.csv`."""
        return f"{self.file}:{self.line}:{self.col}" if self.line else self.file

    def __str__(self) -> str:
        return f"{self.place}: {self.zh} · {self.en}"


def both(name: str, words: Mapping[str, str]) -> tuple[str, str]:
    """A word of such a table in Chinese and in English, whichever of the two it is given as: `入账（book）`."""
    zh = name if name in words else next((word for word, meant in words.items() if meant == name), name)
    en = words.get(zh, zh)
    return (f"{zh}（{en}）", f"{en} ({zh})") if zh != en else (name, name)


def template(role: Role, language: str) -> bytes:
    """An empty table of such a party, as a spreadsheet program opens it: its heads, UTF-8 with a mark."""
    chinese = {name: head for head, name in HEADS.items()}
    heads = [chinese[name] if language == "zh" else name for name in COLUMNS[role]]
    return ("\ufeff" + ",".join(heads) + "\r\n").encode()
