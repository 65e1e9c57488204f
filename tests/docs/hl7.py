"""Draws the HL7 profile into docs/hl7-door.md: `python -m tests.docs.hl7 [--write]`."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from engine.config.hl7_profile import ZSegment
from engine.runtime.interface import examples
from engine.runtime.interface.tables import actions, answer_places
from engine.site.hl7_spec import Hl7Spec
from engine.site.load import load
from engine.site.site import Site
from tests.docs.blocks import ROOT, replaced

PATH = ROOT / "docs" / "hl7-door.md"
CHANNEL, ASKED, ANSWERED = "outpatient_settlement", "ZJS", "ZJA"


def parts() -> dict[str, str]:
    """Every generated part of the page by its name."""
    site = load(ROOT)
    assert isinstance(site, Site)
    spec = site.channels[CHANNEL].hl7
    assert spec is not None
    answers = {place: path for place, path in answer_places(spec) if path.startswith("answer.")}
    return {
        "hl7-asks": _asks(spec),
        "hl7-request": _segment(ASKED, spec.profile.segments[ASKED], {}),
        "hl7-answer": _segment(ANSWERED, spec.profile.segments[ANSWERED], answers),
    }


def _asks(spec: Hl7Spec) -> str:
    made = examples.message(spec, "NHIS")
    assert made is not None
    rows = [
        (f"`{one.code}`", f"{one.about.zh} · {one.about.en}", " · ".join(f"{part} ← `{at}`" for part, at in one.rows))
        for one in actions(spec)
    ]
    example = ["```", examples.message_text(made), "```", ""]
    return "\n".join([*example, *_table((str(spec.action), "asks", "part of the order ← place"), rows)])


def _segment(name: str, segment: ZSegment, answers: dict[str, str]) -> str:
    rows = []
    for number, field in segment.fields.items():
        place = f"{name}-{number}"
        note = "; ".join(part for part in (answers.get(place, "").removeprefix("answer."), field.note) if part)
        must = " ●" if field.required else ""
        rows.append((f"`{place}`{must}", f"{field.zh} · {field.en}", str(field.longest), note))
    return "\n".join(_table((f"{name} {segment.zh}", segment.en, "longest", ""), rows))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return [*lines, *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)]


def main(arguments: list[str]) -> int:
    """Exit code 0; 2 for wrong use."""
    if arguments not in ([], ["--write"]):
        print(__doc__)
        return 2
    text = PATH.read_text(encoding="utf-8")
    for name, part in parts().items():
        text = replaced(text, name, part)
    if arguments:
        PATH.write_text(text, encoding="utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
