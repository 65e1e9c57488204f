"""What a field of an answer must look like, written in a few words, and whether it does.

    text 30 · text 1..30 · code 0 1 2 · yuan · fen · whole · number 4 · time yyyy-MM-dd HH:mm:ss · list · object · any
    `= VALUE` must be that, also behind a form (`fen = 1`). `optional` at the end: it may be missing, null or empty.
    A field of rows, `rows[].x`, that must be there needs a row at least.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Tree = Any
_TIMES = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_YUAN = re.compile(r"-?\d{1,12}\.\d{2}", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as it should be. `kind`: missing, type, length, code, form, value."""

    field: str
    kind: str
    expected: str
    got: str

    def public(self) -> dict[str, str]:
        return {"field": self.field, "kind": self.kind, "expected": self.expected, "got": self.got}


@dataclass(frozen=True, slots=True)
class Form:
    """One field's form. `said` is how it is written in the list."""

    said: str
    kind: str
    arguments: tuple[str, ...]
    optional: bool
    same: tuple[str, ...] | None = None  # the value it must be, besides its form

    def wrong(self, value: Any) -> tuple[str, str] | None:
        """(kind of difference, what was found), None when the value has this form."""
        found = _KINDS[self.kind](value, self.arguments)
        return found if found is not None or self.same is None else _same(value, self.same)


def form_of(text: str) -> Form:
    """Read a form; ValueError for one nobody knows."""
    words = text.split()
    optional = bool(words) and words[-1] == "optional"
    if optional:
        words.pop()
    if not words or words[0] not in _KINDS:
        raise ValueError(f"no such form: {text!r}; there are {', '.join(_KINDS)}")
    same = tuple(words[words.index("=", 1) + 1 :]) if "=" in words[1:] else None
    form = words if same is None else words[: words.index("=", 1)]
    return Form(text, words[0], tuple(form[1:]), optional, same)


def differences(body: Tree, forms: Mapping[str, Form]) -> list[Difference]:
    """Every field that differs. `a.b` is a path, `rows[].x` each row's x."""
    found: list[Difference] = []
    for path, form in forms.items():
        for place, value in _at(body, path):
            if value is None or value == "":
                if not form.optional:
                    found.append(Difference(place, "missing", form.said, "null" if value is None else '""'))
                continue
            if value is _ABSENT or value is _NO_ROWS:
                if not form.optional:
                    found.append(Difference(place, "missing", form.said, "–" if value is _ABSENT else "[]"))
                continue
            if (wrong := form.wrong(value)) is not None:
                found.append(Difference(place, wrong[0], form.said, wrong[1]))
    return found


class _Absent:
    """Stands for what is not there at all."""


_ABSENT, _NO_ROWS = _Absent(), _Absent()


def _at(body: Tree, path: str) -> Iterator[tuple[str, Any]]:
    """The places a path names, each with its value."""
    head, _, rest = path.partition(".")
    name, each = (head[:-2], True) if head.endswith("[]") else (head, False)
    value = body.get(name, _ABSENT) if isinstance(body, dict) else _ABSENT
    if not each:
        if rest and value is not None and value is not _ABSENT:
            yield from ((f"{name}.{place}", found) for place, found in _at(value, rest))
        else:
            yield path if rest else name, value
        return
    if not isinstance(value, list):
        yield path, value if value is _ABSENT or value is None else _NotAList()
        return
    if not value and rest:
        yield path, _NO_ROWS
    for at, row in enumerate(value):
        if rest:
            yield from ((f"{name}[{at}].{place}", found) for place, found in _at(row, rest))
        else:
            yield f"{name}[{at}]", row


class _NotAList:
    """A value where rows should be."""

    def __repr__(self) -> str:
        return "not a list"


def _shown(value: Any) -> str:
    return str(value)[:80]


def _text(value: Any, arguments: tuple[str, ...]) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return "type", f"{_type(value)} {_shown(value)}"
    low, _, high = (arguments[0] if arguments else "").rpartition("..")
    if low and len(value) < int(low):
        return "length", f"{len(value)}"
    if high and len(value) > int(high):
        return "length", f"{len(value)}"
    return None


def _code(value: Any, arguments: tuple[str, ...]) -> tuple[str, str] | None:
    if not isinstance(value, str | int) or isinstance(value, bool):
        return "type", f"{_type(value)} {_shown(value)}"
    return None if str(value) in arguments else ("code", _shown(value))


def _matched(pattern: re.Pattern[str]) -> Callable[[Any, tuple[str, ...]], tuple[str, str] | None]:
    def check(value: Any, arguments: tuple[str, ...]) -> tuple[str, str] | None:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            return "type", f"{_type(value)} {_shown(value)}"
        return None if pattern.fullmatch(str(value)) else ("form", _shown(value))

    return check


def _fen(value: Any, arguments: tuple[str, ...]) -> tuple[str, str] | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return "type", f"{_type(value)} {_shown(value)}"
    return None


def _number(value: Any, arguments: tuple[str, ...]) -> tuple[str, str] | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return "type", f"{_type(value)} {_shown(value)}"
    try:
        exponent = Decimal(str(value)).as_tuple().exponent
    except InvalidOperation:
        return "form", _shown(value)
    places = int(arguments[0]) if arguments else 0
    return None if isinstance(exponent, int) and -exponent <= places else ("form", _shown(value))


def _time(value: Any, arguments: tuple[str, ...]) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return "type", f"{_type(value)} {_shown(value)}"
    form = " ".join(arguments)
    if form == "rfc3339":
        try:
            return None if datetime.fromisoformat(value).tzinfo is not None else ("form", value)
        except ValueError:
            return "form", _shown(value)
    written = form
    for ours, theirs in _TIMES.items():
        written = written.replace(ours, theirs)
    year = ("", "") if "%Y" in written else ("2000 ", "%Y ")  # without its year a day may be the 29th of February
    try:
        datetime.strptime(year[0] + value[: len(form)], year[1] + written)  # noqa: DTZ007 - only the form is judged
    except ValueError:
        return "form", _shown(value)
    return None if len(value) == len(form) else ("form", _shown(value))


def _list(value: Any, arguments: tuple[str, ...]) -> tuple[str, str] | None:
    return None if isinstance(value, list) else ("type", f"{_type(value)} {_shown(value)}")


def _object(value: Any, arguments: tuple[str, ...]) -> tuple[str, str] | None:
    return None if isinstance(value, dict) else ("type", f"{_type(value)} {_shown(value)}")


def _same(value: Any, arguments: tuple[str, ...]) -> tuple[str, str] | None:
    return None if str(value) == " ".join(arguments) else ("value", _shown(value))


def _any(value: Any, arguments: tuple[str, ...]) -> tuple[str, str] | None:
    return None


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return {str: "text", int: "number", Decimal: "number", list: "list", dict: "object"}.get(type(value), "other")


_KINDS: Mapping[str, Callable[[Any, tuple[str, ...]], tuple[str, str] | None]] = {
    "text": _text, "code": _code, "yuan": _matched(_YUAN), "whole": _matched(_WHOLE), "fen": _fen, "number": _number,
    "time": _time, "list": _list, "object": _object, "any": _any, "=": _same,
}  # fmt: skip
