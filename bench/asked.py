"""The command line of a benchmark: `-h` tells what it measures; which of its cases, by letter, or all."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence


def asked_letters(program: str, about: str | None, cases: Mapping[str, str], said: Sequence[str] | None = None) -> str:
    """The letters asked for, together or apart ("fo", "f o"); "" for all. Exits with 2 on a letter that is no case.

    `cases`: each letter and, in a line, what it measures. None: a benchmark that is one piece takes no letters.
    """
    words = argparse.ArgumentParser(
        prog=f"python -m {program}", description=about, epilog="\n".join(f"  {k}  {v}" for k, v in cases.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    if cases:
        words.add_argument("cases", nargs="*", metavar="CASE", help="letters, together or apart; all without any")
    asked = "".join(getattr(words.parse_args(sys.argv[1:] if said is None else said), "cases", ()))
    if strange := sorted(set(asked) - set(cases)):
        words.error(f"no such case: {', '.join(strange)}; there are: {' '.join(cases)}")
    if len(set(asked)) < len(asked):
        words.error("a case twice")
    return asked


def first_line(case: Callable[..., object]) -> str:
    """What a case says of itself."""
    return (case.__doc__ or "").partition("\n")[0]
