"""Seeds: the whole engine in a simulated world, hundreds of times, each time another misfortune. See `world.play`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.__main__ import regress
from tests.simulation.world import play

SEEDS = 300
CHUNK = 10
ROOT = Path(__file__).resolve().parents[2]
SAME = (3, 17, 42, 61)


def _judge(seed: int) -> None:
    verdict = play(seed)
    assert verdict.passed, "\n".join([
        f"seed {seed}: {verdict.flaws[0]}", *verdict.flaws[1:5],
        f"replay: python -m tests.simulation --seed {seed} --trace",
    ])  # fmt: skip


@pytest.mark.parametrize("seed", regress())
def test_a_seed_that_once_failed(seed: int) -> None:
    _judge(seed)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK), ids=lambda first: f"{first}-{first + CHUNK - 1}")
def test_seeds(first: int) -> None:
    for seed in range(first, first + CHUNK):
        _judge(seed)


def test_the_same_seed_is_the_same_run_also_in_another_process() -> None:
    here = [_print(seed) for seed in SAME]
    assert len(set(here)) == len(SAME), "different seeds look alike: the digest covers nothing"
    assert [_print(seed) for seed in SAME] == here
    for hash_seed in ("1", "271828"):
        there = subprocess.run(  # noqa: S603 our own interpreter and program
            [sys.executable, "-c", _PROGRAM, *map(str, reversed(SAME))],
            cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert there.stdout.split() == list(reversed(here))


def _print(seed: int) -> str:
    verdict = play(seed)
    return f"{verdict.digest}/{verdict.ledgers}"


_PROGRAM = """
import sys
from tests.simulation.world import play
for seed in sys.argv[1:]:
    verdict = play(int(seed))
    print(f"{verdict.digest}/{verdict.ledgers}")
"""
