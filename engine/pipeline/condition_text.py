"""The words of a condition: a small tokenizer over CEL's text, and the paths it names.

CEL's own library lists root names only. Handing it a whole bill costs milliseconds, so what a condition reads is
found here: dotted paths, and the fields used of the items that `exists`, `all`, `exists_one` and `map` walk over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

ITEMS = "[]"  # the step "each item of this list" in a path

_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*)
      | (?P<text>[rR]?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"
            |'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
      | (?P<float>[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.[0-9]+)
      | (?P<number>0[xX][0-9a-fA-F]+[uU]?|[0-9]+[uU]?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)

_CONSTANTS = frozenset({"true", "false", "null", "in"})
_TYPES = frozenset({"int", "uint", "double", "string", "bool", "bytes", "list", "map", "null_type", "type"})
_WALKS = frozenset({"exists", "all", "exists_one", "map"})  # what they yield holds no whole item
_MACROS = _WALKS | {"filter"}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the text; `at` is its offset in characters."""

    kind: str
    text: str
    at: int


def tokens_of(text: str) -> list[Token]:
    """All tokens but blanks and comments. Never fails: what is no CEL comes out as `other`."""
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        if kind != "blank":
            found.append(Token(kind, match.group(), match.start()))
    return found


def plain_text(token: Token) -> str | None:
    """The content of a text literal without escapes, or None when it is not that simple."""
    if token.kind != "text" or token.text[0] not in "'\"" or "\\" in token.text:
        return None
    if token.text[:3] in ("'''", '"""'):
        return None
    return token.text[1:-1]


@dataclass(slots=True)
class Need:
    """A tree of what is read below a name. `whole`: the value itself; else only the named parts."""

    whole: bool = False
    parts: dict[str, Need] = field(default_factory=dict)

    def part(self, name: str) -> Need:
        return self.parts.setdefault(name, Need())

    def paths(self, before: str = "") -> list[tuple[str, Need]]:
        """Every dotted path (`his.bill.items[].code`) at which something is read."""
        found = [(before, self)] if self.whole or not self.parts else []
        for name, below in self.parts.items():
            joined = before + name if name == ITEMS else f"{before}.{name}" if before else name
            found += below.paths(joined)
        return found


@dataclass(frozen=True, slots=True)
class _Scope:
    """A name bound by a macro, until its closing bracket (token index)."""

    name: str
    need: Need | None
    end: int


def needs_of(tokens: list[Token]) -> tuple[Need, dict[str, int]]:
    """What the condition reads (`parts` by root name), and where each path is first named (offset)."""
    root = Need()
    places: dict[str, int] = {}
    scopes: list[_Scope] = []
    i = 0
    while i < len(tokens):
        token = tokens[i]
        scopes = [scope for scope in scopes if i < scope.end]
        if token.text == "present" and (path := _present_path(tokens, i)):
            _take(root, path).whole = True
            places.setdefault(".".join(path), token.at)
            i += 4
            continue
        if token.text in _SUMS and (summed := _summed_path(tokens, i)):
            _take(root, summed[0]).whole = True
            places.setdefault(summed[1], tokens[summed[2]].at)
        if not _is_name(tokens, i) or (local := _local(scopes, token.text)) is _HIDDEN:
            i += 1
            continue
        i = _chain(tokens, i, local if isinstance(local, Need) else None, root, places, scopes)
    return root, places


def bound_names(tokens: list[Token]) -> frozenset[str]:
    """The names that macros give to items (`x` of `list.exists(x, …)`)."""
    return frozenset(
        tokens[i + 2].text
        for i in range(len(tokens) - 3)
        if tokens[i].text in _MACROS and tokens[i + 1].text == "(" and tokens[i + 3].text == ","
    )


_HIDDEN = object()


def _local(scopes: list[_Scope], name: str) -> object:
    for scope in reversed(scopes):
        if scope.name == name:
            return scope.need if scope.need is not None else _HIDDEN
    return None


def _is_name(tokens: list[Token], i: int) -> bool:
    token = tokens[i]
    if token.kind != "word" or token.text in _CONSTANTS or _text(tokens, i - 1) == ".":
        return False
    after = _text(tokens, i + 1)
    return after != "(" and not (token.text in _TYPES and after != ".")


def _chain(
    tokens: list[Token], i: int, local: Need | None, root: Need, places: dict[str, int], scopes: list[_Scope]
) -> int:
    """Follow `a.b.c` from token i, note what it reads, and return the index after it."""
    start = tokens[i]
    names = [start.text]
    j = i + 1
    while _text(tokens, j) == "." and j + 1 < len(tokens) and tokens[j + 1].kind == "word":
        if _text(tokens, j + 2) == "(":
            break
        names.append(tokens[j + 1].text)
        j += 2
    need = _take(root, names) if local is None else _take(local, names[1:])
    if local is None:
        places.setdefault(".".join(names), start.at)
    macro = _text(tokens, j + 1) if _text(tokens, j) == "." and _text(tokens, j + 2) == "(" else ""
    if macro in _MACROS and j + 4 < len(tokens) and tokens[j + 3].kind == "word" and tokens[j + 4].text == ",":
        end = _closing(tokens, j + 2)
        item = need.part(ITEMS) if macro in _WALKS else None
        if item is None:
            need.whole = True
        scopes.append(_Scope(tokens[j + 3].text, item, end))
        return j + 5
    need.whole = True
    return j


def _take(need: Need, names: list[str]) -> Need:
    for name in names:
        need = need.part(name)
    return need


def _closing(tokens: list[Token], i: int) -> int:
    depth = 0
    for j in range(i, len(tokens)):
        depth += (tokens[j].text in "([{") - (tokens[j].text in ")]}") if tokens[j].kind == "sign" else 0
        if depth == 0:
            return j
    return len(tokens)


def _present_path(tokens: list[Token], i: int) -> list[str]:
    if _text(tokens, i + 1) != "(" or _text(tokens, i + 3) != ")":
        return []
    inner = plain_text(tokens[i + 2])
    return inner.split(".") if inner and is_path(inner) else []


_SUMS = frozenset({"sum_of", "sum_of_yuan"})


def _summed_path(tokens: list[Token], i: int) -> tuple[list[str], str, int] | None:
    """What `sum_of(his.bill.items, 'amount')` at token i reads of each item, as names and as a path, and the token of
    the field; None where the list is no plain path."""
    names, j = [], i + 2
    while _text(tokens, i + 1) == "(" and j < len(tokens) and tokens[j].kind == "word":
        names.append(tokens[j].text)
        if _text(tokens, j + 1) != ".":
            break
        j += 2
    field = plain_text(tokens[j + 2]) if names and _text(tokens, j + 1) == "," and j + 2 < len(tokens) else None
    if not field or not is_path(field) or _text(tokens, j + 3) != ")":
        return None
    return [*names, ITEMS, *field.split(".")], f"{'.'.join(names)}{ITEMS}.{field}", j + 2


_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)


def is_path(text: str) -> bool:
    """A dotted path such as `his.bill.total`."""
    return _PATH.fullmatch(text) is not None


def _text(tokens: list[Token], i: int) -> str:
    return tokens[i].text if 0 <= i < len(tokens) else ""
