"""A settlement as rows: what to write for a new one, for its next version, and how to read it back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.saga.case import AT_REST, Case, CaseState, Reason
from engine.saga.legs import OPEN
from engine.store.codec import decode, encode
from engine.store.contract import Connection, Sealed, Write
from engine.store.legs import load_legs

INSERT, HOLD = "settlement_insert", "bill_hold"
UPDATE, TURN, STAY = "settlement_update", "settlement_turn", "settlement_stay"
"""`Done.failed_sql` when: the request number is known already; another settlement holds a bill; the version moved (the
last three: to or at rest, into another state, in the same one)."""


@dataclass(slots=True)
class Columns:
    """What lists show and search of a settlement. Amounts in fen, None while unknown. `id` from `Ids`, at insert only
    (as are campus, terminal, operator and patient); `at` is the instant of the change."""

    at: float
    id: int = 0
    answer: str = ""
    campus: str = ""
    terminal_kind: str = ""
    terminal_id: str = ""
    operator: str = ""
    patient_index: str = ""
    total: int | None = None
    fund: int | None = None
    account: int | None = None
    relief: int | None = None
    other: int | None = None
    cash: int | None = None
    reason_code: str = ""


def _changing(case: Case, columns: Columns) -> dict[str, object]:
    doc = {
        "data": case.data,
        "cursor": case.cursor,
        "item": case.item,
        "cause": None if case.cause is None else asdict(case.cause),
        "notice": None if case.notice is None else asdict(case.notice),
        "cause_kind": case.cause_kind,
        "pending": case.pending,
        "wait_until": case.wait_until,
        "final_at": case.final_at,
    }
    return {
        "no": case.no,
        "state": case.state.value,
        "version": case.version,
        "answer": columns.answer,
        "total": columns.total,
        "fund": columns.fund,
        "account": columns.account,
        "relief": columns.relief,
        "other": columns.other,
        "cash": columns.cash,
        "reason_code": columns.reason_code,
        "updated_at": columns.at,
        "next_at": _next_at(case, columns),
        "rest_at": _rest_at(case, columns),
        "attempt": case.attempt,
        "doc": Sealed(encode(doc)),
    }


def _rest_at(case: Case, columns: Columns) -> float | None:
    if case.state not in AT_REST:
        return None
    return columns.at if case.rest_at is None else case.rest_at


def _next_at(case: Case, columns: Columns) -> float | None:
    """Also at rest it has one while a leg is open (a refund on its way): by it a restart finds the leg."""
    at = case.next_at()
    if at is None and case.state in AT_REST and any(leg.state in OPEN for leg in case.legs):
        return columns.at
    return at


def insert_case(case: Case, bills: Sequence[str], columns: Columns) -> list[Write]:
    """A new settlement that holds its bills. Guards: `settlement_insert` (the client's request number is known),
    `bill_hold` (another settlement holds the bill: write index - index of the first hold = place in `bills`)."""
    params = _changing(case, columns)
    params |= {
        "id": columns.id,
        "channel": case.channel,
        "site_hash": case.site_hash,
        "client": case.client,
        "request_no": case.request_no,
        "campus": columns.campus,
        "terminal_kind": columns.terminal_kind,
        "terminal_id": columns.terminal_id,
        "operator": columns.operator,
        "patient_index": columns.patient_index,
        "created_at": case.created_at,
    }
    return [Write(INSERT, params, rows=1), *hold_bills(case.no, bills)]


def update_case(case: Case, columns: Columns, before: CaseState | None = None) -> list[Write]:
    """The settlement's next version; `case.version` is the new one. `before`: the state that is stored, if known.
    Guard: the stored version is the one before."""
    params = _changing(case, columns)
    params["version_before"] = case.version - 1
    if before is None or before in AT_REST or case.state in AT_REST:
        return [Write(UPDATE, params, rows=1)]
    return [Write(STAY if case.state is before else TURN, params, rows=1)]


def move_case(no: str, site_hash: str) -> Write:
    """The settlement goes on under another version; in one unit with its next version. Guard: there is one."""
    return Write("settlement_move", {"no": no, "site_hash": site_hash}, rows=1)


def hold_bills(no: str, bills: Sequence[str]) -> list[Write]:
    """Hold these bills. Guard: nobody else does."""
    return [Write(HOLD, {"settlement_no": no, "bill": bill}, rows=1) for bill in dict.fromkeys(bills)]


def release_bills(no: str) -> Write:
    """Let go of the settlement's bills (undone, rejected)."""
    return Write("bills_release", {"settlement_no": no})


def bill_holder(conn: Connection, bill: str) -> str | None:
    """Which settlement holds the bill."""
    row = conn.row("bill_holder", bill=bill)
    return None if row is None else row[0]


def bills_of(conn: Connection, no: str) -> list[str]:
    """The bills the settlement was begun for."""
    return [row[0] for row in conn.rows("bills_of", settlement_no=no)]


def by_request(conn: Connection, client: str, request_no: str) -> str | None:
    """The number of the settlement a client's request began."""
    row = conn.row("settlement_by_request", client=client, request_no=request_no)
    return None if row is None else row[0]


def load_case(conn: Connection, no: str) -> Case | None:
    """The settlement with its legs, as it was stored; None when there is none. Tampered when it does not open."""
    row = conn.row("settlement_doc", no=no)
    if row is None:
        return None
    doc: dict[str, Any] = decode(conn.unseal("settlements.doc", no, row[10]))
    return Case(
        no=row[0],
        channel=row[1],
        site_hash=row[2],
        client=row[3],
        request_no=row[4],
        state=CaseState(row[5]),
        version=row[6],
        attempt=row[7],
        created_at=row[8],
        rest_at=row[9],
        data=doc["data"],
        cursor=doc["cursor"],
        item=doc["item"],
        legs=load_legs(conn, no),
        cause=_reason(doc["cause"]),
        notice=_reason(doc["notice"]),
        cause_kind=doc["cause_kind"],
        pending=doc["pending"],
        wait_until=doc["wait_until"],
        final_at=doc["final_at"],
    )


def _reason(stored: dict[str, str] | None) -> Reason | None:
    return None if stored is None else Reason(**stored)


def open_cases(conn: Connection, page: int = 500) -> Iterator[tuple[str, CaseState, float | None]]:
    """(number, state, next instant) of every settlement that is not at rest or has something due; read by pages."""
    after = ""
    while True:
        rows = conn.rows("settlements_open", after=after, limit=page)
        for no, state, next_at in rows:
            yield no, CaseState(state), next_at
        if len(rows) < page:
            return
        after = rows[-1][0]


def mark_sent_unsure(now: float) -> tuple[Write, ...]:
    """After a restart, before any listener opens: what was sent is unsure, every open leg is due at once, a leg that
    was only ready stays ready. Doing it twice changes nothing more."""
    return (
        Write("recover_due", {"now": now}),
        Write("recover_sent", {"now": now}),
        Write("recover_settlements", {"now": now}),
    )
