"""Writes docs/errors.md from the tables the program answers from: `python -m tests.docs.errors [--write]`.

Three lists: what callers, patients and desks hear (engine/core/errors.py), what the shipped maps say (their `texts`),
and what lint says of a configuration.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import engine.config.codes
import engine.conversation_codes
import engine.pipeline.codes
from engine.config.problems import CODES
from engine.core.errors import CODE_OF_PARTY, ERRORS
from engine.pipeline.rejected import TEXTS, CodeText
from engine.site.load import load
from engine.site.site import Site
from tests.docs.blocks import ROOT

PATH = ROOT / "docs" / "errors.md"
DECLARE = (engine.config.codes, engine.conversation_codes, engine.pipeline.codes)  # importing them declares the codes

GROUPS = {
    "E1": "读 YAML · reading YAML", "E2": "文件的形状 · the shape of a file", "E3": "名称 · names",
    "E4": "款项 · money", "E5": "整个文件与文件之间 · whole files, and files together",
    "E6": "映射与条件 · maps and conditions", "E7": "代码表 · code tables", "E8": "JSON Schema",
    "W": "建议 · advice (fails nothing)",
}  # fmt: skip

HEAD = """<!-- Made by `python -m tests.docs.errors --write` from the program's own tables. Do not edit by hand. -->
# 错误码 · Error codes

`engine explain CODE` prints the same, with an example for every code of lint. `{detail}` and other words in braces are
filled when it is said. 责任方 · side: patient, his, insurance, payment, einvoice, engine, client.
"""


def document() -> str:
    """The whole page."""
    site = load(ROOT)
    if not isinstance(site, Site):
        raise ValueError(f"the shipped configuration does not load: {site[:3]}")
    said = {code: text for made in site.maps.values() for code, text in made.texts.items() if code not in ERRORS}
    return "\n".join([HEAD, *_api(), *_maps(said.values()), *_of_pipeline(), *_parties(), *_lint()]) + "\n"


def _api() -> list[str]:
    rows = [
        (f"`{code}`", one.side, f"{one.zh}<br>{one.en}", _two(one.next, one.next_en)) for code, one in ERRORS.items()
    ]
    return _table(
        "## 结算接口 · The settlement API",
        "`reason.code` of an answer. 401 and 403 carry `E-401`, `E-403` and no more.",
        ("code", "side", "says", "next"), rows,
    )  # fmt: skip


def _maps(texts: Iterable[CodeText]) -> list[str]:
    rows = [(f"`{one.code}`", one.side, f"{one.zh}<br>{one.en}", one.next) for one in sorted(texts, key=_code)]
    return _table(
        "## 本配置的规则 · Rules of the shipped configuration",
        "Written in the maps (`texts:`); a site changes them there.",
        ("code", "side", "says", "next"), rows,
    )  # fmt: skip


def _of_pipeline() -> list[str]:
    rows = [(f"`{one.code}`", one.side, f"{one.zh}<br>{one.en}", one.next) for one in TEXTS.values()]
    return _table(
        "## 映射 · Maps", "When a map or condition cannot make its result.", ("code", "side", "says", "next"), rows
    )


def _parties() -> list[str]:
    rows = [(f"`{theirs}`", f"`{ours}`") for theirs, ours in CODE_OF_PARTY.items()]
    return _table(
        "## 对方的代码 · Codes of parties",
        "Where we have better words than the party. All others pass on the party's own words as `E-REFUSED` or "
        "`E-PAY-REFUSED`.",
        ("theirs", "ours"), rows,
    )  # fmt: skip


def _lint() -> list[str]:
    lines = ["## 配置检查 · Lint", ""]
    for prefix, title in GROUPS.items():
        rows = [
            (f"`{code}`", f"{one.zh}<br>{one.en}", f"{one.story_zh}<br>{one.story_en}")
            for code, one in sorted(CODES.items())
            if code.startswith(prefix)
        ]
        if rows:
            lines += _table(f"### {title}", "", ("code", "says", "why"), rows)
    return lines


def _table(title: str, about: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [title, "", *([about, ""] if about else []), f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return [*lines, *(f"| {' | '.join(_cell(text) for text in row)} |" for row in rows), ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _two(zh: str, en: str) -> str:
    return f"{zh}<br>{en}" if zh or en else ""


def _code(text: CodeText) -> str:
    return text.code


def main(arguments: list[str]) -> int:
    """Exit code 0; 2 for wrong use."""
    if arguments not in ([], ["--write"]):
        print(__doc__)
        return 2
    if arguments:
        PATH.write_text(document(), encoding="utf-8")
    else:
        print(document())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
