"""Messages and lanes of deliver channels as `engine list` shows them, and one message as `engine show` does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.say import STATE_STYLES, line, table
from engine.core.times import rfc3339

if TYPE_CHECKING:
    from engine.masking.values import Masker
    from engine.store.contract import Connection

Rows = list[dict[str, Any]]


def message_rows(conn: Connection, state: str, since: float | None, limit: int) -> Rows:
    """Messages in the columns of `engine list messages`; none when the state is not one of theirs."""
    from engine.store.lists_messages import STATES, Asked, list_messages

    if state and state not in STATES:
        return []
    return [
        {
            "way": "msg", "id": row["id"], "settlement_no": None, "started_at": row["received_at"],
            "ended_at": row["done_at"] or None, "purpose": "deliver", "call": row["channel"], "party": "",
            "op": row["kind"], "number": str(row["id"]), "outcome": row["state"], "fact": "", "code": row["ack"],
            "control": row["control"], "source": row["source"],
        }
        for row in list_messages(conn, Asked(state=state, since=since, limit=limit))
    ]  # fmt: skip


@contextmanager
def beside(root: Path) -> Iterator[list[Connection]]:
    """Views of the stores of the workers of spread channels."""
    from engine.cli.folder import master_key, node_file, store_url
    from engine.store.open import open_workers

    file = node_file(root)
    with open_workers(store_url(root, file), master_key(root, file)) as found:
        yield found


def lane_rows(conn: Connection, state: str, limit: int) -> Rows:
    """What is not delivered yet, in the columns of `engine list lanes`; then what is stopped by hand."""
    from engine.store.ids import SHIFT
    from engine.store.lists_messages import list_outbox, list_switches

    rows: Rows = [
        {
            "party": row["party"], "call": f"{row['channel']}.{row['dest']}", "state": row["state"],
            "legs": row["messages"], "lanes": row["lanes"], "oldest_at": (row["oldest"] >> SHIFT) / 1000,
            "next_at": row["next_at"] or None, "reason": row["reason"],
        }
        for row in list_outbox(conn, state if state in ("ready", "dead") else "", limit)
        if state in ("", "ready", "dead")
    ]  # fmt: skip
    rows += [
        {"party": one["what"], "call": "", "state": one["state"], "legs": "", "oldest_at": one["at"], "next_at": None,
         "reason": one["by_whom"]}
        for one in list_switches(conn) if state in ("", one["state"])
    ]  # fmt: skip
    return rows


def hand_rows(conns: Sequence[Connection], kind: str, since: float | None, limit: int) -> Rows:
    """What people did with messages, newest first, in the columns of `engine list hands`."""
    from engine.masking.values import Masker
    from engine.store.lists_messages import list_hands

    cover = Masker().text
    rows = [{**row, "reason": cover(row["reason"])} for one in conns for row in list_hands(one, limit, since, kind)]
    return sorted(rows, key=lambda row: -row["id"])[:limit]


def message_story(conn: Connection, no: str, *, with_bytes: bool = False) -> dict[str, Any] | None:
    """One message as a tree: what it is, what is still to be done, every attempt; None when there is none."""
    from engine.masking.values import Masker
    from engine.store.lists_messages import hands_of
    from engine.store.messages import attempts_of, due_of, message, message_bytes

    kept = message(conn, int(no)) if no.isascii() and no.isdigit() and len(no) < 19 else None
    if kept is None:
        return None
    # One for all of it: what the message says of a person is covered in what was sent on, too.
    masker = Masker(str(kept.id))
    tree: dict[str, Any] = {
        "message": str(kept.id), "channel": kept.channel, "kind": kept.kind, "source": kept.source,
        "control": kept.control, "state": kept.state, "ack": kept.ack, "received_at": rfc3339(kept.received_at),
        "due": [
            {"dest": row["dest"], "party": row["party"], "state": row["state"], "tries": row["tries"],
             "next_at": rfc3339(row["next_at"]) if row["next_at"] else None, "reason": row["reason"]}
            for row in due_of(conn, kept.id)
        ],
        "reported": "",
        "attempts": [],
        "hands": [
            {"at": rfc3339(row["at"]), "by": row["by_whom"], "did": row["kind"], "what": row["what"],
             "why": masker.text(row["reason"])}
            for row in hands_of(conn, kept.id)
        ],
    }  # fmt: skip
    if with_bytes:
        found = message_bytes(conn, [kept.id])
        tree["bytes"] = _shown(masker, found[kept.id][1], b"")[0] if found else None
    for one in attempts_of(conn, kept.id, with_bytes=with_bytes):
        row: dict[str, Any] = {
            "at": rfc3339(one.started_at), "dest": one.dest, "outcome": one.outcome, "code": one.code,
            "seconds": round(one.took, 3),
        }  # fmt: skip
        if with_bytes:
            row["sent"], row["reply"] = _shown(masker, one.sent, one.reply)
        tree["attempts"].append(row)
        if one.outcome in ("delivered", "undelivered"):  # what its receiver said of it later
            tree["reported"] = one.outcome
    return tree


def _shown(masker: Masker, sent: bytes, reply: bytes) -> tuple[str | None, str | None]:
    """Both sides as an operator may read them."""
    from engine.masking.bodies import as_text, show_exchange

    shown = show_exchange(sent, reply or None, masker)
    return as_text(shown[0]), as_text(shown[1])


def draw_message(tree: dict[str, Any]) -> None:
    """The same for people."""
    names = ("message", "channel", "kind", "source", "control", "state", "ack", "received_at", "reported")
    table("消息 · message", ("", ""), [(name, str(tree[name])) for name in names], STATE_STYLES)
    line()
    due = [(one["dest"], one["state"], str(one["tries"]), one["next_at"] or "", one["reason"]) for one in tree["due"]]
    table("未送达 · not delivered", ("receiver", "state", "tries", "next", "reason"), due, STATE_STYLES)
    line()
    rows = [(one["at"], one["dest"], one["outcome"], one["code"], f"{one['seconds']}s") for one in tree["attempts"]]
    table("各次发送 · attempts", ("at", "receiver", "outcome", "code", "took"), rows, STATE_STYLES)
    if tree["hands"]:
        line()
        hands = [(one["at"], one["by"], one["did"], one["what"], one["why"]) for one in tree["hands"]]
        table("人工操作 · by hand", ("at", "by", "did", "what", "why"), hands)
    for title, text in [("bytes", tree.get("bytes"))] + [
        (f"{one['at']} {one['dest']} {name}", one.get(name)) for one in tree["attempts"] for name in ("sent", "reply")
    ]:
        if text:
            line(f"\n── {title} " + "─" * 20)
            line(text)


