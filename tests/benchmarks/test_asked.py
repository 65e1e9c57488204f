"""What a benchmark is asked for: letters in any form, and a loud no to what it does not know."""

from __future__ import annotations

import pytest

from bench.asked import asked_letters

CASES = {"f": "one process", "o": "open loops"}


@pytest.mark.parametrize(("said", "asked"), [([], ""), (["fo"], "fo"), (["o", "f"], "of")])
def test_letters_together_or_apart(said: list[str], asked: str) -> None:
    assert asked_letters("bench.x", "about it", CASES, said) == asked


@pytest.mark.parametrize(("said", "told"), [
    (["fx"], "no such case: x; there are: f o"), (["-q"], "unrecognized arguments: -q"), (["ff"], "a case twice"),
])  # fmt: skip
def test_what_it_does_not_know_is_refused(said: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        asked_letters("bench.x", "about it", CASES, said)
    assert end.value.code == 2
    assert told in capsys.readouterr().err


def test_a_benchmark_of_one_piece_takes_no_letters(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked_letters("bench.x", "about it", {}, []) == ""
    with pytest.raises(SystemExit):
        asked_letters("bench.x", "about it", {}, ["f"])
    assert "unrecognized arguments: f" in capsys.readouterr().err


def test_the_help_says_what_it_measures_and_each_letter(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        asked_letters("bench.x", "about it\n\nin two pieces", CASES, ["-h"])
    said = capsys.readouterr().out
    assert end.value.code == 0
    assert all(part in said for part in ("python -m bench.x", "about it\n\nin two pieces", "  f  one process"))
