"""Commands whose work lives in the runtime; each says so when this build does not have it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.cli.folder import loaded
from engine.cli.say import FOUND, GOOD, CannotRun, document, line


def _work(module: str, name: str) -> Callable[..., Any]:
    if find_spec(module) is None:
        raise CannotRun(f"此版本没有 · this build has no {module}")
    work: Callable[..., Any] = getattr(import_module(module), name)
    return work


def conversations(root: Path, only: str, as_json: bool) -> int:
    """Run `channels/*.test.yaml` with `engine.conversation.run(root)`: rows of {name, passed, text}."""
    rows = [row for row in _work("engine.conversation", "run")(root) if only in row["name"]]
    failed = sum(not row["passed"] for row in rows)
    if as_json:
        document({"passed": len(rows) - failed, "failed": failed, "rows": rows})
        return FOUND if failed else GOOD
    for row in rows:
        line(f"{'ok  ' if row['passed'] else 'FAIL'}  {row['name']}" + (f"\n{row['text']}" if row["text"] else ""))
    line(f"{len(rows) - failed} passed, {failed} failed")
    return FOUND if failed else GOOD


def resolve(root: Path, no: str, reason: str) -> int:
    """A person's decision on a settlement, handed to the running engine: `engine.runtime.resolve.resolve`."""
    text = _work("engine.runtime.resolve", "resolve")(root, loaded(root), no, reason)
    line(str(text))
    return GOOD
