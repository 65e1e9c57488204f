"""The closed list of filters: what may stand after `|` in a source. Values in, values out; no clock, no state.

Numbers are exact: amounts are whole fen, quantities Decimals; a float never appears. A filter that meets a value of
the wrong kind rejects the row (E-MAP-TYPE); it never guesses.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from engine.core.money import MAX_FEN, BadAmount, fen_of, fen_of_yuan
from engine.pipeline.filters_time import CACHED, BadForm, moment_of, reader, writer
from engine.pipeline.rejected import Absent, kind_of, wrong

Filter = Callable[[Any], Any]

_INT = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,12})?", re.ASCII)
_TRUE = frozenset({"true", "1", "Y", "y"})
_FALSE = frozenset({"false", "0", "N", "n"})


class BadArgument(ValueError):
    """A filter used wrongly: the sentence in Chinese and English, and the text probably meant."""

    def __init__(self, zh: str, en: str, meant: str = "") -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en
        self.meant = meant


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """One filter for the reader (`usage`, both languages) and for the compiler (`build` from its arguments)."""

    name: str
    usage: str
    zh: str
    en: str
    build: Callable[[list[str]], Filter]


def yuan(value: Any) -> str:
    """Fen → `"12.34"`."""
    if type(value) is not int or not -MAX_FEN <= value <= MAX_FEN:
        value = _fen(value)
    whole, cents = divmod(value if value >= 0 else -value, 100)
    return f"{'-' if value < 0 else ''}{whole}.{cents:02d}"


def yuan_number(value: Any) -> Decimal:
    """Fen → Decimal with two places."""
    return Decimal(_fen(value)).scaleb(-2)


def _fen(value: Any) -> int:
    try:
        if type(value) is Decimal and value.is_finite() and value == value.to_integral_value():
            value = int(value)
        return fen_of(value)
    except BadAmount:
        raise wrong(f"{kind_of(value)} that is no whole number of fen") from None


def _fen_of_yuan(value: Any) -> int:
    try:
        return fen_of_yuan(value)
    except BadAmount:
        raise wrong(f"{kind_of(value)} that is no amount in yuan with at most two places") from None


def exact(value: Any) -> Decimal:
    """A quantity as Decimal, from text, whole number or Decimal; never through a float."""
    if type(value) is str and _NUMBER.fullmatch(value):
        return Decimal(value)
    if type(value) is int or (type(value) is Decimal and value.is_finite()):
        return Decimal(value)
    raise wrong(f"{kind_of(value)} that is no plain number")


def _decimal(args: list[str]) -> Filter:
    places = _count_of(args[0], 12, at_least=0)
    if len(args) == 2 and args[1] != "rounded":
        raise BadArgument("第二个参数只能是 rounded", "the second argument can only be rounded", "rounded")
    step = Decimal(1).scaleb(-places)
    rounded = len(args) == 2

    def decimal(value: Any) -> Decimal:
        number = exact(value)
        try:
            made = number.quantize(step, rounding=ROUND_HALF_UP)
        except ArithmeticError:
            raise wrong("the number is too large") from None
        if made != number and not rounded:
            raise wrong(f"the number has more than {places} places; `decimal {places} rounded` would round it")
        return made

    return decimal


def text(value: Any) -> str:
    """Text as it is; a number as its plain digits."""
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    if type(value) is Decimal and value.is_finite():
        return format(value, "f")
    raise wrong(f"{kind_of(value)} is no text")


def whole(value: Any) -> int:
    """A whole number from text, number or Decimal."""
    if type(value) is int:
        return value
    if type(value) is str and _INT.fullmatch(value):
        return int(value)
    if type(value) is Decimal and value.is_finite() and value == value.to_integral_value():
        return int(value)
    raise wrong(f"{kind_of(value)} that is no whole number")


def boolean(value: Any) -> bool:
    """true/false from true, 1, Y and false, 0, N; nothing else."""
    if type(value) is bool:
        return value
    word = str(value) if type(value) is int else value
    if type(word) is str and (word in _TRUE or word in _FALSE):
        return word in _TRUE
    raise wrong(f"{kind_of(value)} that is neither true nor false")


def negated(value: Any) -> bool:
    if type(value) is not bool:
        raise wrong(f"{kind_of(value)} is neither true nor false")
    return not value


def _text_only(value: Any) -> str:
    if type(value) is str:
        return value
    raise wrong(f"{kind_of(value)} is no text")


def _list_only(value: Any) -> list[Any]:
    if type(value) is list:
        return value
    raise wrong(f"{kind_of(value)} is no list")


def first(value: Any) -> Any:
    if not _list_only(value):
        raise Absent("E-MAP-MISSING", detail="the list is empty")
    return value[0]


def filled(value: Any) -> Any:
    """Empty text and empty list count as missing, so that `else` and `optional` see them."""
    if value == "" or value == []:
        raise Absent("E-MAP-MISSING", detail="the value is empty")
    return value


def as_list(value: Any) -> list[Any]:
    """A list as it is; one object or value as a list of one (XML cannot tell the two)."""
    return value if type(value) is list else [value]


def json_text(value: Any) -> str:
    """Compact JSON, keys in order, Chinese as it is, Decimals digit for digit."""
    if type(value) is dict:
        return "{" + ",".join(f"{json_text(str(key))}:{json_text(item)}" for key, item in value.items()) + "}"
    if type(value) is list:
        return "[" + ",".join(map(json_text, value)) + "]"
    if type(value) is Decimal and value.is_finite():
        return format(value, "f")
    if value is None or type(value) in (str, int, bool):
        return json.dumps(value, ensure_ascii=False)
    raise wrong(f"{kind_of(value)} has no JSON form")


def _sha256(value: Any) -> str:
    return hashlib.sha256(_text_only(value).encode()).hexdigest()


def _joined(args: list[str]) -> Filter:
    between = args[0]
    return lambda value: between.join([text(item) for item in _list_only(value)])


def _left(args: list[str]) -> Filter:
    size = _count_of(args[0], 10_000)
    return lambda value: text(value)[:size]


def _right(args: list[str]) -> Filter:
    size = _count_of(args[0], 10_000)
    return lambda value: text(value)[-size:]


def _pad(args: list[str]) -> Filter:
    size = _count_of(args[0], 100)
    fill = args[1] if len(args) == 2 else "0"
    if len(fill) != 1:
        raise BadArgument("补位字符只能有一个", "the fill is one character")

    def pad(value: Any) -> str:
        made = text(value)
        if len(made) > size:
            raise wrong(f"the text has more than {size} characters")
        return made.rjust(size, fill)

    return pad


def _date(args: list[str]) -> Filter:
    if len(args) not in (1, 3) or (len(args) == 3 and args[1] != "from"):
        raise BadArgument("写成 date 形式 [from 形式]", "write date FORM [from FORM]")
    try:
        write = writer(args[0])
        read = reader(args[2]) if len(args) == 3 else moment_of
    except BadForm as bad:
        raise _bad_form(bad) from None
    remembered = lru_cache(maxsize=CACHED)(lambda value: write(read(value)))
    return lambda value: remembered(value) if type(value) is str else write(read(value))


def _instant(args: list[str]) -> Filter:
    try:
        read = reader(args[0])
    except BadForm as bad:
        raise _bad_form(bad) from None
    return lambda value: int(read(value).timestamp() // 1)


def _bad_form(bad: BadForm) -> BadArgument:
    return BadArgument(
        f"不认识的日期形式 {bad}（用 %Y %m %d %H %M %S，或 rfc3339、unix、unix_ms）",
        f"{bad} is no form of date (use %Y %m %d %H %M %S, or rfc3339, unix, unix_ms)",
        bad.meant,
    )


def _count_of(argument: str, most: int, at_least: int = 1) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", argument, re.ASCII) or not at_least <= int(argument) <= most:
        raise BadArgument(f"应写 {at_least} 到 {most} 的整数", f"a whole number from {at_least} to {most} is needed")
    return int(argument)


def _plain(function: Filter) -> Callable[[list[str]], Filter]:
    return lambda args: function


def _taking(least: int, most: int, build: Callable[[list[str]], Filter]) -> Callable[[list[str]], Filter]:
    def check(args: list[str]) -> Filter:
        if not least <= len(args) <= most:
            wants = str(least) if least == most else f"{least}–{most}"
            raise BadArgument(f"要 {wants} 个参数，给了 {len(args)} 个", f"{wants} arguments needed, {len(args)} given")
        return build(args)

    return check


def _spec(name: str, usage: str, zh: str, en: str, build: Callable[[list[str]], Filter]) -> FilterSpec:
    return FilterSpec(name, usage, zh, en, build)


def _none(function: Filter) -> Callable[[list[str]], Filter]:
    return _taking(0, 0, _plain(function))


FILTERS: dict[str, FilterSpec] = {
    row.name: row
    for row in (
        _spec("yuan", "yuan", "分 → 元，两位小数的文字", 'fen → yuan as text "12.34"', _none(yuan)),
        _spec("yuan_number", "yuan_number", "分 → 元，两位小数的数", "fen → yuan as a number with two places",
              _none(yuan_number)),
        _spec("fen_of_yuan", "fen_of_yuan", "元（文字或数）→ 分", "yuan (text or number) → fen", _none(_fen_of_yuan)),
        _spec("fen_of_fen", "fen_of_fen", "分（文字或数）→ 分", "fen (text or number) → fen", _none(_fen)),
        _spec("fen", "fen", "同 fen_of_fen：来源已经是分", "the same as fen_of_fen: the source is in fen", _none(_fen)),
        _spec("decimal", "decimal N [rounded]", "N 位小数的数；位数更多时拒绝，除非写 rounded",
              "number with N places; more places are refused unless rounded", _taking(1, 2, _decimal)),
        _spec("text", "text", "数 → 文字", "number → text", _none(text)),
        _spec("int", "int", "文字 → 整数", "text → whole number", _none(whole)),
        _spec("bool", "bool", "true/1/Y、false/0/N → 真假", "true/1/Y, false/0/N → true/false", _none(boolean)),
        _spec("not", "not", "真假取反", "true ↔ false", _none(negated)),
        _spec("upper", "upper", "大写", "capitals", _none(lambda value: _text_only(value).upper())),
        _spec("lower", "lower", "小写", "small letters", _none(lambda value: _text_only(value).lower())),
        _spec("trim", "trim", "去掉首尾空白", "without blanks at both ends",
              _none(lambda value: _text_only(value).strip())),
        _spec("left", "left N", "前 N 个字符", "the first N characters", _taking(1, 1, _left)),
        _spec("right", "right N", "后 N 个字符", "the last N characters", _taking(1, 1, _right)),
        _spec("pad", "pad N [字符]", "左侧补到 N 位，默认补 0", "filled up on the left to N characters, with 0",
              _taking(1, 2, _pad)),
        _spec("date", "date FORM [from FORM]", "时刻或文字 → 北京时间文字", "instant or text → Beijing time as text",
              _taking(1, 3, _date)),
        _spec("instant", "instant FORM", "北京时间文字 → 秒", "Beijing time as text → unix seconds",
              _taking(1, 1, _instant)),
        _spec("join", "join SEP", "列表连成一段文字", "a list as one text", _taking(1, 1, _joined)),
        _spec("first", "first", "列表第一项", "the first item", _none(first)),
        _spec("count", "count", "列表项数", "the number of items", _none(lambda value: len(_list_only(value)))),
        _spec("list", "list", "不是列表时作为一项的列表", "a list of one unless it is a list", _none(as_list)),
        _spec("filled", "filled", "空文字、空列表算缺少", "empty counts as missing", _none(filled)),
        _spec("json", "json", "JSON 文字", "as JSON text", _none(json_text)),
        _spec("sha256", "sha256", "SHA-256，小写十六进制", "SHA-256 in small hexadecimal", _none(_sha256)),
    )
}  # fmt: skip

# these need more than the value: the names, a table, or the way on when there is no value (sources.py)
SPECIAL: dict[str, tuple[str, str, str]] = {
    "else": ("else VALUE | else reject CODE", "没有时用这个值，或者以代码拒绝", "when missing: this value, or refuse"),
    "optional": ("optional", "没有时不写这一行", "when missing, the row is left out"),
    "or_null": ("or_null", "没有时不写；对方写明删除（HL7 的 \"\"）时写 null",
                "left out when missing; null when the sender deletes it (HL7's \"\")"),
    "table": ("table NAME.COLUMN [with PATH …] [at PATH]", "查代码表", "look up in a code table"),
    "concat": ("concat PATH", "后面接上另一个值", "with another value behind it"),
}
