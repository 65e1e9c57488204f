"""Writes docs/reference/*.md from the specs that read the files: `python -m tests.docs.reference [--write]`.

One page per component: kinds of channels, listeners, parties, maps, filters, lint codes. Nothing of them is written by
hand; a test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from engine.config import channel, hl7_profile, map_file
from engine.config.engine_file import ENGINE_FILE
from engine.config.engine_parts import PARTY
from engine.config.listener_parts import LISTENER
from engine.config.problems import CODES
from engine.config.spec import Field, ListOf, MapOf, Nested, Spec
from engine.conversation_file import FILE as TEST
from engine.parties.contract import Party
from engine.parties.registry import PARTIES
from engine.parties.settings import Setting, settings_help
from engine.pipeline import codes as pipeline_codes
from engine.pipeline.filters import FILTERS, SPECIAL
from tests.docs.blocks import ROOT

FOLDER = ROOT / "docs" / "reference"
HEAD = "<!-- Made by `python -m tests.docs.reference --write` from the program's own specs. Do not edit by hand. -->"
APART = {"listener": "listener.md", "party": "party.md"}
"""Specs with a page of their own: other pages only name them."""

assert pipeline_codes.__all__, "importing them declares the pipeline's codes"


def pages() -> dict[str, str]:
    """File name → text of every page."""
    found = {
        "engine.md": _spec_page("engine.yaml", ENGINE_FILE),
        "listener.md": _spec_page("监听 · Listeners (`listeners:` of engine.yaml)", LISTENER),
        "party.md": _spec_page("连接 · Parties (`parties:` of engine.yaml)", PARTY),
        "map.md": _spec_page("映射 · Maps (`mappings/NAME.map.yaml`)", map_file.MAP_FILE),
        "profile.md": _spec_page("HL7 消息约定 · HL7 profiles (`schemas/hl7/NAME.yaml`)", hl7_profile.PROFILE),
        "test.md": _spec_page("对话测试 · Conversations (`channels/NAME.test.yaml`)", TEST),
        "filters.md": _filters(),
        "lint.md": _lint(),
    }
    for name, spec in channel.CHANNELS.items():
        more = channel.step_help().values() if name == "settle" else ()
        found[f"channel-{name}.md"] = _spec_page(f"{spec.zh} · {spec.en} (`kind: {name}`)", spec, more)
    for kind, party in sorted(PARTIES.items()):
        found[f"party-{kind}.md"] = _party(kind, party)
    found["README.md"] = _index(found)
    return found


def _index(found: dict[str, str]) -> str:
    about = "`engine explain WORD` prints the same in the terminal; VS Code completes it (`engine schema`)."
    lines = [HEAD, "# 配置参考 · Reference of the configuration", "", about, ""]
    for name, text in sorted(found.items()):
        title = text.split("\n")[1].removeprefix("# ")
        lines.append(f"- [{title}]({name})")
    return "\n".join(lines) + "\n"


def _spec_page(title: str, spec: Spec, more: Iterable[Spec] = ()) -> str:
    lines, seen, todo = [HEAD, f"# {title}", ""], {id(spec)}, [spec, *more]
    while todo:
        one = todo.pop(0)
        if one is not spec:
            lines += [f"## `{one.name}` {one.zh} · {one.en}", ""]
        lines += _head("field · 字段", "value · 值", "", "default · 默认", "meaning · 含义", "example · 示例")
        for field in one.fields:
            lines.append(_field(field))
            for part in _nested(field.type):
                if id(part) not in seen and (part.name not in APART or spec.name in APART):
                    seen.add(id(part))
                    todo.append(part)
        lines.append("")
    return "\n".join(lines)


def _head(*names: str) -> list[str]:
    return [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _field(field: Field) -> str:
    default = "" if field.required or field.default in (None, "", (), {}) else _default(field)
    must = "必填 required" if field.required else ""
    linked = [f"[{one.name}]({APART[one.name]})" for one in _nested(field.type) if one.name in APART]
    kind = " · ".join(linked) or f"{field.type.zh} · {field.type.en}"
    return _row(f"`{field.name}`", kind, must, default, f"{field.zh} · {field.en}", f"`{field.example}`")


def _default(field: Field) -> str:
    value = field.default
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _nested(kind: Any) -> Iterator[Spec]:
    if isinstance(kind, Nested):
        yield kind.spec
    elif isinstance(kind, ListOf | MapOf):
        yield from _nested(kind.item)


def _party(kind: str, party: Party) -> str:
    lines = [HEAD, f"# 连接 · Party `{kind}`", "", "通用字段见 · common fields: [party](party.md).", "",
             "## 接口 · Operations", ""]  # fmt: skip
    lines += _head("op", "meaning · 含义", "changes · 改变对方", "money · 动钱", "number · 流水号", "session · 需签到")
    for op in party.ops.values():
        marks = ("✓" if op.changes else "", "✓" if op.money else "", op.number, "✓" if op.session else "")
        lines.append(_row(f"`{op.name}`", f"{op.zh} · {op.en}", *marks))
    lines += ["", "## 设置 · Settings", ""]
    lines += _head("setting · 设置", "value · 值", "", "default · 默认", "meaning · 含义")
    lines += [_setting(one) for one in settings_help(party.settings).values()]
    lines += ["", "## 应答的含义 · Outcomes", "", "没有列出的都是未知 · what is not listed is unknown.", ""]
    lines += _head("code", "text · 文字", "is · 含义", "only for · 仅限")
    for row in party.outcomes:
        lines.append(_row(f"`{row.code}`", row.text, str(row.outcome), ", ".join(sorted(row.ops))))
    return "\n".join([*lines, ""])


def _setting(one: Setting) -> str:
    form = one.form_zh if one.form_zh == one.form_en else f"{one.form_zh} · {one.form_en}"
    must = "必填 required" if one.required else ""
    default = f"`{one.default}`" if one.default else ""
    return _row(f"`{one.name}`", form, must, default, f"{one.zh} · {one.en}")


def _filters() -> str:
    lines = [HEAD, "# 过滤器 · Filters of maps", "", *_head("filter · 过滤器", "meaning · 含义")]
    rows = [(spec.usage, spec.zh, spec.en) for spec in FILTERS.values()]
    for usage, zh, en in [*rows, *SPECIAL.values()]:
        lines.append(_row(f"`{usage}`", f"{zh} · {en}"))
    return "\n".join([*lines, ""])


def _lint() -> str:
    lines = [HEAD, "# 检查代码 · What lint says", "", "`engine explain CODE` prints one. W: 建议 advice.", ""]
    for code, one in sorted(CODES.items()):
        lines += [f"## {code}", "", f"{one.zh}  ", f"{one.en}", "", f"{one.story_zh}  ", f"{one.story_en}", "",
                  "```", f"错误 wrong:  {one.wrong}", f"正确 right:  {one.right}", "```", ""]  # fmt: skip
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Exit code 0; 2 for wrong use."""
    if arguments not in ([], ["--write"]):
        print(__doc__)
        return 2
    made = pages()
    if not arguments:
        print("\n\n".join(made.values()))
        return 0
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
