"""Which Pythons are tested is told alike everywhere, and making the environment says what is wrong with the others."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.blocks import CHINESE, ENGLISH, ROOT

MAKER = ROOT / ".ci/venv.py"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TESTED = [
    one.rpartition(" ")[2] for one in PROJECT["project"]["classifiers"] if re.fullmatch(r".*Python :: 3\.\d+", one)
]


def test_every_place_tells_the_same_versions() -> None:
    first, *_, last = TESTED
    said = {path: path.read_text(encoding="utf-8") for path in (ENGLISH, CHINESE, MAKER, ROOT / "Makefile")}
    assert f"Python {', '.join(TESTED[:-1])} or {last}" in said[ENGLISH]
    assert f"Python {'、'.join(TESTED[:-1])} 或 {last}" in said[CHINESE]
    assert f"Python {', '.join(TESTED[:-1])} or {last}" in said[ROOT / "Makefile"]
    assert f"{first} to {last} are tested" in said[MAKER]
    assert f"TESTED = {tuple(TESTED)!r}".replace("'", '"') in said[MAKER]
    names = re.search(r"for one in ((?:python\S* ?)+);", said[ROOT / "Makefile"])
    assert names is not None
    assert names[1].split() == [*(f"python{version}" for version in TESTED), "python3"]


def test_the_sources_keep_to_the_first_of_them() -> None:
    first = TESTED[0]
    assert PROJECT["project"]["requires-python"] == f">={first}"
    assert PROJECT["tool"]["mypy"]["python_version"] == first
    assert PROJECT["tool"]["ruff"]["target-version"] == "py" + first.replace(".", "")
    for name in ("requirements.lock", "requirements-dev.lock"):  # a newer one would leave out what the first needs
        assert f"by pip-compile with Python {first}\n" in (ROOT / name).read_text(encoding="utf-8")


def made(tmp_path: Path, version: tuple[int, int, int], *, venv_ends: int) -> tuple[int, str]:
    """Make an environment with a Python that says it is of this version; what became of it."""
    told = {"version": version, "took": 0.1, "venv": True, "pip": False, "ssl": True, "ctypes": True}
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\ncase $1 in -c) echo '{json.dumps(told)}' ;; *) exit {venv_ends} ;; esac\n")
    python.chmod(0o755)
    done = subprocess.run(  # noqa: S603 our own program
        [sys.executable, str(MAKER), str(tmp_path / "made"), str(python)],
        cwd=tmp_path, env={**os.environ, "PATH": "/nowhere"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("version", "venv_ends", "code", "words"),
    [
        ((3, 13, 5), 0, 0, "Python 3.13.5"),
        ((3, 99, 0), 0, 0, "not tested with this one: 3.11"),
        ((3, 10, 9), 0, 1, "Python 3.11 or later is needed"),
    ],
)
def test_the_maker_says_what_it_took_and_what_it_cannot_take(
    tmp_path: Path, version: tuple[int, int, int], venv_ends: int, code: int, words: str
) -> None:
    ended, said = made(tmp_path, version, venv_ends=venv_ends)
    assert (ended, words in said) == (code, True), said
    assert ("not tested" in said) is (version >= (3, 99)), said


def test_a_python_without_its_venv_package_is_told_which_to_install(tmp_path: Path) -> None:
    """As on a fresh Debian or Ubuntu: `venv` is there, what it needs is not."""
    code, said = made(tmp_path, (3, 13, 5), venv_ends=1)
    assert (code, "apt install python3.13-venv" in said, "or later is needed" in said) == (1, True, False), said
