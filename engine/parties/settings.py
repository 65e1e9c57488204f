"""A party's own settings: what they are read as, and what the person who writes them is told.

Pages, editors, lint and `engine explain` take the form of a setting from its type and its meaning from the text under
it, so that nothing of it is said in a second place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, ClassVar, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.config.engine_file import SECRET_NAME
from engine.parties.setting_forms import in_words

Said = tuple[str, str]
"""Chinese and English."""

_APART: Final = r"\s+·\s+"
_ASIAN: Final = "[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"
_STOP: Final = "[\u3000-\u303f\uff00-\uffef]"
_REFERENCE: Final[Mapping[str, Any]] = {"type": "string", "pattern": "^(file|env):"}
_TEXT: Final[Mapping[str, Any]] = {"type": ["string", "number", "boolean"]}
"""Editors see unquoted numbers and yes/no as what they look like; the engine reads all of it as text."""


class PartySettings(BaseModel):
    """What a party reads of its connection in engine.yaml. The text under a field is its meaning, `中文 · English`: its
    unit, what the default does, when another value is wanted, and whose rule it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    callback_url: ClassVar[str] = ""
    """The setting that tells the party where to report to; "" when it is told otherwise, or reports nothing."""
    callback_keys: ClassVar[tuple[str, ...]] = ()
    """Settings one of which is needed to believe what the party sends by itself; none: it sends nothing."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as people see it. `zh`, `en`: its meaning; `form_*`: what may be written; `words`: its closed list of
    values (of a list: of its members), if it has one; `default` as it would be written, "" for none; `secret`: only by
    reference; `schema`: JSON Schema of its value."""

    name: str
    zh: str
    en: str
    form_zh: str
    form_en: str
    words: tuple[str, ...]
    required: bool
    default: str
    secret: bool
    schema: Mapping[str, Any]


def settings_help(model: type[BaseModel]) -> dict[str, Setting]:
    """Every setting of a party by the name it is written under."""
    return {info.alias or name: _setting(model, name, info) for name, info in model.model_fields.items()}


def is_secret(name: str, info: FieldInfo) -> bool:
    """Whether a setting may only stand in engine.yaml as a reference."""
    return info.repr is False or SECRET_NAME.search(name) is not None


def help_line(one: Setting, lang: str = "zh") -> str:
    """A setting in one line: its form, whether it must be given, its default, its meaning."""
    form, about = (one.form_zh, one.zh) if lang == "zh" else (one.form_en, one.en)
    notes = [form]
    if one.required:
        notes.append("必填" if lang == "zh" else "required")
    if one.default:
        notes.append(f"{'默认' if lang == 'zh' else 'default'} {one.default}")
    return f"  {one.name}  ({', '.join(notes)})  {about}".rstrip()


def _setting(model: type[BaseModel], name: str, info: FieldInfo) -> Setting:
    zh, en = _meaning(model, name)
    key = info.alias or name
    secret = is_secret(key, info)
    words = _words(info.annotation)
    form_zh, form_en = _form(info)
    if secret:
        form_zh = "密钥引用" if form_zh == "文本" else f"密钥引用（{form_zh}）"
        form_en = "a secret's reference" if form_en == "a text" else f"a secret's reference ({form_en})"
    schema = _REFERENCE if secret else _schema(info, words)
    default = "" if info.is_required() else _written(info.get_default(call_default_factory=True))
    return Setting(key, zh, en, form_zh, form_en, words, info.is_required(), default, secret, schema)


def _meaning(model: type[BaseModel], name: str) -> Said:
    """What is said under the field, or under the one it overrides."""
    for one in model.__mro__:
        info = getattr(one, "model_fields", {}).get(name) if issubclass(one, BaseModel) else None
        if info is not None and info.description:
            zh, *en = (_one_line(part) for part in re.split(_APART, info.description, maxsplit=1))
            return zh, "".join(en)
    return "", ""


def _one_line(text: str) -> str:
    """Broken lines joined: with a blank, but none between Chinese signs or beside Chinese punctuation."""
    joined = re.sub(rf"(?<={_ASIAN})\s*\n\s*(?={_ASIAN})|(?<={_STOP})\s*\n\s*", "", text.strip())
    return re.sub(r"\s+", " ", joined)


def _words(kind: Any) -> tuple[str, ...]:
    """The closed list of a value, or of each member of a list."""
    if get_origin(kind) is tuple:
        return _words(get_args(kind)[0])
    return tuple(str(word) for word in get_args(kind)) if get_origin(kind) is Literal else ()


def _bounds(info: FieldInfo) -> dict[str, Any]:
    """`pattern`, `min_length`, `ge` and so on, of whatever objects pydantic keeps them in."""
    found: dict[str, Any] = {}
    for one in info.metadata:
        for name in ("pattern", "min_length", "max_length", "ge", "gt", "le", "lt"):
            value = getattr(one, name, None)
            if value is not None:
                found[name] = value
    return found


def _form(info: FieldInfo) -> Said:
    """In words what may be written."""
    kind, bounds = _plain(info.annotation), _bounds(info)
    words = " | ".join(_words(kind))
    if get_origin(kind) is tuple:
        return (f"列表，每项 {words}", f"a list of {words}") if words else ("文本列表", "a list of texts")
    if words:
        return words, words
    if kind is bool:
        return "yes | no", "yes | no"
    if kind is int:
        return _whole(bounds)
    if get_origin(kind) is dict:
        return "名称: 文本 的映射", "a mapping of names to texts"
    return _text(bounds)


def _plain(kind: Any) -> Any:
    """`int` of `int | None`."""
    if get_origin(kind) in (Union, UnionType):
        return next(one for one in get_args(kind) if one is not type(None))
    return kind


def _whole(bounds: Mapping[str, Any]) -> Said:
    low = bounds.get("ge", bounds["gt"] + 1 if "gt" in bounds else None)
    high = bounds.get("le", bounds["lt"] - 1 if "lt" in bounds else None)
    if low is not None and high is not None:
        return f"整数，{low} 至 {high}", f"a whole number, {low} to {high}"
    if low is not None:
        return f"整数，{low} 以上", f"a whole number, {low} or more"
    if high is not None:
        return f"整数，{high} 以下", f"a whole number, {high} or less"
    return "整数", "a whole number"


def _text(bounds: Mapping[str, Any]) -> Said:
    if "pattern" in bounds:
        return in_words(str(bounds["pattern"]))
    least, most = bounds.get("min_length", 0), bounds.get("max_length")
    if least > 1 and most:
        return f"文本，{least} 至 {most} 字", f"a text of {least} to {most} characters"
    if most:
        return f"文本，最多 {most} 字", f"a text of at most {most} characters"
    if least > 1:
        return f"文本，至少 {least} 字", f"a text of at least {least} characters"
    return "文本", "a text"


def _schema(info: FieldInfo, words: tuple[str, ...]) -> dict[str, Any]:
    """JSON Schema: the value itself, or a reference (`file:…`, `env:…`), which may stand for every text."""
    kind, bounds = _plain(info.annotation), _bounds(info)
    if get_origin(kind) is dict:
        return {"type": "object", "additionalProperties": dict(_TEXT), "minProperties": bounds.get("min_length", 0)}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": {"anyOf": [_value(str, {}, words), dict(_REFERENCE)]}}
    return {"anyOf": [_value(kind, bounds, words), dict(_REFERENCE)]}


def _value(kind: Any, bounds: Mapping[str, Any], words: tuple[str, ...]) -> dict[str, Any]:
    if words:
        return {"enum": [*words, *(seen for word in words if (seen := _seen(word)) is not None)]}
    if kind is bool:
        return {"enum": [True, False, "yes", "no", "true", "false"]}
    if kind is int:
        names = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
        return {"type": "integer", **{name: bounds[key] for key, name in names.items() if key in bounds}}
    names = {"pattern": "pattern", "min_length": "minLength", "max_length": "maxLength"}
    return {**_TEXT, **{name: bounds[key] for key, name in names.items() if key in bounds}}


def _seen(word: str) -> int | float | None:
    """The number an editor sees in a word that is written without quotes."""
    if re.fullmatch(r"[0-9]+", word):
        return int(word)
    return float(word) if re.fullmatch(r"[0-9]+\.[0-9]+", word) else None


def _written(value: Any) -> str:
    """A default as it would stand in the file."""
    match value:
        case bool():
            return "yes" if value else "no"
        case str() | int():
            return str(value)
        case tuple() if value:
            return f"[{', '.join(map(str, value))}]"
    return "" if not value or value is PydanticUndefined else str(value)
