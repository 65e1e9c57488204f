"""A party's own settings in engine.yaml, checked against the party's model without reading a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from engine.config.engine_parts import PARTY, PartyEntry
from engine.config.problems import nearest
from engine.config.secret import SecretRef, resolve_settings
from engine.config.spec import Word, mark_of
from engine.parties.contract import Party
from engine.parties.settings import Setting, is_secret, settings_help
from engine.site.parts import Parts

_FORM = frozenset({"dict_type", "list_type", "tuple_type", "set_type", "string_type"})
_FORMED = frozenset({
    "string_pattern_mismatch", "string_too_short", "string_too_long", "bool_parsing", "int_parsing",
    "greater_than_equal", "greater_than", "less_than_equal", "less_than",
})  # fmt: skip
"""What the setting's form says better than the model does, and in both languages."""
_EVERY_PARTY = tuple(field.name for field in PARTY.fields)
_NEARLY = re.compile(r"([a-z]{2,6}):(?!//)(.+)", re.ASCII)
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")


def check_settings(parts: Parts, files: Mapping[str, bytes]) -> None:
    """Every party of engine.yaml: a kind we have, settings its model takes, secrets by reference. `files`: the site's,
    for settings that name one of them."""
    if parts.engine is None:
        return
    _callback_paths(parts)
    for name, entry in parts.engine.parties.items():
        if entry.kind not in set(parts.parties):
            parts.wrong("E309", entry.marks.get("kind", entry.mark), name=entry.kind,
                        hint=nearest(entry.kind, parts.parties))  # fmt: skip
            continue
        _check_one(parts, name, entry, parts.parties[entry.kind].settings, files)


def _callback_paths(parts: Parts) -> None:
    """Of two callbacks at one address only one party would be heard; the other's all have a wrong signature."""
    taken: dict[tuple[str, str], str] = {}
    for name, door in parts.engine.listeners.items() if parts.engine is not None else ():
        if door.path and taken.setdefault((door.on or name, door.path), name) != name:
            other = taken[door.on or name, door.path]
            parts.wrong("E515", door.marks.get("path", door.mark), name=name, other=other)


def _check_one(
    parts: Parts, name: str, entry: PartyEntry, model: type[BaseModel], files: Mapping[str, bytes]
) -> None:
    fields = {info.alias or key: info for key, info in model.model_fields.items()}
    zh, en = f"{entry.kind} 类系统“{name}”", f'the party "{name}" (kind {entry.kind})'
    good: dict[str, Any] = {}
    referred: set[str] = set()
    meant: set[str] = set()
    for key, value in entry.settings.items():
        mark = entry.marks.get(key, entry.mark)
        if key not in fields:
            hint = nearest(key, (*fields, *_EVERY_PARTY))
            meant.add(hint)
            parts.wrong("E201", mark_of(key), name=key, zh=zh, en=en, hint=hint)
        elif _in_clear(key, fields[key], value):
            parts.wrong("E208", mark, what=key)
            referred.add(key)
        elif _nearly_refers(parts, key, value) or _refers(value):
            referred.add(key)
        else:
            good[key] = value
    for key, info in fields.items():
        if info.is_required() and key not in entry.settings and key not in meant:
            example = "file:…" if is_secret(key, info) else "…"
            parts.wrong("E202", entry.mark, name=key, zh=zh, en=en, example=example)
    _try(parts, entry, model, good, referred, files)


def _nearly_refers(parts: Parts, key: str, value: Any) -> bool:
    """`fiel:PATH` is a text like any other: the party would have been shown it as a number or a name."""
    match value:
        case Word():
            found = _NEARLY.fullmatch(value)
            near = nearest(found[1], ("file", "env")) if found is not None else ""
            if found is None or not near:
                return False
            form = "file:路径 或 env:变量名 · file:PATH or env:NAME"
            parts.wrong("E211", value.mark, what=key, detail=form, hint=f"{near}:{found[2]}")
            return True
        case dict():
            return sum(_nearly_refers(parts, key, one) for pair in value.items() for one in pair) > 0
        case list():
            return sum(_nearly_refers(parts, key, item) for item in value) > 0
        case _:
            return False


def _try(
    parts: Parts, entry: PartyEntry, model: type[BaseModel], good: Mapping[str, Any], referred: set[str],
    files: Mapping[str, bytes],
) -> None:  # fmt: skip
    """What the model itself says of the values that are written out. References are read later: of those only the form
    is known (a list where a mapping should be)."""
    written = {key: value for key, value in entry.settings.items() if key in referred and _refers(value)}
    try:
        model.model_validate({**_plain(good), **_named(written)}, context={"files": files})
    except ValidationError as bad:
        for error in bad.errors(include_url=False, include_input=False):
            where = [str(step) for step in error["loc"]]
            if not where or where[0] not in entry.settings:
                continue
            if where[0] in referred and not (where[0] in written and error["type"] in _FORM):
                continue
            _wrong_value(parts, entry, settings_help(model)[where[0]], where, error)


def _wrong_value(parts: Parts, entry: PartyEntry, one: Setting, where: list[str], error: ErrorDetails) -> None:
    """One value the model refuses: what may stand there instead, and what the setting is for."""
    mark, what = entry.marks.get(one.name, entry.mark), ".".join(where)
    about = [f"{one.zh} · {one.en}"] if one.zh else []
    if error["type"] == "literal_error" and len(where) <= 2:
        value = entry.settings[one.name]
        if len(where) == 2:  # a member of a list
            value = value[int(where[1])]
            mark = mark_of(value) if isinstance(value, Word) else mark
        hint = nearest(value, one.words) if isinstance(value, Word) else ""
        parts.wrong("E204", mark, what=what, text=value, choices=", ".join(one.words), hint=hint)
        return
    form = [f"{one.form_zh} · {one.form_en}"] if error["type"] in _FORMED and len(where) == 1 else [error["msg"]]
    parts.wrong("E211", mark, what=what, detail="; ".join([*form, *about]))


def _named(value: Any) -> Any:
    """References as their own texts."""
    match value:
        case dict():
            return {str(key): _named(item) for key, item in value.items()}
        case list():
            return [_named(item) for item in value]
        case _:
            return str(value)


def _plain(value: Any) -> Any:
    """The same without the engine's own text type."""
    match value:
        case dict():
            return {_plain(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case Word():
            return str(value)
        case _:
            return value


def _in_clear(key: str, info: FieldInfo, value: Any) -> bool:
    if isinstance(value, str):
        return bool(value) and (is_secret(key, info) or _PEM.search(value) is not None)
    if isinstance(value, dict):
        return any(_PEM.search(item) for item in value.values() if isinstance(item, str))
    return False


def _refers(value: Any) -> bool:
    match value:
        case SecretRef():
            return True
        case dict():
            return any(_refers(key) or _refers(item) for key, item in value.items())
        case list():
            return any(_refers(item) for item in value)
        case _:
            return False


def settings_of(entry: PartyEntry, party: Party, root: Path, files: Mapping[str, bytes] | None = None) -> Any:
    """A connection's settings with secrets read now, as the party's `open` takes them. `files`: the site's, for
    settings that name one of them (a service description).

    SecretMissing when a secret cannot be read, ValueError when the party's model refuses a value; neither quotes it.
    """
    resolved = resolve_settings(dict(entry.settings), root)
    try:
        return party.settings.model_validate(_plain(resolved), context={"files": files or {}})
    except ValidationError as bad:
        first = bad.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}") from None
