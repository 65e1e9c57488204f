"""The reference is what the program reads: every page is made from the specs, and none is missing or left over."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.config.channel import CHANNELS
from engine.config.problems import CODES
from engine.parties.registry import PARTIES
from engine.pipeline.filters import FILTERS
from engine.site.explain import COMPONENTS
from tests.docs import reference


def test_the_pages_are_the_ones_made_from_the_specs() -> None:
    made = reference.pages()
    written = {path.name: path.read_text(encoding="utf-8") for path in reference.FOLDER.glob("*.md")}
    stale = sorted(name for name in {*made, *written} if made.get(name) != written.get(name))
    assert stale == [], "python -m tests.docs.reference --write"


def test_every_component_has_its_place() -> None:
    made = reference.pages()
    assert {f"channel-{name}.md" for name in CHANNELS} | {f"party-{kind}.md" for kind in PARTIES} <= set(made)
    for code in CODES:
        assert f"## {code}\n" in made["lint.md"]
    for name in FILTERS:
        assert f"`{name}" in made["filters.md"]
    whole = "\n".join(made.values())
    roots = {spec.name for spec in (*CHANNELS.values(), reference.LISTENER, reference.PARTY, reference.ENGINE_FILE)}
    roots |= {reference.map_file.MAP_FILE.name, reference.hl7_profile.PROFILE.name}
    told = {name for name, spec in COMPONENTS.items() if f"## `{spec.name}`" in whole or spec.name in roots}
    assert set(COMPONENTS) - told == set()


def test_every_field_of_a_spec_is_a_row() -> None:
    made = reference.pages()["listener.md"]
    assert re.findall(r"^\| `(\w+)`", made, re.MULTILINE)[: len(reference.LISTENER.fields)] == [
        field.name for field in reference.LISTENER.fields
    ]


def _tables(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """Every row of every table with its head; a | inside a cell is written \\|."""
    head: list[str] = []
    for line in text.split("\n"):
        if not line.startswith("|"):
            head = []
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if head and set(line) != {"|", "-"}:
            yield head, cells
        head = head or cells


def test_nothing_is_left_without_its_meaning() -> None:
    seen = 0
    for name, text in reference.pages().items():
        for head, cells in _tables(text):
            assert len(cells) == len(head), f"{name}: {cells[0]}: a row of another width"
            said = dict(zip(head, cells, strict=True)).get("meaning · 含义")
            if said is not None:
                seen += 1
                zh, apart, en = said.partition(" · ")
                assert apart, f"{name}: {cells[0]}: {said}"
                assert re.search("[\u4e00-\u9fff]", zh), f"{name}: {cells[0]}: {said}"
                assert re.search("[A-Za-z]{2}", en), f"{name}: {cells[0]}: {said}"
    assert seen > 700
