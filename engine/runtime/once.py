"""What makes two requests the same one, and what only one may be open of: the values a channel's rows name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from engine.saga.case import found

Tree = Any


class NotGiven(Exception):
    """The request has no text or number where the channel's row says; `path` is where."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def key_of(paths: Sequence[str], body: Mapping[str, Tree]) -> str:
    """The key of a request: the value of `once_by`'s one path as it is, those of several joined by `|`. Who asks
    (`client`) and of which settlement (`no`) is known beside it. Errors: NotGiven."""
    values = [_text(body, path) for path in paths if path not in ("client", "no")]
    return values[0] if len(values) == 1 else "|".join(quote(value, safe="") for value in values)


def field_of(paths: Sequence[str]) -> str:
    """The field of a request to look at when its key came with other content."""
    return next((_inside(path) for path in paths if path not in ("client", "no")), "")


def held_by(path: str, body: Mapping[str, Tree]) -> list[str]:
    """What a settlement holds alone while it is open: the value or list of values of `one_live`. Errors: NotGiven."""
    found = _at(body, path)
    values = found if isinstance(found, list) else [found]
    if not values or not all(_plain(value) for value in values):
        raise NotGiven(_inside(path))
    return [str(value) for value in values]


def _text(body: Mapping[str, Tree], path: str) -> str:
    found = _at(body, path)
    if not _plain(found):
        raise NotGiven(_inside(path))
    return str(found)


def _plain(value: Tree) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _inside(path: str) -> str:
    return path.removeprefix("request.")


def _at(body: Mapping[str, Tree], path: str) -> Tree:
    return found(body, _inside(path))
