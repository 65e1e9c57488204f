"""Statements about calls and their bodies, what was heard, sessions, periods, tasks, counters, keys; and purging."""

from __future__ import annotations

from engine.store.statements_settlement import Row

_REST = "settlement_no IN (SELECT no FROM settlements WHERE rest_at < :before)"

ROWS: tuple[Row, ...] = (
    (
        "call_insert",
        "A call about to be made, before its first byte.",
        """INSERT INTO calls (id, settlement_no, leg_id, purpose, call, party, op, number, param_hash, started_at,
        ended_at, outcome, fact, code, text, request_body, reply_body)
        VALUES (:id, :settlement_no, :leg_id, :purpose, :call, :party, :op, :number, :param_hash, :started_at,
        :ended_at, :outcome, :fact, :code, :text, :request_body, :reply_body)""",
        {"text": ("calls.text", ("id",))},
    ),
    (
        "call_complete",
        "How a call ended.",
        """UPDATE calls SET ended_at = :ended_at, outcome = :outcome, fact = :fact, code = :code, text = :text,
        request_body = COALESCE(:request_body, request_body), reply_body = :reply_body
        WHERE id = :id""",
        {"text": ("calls.text", ("id",))},
    ),
    (
        "calls_of",
        "The calls of a settlement in order.",
        """SELECT id, leg_id, purpose, call, party, op, number, started_at, ended_at, outcome, fact, code, text,
        request_body, reply_body FROM calls WHERE settlement_no = :settlement_no AND id > :after
        ORDER BY id LIMIT :limit""",
        {},
    ),
    (
        "body_insert",
        "The bytes of a request or reply.",
        """INSERT INTO bodies (id, settlement_no, alg, key_id, nonce, data)
        VALUES (:id, :settlement_no, :alg, :key_id, :nonce, :data)""",
        {"data": ("bodies", ("id",))},
    ),
    ("body_get", "A stored body.", "SELECT key_id, nonce, data FROM bodies WHERE id = :id", {}),
    (
        "inbox_first",
        "Something heard for the first time; no row when its key is known.",
        """INSERT INTO inbox (id, source, key, body_hash, verdict, settlement_no, at, body_id)
        VALUES (:id, :source, :key, :body_hash, 'first', :settlement_no, :at, :body_id)
        ON CONFLICT (source, key) WHERE verdict = 'first' DO NOTHING""",
        {},
    ),
    (
        "inbox_note",
        "Something heard again, or heard without a key of its own.",
        """INSERT INTO inbox (id, source, key, body_hash, verdict, settlement_no, at, body_id)
        VALUES (:id, :source, :key, :body_hash, :verdict, :settlement_no, :at, :body_id)""",
        {},
    ),
    (
        "inbox_find",
        "What was first heard under a key.",
        """SELECT body_hash, settlement_no, id, body_id FROM inbox
        WHERE source = :source AND key = :key AND verdict = 'first'""",
        {},
    ),
    (
        "inbox_differing",
        "How often a request of a settlement came under a known number with other content.",
        "SELECT COUNT(*) FROM inbox WHERE settlement_no = :no AND verdict = 'different'",
        {},
    ),
    (
        "counter_open",
        "A counter begins.",
        "INSERT INTO counters (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING",
        {},
    ),
    (
        "counter_reserve",
        "Move a counter's reserved end forward; no row when another did.",
        "UPDATE counters SET value = :value WHERE name = :name AND value = :before",
        {},
    ),
    ("counter_get", "A counter's reserved end.", "SELECT value FROM counters WHERE name = :name", {}),
    (
        "probe",
        "A small write that shows whether there is room again.",
        """INSERT INTO counters (name, value) VALUES ('store.probe', 1)
        ON CONFLICT (name) DO UPDATE SET value = counters.value + 1""",
        {},
    ),
    (
        "session_keep",
        "A value of a party's sign-in.",
        """INSERT INTO sessions (party, name, value, valid_until) VALUES (:party, :name, :value, :valid_until)
        ON CONFLICT (party, name) DO UPDATE SET value = excluded.value, valid_until = excluded.valid_until""",
        {"value": ("sessions.value", ("party", "name"))},
    ),
    ("session_forget", "A party's sign-in is gone.", "DELETE FROM sessions WHERE party = :party", {}),
    ("sessions_all", "All sign-ins.", "SELECT party, name, value, valid_until FROM sessions ORDER BY party, name", {}),
    (
        "statement_clear",
        "What a group of a day left over is looked at anew.",
        "DELETE FROM statement_rows WHERE party = :party AND day = :day AND part = :part",
        {},
    ),
    (
        "statement_keep",
        "A difference found by a day's comparison.",
        """INSERT INTO statement_rows (party, day, part, number, verdict, settlement_no, msgid, text, at)
        VALUES (:party, :day, :part, :number, :verdict, :settlement_no, :msgid, :text, :at)""",
        {},
    ),
    (
        "statement_all",
        "What the comparisons left over.",
        """SELECT party, day, part, number, verdict, settlement_no, msgid, text FROM statement_rows
        WHERE day >= :since ORDER BY party, day, part, number""",
        {},
    ),
    (
        "statement_days",
        "Days with something left over.",
        "SELECT DISTINCT day FROM statement_rows WHERE party = :party AND day >= :since ORDER BY day",
        {},
    ),
    (
        "settlements_called",
        "Settlements that called a party in some time.",
        """SELECT settlement_no FROM calls
        WHERE id >= :first AND id < :last AND party = :party AND settlement_no IS NOT NULL
        GROUP BY settlement_no ORDER BY MIN(id)""",
        {},
    ),
    (
        "period_begin",
        "A timed channel's run for a period; no row when it was begun before.",
        """INSERT INTO periods (channel, period, state, started_at, ended_at, text)
        VALUES (:channel, :period, 'running', :at, NULL, '') ON CONFLICT (channel, period) DO NOTHING""",
        {},
    ),
    (
        "period_again",
        "A failed or interrupted run begins again.",
        """UPDATE periods SET state = 'running', started_at = :at, ended_at = NULL, text = ''
        WHERE channel = :channel AND period = :period AND state <> 'done'""",
        {},
    ),
    (
        "period_end",
        "How a run ended.",
        """UPDATE periods SET state = :state, ended_at = :at, text = :text
        WHERE channel = :channel AND period = :period AND state = 'running'""",
        {},
    ),
    (
        "period_get",
        "How a period stands.",
        "SELECT state, started_at, ended_at, text FROM periods WHERE channel = :channel AND period = :period",
        {},
    ),
    (
        "site_keep",
        "A version of the configuration, by its hash.",
        "INSERT INTO site_versions (hash, at, files) VALUES (:hash, :at, :files) ON CONFLICT (hash) DO NOTHING",
        {"files": ("site_versions.files", ("hash",))},
    ),
    ("site_get", "A version of the configuration.", "SELECT files FROM site_versions WHERE hash = :hash", {}),
    (
        "sites_in_use",
        "Versions that settlements not at rest began with.",
        """SELECT site_hash FROM settlements WHERE rest_at IS NULL
        UNION SELECT site_hash FROM settlements WHERE rest_at IS NOT NULL AND next_at IS NOT NULL""",
        {},
    ),
    (
        "site_pins",
        "How many settlements not at rest began with each version.",
        """SELECT site_hash, channel, COUNT(*) FROM (
        SELECT site_hash, channel FROM settlements WHERE rest_at IS NULL UNION ALL
        SELECT site_hash, channel FROM settlements WHERE rest_at IS NOT NULL AND next_at IS NOT NULL) AS pinned
        GROUP BY site_hash, channel ORDER BY site_hash, channel""",
        {},
    ),
    (
        "site_turn",
        "Another version is in force; no row when somebody else was faster.",
        """INSERT INTO site_history (seq, version, content, base, kind, by_whom, reason, at)
        VALUES (:seq, :version, :content, :base, :kind, :by, :reason, :at) ON CONFLICT (seq) DO NOTHING""",
        {"reason": ("site_history.reason", ("seq",))},
    ),
    (
        "site_turns",
        "What was in force, newest first.",
        """SELECT seq, version, content, base, kind, by_whom, reason, at FROM site_history
        WHERE seq < :before ORDER BY seq DESC LIMIT :limit""",
        {},
    ),
    (
        "task_open",
        "Something a person has to do; the same thing once more, while nobody has done it, is counted.",
        """INSERT INTO tasks (id, settlement_no, leg_id, kind, side, text, opened_at, closed_at, closed_by, note, times,
        last_at) VALUES (:id, :settlement_no, :leg_id, :kind, :side, :text, :at, NULL, '', NULL, 1, :at)
        ON CONFLICT (settlement_no, leg_id, kind, side) WHERE closed_at IS NULL
        DO UPDATE SET times = tasks.times + 1, last_at = excluded.last_at""",
        {"text": ("tasks.text", ("id",))},
    ),
    (
        "task_close",
        "A person did it; no row when it was closed before.",
        "UPDATE tasks SET closed_at = :at, closed_by = :by, note = :note WHERE id = :id AND closed_at IS NULL",
        {"note": ("tasks.note", ("id",))},
    ),
    (
        "task_of",
        "One task.",
        "SELECT id, settlement_no, leg_id, kind, closed_at FROM tasks WHERE id = :id",
        {},
    ),
    (
        "task_is_open",
        "Whether a person was asked already and has not answered.",
        """SELECT id FROM tasks WHERE closed_at IS NULL AND kind = :kind AND side = :side
        AND COALESCE(settlement_no, '') = :settlement_no LIMIT 1""",
        {},
    ),
    (
        "task_end",
        "What tasks of one kind asked for came about by itself.",
        """UPDATE tasks SET closed_at = :at, closed_by = 'engine' WHERE settlement_no = :settlement_no
        AND leg_id = :leg_id AND kind = :kind AND closed_at IS NULL""",
        {},
    ),
    (
        "task_over",
        "What a party's task, of no settlement, asked for came about by itself.",
        """UPDATE tasks SET closed_at = :at, closed_by = 'engine' WHERE settlement_no IS NULL
        AND kind = :kind AND side = :side AND closed_at IS NULL""",
        {},
    ),
    (
        "tasks_open",
        "Tasks not done, oldest first.",
        """SELECT id, settlement_no, leg_id, kind, side, text, opened_at, times, last_at FROM tasks
        WHERE closed_at IS NULL AND id > :after ORDER BY id LIMIT :limit""",
        {},
    ),
    (
        "nonce_use",
        "A client's one-time word; no row when it was used before.",
        "INSERT INTO nonces (client, nonce, at) VALUES (:client, :nonce, :at) ON CONFLICT (client, nonce) DO NOTHING",
        {},
    ),
    (
        "key_insert",
        "A wrapped key.",
        """INSERT INTO keys (key_id, use, wrapped, created_at, retired_at)
        VALUES (:key_id, :use, :wrapped, :created_at, NULL)""",
        {},
    ),
    (
        "keys_retire",
        "Older data keys seal nothing new.",
        "UPDATE keys SET retired_at = :at WHERE key_id < :key_id AND use <> 'index' AND retired_at IS NULL",
        {},
    ),
    (
        "key_in_use",
        "When the data key in use was made.",
        "SELECT MAX(created_at) FROM keys WHERE use <> 'index' AND retired_at IS NULL",
        {},
    ),
    ("key_rewrap", "A key under a new master key.", "UPDATE keys SET wrapped = :wrapped WHERE key_id = :key_id", {}),
    ("keys_all", "All keys.", "SELECT key_id, use, wrapped, created_at, retired_at FROM keys ORDER BY key_id", {}),
    (
        "purge_bodies",
        "Old bodies of settlements at rest, and of none.",
        f"""DELETE FROM bodies WHERE id IN (SELECT id FROM bodies WHERE id < :before_id
        AND (settlement_no IS NULL OR {_REST}) ORDER BY id LIMIT :limit)""",  # noqa: S608 own constant
        {},
    ),
    (
        "purge_calls",
        "Old calls of settlements at rest, and of none.",
        f"""DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE id < :before_id AND ended_at IS NOT NULL
        AND (settlement_no IS NULL OR {_REST}) ORDER BY id LIMIT :limit)""",  # noqa: S608 own constant
        {},
    ),
    (
        "purge_inbox",
        "Old repeats of requests and notices; what was first heard of a settlement stays: by it a repeat is known.",
        f"""DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE id > :after AND id <= :upto
        AND (settlement_no IS NULL OR (verdict <> 'first' AND {_REST})))""",  # noqa: S608 own constant
        {},
    ),
    (
        "inbox_page",
        "How far the next so many rows of the inbox reach.",
        """SELECT MAX(id) FROM (SELECT id FROM inbox WHERE id > :after AND id < :before_id ORDER BY id LIMIT :limit)
        AS page""",
        {},
    ),
    (
        "purge_nonces",
        "One-time words nobody could use again.",
        """DELETE FROM nonces WHERE (client, nonce) IN
        (SELECT client, nonce FROM nonces WHERE at < :before ORDER BY at LIMIT :limit)""",
        {},
    ),
)
