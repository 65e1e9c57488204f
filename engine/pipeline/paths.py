"""Reading paths out of the names, and what to do when nothing is there. Most of a map's work happens here, so
the common lengths of paths are spelt out."""

from __future__ import annotations

from typing import Any

from engine.pipeline.compiling import LEFT_OUT, Run, Scope
from engine.pipeline.rejected import Absent, MapRejected, kind_of


def _missing(steps: list[str], path: str, data: Scope) -> MapRejected:
    """Why the path could not be read: something is not there, or something on the way is no object."""
    here: Any = data
    for depth, step in enumerate(steps):
        if here is None or (here == "" and depth):
            break
        if type(here) is not dict and depth:
            before = ".".join(steps[:depth])
            return MapRejected("E-MAP-TYPE", detail=f"{before} is {kind_of(here)}, not an object", path=path)
        if step not in here:
            break
        here = here[step]
    return Absent("E-MAP-MISSING", detail=f"{path} is missing", path=path)


def path_getter(path: str) -> Run:
    """Reads a dotted path; raises Absent when something on the way is missing or null, E-MAP-TYPE when something
    on the way is no object. The common lengths are spelt out: this is most of a map's work."""
    steps = path.split(".")

    def missing(data: Scope) -> MapRejected:
        return _missing(steps, path, data)

    if len(steps) == 1:

        def get(data: Scope) -> Any:
            value = data.get(path)
            if value is None:
                raise missing(data)
            return value

    elif len(steps) == 2:
        one, two = steps

        def get(data: Scope) -> Any:
            try:
                value = data[one][two]
            except (KeyError, TypeError):
                raise missing(data) from None
            if value is None:
                raise missing(data)
            return value

    elif len(steps) == 3:
        one, two, three = steps

        def get(data: Scope) -> Any:
            try:
                value = data[one][two][three]
            except (KeyError, TypeError):
                raise missing(data) from None
            if value is None:
                raise missing(data)
            return value

    else:

        def get(data: Scope) -> Any:
            value: Any = data
            try:
                for step in steps:
                    value = value[step]
            except (KeyError, TypeError):
                raise missing(data) from None
            if value is None:
                raise missing(data)
            return value

    return get


def soft_getter(path: str, fallback: Run) -> Run:
    """The same with a fallback, without an exception on the way: optional fields are missing more often than not."""
    get = path_getter(path)
    *before, last = path.split(".")

    def either(data: Scope) -> Any:
        here: Any = data
        try:
            for step in before:
                here = here[step]
            value = here.get(last)
        except (KeyError, TypeError, AttributeError):
            value = _or_none(get, data)
        return fallback(data) if value is None else value

    return either


def _or_none(get: Run, data: Scope) -> Any:
    try:
        return get(data)
    except Absent:
        return None


def left_out(run: Run) -> Run:
    """The same, but without a value the row is left out."""

    def maybe(data: Scope) -> Any:
        try:
            return run(data)
        except Absent as absent:
            if absent.place is not None:
                raise
            return LEFT_OUT

    return maybe


def or_null(path: str, run: Run) -> Run:
    """The same, but null where the path holds null: somebody says that there shall be no value any more."""
    *before, last = path.split(".")

    def told(data: Scope) -> Any:
        here: Any = data
        try:
            for step in before:
                here = here[step]
            if last in here and here[last] is None:
                return None
        except (KeyError, TypeError):
            pass
        return run(data)

    return told


def or_else(run: Run, fallback: Run) -> Run:
    """The first, or when it has no value the second."""

    def either(data: Scope) -> Any:
        try:
            return run(data)
        except Absent as absent:
            if absent.place is not None:
                raise
        return fallback(data)

    return either


def or_reject(run: Run, code: str) -> Run:
    """The value, or a refusal with the code."""

    def must(data: Scope) -> Any:
        try:
            return run(data)
        except Absent as absent:
            if absent.place is not None:
                raise
            raise MapRejected(code, None, absent.detail, absent.path, absent.about) from None

    return must
