"""`engine show NO`: one settlement from its first request to now: state, legs, every call, every decision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.deciding import choices_of, decided_of, draw_decided, draw_deciding, open_tasks_of
from engine.cli.folder import reading
from engine.cli.listing_messages import beside, draw_message, message_story
from engine.cli.moments import moment
from engine.cli.say import GOOD, STATE_STYLES, WrongUse, document, line, table, yuan
from engine.core.money import AMOUNTS
from engine.core.times import rfc3339

if TYPE_CHECKING:
    from engine.masking.values import Masker
    from engine.store.calls import Call
    from engine.store.contract import Connection
    from engine.store.lists import Rows

SHOWN = ("no", "state", "answer", "channel", "client", "request_no", "campus", "operator", "terminal_kind",
         "terminal_id", "reason_code", "attempt", "version", "site_hash")  # fmt: skip
LEG_FIELDS = ("id", "step", "call", "party", "number", "undo", "of_leg", "attempt", "batch_no", "state", "amount",
              "asks", "tries", "because", "code", "evidence")  # fmt: skip


def show(root: Path, no: str, as_json: bool = False, with_bytes: bool = False) -> int:
    """Print it. `no`: a settlement's number, a bill, or any number of ours. WrongUse when there is none."""
    with reading(root) as conn:
        told = message_story(conn, no, with_bytes=with_bytes)
        with beside(root) as others:
            told = told or next(filter(None, (message_story(one, no, with_bytes=with_bytes) for one in others)), None)
        tree = story(conn, no, with_bytes=with_bytes) if told is None else {}
    if told is not None:
        document(told) if as_json else draw_message(told)
        return GOOD
    if as_json:
        document(tree)
    else:
        _draw(tree)
    return GOOD


def story(conn: Connection, no: str, *, with_bytes: bool = False) -> dict[str, Any]:
    """The settlement as one tree: amounts in fen, times RFC 3339, bytes masked."""
    from engine.masking.values import Masker
    from engine.runtime.answers import cause_of, code_told, reason_json
    from engine.store.calls import calls_of
    from engine.store.lists import list_inbox, list_legs, list_numbers, list_settlements, list_trail
    from engine.store.settlements import bills_of, load_case

    found = list_settlements(conn, number=no, limit=1) or list_settlements(conn, bill=no, limit=1)
    if not found:
        raise WrongUse(f"没有这笔结算 · there is no such settlement: {no}")
    row = found[0]
    key = row["no"]
    masker = Masker()
    case = load_case(conn, key)
    if case is not None:
        masker.learn_tree(case.data)
    legs = list_legs(conn, key)
    cause = None if case is None else cause_of(case)
    return {
        **{name: row[name] for name in SHOWN},
        "reason_code": code_told(row["reason_code"], row["state"]),
        "reason": None if cause is None else _masked(reason_json(cause), masker),
        "bills": bills_of(conn, key),
        "amounts": {name: row[name] for name in AMOUNTS},
        **{name: _time(row[name]) for name in ("created_at", "updated_at", "rest_at", "next_at")},
        "numbers": {one["number"]: one["kind"] for one in list_numbers(conn, key)},
        "legs": [{name: one[name] for name in LEG_FIELDS} | {"sent_at": _time(one["sent_at"])}
                 for one in legs],
        "tasks": open_tasks_of(conn, key, masker),
        "decided": decided_of(conn, key, masker),
        "decide": choices_of(case),
        "timeline": _timeline(conn, masker, calls_of(conn, key), list_trail(conn, key, limit=1000),
                              list_inbox(conn, no=key, limit=1000), with_bytes),
    }  # fmt: skip


def _masked(reason: dict[str, str], masker: Masker) -> dict[str, str]:
    return {name: masker.loose(text) for name, text in reason.items()}


def _time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)


def _timeline(
    conn: Connection, masker: Masker, calls: list[Call], trail: Rows, inbox: Rows, with_bytes: bool
) -> list[dict[str, Any]]:
    rows = [_call(conn, masker, one, with_bytes) for one in calls]
    for one in trail:
        detail = json.loads(one["detail"])
        rows.append({"at": one["at"], "kind": "decision", "heard": one["kind"], **detail})
    for one in inbox:
        heard = {
            "at": one["at"],
            "kind": "heard",
            "source": one["source"],
            "key": one["key"],
            "verdict": one["verdict"],
        }
        if with_bytes and one["body_id"] is not None:
            heard["bytes"], _ = _bytes(conn, masker, one["body_id"], None)
        rows.append(heard)
    rows.sort(key=lambda row: row["at"])
    return rows


def _call(conn: Connection, masker: Masker, one: Call, with_bytes: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "at": one.started_at, "kind": "call", "purpose": one.purpose, "call": one.call, "party": one.party,
        "op": one.op, "leg": one.leg_id, "number": one.number, "outcome": one.outcome, "fact": one.fact,
        "code": one.code, "text": masker.loose(one.text),
        "seconds": None if one.ended_at is None else round(one.ended_at - one.started_at, 3),
    }  # fmt: skip
    if with_bytes:
        row["request"], row["reply"] = _bytes(conn, masker, one.request_body, one.reply_body)
    return row


def _bytes(conn: Connection, masker: Masker, *ids: int | None) -> list[str | None]:
    """Request and reply as an operator may read them; None where nothing is kept."""
    from engine.masking.bodies import as_text, show_exchange
    from engine.store.calls import body

    request, reply = (None if one is None else body(conn, one) for one in ids)
    return [as_text(side) for side in show_exchange(request, reply, masker)[:2]]


def _draw(tree: dict[str, Any]) -> None:
    amounts = "  ".join(f"{name} {yuan(fen)}" for name, fen in tree["amounts"].items() if fen is not None)
    head = [
        ("结算单 · settlement", tree["no"]), ("状态 · state", tree["state"]), ("账单 · bills", " ".join(tree["bills"])),
        ("金额 · amounts", amounts), ("原因 · reason", _why(tree)),
        ("发起 · asked by", f"{tree['client']} {tree['request_no']} ({tree['terminal_kind']} {tree['terminal_id']})"),
        ("时间 · created", tree["created_at"]), ("静止 · at rest", tree["rest_at"] or ""),
        ("配置 · configuration", tree["site_hash"][:12]),
    ]  # fmt: skip
    table("结算 · settlement", ("", ""), [row for row in head if row[1]], STATE_STYLES)
    line()
    legs = [
        (str(leg["id"]), leg["step"], ("↩ " if leg["undo"] else "") + leg["call"], leg["state"], yuan(leg["amount"]),
         leg["number"], str(leg["asks"] or ""), leg["because"], leg["code"])
        for leg in tree["legs"]
    ]  # fmt: skip
    names = ("#", "step", "call", "state", "amount", "number", "asks", "because", "code")
    table("各步 · legs", names, legs, STATE_STYLES)
    line()
    rows = [(moment(one["at"], day=False), *_told(one)) for one in tree["timeline"]]
    table("时间线 · timeline", ("at", "what", "result", "detail"), rows, STATE_STYLES)
    for one in tree["timeline"]:
        _draw_bytes(one)
    draw_decided(tree["decided"])
    draw_deciding(tree["no"], tree["state"], tree["tasks"], tree["decide"])


def _why(tree: dict[str, Any]) -> str:
    """Why the settlement is as it is, as the terminal is told it, and what to do now."""
    reason = tree["reason"]
    if reason is None:
        return str(tree["reason_code"])
    said = [f"{reason['code']}  {reason['zh']} · {reason['en']}"]
    if reason.get("next"):
        said.append(f"→ {reason['next']} · {reason.get('next_en', '')}".rstrip(" ·"))
    return "\n".join(said)


def _told(one: dict[str, Any]) -> tuple[str, str, str]:
    """What happened, how it ended, the rest."""
    match one["kind"]:
        case "call":
            took = "" if one["seconds"] is None else f"{one['seconds']:.3f}s"
            what = f"→ {one['call']} {one['op']}" + ("" if one["purpose"] == "do" else f" ({one['purpose']})")
            words = [took, one["number"], one["code"], one["text"]]
            return what, one["fact"] or one["outcome"] or "…", "  ".join(word for word in words if word)
        case "heard":
            return f"← {one['source']}", one["verdict"], one["key"]
        case _:
            moved = "  ".join(f"{what}: {before}→{after}" for what, before, after, _ in one.get("moved", []))
            heard = one.get("event") or one["heard"]
            if heard == "Moved onto":
                return f"• {heard}", "", f"{one['from']} → {one['onto']}  {one['by']}"
            return f"• {heard}", "", moved


def _draw_bytes(one: dict[str, Any]) -> None:
    title = f"{moment(one['at'], day=False)} {one.get('call') or one.get('source') or ''}"
    for name in ("request", "reply", "bytes"):
        if one.get(name):
            line(f"\n── {title} {name} " + "─" * 20)
            line(one[name])
