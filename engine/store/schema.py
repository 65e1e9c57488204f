"""The tables, once, for both databases. Columns hold business keys in clear and persons' data only sealed.

Instants are unix seconds (double), amounts fen. Ids are time-ordered integers from `Ids`. A column of type `Blob` whose
comment says "sealed" holds what `engine/store/sealing.py` makes.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Big = sa.BigInteger()
Flag = sa.SmallInteger()
Instant: sa.Double[float] = sa.Double()
Blob = sa.LargeBinary()
Text = sa.Text()


def _col(
    name: str, kind: Any, comment: str = "", *, null: bool = False, key: bool = False, since: str | None = None
) -> sa.Column[Any]:
    """`since`: what rows have that are older than the column."""
    if key:
        return sa.Column(name, kind, primary_key=True, autoincrement=False, nullable=False, comment=comment or None)
    default = None if since is None else sa.text(since)
    return sa.Column(name, kind, nullable=null, comment=comment or None, server_default=default)


def _of_settlement(*, key: bool = False, null: bool = False) -> sa.Column[Any]:
    return _col("settlement_no", Text, "the settlement", key=key, null=null)


LIVE = "rest_at IS NULL"
DUE = "rest_at IS NOT NULL AND next_at IS NOT NULL"
"""Of a settlement: not at rest; at rest, with something left to do. Each has its index, which names the same words."""

settlements = sa.Table(
    "settlements", metadata,
    _col("no", Text, "our settlement number", key=True),
    _col("id", Big, "time-ordered, pages the lists"),
    _col("channel", Text, "name of the channel"),
    _col("site_hash", Text, "configuration it began with (site_versions)"),
    _col("client", Text, "who asked"),
    _col("request_no", Text, "the client's own number of the request"),
    _col("state", Text, "CaseState"),
    _col("version", Big, "grows by one with every change; the guard of every update"),
    _col("answer", Text, "the state shown to the client: working, quoted, paying, ..."),
    _col("campus", Text),
    _col("terminal_kind", Text),
    _col("terminal_id", Text),
    _col("operator", Text, "staff or terminal, never a patient"),
    _col("patient_index", Text, "keyed hash of the patient's id, for search"),
    _col("total", Big, "fen", null=True),
    _col("fund", Big, "fen paid by the insurance fund", null=True),
    _col("account", Big, "fen paid from the insurance account", null=True),
    _col("relief", Big, "fen", null=True),
    _col("other", Big, "fen", null=True),
    _col("cash", Big, "fen the patient pays", null=True),
    _col("reason_code", Text, "why refused or undone"),
    _col("created_at", Instant),
    _col("updated_at", Instant),
    _col("next_at", Instant, "when time alone moves it", null=True),
    _col("rest_at", Instant, "when it came to rest", null=True),
    _col("attempt", sa.Integer(), "round of the payment"),
    _col("doc", Blob, "sealed: everything it has learnt"),
    sa.Index("settlements_id", "id", unique=True),
    sa.Index("settlements_request", "client", "request_no", unique=True),
    sa.Index("settlements_state", "state", "id"),
    sa.Index("settlements_patient", "patient_index", "id"),
    sa.Index("settlements_live", "no",
             sqlite_where=sa.text(LIVE), postgresql_where=sa.text(LIVE)),
    sa.Index("settlements_due", "no",
             sqlite_where=sa.text(DUE), postgresql_where=sa.text(DUE)),
)  # fmt: skip

settlement_bills = sa.Table(
    "settlement_bills", metadata,
    _of_settlement(key=True),
    _col("bill", Text, "the HIS's bill number", key=True),
    _col("live", Flag, "1 while this settlement holds the bill"),
    sa.ForeignKeyConstraint(["settlement_no"], ["settlements.no"]),
    sa.Index("settlement_bills_live", "bill", unique=True,
             sqlite_where=sa.text("live = 1"), postgresql_where=sa.text("live = 1")),
    sa.Index("settlement_bills_bill", "bill"),
    sqlite_with_rowid=False,
)  # fmt: skip

legs = sa.Table(
    "legs", metadata,
    _of_settlement(key=True),
    _col("id", sa.Integer(), "from 1, without gaps", key=True),
    _col("step", Text),
    _col("call", Text),
    _col("party", Text),
    _col("number", Text, "our number at the party"),
    _col("undo", Flag),
    _col("of_leg", sa.Integer(), "the leg an undo undoes, 0 for none"),
    _col("attempt", sa.Integer()),
    _col("batch_no", sa.Integer()),
    _col("state", Text, "LegState"),
    _col("amount", Big, "fen", null=True),
    _col("created_at", Instant),
    _col("sent_at", Instant, null=True),
    _col("next_at", Instant, null=True),
    _col("deadline_at", Instant, null=True),
    _col("fence_at", Instant, "from when the request can no longer take effect", null=True),
    _col("stopped", Flag),
    _col("asks", sa.Integer()),
    _col("tries", sa.Integer()),
    _col("evidence", Big, "id of the call whose answer decided"),
    _col("because", Text),
    _col("code", Text, "the party's code"),
    _col("text", Blob, "sealed: the party's words, up to 200 characters", null=True),
    _col("param_hash", Text, "hash of the content the number went out with"),
    _col("repeats_heard", sa.Integer()),
    sa.ForeignKeyConstraint(["settlement_no"], ["settlements.no"]),
    sqlite_with_rowid=False,
)  # fmt: skip

numbers = sa.Table(
    "numbers", metadata,
    _col("number", Text, "one of ours, unique for ever", key=True),
    _col("kind", Text),
    _of_settlement(),
    _col("leg_id", sa.Integer()),
    sqlite_with_rowid=False,
)  # fmt: skip

calls = sa.Table(
    "calls", metadata,
    _col("id", Id, key=True),
    _of_settlement(null=True),
    _col("leg_id", sa.Integer(), "0 for none"),
    _col("purpose", Text, "do, ask, stop, answer, every"),
    _col("call", Text),
    _col("party", Text),
    _col("op", Text),
    _col("number", Text),
    _col("param_hash", Text),
    _col("started_at", Instant),
    _col("ended_at", Instant, null=True),
    _col("outcome", Text, "Outcome, or not_sent; empty while it runs"),
    _col("fact", Text),
    _col("code", Text),
    _col("text", Blob, "sealed: the party's words, up to 200 characters", null=True),
    _col("request_body", Big, "id in bodies", null=True),
    _col("reply_body", Big, "id in bodies", null=True),
    sa.Index("calls_settlement", "settlement_no", "id"),
)  # fmt: skip

bodies = sa.Table(
    "bodies", metadata,
    _col("id", Id, key=True),
    _of_settlement(null=True),
    _col("alg", Text, "aesgcm or sm4gcm"),
    _col("key_id", sa.Integer(), "the data key (keys)"),
    _col("nonce", Blob),
    _col("data", Blob, "sealed: the bytes of a request or reply"),
)  # fmt: skip

trail = sa.Table(
    "trail", metadata,
    _of_settlement(key=True),
    _col("id", Big, "time-ordered", key=True),
    _col("at", Instant),
    _col("kind", Text),
    _col("detail", Text, "small JSON, never a person's data"),
    sqlite_with_rowid=False,
)  # fmt: skip

inbox = sa.Table(
    "inbox", metadata,
    _col("id", Id, key=True),
    _col("source", Text, "the door or party it came through"),
    _col("key", Text, "what makes it the same message again"),
    _col("body_hash", Text),
    _col("verdict", Text, "first, same, different, heard"),
    _of_settlement(null=True),
    _col("at", Instant),
    _col("body_id", Big, "id in bodies", null=True),
    sa.Index("inbox_first", "source", "key", unique=True,
             sqlite_where=sa.text("verdict = 'first'"), postgresql_where=sa.text("verdict = 'first'")),
    sa.Index("inbox_settlement", "settlement_no", "id"),
)  # fmt: skip

counters = sa.Table(
    "counters", metadata,
    _col("name", Text, key=True),
    _col("value", Big, "everything up to here may be in use"),
    sqlite_with_rowid=False,
)  # fmt: skip

sessions = sa.Table(
    "sessions", metadata,
    _col("party", Text, key=True),
    _col("name", Text, key=True),
    _col("value", Blob, "sealed"),
    _col("valid_until", Instant),
    sqlite_with_rowid=False,
)  # fmt: skip

periods = sa.Table(
    "periods", metadata,
    _col("channel", Text, key=True),
    _col("period", Text, key=True),
    _col("state", Text, "running, done, failed"),
    _col("started_at", Instant),
    _col("ended_at", Instant, null=True),
    _col("text", Text),
    sqlite_with_rowid=False,
)  # fmt: skip

statement_rows = sa.Table(
    "statement_rows", metadata,
    _col("party", Text, key=True),
    _col("day", Text, "yyyy-MM-dd", key=True),
    _col("part", Text, "the group of settlements it was found in", key=True),
    _col("number", Text, "the party's own number, empty for the group as a whole", key=True),
    _col("verdict", Text, "there, here, differs, unread"),
    _of_settlement(null=True),
    _col("msgid", Text, "our number of the message, where the party told it"),
    _col("text", Text, "names no person"),
    _col("at", Instant),
    sqlite_with_rowid=False,
)  # fmt: skip

site_versions = sa.Table(
    "site_versions", metadata,
    _col("hash", Text, key=True),
    _col("at", Instant),
    _col("files", Blob, "sealed: the configuration's files"),
)  # fmt: skip

site_history = sa.Table(
    "site_history", metadata,
    _col("seq", Id, "1, 2, 3 …; the last is in force", key=True),
    _col("version", Text, "hash over all files; site_versions has those that `content` does not cover"),
    _col("content", Text, "hash over what settlements are pinned to (site_versions)"),
    _col("base", Text, "the version it was made from"),
    _col("kind", Text, "start, apply, rollback"),
    _col("by_whom", Text, "staff, never a patient"),
    _col("reason", Blob, "sealed"),
    _col("at", Instant),
    sa.Index("site_history_version", "version"),
)  # fmt: skip

persons = sa.Table(
    "persons", metadata,
    _of_settlement(key=True),
    _col("kind", Text, "id_no, card, phone, name, ...", key=True),
    _col("idx", Text, "keyed hash, for search"),
    _col("sealed", Blob, "sealed: the value"),
    sa.Index("persons_idx", "idx"),
    sqlite_with_rowid=False,
)  # fmt: skip

tasks = sa.Table(
    "tasks", metadata,
    _col("id", Id, key=True),
    _of_settlement(null=True),
    _col("leg_id", sa.Integer(), "0 for none"),
    _col("kind", Text),
    _col("side", Text, "whose turn it is"),
    _col("text", Blob, "sealed: what has to be done"),
    _col("opened_at", Instant),
    _col("closed_at", Instant, null=True),
    _col("closed_by", Text),
    _col("note", Blob, "sealed: what the person found", null=True),
    _col("times", sa.Integer(), "how often it happened", since="1"),
    _col("last_at", Instant, "when it happened last", since="0"),
    sa.Index("tasks_once", "settlement_no", "leg_id", "kind", "side", unique=True,
             sqlite_where=sa.text("closed_at IS NULL"), postgresql_where=sa.text("closed_at IS NULL")),
    sa.Index("tasks_open", "id",
             sqlite_where=sa.text("closed_at IS NULL"), postgresql_where=sa.text("closed_at IS NULL")),
    sa.Index("tasks_settlement", "settlement_no"),
)  # fmt: skip

nonces = sa.Table(
    "nonces", metadata,
    _col("client", Text, key=True),
    _col("nonce", Text, key=True),
    _col("at", Instant),
    sa.Index("nonces_at", "at"),
    sqlite_with_rowid=False,
)  # fmt: skip

keys = sa.Table(
    "keys", metadata,
    _col("key_id", sa.Integer(), key=True),
    _col("use", Text, "data or index"),
    _col("wrapped", Blob, "the key, encrypted under the master key"),
    _col("created_at", Instant),
    _col("retired_at", Instant, "no longer used for new bodies", null=True),
)  # fmt: skip

table_column = _col

from engine.store import schema_messages  # noqa: E402, F401 - its tables belong to the same metadata
