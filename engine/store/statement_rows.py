"""What the daily comparisons with a party left over, until a later comparison of that day finds both agreed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.store.contract import Connection, Write
from engine.store.ids import first_id_at


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One difference. `day` yyyy-MM-dd; `part` the group it was found in; `number` the party's own, "" for a group that
    differs as a whole; `verdict` there (only the party has it), here (only we have it), differs, or unread (we could
    not make our row); `msgid` our number of the message, where the party told it. `text` names no person."""

    party: str
    day: str
    part: str
    number: str
    verdict: str
    settlement_no: str | None
    msgid: str
    text: str


def replace_part(party: str, day: str, part: str, rows: Iterable[StatementRow], at: float) -> list[Write]:
    """What a group of a day now leaves over, in place of what it left before."""
    gone = Write("statement_clear", {"party": party, "day": day, "part": part})
    return [gone, *(Write("statement_keep", {
        "party": party, "day": day, "part": part, "number": row.number, "verdict": row.verdict,
        "settlement_no": row.settlement_no, "msgid": row.msgid, "text": row.text[:200], "at": at,
    }, rows=1) for row in rows)]  # fmt: skip


def statement_rows(conn: Connection, since_day: str = "") -> list[StatementRow]:
    """All that is left over, of days from this one on."""
    return [StatementRow(*row) for row in conn.rows("statement_all", since=since_day)]


def open_days(conn: Connection, party: str, since_day: str) -> list[str]:
    """Days from this one on that left something over, the oldest first."""
    return [row[0] for row in conn.rows("statement_days", party=party, since=since_day)]


def called_between(conn: Connection, party: str, begin: float, end: float) -> list[str]:
    """Settlements with a call to this party that began in this time, the oldest first."""
    rows = conn.rows("settlements_called", party=party, first=first_id_at(begin), last=first_id_at(end))
    return [row[0] for row in rows]
