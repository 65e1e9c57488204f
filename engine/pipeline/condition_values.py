"""Values as conditions see them, and our own functions over them. The one place that says what CEL cannot take.

CEL knows text, 64-bit whole numbers, true/false, null, lists and maps. It has no decimals: a Decimal that is a whole
number becomes an int, any other is refused, since the nearest binary float would compare wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from engine.core.money import BadAmount, fen_of_yuan

Names = Mapping[str, Any]
Getter = Callable[[Names], Any]
MOST = 2**63


class Fault(Exception):
    """A part of a condition has no value; CEL lets `&&` and `||` go on when the other side decides."""


def known(value: Any, path: str) -> Any:
    """The value as CEL takes it, a scalar checked, a list or dict unchanged; Fault when it cannot."""
    kind = type(value)
    if kind is str or kind is bool or value is None or kind is dict or kind is list:
        return value
    if kind is int:
        if -MOST <= value < MOST:
            return value
        raise Fault(f"{path} is a number of more than 64 bits")
    if kind is Decimal:
        if value.is_finite() and value == value.to_integral_value():
            return known(int(value), path)
        raise Fault(f"{path} is the decimal {value}: conditions compare whole numbers (fen), never decimals")
    raise Fault(f"{path} is a {kind.__name__}, which conditions cannot read")


def deep(value: Any, path: str) -> Any:
    """The same for a whole list or dict, copied."""
    if type(value) is list:
        return [deep(item, f"{path}[{i}]") for i, item in enumerate(value)]
    if type(value) is dict:
        return {key: deep(item, f"{path}.{key}") for key, item in value.items()}
    return known(value, path)


def same(left: Any, right: Any) -> bool:
    """CEL's `==` on known values: text, number, true/false and null never equal one another."""
    kind = type(left)
    if kind is list and type(right) is list:
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    if kind is dict and type(right) is dict:
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    return kind is type(right) and bool(left == right)


def getter(names: list[str]) -> Getter:
    """A function that reads a dotted path from the names; Fault names the step that is missing."""
    path = ".".join(names)

    def missing(data: Names) -> Fault:
        here: Any = data
        for depth, name in enumerate(names):
            if depth and type(here) is not dict:
                return Fault(f"{'.'.join(names[:depth])} is not an object, so it has no {name}")
            if name not in here:
                return Fault(f"{'.'.join(names[: depth + 1])} is missing")
            here = here[name]
        return Fault(f"{path} cannot be read")

    first = names[0]
    rest = names[1:]

    if len(names) == 1:

        def read(data: Names) -> Any:
            if first not in data:
                raise missing(data)
            value = data[first]
            return value if type(value) is str or type(value) is bool else known(value, path)

    elif len(names) == 2:
        second = names[1]

        def read(data: Names) -> Any:
            try:
                value = data[first][second]
            except (KeyError, TypeError):
                raise missing(data) from None
            return value if type(value) is str or type(value) is bool else known(value, path)

    else:

        def read(data: Names) -> Any:
            try:
                value = data[first]
                for name in rest:
                    value = value[name]
            except (KeyError, TypeError):
                raise missing(data) from None
            return value if type(value) is str or type(value) is bool else known(value, path)

    return read


def has(data: Names, read: Getter, name: str) -> bool:
    """CEL's `has(parent.name)`: the parent must be there and be an object."""
    parent = read(data)
    if type(parent) is not dict:
        raise Fault(f"has(….{name}) asks something that is not an object")
    return name in parent


def present(data: Names, names: list[str]) -> bool:
    """True when the whole path is there and is neither null nor empty text. Never a Fault."""
    here: Any = data
    for depth, name in enumerate(names):
        if (depth and type(here) is not dict) or name not in here:
            return False
        here = here[name]
    return here is not None and here != ""


def size_of(value: Any) -> int:
    """Items of a list, entries of an object, characters of a text (the CEL library counts bytes)."""
    if isinstance(value, str | list | dict):
        return len(value)
    raise Fault("size() takes a list, an object or a text")


def count(value: Any) -> int:
    """Items of a list, nothing else."""
    if isinstance(value, list):
        return len(value)
    raise Fault("count() takes a list")


def sum_of(value: Any, path: Any) -> int:
    """The sum of a field over a list; whole numbers (fen) only. `a.b` goes into objects and lists below."""
    total = 0
    for item in _each(value, path):
        number = known(item, str(path))
        if type(number) is not int:
            raise Fault(f"sum_of(…, '{path}') met something that is not a whole number of fen")
        total += number
    return int(known(total, "the sum"))


def sum_of_yuan(value: Any, path: Any) -> int:
    """The sum, in fen, of a field written in yuan over a list."""
    return int(known(sum(yuan(item) for item in _each(value, path)), "the sum"))


def yuan(value: Any) -> int:
    """Fen of an amount written in yuan (text, number)."""
    try:
        return fen_of_yuan(value)
    except BadAmount as bad:
        raise Fault(str(bad)) from None


def _each(value: Any, path: Any) -> list[Any]:
    if not isinstance(value, list) or not isinstance(path, str):
        raise Fault("a sum takes a list and the name of a field in quotes")
    found = value
    for name in path.split("."):
        below: list[Any] = []
        for item in found:
            if not isinstance(item, dict) or name not in item:
                raise Fault(f"an item has no {name}")
            inner = item[name]
            below.extend(inner) if isinstance(inner, list) else below.append(inner)
        found = below
    return found


OWN: dict[str, Callable[..., Any]] = {
    "size": size_of,
    "count": count,
    "sum_of": sum_of,
    "sum_of_yuan": sum_of_yuan,
    "fen_of_yuan": yuan,
}
