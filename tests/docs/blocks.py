"""Where the documents are, and how their fenced blocks and generated parts are found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
_FENCE = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"<!-- file: (\S+) -->\n\n?```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language ("" when none is named), its text, the line it begins at (1-based)."""

    language: str
    text: str
    line: int


def documents() -> list[Path]:
    """Every Markdown file of the project that people read."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(path: Path, *languages: str) -> Iterator[Block]:
    """The fenced blocks of a document, of these languages only when some are named."""
    text = path.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        if not languages or match[1] in languages:
            yield Block(match[1], match[2], text.count("\n", 0, match.start()) + 1)


def named_files(path: Path) -> dict[str, str]:
    """Blocks behind `<!-- file: PATH -->`: the path and what the file shall hold."""
    return {match[1]: match[2] for match in _NAMED.finditer(path.read_text(encoding="utf-8"))}


def between(text: str, name: str) -> str:
    """The generated part `name` of a text. ValueError when its two marks are not there."""
    begin, end = marks(name)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"the marks of {name} are not there once")
    return text[text.index(begin) + len(begin) : text.index(end)].strip("\n")


def replaced(text: str, name: str, part: str) -> str:
    """The text with its generated part `name` made anew."""
    begin, end = marks(name)
    between(text, name)
    return f"{text[: text.index(begin) + len(begin)]}\n{part}\n{text[text.index(end) :]}"


def marks(name: str) -> tuple[str, str]:
    """The two comments around a generated part."""
    return f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
