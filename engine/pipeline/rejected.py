"""How a map refuses, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.config.problems import Mark

SIDES = ("patient", "his", "insurance", "payment", "einvoice", "engine", "client")


@dataclass(frozen=True, slots=True)
class CodeText:
    """What a code says to people: both languages, whose side it is on, and what to do next
    (Chinese, English)."""

    code: str
    zh: str
    en: str
    side: str = "engine"
    next: str = ""
    next_en: str = ""


def _texts(*rows: CodeText) -> dict[str, CodeText]:
    return {row.code: row for row in rows}


TEXTS: Mapping[str, CodeText] = _texts(
    CodeText("E-MAP-MISSING", "缺少必要的数据项", "a needed value is missing", "engine",
             "查看缺少的路径：对方没有返回，或者映射写错",
             "Look at the missing path: the party did not send it, or the map is wrong."),
    CodeText("E-MAP-TYPE", "数据项的类型或格式不对", "a value has the wrong type or form", "engine",
             "查看出错的路径，核对对方返回的内容和映射的过滤器",
             "Look at the path: compare what the party sent with the map's filters."),
    CodeText("E-MAP-NONE", "没有符合条件的行", "no row fits", "engine", "核对映射的条件",
             "Check the map's condition."),
    CodeText("E-MAP-MANY", "符合条件的行不止一行", "more than one row fits", "engine", "核对映射的条件，或对方的数据",
             "Check the map's condition, or the party's data."),
    CodeText("E-UNMAPPED", "代码没有对照", "a code has no counterpart in the code table", "engine",
             "在代码表中补充这个代码的对照",
             "Add the code to the code table."),
    CodeText("E-CONDITION", "条件无法判断", "a condition cannot be decided", "engine",
             "查看条件所在的位置：缺少数据或类型不符",
             "Look where the condition stands: data is missing or of another type."),
    CodeText("E-CHECK", "核对没有通过", "a check failed", "engine", "查看没有通过的条件",
             "Look at the condition that failed."),
)  # fmt: skip


class MapRejected(Exception):
    """A map could not make its result. `code` of the texts; `place` of the row in its file; `detail` says what was
    wrong without quoting patients' data; `path` the value it was about (`his.bill.items[3].code`); `target` the
    field being made; `about` facts for counters (`table` and `key` of an unmapped code)."""

    def __init__(
        self,
        code: str,
        place: Mark | None = None,
        detail: str = "",
        path: str = "",
        about: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.place = place
        self.detail = detail
        self.path = path
        self.target = ""
        self.about = about or {}

    def __str__(self) -> str:
        where = f"{self.place.file}:{self.place.line}:{self.place.col}: " if self.place else ""
        about = f" [{self.path}]" if self.path else ""
        made = f" for {self.target}" if self.target else ""
        return f"{where}{self.code}{about}{made}: {self.detail}"

    def seen_at(self, place: Mark, path: str, target: str) -> None:
        """Fill in the row in which it happened; the innermost row stays."""
        if self.place is None:
            self.place = place
            self.path = self.path or path
            self.target = target

    def inside(self, alias: str, step: str, target: str = "") -> None:
        """It happened inside the item `step` (`his.bill.items[3]`) that the map calls `alias`."""
        if self.path == alias or self.path.startswith(alias + "."):
            self.path = step + self.path[len(alias) :]
        elif not self.path:
            self.path = step


class Absent(MapRejected):
    """A value is not there: `else` and `optional` catch this, nothing else."""


def wrong(detail: str) -> MapRejected:
    """A value is there but not of the kind the row needs."""
    return MapRejected("E-MAP-TYPE", detail=detail)


def kind_of(value: object) -> str:
    """The kind of a value in words, for messages that must not quote it."""
    names = {str: "a text", int: "a number", bool: "true/false", dict: "an object", list: "a list"}
    return "null" if value is None else names.get(type(value), f"a {type(value).__name__}")
