"""Make .venv with the best Python at hand: 3.11 to 3.13 are tested, and the quickest if one is clearly quicker.

An interpreter built without profile-guided optimization (pyenv's default) needs half as long again for everything the
engine does; distributions' own interpreters have it. `python .ci/venv.py FOLDER [PYTHON]`: PYTHON settles the choice.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

TESTED = ("3.11", "3.12", "3.13")
NAMES = (*(f"python{version}" for version in TESTED), "python3")
PLACES = ("/usr/local/bin", "/usr/bin")
CLEARLY = 1.2  # so many times quicker, to be taken before the first on the path
ASK = """
import importlib.util as u, json, sys, timeit
class Row:
    __slots__ = ("at", "text")
    def __init__(self, at): self.at = at; self.text = str(at)
    def key(self, more): return self.text + more
def work():
    found = {}
    for at in range(3000):
        row = Row(at)
        found[row.key("x")] = row if isinstance(row.at, int) and row.at % 3 else None
    return len([one for one in found.values() if one is not None])
has = {name: u.find_spec(name) is not None for name in ("venv", "pip", "ssl", "ctypes")}
print(json.dumps({"version": sys.version_info[:3], "took": min(timeit.repeat(work, number=10, repeat=7)), **has}))
"""


def asked(python: str) -> dict[str, Any] | None:
    """What a Python says of itself; None when it is no use to us."""
    try:
        said = subprocess.run([python, "-c", ASK], capture_output=True, text=True, timeout=30)  # noqa: S603
        found: dict[str, Any] = json.loads(said.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    usable = found["version"] >= [3, 11] and found["venv"] and found["ssl"] and found["ctypes"]
    return found if usable else None


def named(said: dict[str, Any]) -> str:
    """`3.13` of what a Python says of itself."""
    return "{}.{}".format(*said["version"])


def candidates() -> list[str]:
    """Every Python that might serve, the one on the path first."""
    found = [sys.executable, *(shutil.which(name) or "" for name in NAMES)]
    found += [f"{place}/{name}" for place in PLACES for name in NAMES if os.access(f"{place}/{name}", os.X_OK)]
    return list(dict.fromkeys(path for path in found if path))


def make(folder: Path, python: str) -> bool:
    """A virtual environment with pip; False when this Python cannot make one."""
    for options in ((), ("--without-pip",)):  # distributions split their ensurepip off
        shutil.rmtree(folder, ignore_errors=True)
        done = subprocess.run([python, "-m", "venv", *options, str(folder)], capture_output=True)  # noqa: S603
        if done.returncode == 0:
            return not options or pip_into(folder)
    return False


def pip_into(folder: Path) -> bool:
    """Give it a pip with the pip of another Python."""
    pips = [path for path in candidates() if (asked(path) or {}).get("pip")]
    target = str(folder / "bin" / "python")
    for python in pips:
        ask = [python, "-m", "pip", "--python", target, "install", "--quiet", "--disable-pip-version-check"]
        lock = [line for line in Path("requirements-dev.lock").read_text().splitlines() if line.startswith("pip==")]
        pinned = lock[0].split()[0] if lock else "pip"
        if subprocess.run([*ask, pinned], capture_output=True).returncode == 0:  # noqa: S603
            return True
    return False


def main(folder: Path, given: str) -> int:
    """Make it; 1 and a word when no Python serves."""
    known = {path: found for path in ([given] if given else candidates()) if (found := asked(path)) is not None}
    first = next(iter(known.values()), {"took": 0.0})["took"]
    order = sorted(known, key=lambda path: min(known[path]["took"] * CLEARLY, first))
    order.sort(key=lambda path: named(known[path]) not in TESTED)
    for path in order:
        if make(folder, path):
            sys.stdout.write(f"{folder}: Python {'.'.join(map(str, known[path]['version']))}, {path}\n")
            if named(known[path]) not in TESTED:
                sys.stdout.write(f"没有在这一版上测过 · not tested with this one: {', '.join(TESTED)}\n")
            return 0
    if order:  # distributions split off what makes an environment
        package = f"python{named(known[order[0]])}-venv"
        told = f"{order[0]} 做不了虚拟环境，先装 · cannot make an environment, install first: apt install {package}\n"
    else:
        told = "需要 Python 3.11 或更高 · Python 3.11 or later is needed: make setup PYTHON=/path/to/python3\n"
    sys.stderr.write(told)
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
