"""What in a configuration's text may be a secret in clear: it is in no terminal, on no page and in no difference.

A folder should hold none; but what lint refuses lies there all the same, and what lint says is seen by more people than
a file: a terminal's is pasted into chats, a pipeline's is kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

NODE = "engine.yaml"
SECRET_CODES = frozenset({"E208", "E419"})  # lint's own words for a secret in clear
_NAMES = r"[\w-]*(?:secret|passw(?:or)?d|passphrase|verify_code|private_key|api_v[23]_key|access_key)[\w-]*"
_NODE_NAMES = r"(?:[\w-]*_)?(?:pass|token|keys?)"
_REFERENCE = re.compile(r"""["']?(?:file|env):[^\s,}"']+["']?""")
_BEGIN, _END = "-----BEGIN ", "-----END "
_VALUE = r"""["']?\s*[:=]\s*(?P<value>[^\s,}#]*)"""
_PAIR = re.compile(rf"""(?i)(?<![\w-])["']?(?:{_NAMES}){_VALUE}""")
_NODE_PAIR = re.compile(rf"""(?i)(?<![\w-])["']?(?:{_NAMES}|{_NODE_NAMES}){_VALUE}""")
_ANY_PAIR = re.compile(rf"""(?<![\w-])["']?[\w-]+{_VALUE}""")
_OPENS = frozenset({"", "|", ">", "|-", ">-", "{", "["})  # in place of a value that stands below
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'""")
_NEXT = re.compile(r"""(?=\s*,\s*["']?[\w-]+["']?\s*:\s)|(?=[\s,}\]]*[}\]]\s*(?:\#.*)?$)""")  # ends a value among {…}
_SUSPECT = re.compile(r"(?i)secret|passw|passphrase|verify_code|private_key|api_v[23]_key|access_key|-----BEGIN ")
_UNKNOWN = "E201"
Span = tuple[int, int]


class Place(Protocol):
    """A problem's place, as problems.py has it."""

    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def col(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def code(self) -> str: ...


def secret_lines(text: str, node: bool = False) -> frozenset[int]:
    """Numbers (from 1) of the lines with a private key, with a value under a name that means a secret, or of a block
    below such a name. `node`: the text is an engine.yaml, where `token` and `key` mean secrets as well; a channel's
    `key` is the order of its messages."""
    return frozenset(_spans(text.splitlines(), node))


def _spans(lines: Sequence[str], node: bool) -> dict[int, list[Span]]:
    """By line (from 1): from where to where it may be a secret."""
    pair = _NODE_PAIR if node else _PAIR
    found: dict[int, list[Span]] = {}
    if not node and not any(map(_SUSPECT.search, lines)):  # nearly every large code table, and the rest takes long
        return found
    in_pem, below = False, -1  # the indent of a name whose value stands below it; -1 for none
    for number, line in enumerate(lines, 1):
        in_pem = in_pem or _BEGIN in line
        indent = len(line) - len(line.lstrip())
        if line.strip() and indent <= below:
            below = -1
        if in_pem or (below >= 0 and line.strip() and not _only_references(line)):
            found.setdefault(number, []).append((indent, len(line)))
        in_pem = in_pem and _END not in line
        for one in pair.finditer(line):
            value = one["value"]
            if value in _OPENS:
                below = indent if below < 0 else below
            if value and not _REFERENCE.match(value) and value != "{":
                found.setdefault(number, []).append((one.start("value"), _end(line, one.start("value"))))
    return found


def _only_references(line: str) -> bool:
    values = [one["value"] for one in _ANY_PAIR.finditer(line)]
    return bool(values) and all(not value or _REFERENCE.match(value) for value in values)


def _end(line: str, begin: int) -> int:
    """Where a value ends that begins there: its closing quote or bracket, the next name of the same {…}, or the line's
    end. Nobody knows what belongs to a password that was written without quotes, so rather more of it."""
    quoted = _QUOTED.match(line, begin)
    if quoted is not None:
        return quoted.end()
    if line[begin : begin + 1] in ("{", "["):
        return _closed(line, begin)
    if "{" in line[:begin]:
        after = _NEXT.search(line, begin)
        return len(line) if after is None else max(after.start(), begin + 1)
    return len(line)


def _closed(line: str, begin: int) -> int:
    """Behind the bracket that closes the one there; the line's end where none does."""
    depth, place = 0, begin
    while place < len(line):
        quoted = _QUOTED.match(line, place)
        if quoted is not None:
            place = quoted.end()
            continue
        depth += (line[place] in "{[") - (line[place] in "}]")
        place += 1
        if depth == 0:
            return place
    return len(line)


def covered_lines(name: str, text: str, problems: Iterable[Place]) -> list[str]:
    """The file's lines as they may be shown: what may be a secret is masked character by character, so that every
    column stays where it is. `problems`: what lint says of the file, which knows more secrets by their place."""
    lines, node = text.splitlines(), name == NODE
    spans = _spans(lines, node)
    here = [one for one in problems if one.file == name and 1 <= one.line <= len(lines) and one.col >= 1]
    for one in here:
        if one.code in SECRET_CODES:
            line = lines[one.line - 1]
            spans.setdefault(one.line, []).append((one.col - 1, max(_end(line, one.col - 1), one.col - 1 + one.width)))
    for number, _, end in unknown_names((one for one in here if one.code == _UNKNOWN), {name: lines}):
        spans.setdefault(number, []).append((end, len(lines[number - 1])))
    for number, those in spans.items():
        for begin, end in those:
            lines[number - 1] = _masked(lines[number - 1], begin, end)
    return lines


def _masked(line: str, begin: int, end: int) -> str:
    """Stars of the same width, a space for a space at the rim."""
    value = line[begin:end]
    rim = len(value) - len(value.lstrip(" :'\"")), len(value.rstrip(" '\""))
    stars = "".join("＊" if unicodedata.east_asian_width(char) in "WF" else "*" for char in value[rim[0] : rim[1]])
    return line[:begin] + value[: rim[0]] + stars + value[max(rim) :] + line[end:]


def unknown_names(problems: Iterable[Place], lines: Mapping[str, Sequence[str]]) -> Iterator[tuple[int, str, int]]:
    """(line, name, where it ends) of names in engine.yaml that have a problem: what stands under one that nobody knows
    may be anything (`pasword: …`)."""
    text = lines.get(NODE, ())
    for one in problems:
        if one.file == NODE and 1 <= one.line <= len(text) and one.col >= 1:
            begin, end = one.col - 1, one.col - 1 + one.width
            line = text[one.line - 1]
            if line[end:].lstrip(" \"'").startswith(":"):
                yield one.line, line[begin:end], end
