"""How another Python of ours is started: workers, simulators, `engine apply` of a signal, work beside the engine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT")


def python() -> list[str]:
    """How to start another Python of ours."""
    return [sys.executable, "-u"]


def environment() -> dict[str, str]:
    """Its environment: it finds this package also when that is not installed but run from its folder."""
    home = str(Path(__file__).resolve().parents[2])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH", "")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"}


def bare_environment(scratch: str) -> dict[str, str]:
    """The environment of one that is to know nothing: no secret that lies in ours (`env:NAME`). `scratch`: the folder
    for its temporary files."""
    whole = environment()
    kept = {name: whole[name] for name in (*KEPT, "PYTHONPATH", "PYTHONIOENCODING") if name in whole}
    return {**kept, "TMPDIR": scratch, "PYTHONDONTWRITEBYTECODE": "1"}
