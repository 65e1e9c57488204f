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
_REPEATED = frozenset({"channel", "kind", "source", "outcome", "door", "route"})  # the same few words in each line
_CLEAN_MAX = 1000
_OUR_WORDS = frozenset({"NotKept", "Busy", "UnknownSite", "StoreFull", "StoreStopped", "CannotCall", "CannotRead"})
_PRIVATE = NAME_KEYS | NUMBER_KEYS | PHONE_KEYS | SECRET_KEYS | {"name"}


class Log(Protocol):
    """The part of a structlog logger the engine uses."""

    def info(self, event: str, **values: Any) -> Any: ...
    def warning(self, event: str, **values: Any) -> Any: ...
    def error(self, event: str, **values: Any) -> Any: ...
    def message(self, **values: str | float) -> None:
        """The line of one message, request or (`event="settlement"`) step of a settlement: a fifth of what `info`
        costs, for there are thousands a second. Texts are masked as everywhere; an id of ours is handed in under `no`
        and stays whole."""

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
        elif isinstance(value, str) and key != "no":  # an id of ours: it may look like a card's number
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
        self._clean: set[str | float] = set()  # words of many lines in which there is nothing to mask

    def message(self, **values: str | float) -> None:
        """See Log."""
        self.messages([values])

    def messages(self, lines: Iterable[dict[str, str | float]]) -> None:
        """See Log."""
        if self._stream is None:
            return
        made: list[dict[str, str | float]] = []
        at, clean = iso_utc(self._now()), self._clean
        for values in lines:
            for key, value in values.items():
                if value in clean or type(value) is not str or key == "no":
                    continue
                if _DOUBTFUL(value) or len(value) > VALUE_MAX:
                    values[key] = mask(value)
                elif key in _REPEATED:
                    if len(clean) >= _CLEAN_MAX:
                        clean.clear()
                    clean.add(value)
            values["level"], values["at"] = "info", at
            made.append({"event": "message", **values})
        if made:  # quotation marks are written otherwise inside a text: what is cut at is never part of one
            text = orjson.dumps(made)[1:-1].replace(b'},{"event":"message",', b'}\n{"event":"message",')
            self._stream.write(text.decode() + "\n")
