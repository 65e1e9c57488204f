"""JSON Schema: checks a request's body against `schemas/NAME.json` and tells every problem in both languages.

What is told never quotes a value that came in (it may be a person's): only the field's path and what is wanted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

import engine.pipeline.codes_schema  # noqa: F401 - declares the codes used here
from engine.config.problems import Mark, Problem, nearest, problem

MOST_TOLD = 50  # of one body; more help nobody

FieldProblem = tuple[str, str, str]  # path of the field, Chinese, English

_TYPES_ZH = {
    "string": "文字",
    "integer": "整数",
    "number": "数",
    "boolean": "真假值",
    "object": "对象",
    "array": "列表",
    "null": "空值",
}
_LIMITS = {
    "minLength": ("至少 {limit} 个字符", "at least {limit} characters"),
    "maxLength": ("最多 {limit} 个字符", "at most {limit} characters"),
    "minimum": ("不小于 {limit}", "at least {limit}"),
    "maximum": ("不大于 {limit}", "at most {limit}"),
    "exclusiveMinimum": ("大于 {limit}", "more than {limit}"),
    "exclusiveMaximum": ("小于 {limit}", "less than {limit}"),
    "minItems": ("至少 {limit} 项", "at least {limit} items"),
    "maxItems": ("最多 {limit} 项", "at most {limit} items"),
    "minProperties": ("至少 {limit} 个字段", "at least {limit} fields"),
    "maxProperties": ("最多 {limit} 个字段", "at most {limit} fields"),
}
_OTHER = {
    "pattern": ("格式应为 {pattern}", "the form is {pattern}"),
    "format": ("格式应为 {format}", "the form is {format}"),
    "multipleOf": ("应为 {multiple_of} 的整数倍", "a multiple of {multiple_of}"),
    "uniqueItems": ("列表中不能有重复项", "no item may be there twice"),
    "const": ("应为 {expected_value}", "must be {expected_value}"),
    "contains": ("列表中缺少要求的项", "an item that is required is not in the list"),
    "anyOf": ("不符合任何一种允许的写法", "fits none of the allowed forms"),
    "oneOf": ("应恰好符合一种允许的写法", "must fit exactly one of the allowed forms"),
    "not": ("不允许这样的内容", "such a value is not allowed"),
}


@dataclass(frozen=True, slots=True)
class Schema:
    """One compiled schema. `content`: the schema itself, for the interface document."""

    name: str
    content: Any
    _validator: Any

    def check(self, tree: Any) -> list[FieldProblem]:
        """Every problem of a decoded body as (field path, Chinese, English), in the order of paths; [] when it is
        good. Paths look like `bills[0].no`; "" is the body itself.

        What a condition demands is told only of a body that is good without it: a condition on a field that is missing
        or wrong holds for anything, and would demand the fields of every case at once.
        """
        try:
            if self._validator.is_valid(tree):
                return []
            errors = list(self._validator.iter_errors(tree))
            always = [error for error in errors if not {"then", "else"} & {str(step) for step in error.schema_path}]
            short = (error for error in errors if error.kind.name == "minLength" and error.instance == "")
            empty = {str(error.instance_path) for error in short}
            found = {
                told for error in always or errors for told in _told(error)
                if error.kind.name != "pattern" or str(error.instance_path) not in empty
            }  # fmt: skip
        except UnicodeEncodeError:
            return [("", "含有不是文字的字符", "there is a character that is no text (lone surrogate)")]
        return sorted(found)[:MOST_TOLD]


def read_schema(data: bytes, file: str, name: str, *, stored: bool = False) -> Schema | list[Problem] | Problem:
    """The schema of a file's bytes, or what is wrong with it. Nothing is fetched: references stay in the file. One that
    is `stored` was judged when it was new."""
    try:
        text = data.decode("utf-8-sig")
        content = json.loads(text)
    except UnicodeDecodeError:
        return problem("E801", Mark(file, 1, 1), detail="not UTF-8")
    except json.JSONDecodeError as bad:
        return problem("E801", Mark(file, bad.lineno, bad.colno), detail=bad.msg)
    try:
        validator = jsonschema_rs.validator_for(
            content, validate_formats=True, ignore_unknown_formats=False, offline=True
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as bad:
        path = _path(getattr(bad, "instance_path", []))
        detail = str(getattr(bad, "message", bad)).split("\n")[0][:160]
        if hint := _type_meant(bad):
            place = _value_at(text, file, _names(bad), getattr(bad, "instance", ""))
            return problem("E802", place, hint=hint, path=path, detail=f"type: {', '.join(_TYPES_ZH)}")
        return problem("E802", _place(text, file, bad), path=path or "/", detail=detail)
    slips = [] if stored else [*_twice(text, file), *_misspelt(text, file, content), *_never(text, file, content)]
    return slips or Schema(name, content, validator)


_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"(?P<key>\s*:)?|[{}]')


def _twice(text: str, file: str) -> list[Problem]:
    """Names given twice in one object of a JSON text: only the last would count."""
    found: list[Problem] = []
    objects: list[set[str]] = []
    for piece in _PIECE.finditer(text):
        word = piece[0]
        if word == "{":
            objects.append(set())
        elif word == "}":
            objects.pop()
        elif piece["key"]:
            name = word[: -len(piece["key"])]
            if name in objects[-1]:
                found.append(problem("E801", _mark(text, file, piece.start(), len(name)), detail=f"{name} twice"))
            objects[-1].add(name)
    return found


_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_ONE = frozenset({
    "additionalProperties", "items", "contains", "not", "if", "then", "else", "propertyNames", "unevaluatedItems",
    "unevaluatedProperties", "additionalItems",
})  # fmt: skip
_WORDS = _MAPS | _LISTS | _ONE | frozenset({
    "$schema", "$id", "$ref", "$anchor", "$comment", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "title",
    "description", "default", "deprecated", "readOnly", "writeOnly", "examples", "type", "enum", "const", "multipleOf",
    "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems",
    "minItems", "uniqueItems", "maxContains", "minContains", "maxProperties", "minProperties", "required",
    "dependentRequired", "dependencies", "format", "contentEncoding", "contentMediaType", "contentSchema",
})  # fmt: skip


def _misspelt(text: str, file: str, content: Any) -> list[Problem]:
    """Words that no JSON Schema has: they would be passed over in silence, and what they should check, too."""
    found = []
    for path in _unknown(content, ()):
        word = path[-1]
        mark = _where(text, file, path)
        detail = f'there is no keyword "{word}"'
        found.append(problem("E802", mark, hint=nearest(word, _WORDS), path=".".join(path[:-1]) or "/", detail=detail))
    return found


def _unknown(schema: Any, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for word, below in schema.items() if isinstance(schema, dict) else ():
        here = (*at, word)
        if word not in _WORDS and not word.startswith("x-"):
            yield here
        elif word in _MAPS and isinstance(below, dict):
            for name, one in below.items():
                yield from _unknown(one, (*here, name))
        elif word in _LISTS and isinstance(below, list):
            for one in below:
                yield from _unknown(one, here)
        elif word in _ONE:
            yield from _unknown(below, here)


_Lost = tuple[tuple[str, ...], str, frozenset[str]]


def _never(text: str, file: str, content: Any) -> list[Problem]:
    """Fields that are demanded or ruled where they can never be: nobody's request would be good, or no rule hold."""
    found = []
    for path, name, known in _lost(content, (), frozenset()):
        place = _value_at(text, file, path, name)
        found.append(problem("E815", place, hint=nearest(name, sorted(known)), name=name, path=".".join(path)))
    return found


def _lost(schema: Any, at: tuple[str, ...], outer: frozenset[str]) -> Iterator[_Lost]:
    """(where, name, the names there are). `outer`: those of a closed object whose conditions these are."""
    if not isinstance(schema, dict):
        return
    own = schema.get("properties")
    names = frozenset(own) if isinstance(own, dict) else frozenset()
    known = names if names and schema.get("additionalProperties") is False else outer
    if known:
        demanded = schema.get("required")
        for name in demanded if isinstance(demanded, list) else ():
            if isinstance(name, str) and name not in known:
                yield (*at, "required"), name, known
        for name in sorted(names - known):
            yield (*at, "properties"), name, known
    for word in ("if", "then", "else", "not"):
        yield from _lost(schema.get(word), (*at, word), known)
    for word in ("allOf", "anyOf", "oneOf"):
        several = schema.get(word)
        for one in several if isinstance(several, list) else ():
            yield from _lost(one, (*at, word), known)
    for word in ("properties", "$defs", "definitions"):
        several = schema.get(word)
        for name, below in several.items() if isinstance(several, dict) else ():
            yield from _lost(below, (*at, word, name), frozenset())
    yield from _lost(schema.get("items"), (*at, "items"), frozenset())


def _type_meant(bad: Exception) -> str:
    """The type that was probably meant by a word which is none."""
    path, word = getattr(bad, "instance_path", []), getattr(bad, "instance", None)
    return nearest(word, _TYPES_ZH) if path and path[-1] == "type" and isinstance(word, str) else ""


def _names(bad: Exception) -> list[str]:
    return [step for step in getattr(bad, "instance_path", []) if isinstance(step, str)]


def _place(text: str, file: str, bad: Exception) -> Mark:
    """Where the last name of the path to the mistake is written, as far as a search can tell."""
    return _where(text, file, _names(bad))


def _value_at(text: str, file: str, path: Sequence[str], value: str) -> Mark:
    """Where a text stands behind the path that leads to it."""
    return _where(text, file, [*path, value])


def _where(text: str, file: str, path: Sequence[str]) -> Mark:
    at = 0
    for step in path:
        found = text.find(json.dumps(step, ensure_ascii=False), at)
        at = found if found >= 0 else at
    return _mark(text, file, at, len(path[-1]) + 2 if path else 1)


def _mark(text: str, file: str, at: int, width: int) -> Mark:
    before = text[:at]
    return Mark(file, before.count("\n") + 1, at - before.rfind("\n"), width)


def _told(error: Any) -> list[FieldProblem]:
    path = _path(error.instance_path)
    kind = error.kind
    name = kind.name
    if name == "required":
        return [(_joined(path, kind.property), "缺少必填字段", "a required field is missing")]
    if name in ("additionalProperties", "unevaluatedProperties"):
        return [(_joined(path, field), "不认识的字段", "unknown field") for field in kind.unexpected]
    if name == "type":
        types = [str(one) for one in kind.types]
        chinese = "或".join(_TYPES_ZH.get(one, one) for one in types)
        return [(path, f"应为{chinese}", f"must be {' or '.join(types)}")]
    if name == "enum":
        options = json.loads(kind.options) if isinstance(kind.options, str) else list(kind.options)
        near = nearest(error.instance, [o for o in options if isinstance(o, str)]) if _word(error.instance) else ""
        listed = ", ".join(str(option) for option in options)
        meant = (f"（是否应为 {near}？）", f" (did you mean {near}?)") if near else ("", "")
        return [(path, f"只能是：{listed}{meant[0]}", f"must be one of {listed}{meant[1]}")]
    if name in _LIMITS:
        if name == "minLength" and error.instance == "":
            return [(path, "不能为空", "must not be empty")]
        chinese, english = _LIMITS[name]
        if kind.limit == 1 and english.endswith("s"):
            english = english[:-1]
        return [(path, chinese.format(limit=kind.limit), english.format(limit=kind.limit))]
    if name in _OTHER:
        chinese, english = _OTHER[name]
        values = kind.as_dict()
        return [(path, chinese.format_map(values), english.format_map(values))]
    if name == "falseSchema":
        return [(path, "与所填的其他字段不能同时出现", "does not go with what the other fields say: leave it out")]
    return [(path, f"不符合 {name}", f"does not satisfy {name}")]


def _word(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 40


def _joined(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field


def _path(steps: list[Any]) -> str:
    path = ""
    for step in steps:
        path = f"{path}[{step}]" if isinstance(step, int) else _joined(path, str(step))
    return path
