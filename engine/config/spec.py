"""What a file may hold, said once: from these specs come parsing, lint, editors' completion and help.

A `Spec` is a mapping with named fields; a `Type` reads one value. Reading never stops at the first mistake: each
is noted in the list handed in, and the value becomes its default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import engine.config.codes  # noqa: F401 - declares the codes used here
from engine.config.problems import Mark, Problem, nearest, problem
from engine.config.tree import Map, Node, Scalar, Seq

Found = list[Problem]


class Word(str):
    """A text that knows where it was written; otherwise a plain str."""

    __slots__ = ("mark",)
    mark: Mark

    def __new__(cls, text: str, mark: Mark) -> Word:
        word = super().__new__(cls, text)
        word.mark = mark
        return word


NOWHERE = Mark("", 0, 0)


def mark_of(text: str) -> Mark:
    """Where a text was written; `NOWHERE` for one that no file holds."""
    return text.mark if isinstance(text, Word) else NOWHERE


class Type(Protocol):
    """Reads one value of a field."""

    @property
    def zh(self) -> str: ...
    @property
    def en(self) -> str: ...

    def read(self, node: Node, what: str, found: Found) -> Any:
        """The value, or None after noting a problem. `what` names the thing for the reader."""

    def schema(self) -> dict[str, Any]:
        """JSON Schema of what may be written (editors see YAML scalars as text, number or boolean)."""


@dataclass(frozen=True, slots=True)
class Field:
    """One named field of a spec. `example` is how it is written; `default` its value when it is left out."""

    name: str
    type: Type
    zh: str
    en: str
    example: str
    required: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping after reading: the fields' values, where each was written, and where the whole begins."""

    values: Mapping[str, Any]
    marks: Mapping[str, Mark]
    mark: Mark

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def at(self, name: str) -> Mark:
        """Where the field was written, or the whole when it was left out."""
        return self.marks.get(name, self.mark)


@dataclass(frozen=True, slots=True)
class Spec:
    """A mapping with named fields. `more` reads fields not listed (a party's own settings); without it they are
    mistakes. `check` looks at the whole record."""

    name: str
    zh: str
    en: str
    fields: tuple[Field, ...]
    more: Type | None = None
    check: Callable[[Record, Found], None] | None = None

    def read(self, node: Node, what: str, found: Found) -> Record | None:
        """The record, or None when the node is no mapping or a required field is missing or unreadable."""
        if not isinstance(node, Map):
            found.append(problem("E203", node.mark, what=what or self.zh, what_en=what or self.en,
                                 zh="名称: 值 的映射", en="a mapping of names to values"))  # fmt: skip
            return None
        known = {field.name: field for field in self.fields}
        values: dict[str, Any] = {field.name: field.default for field in self.fields}
        marks: dict[str, Mark] = {}
        before = len(found)
        broken = False
        meant: set[str] = set()
        lost = [field.name for field in self.fields if field.required and node.get(field.name) is None]
        for key, value in node.entries:
            field = known.get(key.text)
            if field is None and self.more is not None and (hint := _nearly(key.text, lost)):
                meant.add(hint)
                found.append(problem("E201", key.mark, name=key.text, zh=self.zh, en=self.en, hint=hint))
                continue
            reader = field.type if field else self.more
            if reader is None:
                hint = nearest(key.text, known)
                meant.add(hint)
                found.append(problem("E201", key.mark, name=key.text, zh=self.zh, en=self.en, hint=hint))
                continue
            read = reader.read(value, key.text, found)
            marks[key.text] = value.mark
            if read is not None:
                values[key.text if field else Word(key.text, key.mark)] = read
            elif field is not None and field.required:
                broken = True
        for field in self.fields:
            if field.required and field.name not in marks:
                broken = True
                if field.name not in meant:
                    found.append(problem("E202", node.mark, name=field.name, zh=self.zh, en=self.en,
                                         example=field.example))  # fmt: skip
        if broken:
            return None
        record = Record(values, marks, node.mark)
        if self.check is not None and len(found) == before:
            self.check(record, found)
        return record

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the mapping, with both languages' help for each field."""
        properties = {}
        for field in self.fields:
            properties[field.name] = {**field.type.schema(), "description": f"{field.zh} · {field.en}",
                                      "examples": [field.example]}  # fmt: skip
        out: dict[str, Any] = {"type": "object", "description": f"{self.zh} · {self.en}", "properties": properties}
        out["additionalProperties"] = self.more.schema() if self.more else False
        required = [field.name for field in self.fields if field.required]
        return {**out, "required": required} if required else out


def _nearly(word: str, lost: Iterable[str]) -> str:
    """The missing field that was meant by a word which might be a setting of its own."""
    near = nearest(word, lost)
    return near if near and abs(len(near) - len(word)) <= 1 else ""


@dataclass(frozen=True, slots=True)
class Nested:
    """A field that holds a mapping of its own; its value is what `build` makes of the record."""

    spec: Spec
    build: Callable[[Record, Found], Any] = lambda record, found: record

    @property
    def zh(self) -> str:
        return self.spec.zh

    @property
    def en(self) -> str:
        return self.spec.en

    def read(self, node: Node, what: str, found: Found) -> Any:
        record = self.spec.read(node, what, found)
        return None if record is None else self.build(record, found)

    def schema(self) -> dict[str, Any]:
        return self.spec.schema()


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one type; read as a tuple. At least `least` items."""

    item: Type
    least: int = 0

    zh = "列表"
    en = "a list"

    def read(self, node: Node, what: str, found: Found) -> tuple[Any, ...] | None:
        if not isinstance(node, Seq):
            found.append(problem("E203", node.mark, what=what, what_en=what, zh="列表 […]", en="a list […]"))
            return None
        if len(node.items) < self.least:
            found.append(problem("E212", node.mark, what=what))
            return None
        read = [self.item.read(item, what, found) for item in node.items]
        return tuple(value for value in read if value is not None)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(), "minItems": self.least}


@dataclass(frozen=True, slots=True)
class MapOf:
    """Free names, each with a value of one type; read as a dict of `Word` to value."""

    item: Type
    key: Type
    least: int = 0

    zh = "名称: 值 的映射"
    en = "a mapping of names to values"

    def read(self, node: Node, what: str, found: Found) -> dict[str, Any] | None:
        if not isinstance(node, Map):
            found.append(problem("E203", node.mark, what=what, what_en=what, zh=self.zh, en=self.en))
            return None
        if len(node.entries) < self.least:
            found.append(problem("E212", node.mark, what=what))
            return None
        out: dict[str, Any] = {}
        for key, value in node.entries:
            name = self.key.read(key, what, found)
            read = self.item.read(value, key.text, found)
            if name is not None and read is not None:
                out[name] = read
        return out

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.item.schema(), "minProperties": self.least}


def names_in(node: Node | None, section: str) -> frozenset[str]:
    """The names written under a section of a file, also those whose values cannot be read."""
    inner = node.get(section) if isinstance(node, Map) else None
    return frozenset(inner.names()) if isinstance(inner, Map) else frozenset()


def text_of(node: Node, what: str, found: Found) -> Scalar | None:
    """The scalar with a text in it, or None after noting what is wrong."""
    if not isinstance(node, Scalar):
        found.append(problem("E203", node.mark, what=what, what_en=what, zh="一个文本", en="a text"))
        return None
    if node.text.strip() == "":
        found.append(problem("E214", node.mark, what=what))
        return None
    return node


def help_lines(spec: Spec, lang: str = "zh") -> Iterator[str]:
    """The spec as lines of help: each field with its type, whether it must be given, and an example."""
    yield f"{spec.name}: {spec.zh if lang == 'zh' else spec.en}"
    for field in spec.fields:
        yield field_line(field, lang)


def field_line(field: Field, lang: str = "zh") -> str:
    """One field of the help."""
    kind, about = (field.type.zh, field.zh) if lang == "zh" else (field.type.en, field.en)
    must = ("必填" if lang == "zh" else "required") if field.required else ""
    notes = ", ".join(part for part in (kind, must) if part)
    return f"  {field.name}  ({notes})  {about}    {field.example}"
