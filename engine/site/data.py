"""What a map or condition may read at its place: the data of a settlement as it grows from step to step.

A `Shape` says what lies below a name: a dict of further names, or None when anything may be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.config.problems import Mark, nearest
from engine.pipeline.field_map import FieldMap

Shape = dict[str, Any] | None

LEG = ("number", "attempt", "batch_no", "amount", "call", "at", "sent_at")
ROW = ("number", "day", "group", "total", "fund", "account", "cash")  # what the map of a statement's row must make
SUMS = ("count", "total", "fund", "account", "cash", "done", "back")
SETTLEMENT = ("no", "channel", "client", "created_at", "attempt")


def closed(names: Iterable[str]) -> dict[str, Any]:
    """Exactly these names, anything below each."""
    return dict.fromkeys(names)


def steps_of(path: str) -> list[str]:
    """The names of a path; `[]` (each item of a list) is no name of its own."""
    return [step for step in path.replace("[]", "").split(".") if step]


def put(root: dict[str, Any], path: str, shape: Shape) -> None:
    """Let a dotted path be known, with what lies below it."""
    *parents, last = steps_of(path)
    at = root
    for name in parents:
        below = at.get(name)
        if not isinstance(below, dict):
            below = at[name] = {}
        at = below
    old = at.get(last)
    if isinstance(old, dict) and isinstance(shape, dict):
        at[last] = {**old, **shape}
    else:
        at[last] = shape


def copied(shape: Shape) -> Shape:
    """A copy that can grow by itself."""
    return None if shape is None else {name: copied(below) for name, below in shape.items()}


def shape_of(made: FieldMap | None) -> dict[str, Any]:
    """What a map's output holds: its targets."""
    root: dict[str, Any] = {}
    for target in sorted(made.makes) if made else ():
        at: dict[str, Any] = root
        for name in steps_of(target):
            below = at.get(name)
            if not isinstance(below, dict):
                below = at[name] = {}
            at = below
    return _opened(root)


def _opened(root: dict[str, Any]) -> dict[str, Any]:
    """Targets without parts may hold anything."""
    return {name: _opened(below) if below else None for name, below in root.items()}


def shape_of_schema(content: Any, root: Any = None, depth: int = 0) -> Shape:
    """What a JSON Schema allows: its properties, when it allows no others; anything else is open."""
    root = content if root is None else root
    if not isinstance(content, dict) or depth > 20:
        return None
    ref = content.get("$ref")
    if isinstance(ref, str) and ref.startswith("#/"):
        target = root
        for step in ref[2:].split("/"):
            target = target.get(step) if isinstance(target, dict) else None
        return shape_of_schema(target, root, depth + 1)
    if isinstance(content.get("items"), dict):
        return shape_of_schema(content["items"], root, depth + 1)
    properties = content.get("properties")
    if not isinstance(properties, dict) or content.get("additionalProperties") is not False:
        return None
    return {name: shape_of_schema(below, root, depth + 1) for name, below in properties.items()}


def shape_of_tree(tree: Any) -> Shape:
    """What a literal tree holds (the hospital of engine.yaml)."""
    if not isinstance(tree, Mapping):
        return None
    return {str(name): shape_of_tree(below) for name, below in tree.items()}


def below(root: dict[str, Any], path: str) -> Shape:
    """What lies below a path; None when anything may, or nothing is known."""
    at: Shape = root
    for name in steps_of(path):
        if not isinstance(at, dict) or name not in at:
            return None
        at = at[name]
    return at


def missing(root: dict[str, Any], path: str) -> tuple[str, list[str]] | None:
    """The first part of a path that is not there, and what stands beside it; None when all of it may be there."""
    at: Shape = root
    names = steps_of(path)
    for depth, name in enumerate(names):
        if at is None:
            return None
        if name not in at:
            return ".".join(names[: depth + 1]), sorted(at)
        at = at[name]
    return None


def nearest_path(path: str, lost: tuple[str, list[str]]) -> str:
    """The path with its lost part (of `missing`) as the nearest name that stands beside it; "" when none is near."""
    part, beside = lost
    before, _, word = part.rpartition(".")
    near = nearest(word, beside)
    return path.replace(part, f"{before}.{near}".lstrip("."), 1) if near else ""


@dataclass(slots=True)
class Growing:
    """What is known so far, and at which step (its place) each later name will be."""

    known: dict[str, Any]
    lets: frozenset[str] = frozenset()
    later: dict[str, Mark] = field(default_factory=dict)

    def with_leg(self) -> dict[str, Any]:
        """The same with the leg's own numbers, for maps that send."""
        return {**self.known, "own": closed(LEG), "of": closed(LEG)}

    def with_answer(self) -> dict[str, Any]:
        """The same with a party's answer, for maps that read."""
        return {**self.with_leg(), "answer": None, "code": {}, "text": {}}
