"""The judges' environments: one each under `.venv-judges/`, from a lock with hashes, made when absent or outdated.

`python -m tests.judges.venvs` makes all of them at once (`make test` does). A judge that cannot be installed raises:
nothing is skipped.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOME = HERE.parents[1] / ".venv-judges"
JUDGES = ("wechatpayv3", "wechatpy", "alipay", "zeep", "openpyxl")
FROM_SOURCE = frozenset({"alipay"})  # no wheel is published: built with the pinned setuptools of build.lock
PIP = ("--quiet", "--disable-pip-version-check", "--no-input")
HASHED = ("--require-hashes", "--no-build-isolation", "--no-warn-script-location")


class NoJudge(Exception):
    """An environment could not be made; the text is pip's."""


def python_of(name: str) -> Path:
    """The interpreter of a judge's environment, which is made first where it is absent or its lock has changed."""
    locks = [HERE / f"{name}.lock"]
    if name in FROM_SOURCE:
        locks.insert(0, HERE / "build.lock")
    digest = hashlib.sha256(sys.version.encode() + b"".join(path.read_bytes() for path in locks)).hexdigest()
    folder = HOME / name
    made, python = folder / ".made", folder / "bin" / "python"
    HOME.mkdir(exist_ok=True)
    with (HOME / f"{name}.busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)  # two pytest runs at once: one makes it, the other waits
        if made.is_file() and made.read_text(encoding="utf-8") == digest:
            return python
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
        for lock in locks:
            _run(sys.executable, "-m", "pip", "--python", str(python), *PIP, "install", *HASHED, "-r", str(lock))
        made.write_text(digest, encoding="utf-8")
    return python


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603 our own locks
    if done.returncode:
        raise NoJudge(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(python_of, JUDGES))
