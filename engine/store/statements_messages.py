"""Statements of deliver channels. Those of `MANY` take all rows of a batch at once: `(?, …)` stands for one row and is
repeated; SQLite and PostgreSQL read the same text. A row given twice counts and changes once (see `many`)."""

from __future__ import annotations

from engine.store.statements_settlement import Row

_UNDELIVERED = """NOT EXISTS (SELECT 1 FROM messages JOIN outbox ON outbox.message_id = messages.id
        WHERE messages.id BETWEEN chunks.id AND chunks.last)"""

_DONE = """state = CASE WHEN state = 'undelivered' THEN state ELSE 'done' END,
        ack = CASE WHEN ack = '' THEN 'AA' ELSE ack END"""

ROWS: tuple[Row, ...] = (
    (
        "chunk_insert",
        "The bytes of a group of messages or attempts.",
        "INSERT INTO chunks (id, last, data) VALUES (:id, :last, :data)",
        {"data": ("chunks.data", ("id",))},
    ),
    ("chunk_get", "A group's bytes.", "SELECT data FROM chunks WHERE id = :id", {}),
    (
        "message_once",
        "What was first taken in under a sender's number.",
        """SELECT id, digest, state, ack, received_at FROM messages
        WHERE source = :source AND control = :control AND opens = 1""",
        {},
    ),
    (
        "message_get",
        "A message.",
        """SELECT id, channel, source, control, kind, patient, visit, received_at, chunk, start, size, state, ack
        FROM messages WHERE id = :id""",
        {},
    ),
    (
        "attempts_of",
        "What was tried with a message, in order.",
        """SELECT id, dest, started_at, took, outcome, code, chunk, start, sent, reply FROM attempts
        WHERE message_id = :id ORDER BY id LIMIT :limit""",
        {},
    ),
    (
        "outbox_of",
        "What is still to be done with a message.",
        """SELECT dest, channel, party, lane, state, tries, next_at, reason FROM outbox WHERE message_id = :id
        ORDER BY dest""",
        {},
    ),
    (
        "outbox_all",
        "Everything not delivered, oldest first.",
        """SELECT message_id, dest, channel, lane, state, tries, next_at FROM outbox
        WHERE message_id > :after ORDER BY message_id, dest LIMIT :limit""",
        {},
    ),
    (
        "outbox_revive",
        "A dead letter is to be sent again; no row when it is not dead.",
        """UPDATE outbox SET state = 'ready', tries = 0, next_at = 0, reason = ''
        WHERE message_id = :id AND dest = :dest AND state = 'dead'""",
        {},
    ),
    (
        "outbox_drop",
        "A dead letter is given up; no row when it is not dead.",
        "DELETE FROM outbox WHERE message_id = :id AND dest = :dest AND state = 'dead'",
        {},
    ),
    (
        "message_undelivered",
        "A receiver took it and later reported that it did not arrive.",
        "UPDATE messages SET state = 'undelivered' WHERE id = :id AND state IN ('open', 'done')",
        {},
    ),
    (
        "message_arrived",
        "It arrived after all; what is still to be sent stays so.",
        """UPDATE messages SET state = CASE WHEN EXISTS (SELECT 1 FROM outbox WHERE message_id = :id) THEN 'open'
        ELSE 'done' END WHERE id = :id AND state = 'undelivered'""",
        {},
    ),
    ("message_reopen", "A message has something to be sent again.",
     "UPDATE messages SET state = 'open', done_at = 0 WHERE id = :id", {}),
    (
        "switch_set",
        "A channel or party is stopped by hand.",
        """INSERT INTO switches (what, state, at, by_whom, reason) VALUES (:what, :state, :at, :by, :reason)
        ON CONFLICT (what) DO UPDATE SET state = excluded.state, at = excluded.at, by_whom = excluded.by_whom,
        reason = excluded.reason""",
        {"reason": ("switches.reason", ("what",))},
    ),
    ("switch_clear", "It goes on.", "DELETE FROM switches WHERE what = :what", {}),
    ("switches_all", "What is stopped by hand.", "SELECT what, state, at, by_whom, reason FROM switches", {}),
    (
        "mark_set",
        "How far a view has been read.",
        """INSERT INTO marks (source, mark, at) VALUES (:source, :mark, :at)
        ON CONFLICT (source) DO UPDATE SET mark = excluded.mark, at = excluded.at""",
        {"mark": ("marks.mark", ("source",))},
    ),
    ("mark_get", "How far a view has been read.", "SELECT mark, at FROM marks WHERE source = :source", {}),
    ("marks_all", "Who has read a view, the last one first.", "SELECT source FROM marks ORDER BY at DESC", {}),
    ("mark_drop", "It is read on under another name.", "DELETE FROM marks WHERE source = :source", {}),
    (
        "unmapped_count",
        "A code was looked up in vain; no row when the list is full and it is not in it.",
        """INSERT INTO unmapped (code_table, mark, code, place, times, first_at, last_at)
        SELECT :code_table, :mark, :code, :place, :times, :first, :last WHERE (SELECT COUNT(*) FROM unmapped) < :most
        OR EXISTS (SELECT 1 FROM unmapped WHERE code_table = :code_table AND mark = :mark)
        ON CONFLICT (code_table, mark) DO UPDATE SET place = excluded.place, times = unmapped.times + excluded.times,
        last_at = excluded.last_at""",
        {"code": ("unmapped.code", ("code_table", "mark"))},
    ),
    (
        "unmapped_all",
        "Codes that were looked up in vain, the most frequent first.",
        """SELECT code_table, mark, code, place, times, first_at, last_at FROM unmapped
        ORDER BY times DESC, code_table, first_at, mark LIMIT :limit""",
        {},
    ),
    ("purge_unmapped", "Codes nobody asked for any more.", "DELETE FROM unmapped WHERE last_at < :before", {}),
    (
        "hand_add",
        "What a person did with messages.",
        """INSERT INTO hands (id, at, kind, what, by_whom, reason)
        VALUES (:id, :at, :kind, :what, :by, :reason)""",
        {"reason": ("hands.reason", ("id",))},
    ),
    (
        "purge_chunks",
        "Old bytes; not of messages that are still to be delivered.",
        f"""DELETE FROM chunks WHERE id IN (SELECT id FROM chunks WHERE last < :before_id AND {_UNDELIVERED}
        ORDER BY id LIMIT :limit)""",  # noqa: S608 own constant
        {},
    ),
    (
        "purge_attempts",
        "Old attempts.",
        "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE id < :before_id ORDER BY id LIMIT :limit)",
        {},
    ),
    (
        "purge_messages",
        "Old messages that are at rest.",
        """DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE id < :before_id AND state <> 'open'
        AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.message_id = messages.id) ORDER BY id LIMIT :limit)""",
        {},
    ),
)  # fmt: skip

MANY: tuple[tuple[str, str, str, int], ...] = (
    (
        "messages_insert",
        "Messages taken in; fewer rows when a sender's number is known already.",
        """INSERT INTO messages (id, channel, source, control, kind, of_message, opens, digest, patient, visit,
        received_at, chunk, start, size, state, ack, done_at) VALUES {rows} ON CONFLICT DO NOTHING""",
        17,
    ),
    (
        "outbox_insert",
        "What is to be sent of them.",
        """INSERT INTO outbox (message_id, dest, channel, party, lane, state, tries, next_at, reason)
        VALUES {rows} ON CONFLICT DO NOTHING""",
        9,
    ),
    (
        "attempts_insert",
        "Attempts that ended.",
        """INSERT INTO attempts (id, message_id, dest, started_at, took, outcome, code, chunk, start, sent, reply)
        VALUES {rows} ON CONFLICT DO NOTHING""",
        11,
    ),
    (
        "outbox_done",
        "Delivered.",
        "DELETE FROM outbox WHERE (message_id, dest) IN (VALUES {rows})",
        2,
    ),
    (
        "outbox_again",
        "Not delivered: tried again later, or a dead letter.",
        """UPDATE outbox SET state = given.column3, tries = given.column4, next_at = given.column5,
        reason = given.column6 FROM (VALUES {rows}) AS given
        WHERE outbox.message_id = given.column1 AND outbox.dest = given.column2""",
        6,
    ),
    (
        "messages_done",
        "Messages of which something was delivered: done when nothing is left.",
        f"""UPDATE messages SET done_at = given.column2, {_DONE} FROM (VALUES {{rows}}) AS given
        WHERE messages.id = given.column1
        AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.message_id = given.column1)""",  # noqa: S608 both texts stand here
        2,
    ),
    (
        "messages_dead",
        "Messages with a dead letter.",
        """UPDATE messages SET state = 'dead', done_at = given.column2,
        ack = CASE WHEN ack = '' THEN given.column3 ELSE ack END FROM (VALUES {rows}) AS given
        WHERE messages.id = given.column1""",
        3,
    ),
)
"""Name, what it is for, text with `{rows}`, parameters a row."""

ALONE: dict[str, str] = {
    "outbox_done": "DELETE FROM outbox WHERE message_id = ? AND dest = ?",
    "messages_done": f"""UPDATE messages SET done_at = ?2, {_DONE} WHERE id = ?1
        AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.message_id = ?1)""",  # noqa: S608 both texts stand here
}
"""The same for a single row in SQLite, to which a table of values for it costs three times the change."""
