"""`engine list settlements|messages|lanes|tasks|unmapped|hands`, read beside a running engine: newest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.folder import node_file, reading
from engine.cli.listing_messages import beside, hand_rows, lane_rows, message_rows
from engine.cli.listing_tasks import draw_tasks, task_rows
from engine.cli.listing_unmapped import draw_unmapped, unmapped_rows, with_folder
from engine.cli.moments import clock_of, moment, since_of
from engine.cli.say import GOOD, STATE_STYLES, WrongUse, documents, table, trouble, yuan
from engine.core.times import rfc3339

if TYPE_CHECKING:
    from engine.store.contract import Connection

Rows = list[dict[str, Any]]
SCREEN, MOST = 50, 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to list; "" for all. `since` as people write it."""

    state: str = ""
    bill: str = ""
    since: str = ""
    limit: int = 0  # rows; 0: as many as a screen holds, or of JSON lines as may be asked for


Cell = Callable[[Mapping[str, Any]], str]
NEWEST = "最新 {} 行 · the newest {}"


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of list is read, from the engine's store and from its workers' where they have some, and drawn for
    the screen. `most`: what a list that is cut short shows."""

    read: Callable[[Path, Connection, Wanted, float | None], Rows]
    draw: Callable[[Path, Rows], None]
    most: str = NEWEST


def listing(root: Path, what: str, wanted: Wanted, as_json: bool) -> int:
    """Print the list; as JSON one object a line, amounts in fen, times RFC 3339. One that is cut short says so."""
    most = wanted.limit or (SCREEN if not as_json else MOST)
    wanted = replace(wanted, limit=most + 1)  # one more tells that there are more
    kind = _KINDS.get(what)
    if kind is None:
        raise WrongUse(f"list: {', '.join(_KINDS)}")
    since = since_of(root, wanted.since)
    with reading(root) as conn:
        rows = kind.read(root, conn, wanted, since)
    if len(rows) > most:
        rows = rows[:most]
        trouble(f"只列出{kind.most.format(most, most)} only: --limit, --since, --state")
    if as_json:
        documents({name: _public(name, value) for name, value in row.items()} for row in rows)
    else:
        kind.draw(root, rows)
    return GOOD


def _public(name: str, value: Any) -> Any:
    if (name == "at" or name.endswith("_at")) and isinstance(value, float):
        return rfc3339(value)
    return value


def _settlements(conn: Connection, wanted: Wanted, since: float | None) -> Rows:
    from engine.runtime.answers import code_told
    from engine.saga.case import CaseState
    from engine.store.lists import LIVE_ANSWERS, list_settlements
    from engine.store.settlements import bills_of

    known = (*LIVE_ANSWERS, *CaseState)
    if wanted.state not in ("", *known):
        raise WrongUse(f"--state: {', '.join(known)}")
    found = list_settlements(
        conn, state=wanted.state or None, bill=wanted.bill or None, since=since, limit=wanted.limit
    )
    return [
        {**row, "bills": bills_of(conn, row["no"]), "reason_code": code_told(row["reason_code"], row["state"])}
        for row in found
    ]


def _messages(root: Path, conn: Connection, wanted: Wanted, since: float | None) -> Rows:
    """Those of the engine and its workers; workers know no bills."""
    rows = _talks(conn, wanted, since)
    if not wanted.bill:
        with beside(root) as others:
            for one in others:
                rows += message_rows(one, wanted.state, since, wanted.limit)
    return sorted(rows, key=lambda row: -row["id"])


def _talks(conn: Connection, wanted: Wanted, since: float | None) -> Rows:
    """Every talk with an outside party and everything heard from one, newest first."""
    import sqlalchemy as sa

    from engine.store.lists import list_inbox
    from engine.store.schema import calls, settlement_bills

    t = calls
    query = sa.select(
        t.c.id, t.c.settlement_no, t.c.started_at, t.c.ended_at, t.c.purpose, t.c.call, t.c.party, t.c.op, t.c.number,
        t.c.outcome, t.c.fact, t.c.code,
    ).order_by(t.c.id.desc()).limit(wanted.limit)  # fmt: skip
    if wanted.state:
        query = query.where(sa.or_(t.c.outcome == wanted.state, t.c.fact == wanted.state))
    if since is not None:
        query = query.where(t.c.started_at >= since)
    held = None
    if wanted.bill:
        of_bill = sa.select(settlement_bills.c.settlement_no).where(settlement_bills.c.bill == wanted.bill)
        query = query.where(t.c.settlement_no.in_(of_bill))
        held = {row["settlement_no"] for row in conn.select(of_bill)}
    sent = [{"way": "out", **row} for row in conn.select(query)]
    heard = [
        {
            "way": "in", "id": row["id"], "settlement_no": row["settlement_no"], "started_at": row["at"],
            "ended_at": row["at"], "purpose": "heard", "call": row["source"], "party": "", "op": "",
            "number": row["key"], "outcome": row["verdict"], "fact": "", "code": "",
        }
        for row in list_inbox(conn, verdict=wanted.state or None, since=since, limit=wanted.limit)
        if held is None or row["settlement_no"] in held
    ]  # fmt: skip
    told = [] if wanted.bill else message_rows(conn, wanted.state, since, wanted.limit)
    return sorted([*sent, *heard, *told], key=lambda row: -row["id"])[: wanted.limit]


def _lanes(root: Path, conn: Connection, wanted: Wanted, since: float | None) -> Rows:
    """What is under way to each party: legs not yet definite, the oldest and when they are next looked at; then what
    is not delivered yet, the workers' too."""
    from engine.store.lists import list_open_legs

    rows = [dict(row) for row in list_open_legs(conn, state=wanted.state, since=since, limit=wanted.limit)]
    rows = (rows + lane_rows(conn, wanted.state, wanted.limit))[: wanted.limit]
    if not wanted.bill:
        with beside(root) as others:
            for one in others:
                rows += lane_rows(one, wanted.state, wanted.limit)
    return rows


def _tasks(root: Path, conn: Connection, wanted: Wanted, since: float | None) -> Rows:
    """What a person has to do; `--state closed` for what was done."""
    if wanted.state not in ("", "open", "closed"):
        raise WrongUse("--state: open, closed")
    return task_rows(conn, wanted, since)


def _drawn_tasks(root: Path, rows: Rows) -> None:
    draw_tasks(rows, {name: one.kind for name, one in node_file(root).parties.items()}, clock_of(root))


def _hands(root: Path, conn: Connection, wanted: Wanted, since: float | None) -> Rows:
    """What people did with messages, by the engine and its workers; `--state` is what was done (resend, kill, …)."""
    with beside(root) as others:
        return hand_rows([conn, *others], wanted.state, since, wanted.limit)


def _unmapped(root: Path, conn: Connection, wanted: Wanted, since: float | None) -> Rows:
    """Codes that no table had, counted by the engine and its workers, and whether the folder has them by now."""
    with beside(root) as others:
        return with_folder(unmapped_rows([conn, *others], since, wanted.limit), root, clock_of(root))


def _columns(*columns: tuple[str, Cell]) -> Callable[[Path, Rows], None]:
    """Drawn as a table: (column, how its cell is made)."""

    def draw(root: Path, rows: Rows) -> None:
        cells = [[make(row) for _, make in columns] for row in rows]
        table("", [name for name, _ in columns], cells, STATE_STYLES)

    return draw


def _text(name: str) -> Cell:
    return lambda row: "" if row[name] is None else str(row[name])


def _at(name: str) -> Cell:
    return lambda row: moment(row[name])


def _fen(name: str) -> Cell:
    return lambda row: yuan(row[name])


def _took(row: Mapping[str, Any]) -> str:
    return "" if row["ended_at"] is None else f"{row['ended_at'] - row['started_at']:.3f}s"


_KINDS: Mapping[str, _Kind] = {
    "settlements": _Kind(lambda root, conn, wanted, since: _settlements(conn, wanted, since), _columns(
        ("no", _text("no")), ("bills", lambda row: " ".join(row["bills"])), ("state", _text("state")),
        ("total", _fen("total")), ("fund", _fen("fund")), ("account", _fen("account")), ("cash", _fen("cash")),
        ("reason", _text("reason_code")), ("client", _text("client")), ("created", _at("created_at")),
        ("updated", _at("updated_at")),
    )),
    "messages": _Kind(_messages, _columns(
        ("at", _at("started_at")), ("way", _text("way")), ("call", _text("call")), ("op", _text("op")),
        ("purpose", _text("purpose")), ("outcome", _text("outcome")), ("fact", _text("fact")), ("code", _text("code")),
        ("took", _took), ("number", _text("number")), ("settlement", _text("settlement_no")),
    )),
    "lanes": _Kind(_lanes, _columns(
        ("party", _text("party")), ("call", _text("call")), ("state", _text("state")), ("legs", _text("legs")),
        ("oldest", _at("oldest_at")), ("next", _at("next_at")),
    )),
    "tasks": _Kind(_tasks, _drawn_tasks),
    "hands": _Kind(_hands, _columns(
        ("at", _at("at")), ("by", _text("by_whom")), ("did", _text("kind")), ("what", _text("what")),
        ("why", _text("reason")),
    )),
    "unmapped": _Kind(
        _unmapped, lambda root, rows: draw_unmapped(rows), "最常见的 {} 行 · the {} most frequent"
    ),
}  # fmt: skip
