"""Conditions: CEL, compiled at load, true or false at work, and nothing in between.

A condition that cannot be decided (a missing name, two kinds that do not compare, a result that is no
true/false) raises ConditionFailed with the expression and its place. It never counts as false in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cel

import engine.pipeline.codes_condition  # noqa: F401 - declares the codes used here
from engine.config.problems import Mark, Problem, nearest, problem
from engine.pipeline.condition_plain import NotPlain, own_call, plain_condition
from engine.pipeline.condition_text import ITEMS, Need, Token, bound_names, needs_of, tokens_of
from engine.pipeline.condition_values import OWN, Fault, Getter, Names, deep
from engine.pipeline.places import within

FUNCTIONS = frozenset({
    *("size", "has", "exists", "all", "exists_one", "map", "filter", "startsWith", "endsWith", "contains"),
    *("matches", "int", "string", "type", "sum_of", "sum_of_yuan", "fen_of_yuan", "count", "present"),
})  # fmt: skip
_MOST_CHARACTERS = 4000
_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")
_MEANT = {"=": "==", "and": "&&", "AND": "&&", "or": "||", "OR": "||", "not": "!", "NOT": "!", "&": "&&", "|": "||"}


class ConditionFailed(Exception):
    """A condition that could not be decided; `detail` says why, in words free of patients' data where possible."""

    def __init__(self, text: str, mark: Mark, detail: str) -> None:
        super().__init__(f"{mark.file}:{mark.line}:{mark.col}: {text}: {detail}")
        self.text = text
        self.mark = mark
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition at its place. `roots`: the names it reads; `paths`: the dotted paths below them (`[]` stands
    for the items of a list); `needs` the same as a tree."""

    text: str
    mark: Mark
    roots: frozenset[str]
    paths: frozenset[str]
    needs: Need
    plain: bool
    _offsets: dict[str, int]
    _run: Getter

    def test(self, names: Names) -> bool:
        """True or false over the names; ConditionFailed when it cannot be decided."""
        try:
            result = self._run(names)
        except Fault as fault:
            raise ConditionFailed(self.text, self.mark, str(fault)) from None
        if result is True or result is False:
            return bool(result)
        raise ConditionFailed(self.text, self.mark, f"the result is a {type(result).__name__}, not true or false")

    def place(self, path: str) -> Mark:
        """Where a path (or the longest beginning of it) is named."""
        for known, offset in self._offsets.items():
            if path == known or path.startswith((known + ".", known + ITEMS)):
                return within(self.mark, self.text, offset, len(known))
        return self.mark


@dataclass(frozen=True, slots=True)
class _Core:
    needs: Need
    offsets: dict[str, int]
    run: Getter
    plain: bool


@dataclass(frozen=True, slots=True)
class _Wrong:
    """Why a text is no condition: a code, an offset and a width in characters, a hint and the code's values."""

    code: str
    offset: int
    width: int
    hint: str
    values: tuple[tuple[str, str], ...]


def compile_condition(text: str, mark: Mark) -> Condition | Problem:
    """The condition of a text found at `mark` (the mark of its YAML scalar), or the problem at its exact place."""
    core = _core(text)
    if isinstance(core, _Wrong):
        where = within(mark, text, core.offset, core.width)
        return problem(core.code, where, hint=core.hint, **dict(core.values))
    paths = frozenset(path for path, _ in core.needs.paths())
    roots = frozenset(core.needs.parts)
    return Condition(text, mark, roots, paths, core.needs, core.plain, core.offsets, core.run)


@lru_cache(maxsize=4096)
def _core(text: str) -> _Core | _Wrong:
    if len(text) > _MOST_CHARACTERS:
        return _Wrong("E601", 0, 1, "", (("detail", f"longer than {_MOST_CHARACTERS} characters"),))
    tokens = tokens_of(text)
    try:
        program = cel.compile(text)
    except ValueError as bad:
        return _refused(text, tokens, str(bad))
    for token in tokens:
        if token.kind == "float":
            return _Wrong("E603", token.at, len(token.text), "", (("number", token.text),))
    for i, token in enumerate(tokens[:-1]):
        if token.kind == "word" and tokens[i + 1].text == "(" and token.text not in FUNCTIONS:
            hint = nearest(token.text, FUNCTIONS)
            return _Wrong("E602", token.at, len(token.text), hint, (("name", token.text),))
        if token.text == "matches" and tokens[i + 1].text == "(" and i + 2 < len(tokens):
            why = _bad_pattern(tokens[i + 2])
            if why:
                return _Wrong("E601", tokens[i + 2].at, len(tokens[i + 2].text), "", (("detail", why),))
    needs, offsets = needs_of(tokens)
    try:
        return _Core(needs, offsets, plain_condition(tokens), plain=True)
    except NotPlain:
        return _Core(needs, offsets, _by_library(text, tokens, program), plain=False)


def _bad_pattern(token: Token) -> str:
    """Why a written pattern is none; "" when it is good, or no text at all."""
    if token.kind != "text":
        return ""
    try:
        cel.compile(f"''.matches({token.text})").execute({})
    except (ValueError, RuntimeError) as bad:
        return str(bad).strip().splitlines()[-1][:160]
    return ""


def _refused(text: str, tokens: list[Token], message: str) -> _Wrong:
    for i, token in enumerate(tokens):  # the usual slips, before the parser's own words
        word = _MEANT.get(token.text)
        if word and token.kind != "text" and (i == 0 or tokens[i - 1].text != "."):
            return _Wrong("E601", token.at, len(token.text), word, (("detail", f"unexpected {token.text}"),))
        if token.kind == "other" and token.text in _MEANT:
            return _Wrong("E601", token.at, 1, _MEANT[token.text], (("detail", f"unexpected {token.text}"),))
    match = _ERROR.search(message)
    if match is None:
        return _Wrong("E601", 0, 1, "", (("detail", message[:160]),))
    line, col, detail = int(match.group(1)), int(match.group(2)), match.group(3)
    before = text.split("\n")[: line - 1]
    offset = sum(len(part) + 1 for part in before) + col - 1
    return _Wrong("E601", offset, 1, "", (("detail", detail.split(" expecting ")[0]),))


def _by_library(text: str, tokens: list[Token], program: Any) -> Getter:
    """CEL's own evaluation over a small copy of what the condition names.

    Calls of our functions on plain paths are computed here and handed over as numbers; `size` elsewhere is
    replaced by ours, since the library counts a text's bytes."""
    source, given = _rewritten(text, tokens)
    if source != text:
        program = cel.compile(source)
    needs, _ = needs_of(tokens_of(source))
    parts = [(name, below) for name, below in needs.parts.items() if not name.startswith(_GIVEN)]
    functions = {f"{_OWN}{name}": _guarded(function) for name, function in OWN.items()}
    used = {name: function for name, function in functions.items() if name in source}

    def run(names: Names) -> Any:
        context: dict[str, Any] = dict(used)
        for name, below in parts:
            if name in names:
                context[name] = _pruned(names[name], below, name)
        fault = None
        for name, compute in given:
            try:
                context[name] = compute(names)
            except Fault as bad:
                fault = fault or bad  # only an error when nothing else decides, as in CEL
        try:
            return program.execute(context)
        except (ValueError, TypeError, KeyError, IndexError, RuntimeError, OverflowError) as bad:
            raise fault or Fault(_library_words(bad)) from None

    return run


_GIVEN = "__given_"
_OWN = "__own_"


def _rewritten(text: str, tokens: list[Token]) -> tuple[str, list[tuple[str, Getter]]]:
    bound = bound_names(tokens)
    given: list[tuple[str, Getter]] = []
    parts: list[str] = []
    done = 0
    i = 0
    while i < len(tokens):
        token = tokens[i]
        named = token.kind == "word" and i + 1 < len(tokens) and tokens[i + 1].text == "("
        if named and (token.text in OWN or token.text == "present"):
            after_dot = i > 0 and tokens[i - 1].text == "."
            free = i + 2 < len(tokens) and tokens[i + 2].text not in bound
            found = own_call(tokens, i) if free and not after_dot else None
            parts.append(text[done : token.at])
            if found is not None:
                given.append((f"{_GIVEN}{len(given)}", found[0]))
                parts.append(given[-1][0])
                i = found[1]
                done = tokens[i - 1].at + 1
                continue
            parts.append(_OWN + token.text)
            done = token.at + len(token.text)
        i += 1
    return "".join(parts) + text[done:], given


def _guarded(function: Any) -> Any:
    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Fault as fault:
            raise ValueError(str(fault)) from None

    return call


def _pruned(value: Any, need: Need, path: str) -> Any:
    if need.whole or not need.parts:
        return deep(value, path)
    if type(value) is dict and ITEMS not in need.parts:
        return {
            name: _pruned(value[name], below, f"{path}.{name}") for name, below in need.parts.items() if name in value
        }
    if type(value) is list and list(need.parts) == [ITEMS]:
        item = need.parts[ITEMS]
        if item.parts and not item.whole:
            return [_pruned(one, item, f"{path}[{i}]") for i, one in enumerate(value)]
    return deep(value, path)


def _library_words(bad: Exception) -> str:
    if isinstance(bad, KeyError):
        return f"{bad.args[0] if bad.args else 'a name'} is missing"
    words = str(bad).split(". Check that")[0].split(". CEL does not")[0].split(". Check function")[0]
    return words.replace(_OWN, "").removeprefix("Undefined variable or function: ")[:200] + (
        " is missing" if words.startswith("Undefined variable") else ""
    )
