"""The table a benchmark prints and keeps: figures with their floors beside them, and a verdict for each target."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `floor`: what it is compared with, in the same run, and `ratio` to it (None: there is none)."""

    case: str
    what: str
    figure: float
    unit: str
    floor: str = ""
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target: what was wanted, what was found, whether it is met."""

    target: str
    found: str
    met: bool


def machine() -> dict[str, Any]:
    """What this ran on, with nothing that names the machine or its owner."""
    model, memory = platform.processor() or platform.machine(), 0
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
        memory = int(Path("/proc/meminfo").read_text().split()[1]) >> 20
    except OSError:
        pass
    import pysqlite3

    return {
        "cores": os.cpu_count(), "cpu": model, "memory_gib": memory, "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}", "sqlite": pysqlite3.sqlite_version,
        "nice": os.nice(0),
    }  # fmt: skip


def busy() -> float:
    """Processes that wanted a core in the last minute: above 1 before we begin, others share the machine."""
    return os.getloadavg()[0]


def shares_of(times: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99; zeros when there is nothing."""
    ordered, shares = sorted(times) or [0.0], {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {name: round(ordered[math.ceil(len(ordered) * share) - 1], 3) for name, share in shares.items()}


def number(figure: float) -> str:
    """A figure with three digits that count."""
    if figure >= 1000:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"


def markdown(rows: list[Row], verdicts: list[Verdict], about: dict[str, Any]) -> str:
    """The whole table."""
    said = [
        "# Benchmark",
        "",
        f"{about['cores']} cores, {about['cpu']}, {about['memory_gib']} GiB, {about['system']}, "
        f"Python {about['python']}, SQLite {about['sqlite']}. "
        "Engine, parties and terminals share these cores. Load of the machine before the run: "
        f"{about['load_before']:.1f}, niceness {about['nice']}. Compare ratios, not runs.",
        "",
        "| case | figure | | floor beside it | ratio |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        ratio = "" if row.ratio is None else number(row.ratio)
        said.append(f"| {row.case} | {row.what} | {number(row.figure)} {row.unit} | {row.floor} | {ratio} |")
    said += ["", "| target | found | |", "| --- | --- | --- |"]
    said += [f"| {one.target} | {one.found} | {'met' if one.met else '**not met**'} |" for one in verdicts]
    return "\n".join(said) + "\n"


def keep(rows: list[Row], verdicts: list[Verdict], about: dict[str, Any]) -> str:
    """Write latest.md and latest.json; the text of the former."""
    RESULTS.mkdir(exist_ok=True)
    text = markdown(rows, verdicts, about)
    (RESULTS / "latest.md").write_text(text)
    tree = {"machine": about, "rows": [asdict(row) for row in rows], "verdicts": [asdict(one) for one in verdicts]}
    (RESULTS / "latest.json").write_text(json.dumps(tree, ensure_ascii=False, indent=1) + "\n")
    return text


def keep_as(name: str, rows: list[Row], verdicts: list[Verdict], about: dict[str, Any], *, write: bool) -> str:
    """The table of another benchmark; a whole run is kept beside the others under its name."""
    text = markdown(rows, verdicts, about).replace("# Benchmark", f"# Benchmark: {name}", 1)
    if write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.md").write_text(text)
        tree = {"machine": about, "rows": [asdict(row) for row in rows], "verdicts": [asdict(one) for one in verdicts]}
        (RESULTS / f"{name}.json").write_text(json.dumps(tree, ensure_ascii=False, indent=1) + "\n")
    return text
