"""Messages in both databases: a batch of them, repeats, what is not delivered, bytes, purge."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from engine.store.contract import Unit
from engine.store.lists_messages import Asked, list_messages, list_outbox
from engine.store.many import ManyRows
from engine.store.messages import (
    TAKEN,
    attempts_of,
    due_messages,
    due_of,
    give_up,
    keep_chunk,
    known_message,
    message,
    message_bytes,
    reopen,
    reported,
    send_again,
    set_switch,
    switches,
    take_in,
)
from engine.store.purge import purge
from engine.store.statements import STATEMENTS

NOW = 1_795_000_000.0


def _row(number: int, control: str, body: bytes, start: int, chunk: int, **more: Any) -> tuple[object, ...]:
    columns = {
        "id": number, "channel": "events", "source": "hl7 HIS^", "control": control, "kind": "ADT^A01",
        "of_message": 0, "opens": 1, "digest": b"d" * 16, "patient": 7, "visit": -9, "received_at": NOW,
        "chunk": chunk, "start": start, "size": len(body), "state": "open", "ack": "AA", "done_at": 0.0, **more,
    }  # fmt: skip
    return tuple(columns.values())


def _batch(first: int, controls: list[str], **more: Any) -> Unit:
    """Messages C1, C2 … with one destination each."""
    bodies = [f"body of {control} 测试甲".encode() for control in controls]
    rows, outbox, start = [], [], 0
    for number, (control, body) in enumerate(zip(controls, bodies, strict=True), first):
        rows.append(_row(number, control, body, start, first, **more))
        outbox.append((number, "emr", "events", "emr", 7, "ready", 0, 0.0, ""))
        start += len(body)
    last = first + len(controls) - 1
    return Unit("deliver", (keep_chunk(first, last, bodies), take_in(rows), ManyRows("outbox_insert", outbox)))


def test_a_batch_is_kept_found_and_read_again(stores: Any) -> None:
    store = stores.open()
    wait = stores.loop.wait
    controls = [f"C{n}" for n in range(1, 150)]  # more than one statement takes
    assert wait(store.submit(_batch(1000, controls))).committed
    found = wait(store.read(lambda conn: message_bytes(conn, [1000, 1077, 1148])))
    assert found[1077][1] == "body of C78 测试甲".encode()
    assert found[1148][0].control == "C149"
    assert len(wait(store.read(lambda conn: due_messages(conn, 0, 1000)))) == 149
    known = wait(store.read(lambda conn: known_message(conn, "hl7 HIS^", "C5")))
    assert (known.id, known.ack, known.digest) == (1004, "AA", b"d" * 16)


def test_a_number_with_a_zero_byte_is_kept_and_known_again(stores: Any) -> None:
    """PostgreSQL's texts hold no U+0000; a sender's bytes may."""
    store = stores.open()
    wait = stores.loop.wait
    assert wait(store.submit(_batch(1000, ["C\x001"]))).committed
    assert wait(store.read(lambda conn: known_message(conn, "hl7 HIS^", "C\x001"))).id == 1000
    assert wait(store.submit(_batch(2000, ["C\x001"]))).failed_sql == TAKEN


def test_a_known_number_fails_its_batch_alone(stores: Any) -> None:
    store = stores.open()
    wait = stores.loop.wait
    wait(store.submit(_batch(1000, ["C1", "C2"])))
    again = wait(store.submit(_batch(2000, ["C3", "C2"])))
    assert (again.committed, again.failed_sql) == (False, TAKEN)
    assert wait(store.read(lambda conn: message(conn, 2000))) is None
    kept = wait(store.submit(_batch(3000, ["C2"], opens=0, state="refused")))
    assert kept.committed, "what does not open its number may repeat it"


def test_delivered_leaves_the_outbox_and_the_attempt_stays(stores: Any) -> None:
    store = stores.open()
    wait = stores.loop.wait
    wait(store.submit(_batch(1000, ["C1", "C2", "C3"])))
    ended = (
        keep_chunk(5000, 5002, [b"sent one", b"ok", b"sent two", b"no", b"", b""]),
        ManyRows("attempts_insert", [
            (5000, 1000, "emr", NOW, 0.01, "accepted", "200", 5000, 0, 8, 2),
            (5001, 1001, "emr", NOW, 0.01, "refused", "422", 5000, 10, 8, 2),
            (5002, 1002, "emr", NOW, 0.01, "not_sent", "", 5000, 20, 0, 0),
        ]),
        ManyRows("outbox_done", [(1000, "emr")]),
        ManyRows("outbox_again", [(1001, "emr", "dead", 1, 0.0, "refused 422"),
                                  (1002, "emr", "ready", 1, NOW + 5, "not sent")]),
        ManyRows("messages_dead", [(1001, NOW, "AE")]),
        ManyRows("messages_done", [(1000, NOW)]),
    )  # fmt: skip
    assert wait(store.submit(Unit("deliver", ended))).committed
    states = wait(store.read(lambda conn: [message(conn, number).state for number in (1000, 1001, 1002)]))  # type: ignore[union-attr]  # they are there
    assert states == ["done", "dead", "open"]
    assert wait(store.read(lambda conn: due_of(conn, 1000))) == []
    assert [(one.sent, one.reply) for one in wait(store.read(lambda conn: attempts_of(conn, 1001)))] == [
        (b"sent two", b"no")
    ]
    due = wait(store.read(lambda conn: due_messages(conn, 0, 10)))
    assert [(one.message, one.state, one.tries) for one in due] == [(1001, "dead", 1), (1002, "ready", 1)]
    rows = wait(store.read(lambda conn: list_outbox(conn)))
    assert [(row["state"], row["messages"]) for row in rows] == [("dead", 1), ("ready", 1)]
    listed = wait(store.read(lambda conn: list_messages(conn, Asked(state="dead"))))
    assert [row["control"] for row in listed] == ["C2"]
    assert len(wait(store.read(lambda conn: list_messages(conn, Asked(patient=7))))) == 3
    assert wait(store.submit(Unit("hand", (send_again(1001, "emr"), reopen(1001))))).committed
    assert not wait(store.submit(Unit("hand", (give_up(1001, "emr"),)))).committed, "it is not dead any more"


def test_a_page_of_the_outbox_never_ends_inside_a_message(stores: Any) -> None:
    store = stores.open()
    wait = stores.loop.wait
    wait(store.submit(_batch(1000, ["C1", "C2", "C3"])))
    more = [(number, dest, "events", dest, 7, "ready", 0, 0.0, "") for number in (1000, 1001, 1002) for dest in "ab"]
    wait(store.submit(Unit("deliver", (ManyRows("outbox_insert", more),))))
    seen, after = [], 0
    while page := wait(store.read(lambda conn, after=after: due_messages(conn, after, 4))):
        seen += [(one.message, one.dest) for one in page]
        after = page[-1].message
    assert len(seen) == len(set(seen)) == 9


def test_switches_are_set_and_cleared(stores: Any) -> None:
    store = stores.open()
    wait = stores.loop.wait
    for state in ("paused", "killed"):
        wait(store.submit(Unit("hand", (set_switch("channel events", state, NOW, "甲", "因为"),))))
    assert wait(store.read(switches)) == {"channel events": "killed"}
    wait(store.submit(Unit("hand", (set_switch("channel events", "", NOW, "甲", "好了"),))))
    assert wait(store.read(switches)) == {}


def test_old_messages_go_and_what_is_not_delivered_stays(stores: Any) -> None:
    store = stores.open()
    wait = stores.loop.wait
    old = int((NOW - 400 * 86_400) * 1000) << 12
    wait(store.submit(_batch(old, ["C1", "C2"])))
    wait(store.submit(_batch(old + 100, ["C3"])))
    wait(store.submit(Unit("deliver", (
        ManyRows("outbox_done", [(old, "emr"), (old + 100, "emr")]),
        ManyRows("messages_done", [(old, NOW), (old + 100, NOW)]),
        ManyRows("attempts_insert", [(old + 200, old, "emr", NOW, 0.0, "accepted", "200", 0, 0, 0, 0)]),
    ))))  # fmt: skip
    wait(Deferred.fromCoroutine(purge(store, NOW, bodies=180 * 86_400.0, calls=180 * 86_400.0, batch=1)))
    assert wait(store.read(lambda conn: message(conn, old + 100))) is None
    assert wait(store.read(lambda conn: message(conn, old))) is None
    kept = wait(store.read(lambda conn: message_bytes(conn, [old + 1])))
    assert kept[old + 1][1] == "body of C2 测试甲".encode(), "its chunk stays as long as it is not delivered"
    assert wait(store.read(lambda conn: attempts_of(conn, old))) == []


def test_a_person_is_found_by_an_index_that_grows_at_its_end(stores: Any) -> None:
    store = stores.open()
    wait = stores.loop.wait
    for first in (1000, 2000, 3000):
        wait(store.submit(_batch(first, [f"C{first}a", f"C{first}b"], patient=first // 2000, visit=-9)))
    found = wait(store.read(lambda conn: list_messages(conn, Asked(patient=1))))
    assert [row["id"] for row in found] == [3001, 3000, 2001, 2000]
    found = wait(store.read(lambda conn: list_messages(conn, Asked(patient=1, visit=-9, after_id=3000, limit=1))))
    assert [row["id"] for row in found] == [2001]
    assert wait(store.read(lambda conn: list_messages(conn, Asked(patient=5)))) == []


def test_persons_and_attempts_are_found_by_their_indexes(sqlite_stores: Any) -> None:
    store, seen = sqlite_stores.open(), []

    class Plans:
        """A view that tells how SQLite finds what is asked."""

        def select(self, query: Any) -> list[Any]:
            text, params = store.backend.compile(query)
            seen.append([row[3] for row in store.backend.execute(f"EXPLAIN QUERY PLAN {text}", params).fetchall()])
            return []

    for query in (Asked(patient=1), Asked(visit=-9)):
        list_messages(Plans(), query)
        assert any("INDEX messages_person" in step for step in seen[-1]), seen[-1]
    text = STATEMENTS["attempts_of"].sql.replace(":id", "1").replace(":limit", "1")
    plan = [row[3] for row in store.backend.execute(f"EXPLAIN QUERY PLAN {text}").fetchall()]
    assert plan == ["SEARCH attempts USING INDEX attempts_message (message_id=?)"], "and nothing is sorted"


def test_rows_given_to_fill_a_statement_change_and_count_nothing(stores: Any) -> None:
    store = stores.open()
    wait = stores.loop.wait
    for count in (1, 2, 3, 4, 7, 25, 41, 64, 65, 130):  # sizes of statements, and others
        first = count * 10_000
        batch = _batch(first, [f"C{first}-{n}" for n in range(count)])
        tried = [(first + n + 5000, first + n, "emr", NOW, 0.1, "accepted", "200", 0, 0, 0, 0) for n in range(count)]
        done = wait(store.submit(batch))
        assert (done.committed, done.counts) == (True, (1, count, count))
        ended = Unit("deliver", (
            ManyRows("attempts_insert", tried, rows=count),
            ManyRows("outbox_done", [(first + n, "emr") for n in range(count)], rows=count),
            ManyRows("messages_done", [(first + n, NOW) for n in range(count)], rows=count),
        ))  # fmt: skip
        done = wait(store.submit(ended))
        assert (done.committed, done.counts) == (True, (count, count, count))
        assert len(wait(store.read(lambda conn, first=first: attempts_of(conn, first)))) == 1


def test_what_a_receiver_reported_later_stands_on_the_message_whatever_comes_first(stores: Any) -> None:
    store = stores.open()
    wait = stores.loop.wait

    def state(id: int) -> str:
        return str(wait(store.read(lambda conn: message(conn, id))).state)

    def report(number: int, id: int, word: str) -> None:
        writes = tuple(reported(number, id, "emr", NOW, word, "X", b"{}"))
        assert wait(store.submit(Unit("report", writes))).committed

    assert wait(store.submit(_batch(1000, ["C1", "C2"]))).committed
    report(2000, 1000, "undelivered")
    assert state(1000) == "undelivered", "before our own answer came"
    done = (ManyRows("outbox_done", [(1000, "emr")]), ManyRows("messages_done", [(1000, NOW)]))
    assert wait(store.submit(Unit("deliver", done))).committed
    assert state(1000) == "undelivered"
    report(2001, 1000, "delivered")
    assert state(1000) == "done"
    lived = wait(store.read(lambda conn: attempts_of(conn, 1000)))
    assert [one.outcome for one in lived] == ["undelivered", "delivered"]
    report(2002, 1001, "undelivered")
    report(2003, 1001, "delivered")
    assert state(1001) == "open", "it is still to be sent"
