"""Named places where a test may kill the process: before and after each durable write and each outbound call.

In production `hit` is one comparison. `ENGINE_FAILPOINT=name` (or `name#n` for the n-th time) kills the process with
SIGKILL at that place; `ENGINE_FAILPOINT_LOG=path` appends each name as it is passed, which is how the list of places
is enumerated: by the code that runs, not by hand.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

_on = False
_target = ""
_left = 0
_log = ""


def arm(environment: Mapping[str, str]) -> None:
    """Read the two variables; called once at start, by the command line only."""
    global _on, _target, _left, _log
    target, _, count = environment.get("ENGINE_FAILPOINT", "").partition("#")
    _target, _left, _log = target, int(count or "1"), environment.get("ENGINE_FAILPOINT_LOG", "")
    _on = bool(_target or _log)


def armed() -> bool:
    """Whether anybody wants to know; a name need not be made when nobody does."""
    return _on


def hit(name: str) -> None:
    """The process passes a named place."""
    if _on:
        _hit(name)


def _hit(name: str) -> None:
    global _left
    if _log:
        with open(_log, "a", encoding="ascii") as log:
            log.write(name + "\n")
    if name == _target:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
