"""`engine list tasks`, told as to a person: what, since when, whose turn, what to do, what to type."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.cli.say import line
from engine.core.times import beijing

if TYPE_CHECKING:
    from engine.cli.listing import Wanted
    from engine.store.contract import Connection

Rows = list[dict[str, Any]]


def task_rows(conn: Connection, wanted: Wanted, since: float | None) -> Rows:
    """Newest first; `--state closed` for what was done."""
    from engine.store.lists import list_tasks
    from engine.store.settlements import bills_of

    found: Rows = []
    for row in list_tasks(conn, is_open=wanted.state != "closed", limit=wanted.limit):
        no = row["settlement_no"]
        held = [] if no is None else list(bills_of(conn, no))
        if (since is None or row["opened_at"] >= since) and (not wanted.bill or wanted.bill in held):
            found.append({**row, "bills": held})
    return _told(conn, found)


def _told(conn: Connection, rows: Rows) -> Rows:
    """Each with its words in both languages, and what to type; the names of persons covered."""
    from engine.console.next_words import commands
    from engine.console.texts.tasks import TEXTS
    from engine.masking.values import Masker
    from engine.store.pages import standing
    from engine.store.tasks import words_of

    words = words_of(conn, [row["id"] for row in rows])
    stands = standing(conn, {row["settlement_no"] for row in rows if row["settlement_no"]})
    told = []
    for row in rows:
        kind = row["kind"] if f"means.{row['kind']}" in TEXTS else "other"
        means, do = TEXTS[f"means.{kind}"], TEXTS[f"do.{kind}"]
        text, note = (Masker().loose(said) for said in words.get(row["id"], ("", "")))
        no = row["settlement_no"]
        typed = commands(row["id"], no, *stands.get(no or "", ("", {}))) if row["closed_at"] is None else ()
        told.append({
            **row, "text": text, "note": note, "zh": means[0], "en": means[1], "do_zh": do[0], "do_en": do[1],
            "type": list(typed),
        })  # fmt: skip
    return told


def draw_tasks(rows: Sequence[Mapping[str, Any]], sides: Mapping[str, str], now: float) -> None:
    """`sides`: a party's name → its kind; `now`: the node's time."""
    for row in rows:
        _draw(row, sides, now)
    if not rows:
        line("没有待办 · no task")


def _draw(row: Mapping[str, Any], sides: Mapping[str, str], now: float) -> None:
    from engine.console.render import lasted
    from engine.console.texts import word

    titles = _both(word("task", row["kind"], "zh"), word("task", row["kind"], "en"))
    side = sides.get(row["side"], row["side"])
    group = "kind" if row["side"] else "side"
    where = [
        row["settlement_no"] or "", f"#{row['leg_id']}" if row["leg_id"] else "", *row["bills"],
        _both(word(group, side, "zh"), word(group, side, "en")), f"{beijing(row['opened_at'])} 起 · since",
    ]  # fmt: skip
    done = row["closed_at"] is not None
    if row["times"] > 1:
        where.append(f"{row['times']} 次 · times, {beijing(row['last_at'])} 最近 · last")
    if not done:
        age = now - row["opened_at"]
        where.append(f"已等 {lasted(age, 'zh')} · open for {lasted(age, 'en')}")
    line(f"{'✓' if done else '▶'} {row['id']}  {titles}")
    line("  " + "  ".join(part for part in where if part))
    if row["text"]:
        line(f"  记录 · noted: {row['text']}")
    if done:
        why = f": {row['note']}" if row["note"] else ""
        line(f"  {beijing(row['closed_at'])} {row['closed_by']}{why}\n")
        return
    _lines([row["zh"], row["en"], *row["do_zh"].split("\n"), *row["do_en"].split("\n")])
    _lines([f"→ {one}" for one in row["type"]])
    line()


def _both(zh: str, en: str) -> str:
    return zh if zh == en else f"{zh} · {en}"


def _lines(texts: Collection[str]) -> None:
    for text in texts:
        line(f"  {text}")
