"""Legs as rows."""

from __future__ import annotations

from engine.saga.legs import Leg, LegState
from engine.store.contract import Connection, Sealed, Write

TEXT_MAX = 200  # characters of a party's words that are kept


def sealed_text(text: str) -> Sealed | None:
    """A party's words, cut and to be sealed: they may name a patient. None when there are none."""
    return Sealed(text[:TEXT_MAX].encode("utf-8", "surrogatepass")) if text else None


def upsert_leg(no: str, leg: Leg, party: str) -> Write:
    """The leg of settlement `no` as it now is. `party` is whom its call goes to."""
    return Write(
        "leg_upsert",
        {
            "settlement_no": no,
            "id": leg.id,
            "step": leg.step,
            "call": leg.call,
            "party": party,
            "number": leg.number,
            "undo": int(leg.undo),
            "of_leg": leg.of,
            "attempt": leg.attempt,
            "batch_no": leg.batch_no,
            "state": leg.state.value,
            "amount": leg.amount,
            "created_at": leg.created_at,
            "sent_at": leg.sent_at,
            "next_at": leg.next_at,
            "deadline_at": leg.deadline_at,
            "fence_at": leg.fence_at,
            "stopped": int(leg.stopped),
            "asks": leg.asks,
            "tries": leg.tries,
            "evidence": leg.evidence,
            "because": leg.because,
            "code": leg.code,
            "text": sealed_text(leg.text),
            "param_hash": leg.param_hash,
            "repeats_heard": leg.repeats_heard,
        },
        rows=1,
    )


def load_legs(conn: Connection, no: str) -> list[Leg]:
    """The settlement's legs in order."""
    return [
        Leg(
            id=row[0],
            step=row[1],
            call=row[2],
            number=row[3],
            created_at=row[4],
            undo=bool(row[5]),
            of=row[6],
            attempt=row[7],
            batch_no=row[8],
            state=LegState(row[9]),
            amount=row[10],
            sent_at=row[11],
            next_at=row[12],
            deadline_at=row[13],
            fence_at=row[14],
            stopped=bool(row[15]),
            asks=row[16],
            tries=row[17],
            evidence=row[18],
            because=row[19],
            code=row[20],
            text=opened_text(conn, "legs.text", f"{no}/{row[0]}", row[21]),
            param_hash=row[22],
            repeats_heard=row[23],
        )
        for row in conn.rows("legs_of", settlement_no=no)
    ]


def opened_text(conn: Connection, place: str, row_id: object, blob: bytes | None) -> str:
    """A sealed text's words, "" when there are none."""
    return "" if blob is None else conn.unseal(place, row_id, blob).decode("utf-8", "surrogatepass")
