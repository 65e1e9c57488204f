"""What a person has to do about one settlement: what, since when, whose turn, what to find out, what to type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.cli.say import line
from engine.core.times import rfc3339
from engine.saga.byhand import OFF

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.masking.values import Masker
    from engine.saga.case import Case
    from engine.saga.legs import Leg
    from engine.store.contract import Connection

    Words = tuple[tuple[str, str, str], ...]

TASKS_MAX = 50
_UNDO = (
    ("done", "查明已撤销，或已在对方系统、窗口撤销", "it is undone over there, by whomever"),
    ("again", "原因已排除：以同一编号再办", "what stood in the way is gone: try it again under its number"),
    ("not_done", "还没有撤销：引擎继续查、继续办", "it is not undone: the engine goes on asking and trying"),
)
_OFF = (
    OFF, "没有撤销，也不再撤销：退费作罢，结算仍然有效",
    "it is not undone and shall not be: the refund is off, the settlement stands",
)  # fmt: skip
_FORWARD = (
    ("done", "对方查明已成功：引擎会把它撤销、退回", "it took effect: the engine takes it back"),
    ("not_done", "对方查明没有发生", "it did not happen"),
    ("again", "再查一次", "ask once more"),
)


def open_tasks_of(conn: Connection, no: str, masker: Masker) -> list[dict[str, Any]]:
    """The settlement's open tasks, oldest first, each with what it means and what to do, in both languages."""
    from engine.console.texts.tasks import TEXTS
    from engine.store.lists import list_tasks
    from engine.store.tasks import open_tasks

    rows = list_tasks(conn, is_open=True, no=no, limit=TASKS_MAX)
    texts = {one.id: one.text for row in rows for one in open_tasks(conn, row["id"] - 1, 1)}
    told = []
    for row in reversed(rows):
        kind = row["kind"] if f"means.{row['kind']}" in TEXTS else "other"
        means, do = TEXTS[f"means.{kind}"], TEXTS[f"do.{kind}"]
        told.append({
            "id": row["id"], "kind": row["kind"], "since": rfc3339(row["opened_at"]), "side": row["side"],
            "leg": row["leg_id"], "text": masker.loose(texts.get(row["id"], "")),
            "zh": means[0], "en": means[1], "do_zh": do[0], "do_en": do[1],
        })  # fmt: skip
    return told


def decided_of(conn: Connection, no: str, masker: Masker) -> list[dict[str, Any]]:
    """What people decided about the settlement, oldest first: who, when, and why in their words."""
    from engine.store.pages import tasks_of

    return [
        {"kind": row["kind"], "leg": row["leg_id"], "at": rfc3339(row["closed_at"]), "by": row["closed_by"],
         "text": masker.loose(row["text"] or ""), "reason": masker.loose(row["note"] or "")}
        for row in tasks_of(conn, no) if row["closed_at"] is not None and row["closed_by"] != "engine"
    ]  # fmt: skip


def draw_decided(rows: Sequence[Mapping[str, Any]]) -> None:
    """Below the timeline."""
    for one in rows:
        leg = f" #{one['leg']}" if one["leg"] else ""
        line(f"\n✓ {one['kind']}{leg}  {one['at']}  {one['by']}  {one['text']}".rstrip())
        line(f"  {one['reason']}")


def choices_of(case: Case | None) -> list[dict[str, Any]]:
    """For each leg that waits for a person's word: the words, and what each means of this leg."""
    return [
        {"leg": leg.id, "call": leg.call, "number": leg.number,
         "words": [{"word": word, "zh": zh, "en": en} for word, zh, en in _words_of(case, leg)]}
        for leg in case.legs if leg.state == "manual"
    ] if case is not None else []  # fmt: skip


def _words_of(case: Case, leg: Leg) -> Words:
    from engine.runtime.resolve import can_be_off

    off = (_OFF,) if can_be_off(case, leg) else ()
    return (*(_UNDO if leg.undo else _FORWARD), *off)


def draw_deciding(
    no: str, state: str, tasks: Sequence[Mapping[str, Any]], choices: Sequence[Mapping[str, Any]]
) -> None:
    """Below everything else, where the eye of whoever was called at night ends."""
    from engine.console.next_words import close_command, resolve_command
    from engine.console.texts import word

    for task in tasks:
        leg = f" #{task['leg']}" if task["leg"] else ""
        title = "{} · {}".format(*(word("task", task["kind"], language) for language in ("zh", "en")))
        line(f"\n▶ {title}{leg}  {task['side']}  {task['since']}  {task['text']}".rstrip())
        line(f"  {task['zh']}\n  {task['en']}")
        for text in (task["do_zh"], task["do_en"]):
            line("  " + text.replace("\n", "\n  "))
    for one in choices:
        line(f"\n#{one['leg']} {one['call']} {one['number']}")
        for choice in one["words"]:
            line(f"  --leg {one['leg']}={choice['word']:<8}  {choice['zh']} · {choice['en']}")
    if choices:
        line("\n" + resolve_command(no, {one["leg"]: one["call"] for one in choices}))
    for task in () if choices or state == "manual" else tasks:
        line(f"办完后关闭 · when it is done: {close_command(task['id'])}")
    if choices and state == "manual":
        off = any(choice["word"] == OFF for one in choices for choice in one["words"])
        zh, en = ("写 off 的除外，", ", but for `off`") if off else ("", "")
        line(f"{zh}之后引擎撤销其余已办的，款最后退；不要另付现金。"
             f" · The engine then undoes the rest{en}, money last: pay no cash besides.")  # fmt: skip
