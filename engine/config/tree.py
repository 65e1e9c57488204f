"""YAML as a tree of text with places, and nothing else.

A default loader turns `010` into 8, `no` into False, `12:30` into 750 and `3.10` into 3.1; region codes,
catalogue codes and versions are all of these. So every scalar stays text here, and the spec of its field
gives the type. Whatever makes a file read differently from how it looks is refused: anchors, aliases,
tags, merge keys, duplicate keys, tabs, several documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

import engine.config.codes_yaml  # noqa: F401 - declares the codes used here
from engine.config.problems import Mark, Problem, problem

MAX_BYTES = 1 << 20
MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Scalar:
    """One word or text. `quoted`: it was written in quotes or as a block."""

    text: str
    mark: Mark
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Seq:
    """A list."""

    items: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Map:
    """Names and their values, in the order written; no name twice."""

    entries: tuple[tuple[Scalar, Node], ...]
    mark: Mark

    def get(self, name: str) -> Node | None:
        """The value of a name, or None."""
        for key, value in self.entries:
            if key.text == name:
                return value
        return None

    def key(self, name: str) -> Scalar | None:
        """The name as written, for its place, or None."""
        for key, _ in self.entries:
            if key.text == name:
                return key
        return None

    def names(self) -> list[str]:
        """All names, in order."""
        return [key.text for key, _ in self.entries]


Node = Scalar | Seq | Map


def plain(node: Node | None) -> Any:
    """The tree as str, list and dict; "" for an empty file."""
    match node:
        case Scalar():
            return node.text
        case Seq():
            return [plain(item) for item in node.items]
        case Map():
            return {key.text: plain(value) for key, value in node.entries}
        case None:
            return ""


def read_text(data: bytes, file: str) -> tuple[str, list[Problem]]:
    """The UTF-8 text of a file (a byte order mark is dropped), or "" and the problem."""
    if len(data) > MAX_BYTES:
        return "", [problem("E102", Mark(file, 1, 1), size=len(data), most=MAX_BYTES)]
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as bad:
        before = data[: bad.start]
        line_start = before.rfind(b"\n") + 1
        col = len(before[line_start:].decode("utf-8", "replace")) + 1
        return "", [problem("E103", Mark(file, before.count(b"\n") + 1, col))]


def read_tree(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """The tree of a YAML text, None when it is empty or cannot be read, and every problem found."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        return None, [problem("E102", Mark(file, 1, 1), size=size, most=MAX_BYTES)]
    found = list(_tabs(text, file))
    if found:
        return None, found
    reading = _Reading(file)
    try:
        return reading.document(yaml.parse(text, Loader=_LOADER)), reading.problems
    except _TooDeep as deep:
        return None, [*reading.problems, problem("E109", deep.mark, most=MAX_DEPTH)]
    except yaml.MarkedYAMLError as bad:
        where = bad.problem_mark or bad.context_mark
        mark = Mark(file, where.line + 1, where.column + 1) if where else Mark(file, 1, 1)
        return None, [*reading.problems, problem("E101", mark, detail=bad.problem or "not YAML")]
    except (yaml.YAMLError, UnicodeEncodeError) as bad:
        return None, [*reading.problems, problem("E103", _place(text, file, bad))]


_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def _tabs(text: str, file: str) -> Iterator[Problem]:
    if "\t" not in text:
        return
    for number, line in enumerate(text.splitlines(), 1):
        col = line.find("\t")
        if col >= 0:
            yield problem("E104", Mark(file, number, col + 1))


def _place(text: str, file: str, bad: Exception) -> Mark:
    """Where a character stands that YAML or UTF-8 does not allow."""
    for number, line in enumerate(text.split("\n"), 1):
        for col, char in enumerate(line, 1):
            if (char < " " and char != "\r") or "\x7f" <= char < "\xa0" or "\ud800" <= char < "\ue000":
                return Mark(file, number, col)
    return Mark(file, 1, 1)


class _TooDeep(Exception):
    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark


class _Reading:
    """Builds the tree from PyYAML's events; keeps going after a refusal so that all are found at once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def document(self, events: Any) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents == 2:
                    self.problems.append(problem("E108", self.mark(event)))
                    break
            elif isinstance(event, yaml.NodeEvent):
                root = self.node(event, events, 1)
        if isinstance(root, Scalar) and root.text == "" and not root.quoted:
            return None
        return root

    def mark(self, event: Any) -> Mark:
        start, end = event.start_mark, event.end_mark
        width = end.column - start.column if end.line == start.line else 1
        return Mark(self.file, start.line + 1, start.column + 1, max(1, width))

    def node(self, event: Any, events: Any, depth: int) -> Node:
        mark = self.mark(event)
        if depth > MAX_DEPTH:
            raise _TooDeep(mark)
        if isinstance(event, yaml.AliasEvent):  # its name is not said, nor a tag's: it may be a password that begins so
            self.problems.append(problem("E105", mark, what="*"))
            return Scalar("", mark)
        if event.anchor:
            self.problems.append(problem("E105", mark, what="&"))
        if event.tag:
            self.problems.append(problem("E106", mark))
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, mark, bool(event.style) and event.style != "plain")
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(item := next(events), yaml.SequenceEndEvent):
                items.append(self.node(item, events, depth + 1))
            return Seq(tuple(items), mark)
        return self.mapping(mark, events, depth)

    def mapping(self, mark: Mark, events: Any, depth: int) -> Map:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self.node(event, events, depth + 1)
            value = self.node(next(events), events, depth + 1)
            if not isinstance(key, Scalar):
                self.problems.append(problem("E110", key.mark))
            elif key.text == "<<" and not key.quoted:
                self.problems.append(problem("E107", key.mark))
            elif key.text in entries:
                first = entries[key.text][0].mark.line
                self.problems.append(problem("E111", key.mark, key=key.text, line=first))
            else:
                entries[key.text] = (key, value)
        return Map(tuple(entries.values()), mark)
