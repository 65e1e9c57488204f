"""What compiling a map carries along: problems found, paths read, tables and codes used, names of items in force."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import engine.pipeline.codes_map  # noqa: F401 - declares the codes used here
from engine.config.problems import Mark, Problem, nearest, problem
from engine.config.tree import Map, Node, Scalar
from engine.pipeline.code_table import CodeTable
from engine.pipeline.condition import Condition, compile_condition
from engine.pipeline.condition_text import ITEMS
from engine.pipeline.places import within

Scope = dict[str, Any]
Run = Callable[[Scope], Any]

CODE = re.compile(r"E-[A-Z0-9]+(?:-[A-Z0-9]+)*", re.ASCII)
LEFT_OUT: Any = type("LeftOut", (), {"__repr__": lambda self: "LEFT_OUT"})()  # an optional row without a value


@dataclass(frozen=True, slots=True)
class RowInfo:
    """One row for lint: the full target, its place, the path it reads ("" for a literal or a form), and its filters."""

    target: str
    mark: Mark
    path: str
    filters: tuple[str, ...]


class Form(Protocol):
    """Compiles one form of source (`{each: …}`) into what it does, or None after noting what is wrong."""

    def __call__(self, work: Compiling, node: Map, /) -> Run | None: ...


@dataclass(slots=True)
class Compiling:
    """The state of compiling one map."""

    found: list[Problem]
    tables: Mapping[str, CodeTable]
    forms: Mapping[str, Form]
    reads: dict[str, Mark] = field(default_factory=dict)
    must: set[str] = field(default_factory=set)
    makes: dict[str, Mark] = field(default_factory=dict)
    used_tables: dict[str, Mark] = field(default_factory=dict)
    codes: dict[str, Mark] = field(default_factory=dict)
    infos: list[RowInfo] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)  # name of an item → the path it comes from, "" unknown
    target: str = ""  # where rows being compiled stand in the result

    def wrong(self, code: str, mark: Mark, *, hint: str = "", **values: object) -> None:
        self.found.append(problem(code, mark, hint=hint, **values))

    def full(self, path: str) -> str:
        """A path with an item's name replaced by where the item comes from; "" when it comes from nowhere."""
        head, dot, rest = path.partition(".")
        bare = head.partition(ITEMS)[0]
        if bare not in self.aliases:
            return path
        origin = self.aliases[bare]
        return f"{origin}{head[len(bare) :]}{dot}{rest}" if origin else ""

    def read(self, path: str, mark: Mark, needed: bool = True) -> None:
        """Note that the map reads a path. `needed`: the map fails without it."""
        full = self.full(path)
        if full:
            self.reads.setdefault(full, mark)
            if needed:
                self.must.add(full)

    def condition(self, node: Node | None, what: Mark) -> Condition | None:
        """The condition of a scalar; None after noting what is wrong."""
        if not isinstance(node, Scalar):
            self.wrong("E612", node.mark if node else what, zh="条件（CEL）", en="a condition (CEL)")
            return None
        made = compile_condition(node.text, node.mark)
        if isinstance(made, Problem):
            self.found.append(made)
            return None
        for path in made.paths:
            if path.partition(".")[0].partition(ITEMS)[0] != "made":
                self.read(path, made.place(path), needed=False)
        return made

    def code(self, text: str, mark: Mark) -> str | None:
        """A refusal's code (`E-UNMAPPED`), noted as used; None after noting that it is none."""
        if CODE.fullmatch(text) is None:
            self.wrong("E622", mark, text=text)
            return None
        self.codes.setdefault(text, mark)
        return text

    def keys(self, node: Map, allowed: tuple[str, ...], needed: tuple[str, ...], where: str) -> bool:
        """Whether a mapping has only allowed and all needed names; the rest is noted."""
        good = True
        for key, _ in node.entries:
            if key.text not in allowed:
                good = False
                self.wrong("E610", key.mark, hint=nearest(key.text, allowed), where=where, name=key.text)
        for name in needed:
            if node.get(name) is None:
                good = False
                self.wrong("E611", node.mark, where=where, name=name)
        return good

    def word(self, node: Node | None, choices: tuple[str, ...], default: str) -> str:
        """One of a few words; the default when it is left out or wrong (which is noted)."""
        if node is None:
            return default
        if isinstance(node, Scalar) and node.text in choices:
            return node.text
        text = node.text if isinstance(node, Scalar) else ""
        self.wrong("E621", node.mark, hint=nearest(text, choices), text=text, choices="、".join(choices))
        return default

    def number(self, node: Node | None, most: int) -> int:
        """A whole number from 1 to `most`; 0 when it is left out or wrong (which is noted)."""
        if node is None:
            return 0
        text = node.text if isinstance(node, Scalar) else ""
        if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) and 1 <= int(text) <= most:
            return int(text)
        self.wrong("E624", node.mark, text=text or "…", most=most)
        return 0

    def table(self, name: str, mark: Mark) -> CodeTable | None:
        """A code table by name, noted as used; None after noting that there is none."""
        found = self.tables.get(name)
        if found is None:
            self.wrong("E616", mark, hint=nearest(name, self.tables), name=name)
            return None
        self.used_tables.setdefault(name, mark)
        return found


def piece(scalar: Scalar, offset: int, width: int) -> Mark:
    """The place of a part of a scalar."""
    return within(scalar.mark, scalar.text, offset, width)
