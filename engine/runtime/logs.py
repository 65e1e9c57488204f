"""One log line a fact, JSON, with names of ours only. Values that could be a person's are masked first.

The engine never passes patient data to a log; the mask is the second lock. It looks at every text value: id numbers,
phones, cards and names behind known keys come out as `370***********0117`, `139****0001`, `张*`.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterable, MutableMapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TextIO

import orjson
import structlog

from engine.core.times import iso_utc
from engine.masking.values import NAME_KEYS, NUMBER_KEYS, PHONE_KEYS, SECRET_KEYS, plain_key, without_numbers

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
_DOUBTFUL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]|[0-9]{11}").search  # only then anything is masked in a text
VALUE_MAX = 500
_OUR_WORDS = frozenset({"NotKept", "Busy", "UnknownSite", "StoreFull", "StoreStopped", "CannotCall"})
_PRIVATE = NAME_KEYS | NUMBER_KEYS | PHONE_KEYS | SECRET_KEYS | {"name"}


class Log(Protocol):
    """The part of a structlog logger the engine uses."""

    def info(self, event: str, **values: Any) -> Any: ...
    def warning(self, event: str, **values: Any) -> Any: ...
    def error(self, event: str, **values: Any) -> Any: ...
    def message(self, **values: str | float) -> None:
        """The line of one message or request: a fifth of what `info` costs, for there are thousands a second. Texts
        are masked as everywhere; an id of ours is handed in as text of digits under `no` and stays whole."""

    def messages(self, lines: Iterable[dict[str, str | float]]) -> None:
        """The lines of messages that came to their end together, written together."""


def mask(text: str) -> str:
    """A text without id numbers, phones and card numbers, on one line, at most 500 characters."""
    return _CONTROL.sub(" ", without_numbers(text)[:VALUE_MAX])


def trouble_of(problem: BaseException | None, frames: TracebackType | None = None) -> str:
    """What went wrong and where in the code, for a log. The exception's own words only where they are ours: those of
    others may quote what they stumbled over, and that may be a patient's."""
    kind = type(problem).__name__
    said = f"{kind}: {problem}"[:200] if kind in _OUR_WORDS else kind
    places = traceback.extract_tb(frames or getattr(problem, "__traceback__", None))[-4:]
    return " < ".join([said, *(f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in reversed(places))])


@cache
def _is_private(key: str) -> bool:
    return plain_key(key) in _PRIVATE


def _masked(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if _is_private(key):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = mask(value)
    return event


def open_log(now: Callable[[], float], stream: TextIO = sys.stderr, level: str = "info") -> Log:
    """A logger that writes JSON lines to `stream`, stamped with the engine's own clock. Lines of messages are written
    at the levels debug and info."""

    def stamped(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["at"] = iso_utc(now())
        return event

    logger: Any = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        processors=[
            structlog.processors.add_log_level,
            stamped,
            _masked,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    return _Lines(logger, now, stream if level in ("debug", "info") else None)


class _Lines:
    """The logger, and beside it the lean line of a message."""

    def __init__(self, logger: Any, now: Callable[[], float], stream: TextIO | None) -> None:
        self.info, self.warning, self.error = logger.info, logger.warning, logger.error
        self._now, self._stream = now, stream

    def message(self, **values: str | float) -> None:
        """See Log."""
        self.messages([values])

    def messages(self, lines: Iterable[dict[str, str | float]]) -> None:
        """See Log."""
        if self._stream is None:
            return
        made, at = [], iso_utc(self._now())
        for values in lines:
            texts = [value for key, value in values.items() if type(value) is str and key != "no"]
            if _DOUBTFUL(" ".join(texts)) or max(map(len, texts), default=0) > VALUE_MAX:
                for key, value in values.items():
                    if type(value) is str and key != "no":
                        values[key] = mask(value)
            made.append(orjson.dumps({"event": "message", **values, "level": "info", "at": at}))
        self._stream.write(b"\n".join([*made, b""]).decode())
