"""The whole suite, each folder of tests in a pytest of its own, two at a time; arguments go to every pytest.

The slow folders begin first. Everything a pytest says is shown when its folder is done; the last line counts all.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
SLOW_FIRST = (
    "crash", "lifecycle", "deliver", "flow", "console", "edge", "simulation", "cli", "deliver_doors", "his_examples",
    "parties", "his_led", "store", "conformance", "books", "legacy", "scenarios", "inpatient", "faults", "doors",
)  # fmt: skip
AT_ONCE = max(2, min(4, os.cpu_count() or 2))
NOTHING = 5  # pytest's exit code for "no tests collected"
COUNT = re.compile(r"([0-9]+) (passed|failed|error|errors|skipped|xfailed|xpassed)\b")


def say(text: str) -> None:
    """A line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def groups() -> list[list[str]]:
    """The arguments of each pytest: one folder, or the tests beside the folders."""
    tests = HOME / "tests"
    folders = [path.name for path in tests.iterdir() if path.is_dir() and any(path.rglob("test_*.py"))]
    order = {name: place for place, name in enumerate(SLOW_FIRST)}
    found = [[f"tests/{name}"] for name in sorted(folders, key=lambda name: (order.get(name, 99), name))]
    beside = sorted(str(path.relative_to(HOME)) for path in tests.glob("test_*.py"))
    return [*found, beside] if beside else found


def run(group: list[str], more: list[str]) -> tuple[list[str], int, str, float]:
    """One pytest to its end: its group, exit code, output, seconds."""
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 our own tests
        [sys.executable, "-m", "pytest", *group, *more], cwd=HOME, capture_output=True, text=True, check=False
    )
    return group, done.returncode, done.stdout + done.stderr, time.monotonic() - began


def counted(output: str) -> dict[str, int]:
    """What pytest's last line says."""
    for text in reversed(output.splitlines()):
        found = {word.rstrip("s") if word.startswith("error") else word: int(n) for n, word in COUNT.findall(text)}
        if found and " in " in text:
            return found
    return {}


def main(more: list[str]) -> int:
    """Exit code 0 when every test passed."""
    total: dict[str, int] = {}
    broken = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for under_way in [pool.submit(run, group, more) for group in groups()]:
            group, code, output, seconds = under_way.result()
            found = counted(output)
            for word, n in found.items():
                total[word] = total.get(word, 0) + n
            if code not in (0, NOTHING) and not found.get("failed") and not found.get("error"):
                broken += 1  # it never came to its last line
            say(f"── {' '.join(group)} ({seconds:.1f} s)\n{output.strip()}\n")
    failed = total.get("failed", 0) + total.get("error", 0) + broken
    if total.get("skipped"):
        say(f"{total['skipped']} skipped")
    say(f"{total.get('passed', 0)} passed, {failed} failed")
    return 1 if failed or not total.get("passed") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
