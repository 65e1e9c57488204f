"""Plain conditions as Python closures: comparisons of paths, literals and sums with && || ! and brackets.

They run on the path of every settlement, so they answer in about a microsecond where CEL's library takes
eight. The meaning is CEL's to the letter, a property test compares the two; anything else is left to CEL.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import cel

from engine.pipeline.condition_text import Token, is_path, plain_text
from engine.pipeline.condition_values import MOST, OWN, Fault, Getter, Names, getter, has, known, present, same

_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}
# words CEL keeps for itself: left to the library, which names them in its refusal
_RESERVED = frozenset({
    *("in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop"),
    *("package", "namespace", "return", "var", "void", "while"),
})  # fmt: skip


class NotPlain(Exception):
    """The text needs the full language."""


def plain_condition(tokens: list[Token]) -> Getter:
    """The closure of a plain condition; NotPlain when it is not one. The text must already be valid CEL."""
    reading = _Reading(tokens)
    run = reading.either()
    if reading.at != len(tokens):
        raise NotPlain
    return run


def own_call(tokens: list[Token], at: int) -> tuple[Getter, int] | None:
    """A call of one of our functions on a plain path (`sum_of(his.bill.items, 'amount')`) that begins at token
    `at`: its closure and the index after it, so that no list is handed to CEL for it."""
    reading = _Reading(tokens)
    reading.at = at
    try:
        return reading.call(), reading.at
    except NotPlain:
        return None


class _Reading:
    """Recursive descent; every method returns a closure over the names."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        i = self.at + ahead
        return self.tokens[i].text if i < len(self.tokens) else ""

    def take(self, text: str) -> bool:
        if self.peek() != text:
            return False
        self.at += 1
        return True

    def must(self, text: str) -> None:
        if not self.take(text):
            raise NotPlain

    def either(self) -> Getter:
        run = self.both()
        while self.take("||"):
            run = _joined(run, self.both(), True)
        return run

    def both(self) -> Getter:
        run = self.relation()
        while self.take("&&"):
            run = _joined(run, self.relation(), False)
        return run

    def relation(self) -> Getter:
        run = self.sum()
        while (sign := self.peek()) in _ORDER or sign in ("==", "!=", "in"):
            self.at += 1
            run = _one_of(run, self.literals()) if sign == "in" else _compared(run, sign, self.sum())
        return run

    def sum(self) -> Getter:
        run = self.member()
        while self.take("+"):
            run = _added(run, self.member())
        return run

    def member(self) -> Getter:
        turns = 0
        while self.take("!"):
            turns += 1
        run = self.primary()
        if turns > 1:
            raise NotPlain  # CEL's library drops a pair of `!` without asking what it stands before
        return _negated(run) if turns else run

    def primary(self) -> Getter:
        if self.take("("):
            run = self.either()
            self.must(")")
            return run
        token = self.tokens[self.at] if self.at < len(self.tokens) else Token("other", "", 0)
        if token.kind == "word" and token.text not in _CONSTANTS:
            return self.call() if self.peek(1) == "(" else self.path()
        value = self.literal()
        return lambda _: value

    def literal(self) -> Any:
        minus = self.take("-")
        token = self.tokens[self.at] if self.at < len(self.tokens) else Token("other", "", 0)
        self.at += 1
        if token.kind == "number" and token.text.isdigit() and int(token.text) < MOST:
            return -int(token.text) if minus else int(token.text)
        if not minus and token.text in _CONSTANTS:
            return _CONSTANTS[token.text]
        text = plain_text(token)
        if minus or text is None:
            raise NotPlain
        return text

    def literals(self) -> list[Any]:
        self.must("[")
        found = []
        while not self.take("]"):
            found.append(self.literal())
            if not self.take(",") and self.peek() != "]":
                raise NotPlain
        return found

    def names(self) -> list[str]:
        found: list[str] = []
        while not found or self.take("."):
            token = self.tokens[self.at] if self.at < len(self.tokens) else Token("other", "", 0)
            if token.kind != "word" or token.text in _CONSTANTS or (not found and token.text in _RESERVED):
                raise NotPlain
            found.append(token.text)
            self.at += 1
        return found

    def path(self) -> Getter:
        names = self.names()
        if self.peek() != "(":
            return getter(names)
        if names[-1] in _QUANTIFIERS and len(names) > 1:
            return self.quantified(names[-1], getter(names[:-1]))
        if names[-1] == "matches" and len(names) > 1:
            return self.matching(getter(names[:-1]))
        if names[-1] != "size" or len(names) == 1 or self.peek(1) != ")":
            raise NotPlain
        self.at += 2
        return _applied(OWN["size"], getter(names[:-1]), ())

    def matching(self, read: Getter) -> Getter:
        """`text.matches('…')`: the pattern is CEL's own, so its library looks at this one text."""
        pattern = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else Token("other", "", 0)
        if plain_text(pattern) is None or self.peek(2) != ")":
            raise NotPlain
        self.at += 3
        return _matched(read, cel.compile(f"text.matches({pattern.text})"))

    def quantified(self, word: str, items: Getter) -> Getter:
        """`list.exists(row, …)`: what stands in the brackets is read once for each item, under the item's name."""
        self.must("(")
        name = self.tokens[self.at] if self.at < len(self.tokens) else Token("other", "", 0)
        if name.kind != "word" or name.text in _CONSTANTS or name.text in _RESERVED:
            raise NotPlain
        self.at += 1
        self.must(",")
        holds = self.either()
        self.must(")")
        return _QUANTIFIERS[word](items, name.text, holds)

    def call(self) -> Getter:
        function = self.tokens[self.at]
        if function.kind != "word" or self.peek(1) != "(":
            raise NotPlain
        self.at += 2
        if function.text == "present":
            inner = plain_text(self.tokens[self.at]) if self.at < len(self.tokens) else None
            if inner is None or not is_path(inner):
                raise NotPlain
            self.at += 1
            self.must(")")
            asked = inner.split(".")
            return lambda data: present(data, asked)
        names = self.names()
        if function.text == "has":
            self.must(")")
            if len(names) < 2:
                raise NotPlain
            parent, last = getter(names[:-1]), names[-1]
            return lambda data: has(data, parent, last)
        if function.text not in OWN:
            raise NotPlain
        extra = (self.literal(),) if self.take(",") else ()
        self.must(")")
        if len(extra) != (function.text in ("sum_of", "sum_of_yuan")):
            raise NotPlain
        return _applied(OWN[function.text], getter(names), extra)


def _applied(function: Callable[..., Any], read: Getter, extra: tuple[Any, ...]) -> Getter:
    return lambda data: function(read(data), *extra)


def _matched(read: Getter, program: Any) -> Getter:
    @lru_cache(maxsize=512)  # the library prepares the pattern anew each time, and codes of a kind come again
    def holds(text: str) -> bool:
        try:
            return bool(program.execute({"text": text}))
        except (ValueError, RuntimeError) as bad:
            raise Fault(f"matches: {bad}"[:160]) from None

    def matched(data: Names) -> bool:
        text = read(data)
        if type(text) is not str:
            raise Fault(f"matches looks at a text, not {_kind(text)}")
        return holds(text)

    return matched


def _each(read: Getter, data: Names) -> list[Any]:
    items = read(data)
    if type(items) is dict:
        return [*items]  # CEL walks the names of an object
    if type(items) is not list:
        raise Fault("exists, exists_one and all look through a list")
    return items


def _decided(items: Getter, name: str, holds: Getter, decides: bool) -> Getter:
    """`exists` (decides: True) and `all` (False): one item that decides wins even when others have no value."""

    def run(data: Names) -> bool:
        fault: Fault | None = None
        inner = dict(data)
        for item in _each(items, data):
            inner[name] = item
            try:
                found = holds(inner)
            except Fault as bad:
                fault = fault or bad
                continue
            if found is decides:
                return bool(decides)
            if type(found) is not bool:
                fault = fault or Fault("what is asked of each item is neither true nor false")
        if fault is not None:
            raise fault
        return not decides

    return run


def _one(items: Getter, name: str, holds: Getter) -> Getter:
    """`exists_one`: exactly one item; every item must have a value."""

    def run(data: Names) -> bool:
        found = 0
        inner = dict(data)
        for item in _each(items, data):
            inner[name] = item
            value = holds(inner)
            if type(value) is not bool:
                raise Fault("what is asked of each item is neither true nor false")
            found += value
        return found == 1

    return run


_QUANTIFIERS: dict[str, Callable[[Getter, str, Getter], Getter]] = {
    "exists": lambda items, name, holds: _decided(items, name, holds, True),
    "all": lambda items, name, holds: _decided(items, name, holds, False),
    "exists_one": _one,
}


def _joined(left: Getter, right: Getter, decides: bool) -> Getter:
    """`||` (decides: True) and `&&` (False): a side that decides wins even when the other has no value."""

    def run(data: Names) -> bool:
        try:
            first = left(data)
        except Fault:
            if _settled(right, data, decides):
                return bool(decides)
            raise
        if first is decides:
            return bool(decides)
        second = right(data)
        if second is decides:
            return bool(decides)
        if type(first) is not bool or type(second) is not bool:
            raise Fault(f"a side of {'||' if decides else '&&'} is neither true nor false")
        return not decides

    return run


def _settled(run: Getter, data: Names, decides: bool) -> bool:
    try:
        return run(data) is decides
    except Fault:
        return False


def _negated(run: Getter) -> Getter:
    def negated(data: Names) -> bool:
        value = run(data)
        if type(value) is not bool:
            raise Fault("! stands before something that is neither true nor false")
        return not value

    return negated


def _added(left: Getter, right: Getter) -> Getter:
    def added(data: Names) -> Any:
        a, b = left(data), right(data)
        kind = type(a)
        if kind is not type(b) or not (kind is int or kind is str or kind is list):
            raise Fault(f"+ adds two numbers, two texts or two lists, not {_kind(a)} and {_kind(b)}")
        return known(a + b, "the sum")

    return added


def _compared(left: Getter, sign: str, right: Getter) -> Getter:
    if sign in ("==", "!="):
        wanted = sign == "=="

        def equal(data: Names) -> bool:
            a, b = left(data), right(data)
            if type(a) is str and type(b) is str:
                return bool(a == b) is wanted
            return same(a, b) is wanted

        return equal
    order = _ORDER[sign]

    def ordered(data: Names) -> bool:
        a, b = left(data), right(data)
        kind = type(a)
        if kind is not type(b) or not (kind is int or kind is str or kind is bool):
            raise Fault(f"{sign} compares two numbers or two texts, not {_kind(a)} with {_kind(b)}")
        return bool(order(a, b))

    return ordered


def _one_of(run: Getter, choices: list[Any]) -> Getter:
    def one_of(data: Names) -> bool:
        value = run(data)
        return any(same(value, choice) for choice in choices)

    return one_of


_KINDS = {str: "a text", int: "a number", bool: "true/false", type(None): "null", list: "a list", dict: "an object"}


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "something else")
