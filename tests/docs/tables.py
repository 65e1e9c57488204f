"""Draws the machine's tables into ARCHITECTURE.md: `python -m tests.docs.tables [--write]`.

Without `--write` it prints them. A test compares what is in the document with what the program runs on.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from engine.saga.case import CASE, ENDS, CaseState
from engine.saga.legs import FORWARD, UNDO, LegEvent, LegState, Row
from tests.docs.blocks import ARCHITECTURE, replaced
from tests.test_tidy import LAYERS


def parts() -> dict[str, str]:
    """Every generated part of ARCHITECTURE.md by its name."""
    return {"leg": _legs(FORWARD), "undo": _legs(UNDO), "case": _case(), "ends": _ends(), "layers": _layers()}


def _legs(table: Mapping[tuple[LegState, LegEvent], Row]) -> str:
    """One row for each state and (next state, then), with all that leads there."""
    rows: dict[tuple[LegState, LegState, str], list[str]] = {}
    for (state, event), (becomes, then) in table.items():
        rows.setdefault((state, becomes, then), []).append(event)
    lines = ["| leg is | hears | becomes | then |", "|---|---|---|---|"]
    for (before, after, what), events in rows.items():
        lines.append(f"| {before} | {_words(' · '.join(events))} | {after} | {_words(what)} |")
    return "\n".join(lines)


def _case() -> str:
    rows: dict[tuple[CaseState, CaseState], list[str]] = {}
    for (state, event), becomes in CASE.items():
        rows.setdefault((state, becomes), []).append(event)
    lines = ["| settlement is | hears | becomes |", "|---|---|---|"]
    lines += [f"| {state} | {_words(' · '.join(events))} | {becomes} |" for (state, becomes), events in rows.items()]
    return "\n".join(lines)


def _ends() -> str:
    lines = ["| a settlement goes back | and had stood before | its end |", "|---|---|---|"]
    lines += [f"| {_words(event)} | {'yes' if stood else 'no'} | {end} |" for (event, stood), end in ENDS.items()]
    return "\n".join(lines)


def _layers() -> str:
    lines = ["| layer | imports, besides itself | never |", "|---|---|---|"]
    for layer, (allowed, banned) in LAYERS.items():
        inside = [name for name in LAYERS if name in allowed]
        lines.append(f"| `engine/{layer}` | {', '.join(inside) or '—'} | {', '.join(sorted(banned))} |")
    return "\n".join(lines)


def _words(name: str) -> str:
    return name.replace("_", " ")


def main(arguments: list[str]) -> int:
    """Exit code 0; 2 for wrong use."""
    if arguments not in ([], ["--write"]):
        print(__doc__)
        return 2
    if not arguments:
        print("\n\n".join(parts().values()))
        return 0
    text = ARCHITECTURE.read_text(encoding="utf-8")
    for name, part in parts().items():
        text = replaced(text, name, part)
    ARCHITECTURE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
