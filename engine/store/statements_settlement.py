"""Statements about settlements, their bills, legs and numbers."""

from __future__ import annotations

from engine.saga.legs import OPEN, LegState
from engine.store.schema import DUE, LIVE

Seals = dict[str, tuple[str, tuple[str, ...]]]
Row = tuple[str, str, str, Seals]
"""Name, what it is for, SQL, parameters that may be sealed."""

_DOC: Seals = {"doc": ("settlements.doc", ("no",))}
_LEG_TEXT: Seals = {"text": ("legs.text", ("settlement_no", "id"))}
_STATES = ", ".join(f"'{state.value}'" for state in LegState if state in OPEN)
_OPEN_LEG = (
    f"state IN ({_STATES}) AND settlement_no IN "  # noqa: S608 own constants
    f"(SELECT no FROM settlements WHERE {LIVE} UNION ALL SELECT no FROM settlements WHERE {DUE})"
)
"""Of all settlements that something is still due for: found through them, so that no index of legs need be written."""
_NEXT = """version = :version, answer = :answer, total = :total, fund = :fund, account = :account, relief = :relief,
        other = :other, cash = :cash, reason_code = :reason_code, updated_at = :updated_at, next_at = :next_at,
        attempt = :attempt, doc = :doc WHERE no = :no AND version = :version_before"""
"""What every next version of a settlement writes."""
_LEG_SET = (
    "state = excluded.state, amount = excluded.amount, sent_at = excluded.sent_at, next_at = excluded.next_at, "
    "deadline_at = excluded.deadline_at, fence_at = excluded.fence_at, stopped = excluded.stopped, "
    "asks = excluded.asks, tries = excluded.tries, evidence = excluded.evidence, because = excluded.because, "
    "code = excluded.code, text = excluded.text, param_hash = excluded.param_hash, "
    "repeats_heard = excluded.repeats_heard"
)

ROWS: tuple[Row, ...] = (
    (
        "settlement_insert",
        "A new settlement; no row when the client's request number is known already.",
        """INSERT INTO settlements (no, id, channel, site_hash, client, request_no, state, version, answer, campus,
        terminal_kind, terminal_id, operator, patient_index, total, fund, account, relief, other, cash, reason_code,
        created_at, updated_at, next_at, rest_at, attempt, doc)
        VALUES (:no, :id, :channel, :site_hash, :client, :request_no, :state, :version, :answer, :campus,
        :terminal_kind, :terminal_id, :operator, :patient_index, :total, :fund, :account, :relief, :other, :cash,
        :reason_code, :created_at, :updated_at, :next_at, :rest_at, :attempt, :doc)
        ON CONFLICT (client, request_no) DO NOTHING""",
        _DOC,
    ),
    (
        "settlement_update",
        "The settlement's next version; no row when somebody else was faster.",
        f"UPDATE settlements SET state = :state, rest_at = :rest_at, {_NEXT}",  # noqa: S608 own constant
        _DOC,
    ),
    (
        "settlement_stay",
        "The same of one that stays in its state, not at rest: what no index holds, so that none is written.",
        f"UPDATE settlements SET {_NEXT}",  # noqa: S608 own constant
        _DOC,
    ),
    (
        "settlement_turn",
        "The same of one that comes into another state, but not to rest: the index of what is at rest is not written.",
        f"UPDATE settlements SET state = :state, {_NEXT}",  # noqa: S608 own constant
        _DOC,
    ),
    (
        "settlement_move",
        "The settlement goes on under another version of the configuration.",
        "UPDATE settlements SET site_hash = :site_hash WHERE no = :no",
        {},
    ),
    (
        "settlement_doc",
        "What a settlement is and has learnt.",
        """SELECT no, channel, site_hash, client, request_no, state, version, attempt, created_at, rest_at, doc
        FROM settlements WHERE no = :no""",
        {},
    ),
    (
        "settlement_by_request",
        "The settlement a client's request began.",
        "SELECT no, state, answer FROM settlements WHERE client = :client AND request_no = :request_no",
        {},
    ),
    (
        "settlements_open",
        "Settlements that something is still due for: not at rest, or at rest with an instant to act at.",
        f"""SELECT no, state, next_at FROM settlements WHERE {LIVE} AND no > :after
        UNION ALL SELECT no, state, next_at FROM settlements WHERE {DUE} AND no > :after
        ORDER BY no LIMIT :limit""",  # noqa: S608 own constants
        {},
    ),
    (
        "bill_hold",
        "Hold a bill; no row when another settlement holds it.",
        """INSERT INTO settlement_bills (settlement_no, bill, live) VALUES (:settlement_no, :bill, 1)
        ON CONFLICT (bill) WHERE live = 1 DO NOTHING""",
        {},
    ),
    (
        "bills_release",
        "Let go of all bills of a settlement.",
        "UPDATE settlement_bills SET live = 0 WHERE settlement_no = :settlement_no AND live = 1",
        {},
    ),
    (
        "bill_holder",
        "Which settlement holds a bill.",
        "SELECT settlement_no FROM settlement_bills WHERE bill = :bill AND live = 1",
        {},
    ),
    (
        "bills_of",
        "The bills of a settlement, and whether it holds them.",
        "SELECT bill, live FROM settlement_bills WHERE settlement_no = :settlement_no ORDER BY bill",
        {},
    ),
    (
        "leg_upsert",
        "A leg as it now is. What names it never changes.",
        f"""INSERT INTO legs (settlement_no, id, step, call, party, number, undo, of_leg, attempt, batch_no, state,
        amount, created_at, sent_at, next_at, deadline_at, fence_at, stopped, asks, tries, evidence, because, code,
        text, param_hash, repeats_heard)
        VALUES (:settlement_no, :id, :step, :call, :party, :number, :undo, :of_leg, :attempt, :batch_no, :state,
        :amount, :created_at, :sent_at, :next_at, :deadline_at, :fence_at, :stopped, :asks, :tries, :evidence,
        :because, :code, :text, :param_hash, :repeats_heard)
        ON CONFLICT (settlement_no, id) DO UPDATE SET {_LEG_SET}""",  # noqa: S608 own constant
        _LEG_TEXT,
    ),
    (
        "legs_of",
        "All legs of a settlement in order.",
        """SELECT id, step, call, number, created_at, undo, of_leg, attempt, batch_no, state, amount, sent_at, next_at,
        deadline_at, fence_at, stopped, asks, tries, evidence, because, code, text, param_hash, repeats_heard, party
        FROM legs WHERE settlement_no = :settlement_no ORDER BY id""",
        {},
    ),
    (
        "recover_sent",
        "After a restart: what was sent is unsure, and is asked about now.",
        f"UPDATE legs SET state = 'unsure', next_at = :now WHERE {_OPEN_LEG} AND state = 'sent'",  # noqa: S608 own constant
        {},
    ),
    (
        "recover_due",
        "After a restart: every open leg is looked at now.",
        f"""UPDATE legs SET next_at = :now WHERE {_OPEN_LEG} AND state <> 'sent'
        AND (next_at IS NULL OR next_at > :now)""",  # noqa: S608 own constant
        {},
    ),
    (
        "recover_settlements",
        "After a restart: settlements with open legs are due now.",
        f"""UPDATE settlements SET next_at = :now WHERE (next_at IS NULL OR next_at > :now)
        AND no IN (SELECT settlement_no FROM legs WHERE {_OPEN_LEG})""",  # noqa: S608 own constant
        {},
    ),
    (
        "number_claim",
        "Give a number to a leg; no row when the number was ever used.",
        """INSERT INTO numbers (number, kind, settlement_no, leg_id) VALUES (:number, :kind, :settlement_no, :leg_id)
        ON CONFLICT (number) DO NOTHING""",
        {},
    ),
    (
        "number_find",
        "Whose number this is.",
        "SELECT kind, settlement_no, leg_id FROM numbers WHERE number = :number",
        {},
    ),
    (
        "person_keep",
        "A person's number or name: keyed hash and sealed value.",
        """INSERT INTO persons (settlement_no, kind, idx, sealed) VALUES (:settlement_no, :kind, :idx, :sealed)
        ON CONFLICT (settlement_no, kind) DO UPDATE SET idx = excluded.idx, sealed = excluded.sealed""",
        {"sealed": ("persons.sealed", ("settlement_no", "kind"))},
    ),
    (
        "persons_of",
        "The sealed personal values of a settlement.",
        "SELECT kind, sealed FROM persons WHERE settlement_no = :settlement_no ORDER BY kind",
        {},
    ),
    (
        "trail_add",
        "A line of a settlement's history.",
        "INSERT INTO trail (id, settlement_no, at, kind, detail) VALUES (:id, :settlement_no, :at, :kind, :detail)",
        {},
    ),
)
