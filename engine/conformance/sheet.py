"""The pass sheet: one JSON document, and a page to print, sign and file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from engine.conformance.interfaces import InterfaceList
from engine.conformance.running import DIFFERS, LEFT_OUT, NO_ANSWER, NOT_RUN, PASSED, REFUSED, Line

_RESULTS: Mapping[str, tuple[str, str]] = {
    PASSED: ("通过", "passed"), DIFFERS: ("字段不符", "differs"), REFUSED: ("应答不符", "another answer"),
    NO_ANSWER: ("没有应答", "no answer"), NOT_RUN: ("未进行", "not run"),
    LEFT_OUT: ("未开通，不办", "not opened, left out"),
}  # fmt: skip
_KINDS: Mapping[str, tuple[str, str]] = {
    "missing": ("缺少", "missing"), "type": ("类型", "type"), "length": ("长度", "length"), "code": ("代码",
        "code list"),
    "form": ("格式", "form"), "value": ("取值", "value"),
}  # fmt: skip
_SIGNED = ("医院 · hospital", "对方 · the other side", "日期 · date")
_STYLE = """
body { font: 14px/1.5 "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", system-ui, sans-serif; color: #1b2429;
  margin: 24px auto; max-width: 1080px; padding: 0 20px; }
h1 { font-size: 21px; margin: 0 0 2px; } .dim { color: #66757d; } .small { font-size: 12px; }
table { border-collapse: collapse; width: 100%; margin: 14px 0; }
th, td { border: 1px solid #ccd5d9; padding: 4px 9px; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { background: #f4f6f7; font-weight: 400; color: #66757d; font-size: 12px; white-space: nowrap; }
.passed { color: #1e7a46; } .differs, .refused, .no_answer { color: #b3261e; font-weight: 600; }
.list th:nth-child(2) { width: 36%; } .list th:nth-child(4) { width: 16%; }
.list td:first-child { white-space: nowrap; }
.not_run, .left_out { color: #96610a; } .verdict { font-size: 17px; font-weight: 600; } td.fit { white-space: nowrap; }
code, pre { font-family: ui-monospace, Consolas, "Noto Sans Mono CJK SC", monospace; font-size: 12px; }
pre { background: #f7f9fa; border: 1px solid #e3e8eb; padding: 8px; white-space: pre-wrap; overflow-wrap: anywhere;
  margin: 4px 0; }
details summary { cursor: pointer; color: #0f6a7a; font-size: 12px; }
.sign td { height: 52px; width: 22%; } .num { text-align: right; white-space: nowrap; }
@media print { details { display: none; } body { margin: 0; } }
"""


def document(wanted: InterfaceList, lines: Sequence[Line], *, against: str, at: str, version: str) -> dict[str, Any]:
    """The sheet as one JSON document."""
    counts = Counter(line.result for line in lines)
    return {
        "party": wanted.party, "title": wanted.title, "title_en": wanted.title_en, "against": against, "at": at,
        "engine": version, "passed": passed(lines), "counts": dict(counts),
        "interfaces": [line.public() for line in lines],
    }


def passed(lines: Sequence[Line]) -> bool:
    """Whether every interface has passed that the platform has opened."""
    return {line.result for line in lines} - {LEFT_OUT} == {PASSED}


def page(sheet: Mapping[str, Any]) -> str:
    """The sheet as HTML, with nothing outside itself."""
    rows = "\n".join(_row(at, one) for at, one in enumerate(sheet["interfaces"], 1))
    counts = " · ".join(f"{_RESULTS[name][0]} {name} {count}" for name, count in sheet["counts"].items())
    good = sheet["passed"]
    verdict = "全部通过 · all passed" if good else "未通过 · not passed"
    head = f'<meta charset="utf-8"><title>{escape(sheet["title"])} 逐一联调</title><style>{_STYLE}</style>'
    columns = ("#", "接口 · interface", "结果 · result", "应答 · answer", "不符之处 · what differs", "ms")
    about = (
        ("地址 · against", f"<code>{escape(sheet['against'])}</code>"), ("时间 · at", escape(sheet["at"])),
        ("结论 · verdict", f'<span class="verdict {"passed" if good else "differs"}">{verdict}</span>'),
        ("计数 · counts", escape(counts)),
    )  # fmt: skip
    pairs = [f"<th>{name}</th><td>{value}</td>" for name, value in about]
    return f"""<!doctype html>
<html lang="zh-CN"><head>{head}</head><body>
<h1>{escape(sheet["title"])}：逐一联调单</h1>
<p class="dim">{escape(sheet["title_en"])}: interface pass sheet</p>
<table><tr>{"".join(pairs[:2])}</tr><tr>{"".join(pairs[2:])}</tr></table>
<table class="list"><thead><tr>{"".join(f"<th>{name}</th>" for name in columns)}</tr></thead>
<tbody>
{rows}
</tbody></table>
<table class="sign"><tr>{"".join(f"<th>{name}</th><td></td>" for name in _SIGNED)}</tr></table>
<p class="dim small">引擎 · engine {escape(sheet["engine"])}。报文已脱敏。The bytes are masked.</p>
</body></html>
"""


def _row(at: int, one: Mapping[str, Any]) -> str:
    zh, en = _RESULTS[one["result"]]
    differs = "".join(_difference(each) for each in one["differences"])
    why = f"<div>{escape(one['why'])}</div>" if one["why"] else ""
    answer = escape(" ".join(filter(None, (one["code"], one["text"]))))
    both = (
        "<details><summary>双方报文 · both sides' bytes</summary>"
        f"<pre>{escape(one['request'])}</pre><pre>{escape(one['reply'])}</pre></details>"
        if one["request"]
        else ""
    )
    return (
        f"<tr><td>{at}</td><td><b>{escape(one['op'])}</b> {escape(one['title'])}"
        f"<div class='dim small'>{escape(one['title_en'])}</div>{both}</td>"
        f"<td class='fit {one['result']}'>{zh}<div class='small'>{en}</div></td><td>{answer}</td>"
        f"<td>{why}{differs}</td>"
        f"<td class='num'>{one['ms']:.0f}</td></tr>"
    )


def _difference(each: Mapping[str, str]) -> str:
    zh, en = _KINDS[each["kind"]]
    return (
        f"<div><code>{escape(each['field'])}</code> {zh} {en}：应为 · expected {escape(each['expected'])}，"
        f"实为 · got <code>{escape(each['got'])}</code></div>"
    )
