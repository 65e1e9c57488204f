"""Settlements and all that belongs to them as rows, on both databases."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.saga.case import AT_REST, Case, CaseState
from engine.saga.legs import SETTLED_STATES, Leg, LegEvent, LegState, row
from engine.store import (
    OVERTAKEN,
    Columns,
    Turn,
    Unit,
    add_trail,
    begin_period,
    begin_period_again,
    bill_holder,
    bills_of,
    body,
    by_request,
    calls_of,
    claim_number,
    close_task,
    complete_call,
    earlier,
    end_period,
    forget_session,
    hear_again,
    hear_first,
    history,
    in_force,
    insert_body,
    insert_call,
    insert_case,
    keep_person,
    keep_session,
    keep_site,
    list_settlements,
    load_case,
    mark_sent_unsure,
    open_cases,
    open_task,
    open_tasks,
    owner_of,
    period,
    persons_of,
    pins,
    purge,
    release_bills,
    sessions,
    site_files,
    sites_in_use,
    take_turn,
    update_case,
    upsert_leg,
    use_nonce,
    verdict,
    version_files,
)
from engine.store.codec import decode, encode
from engine.store.ids import first_id_at
from engine.store.keys import data_key_made_at
from engine.store.lists import (
    count_by_state,
    list_calls,
    list_inbox,
    list_legs,
    list_numbers,
    list_open_legs,
    list_periods,
    list_tasks,
    list_trail,
    show_settlement,
)
from engine.store.purge import purge_inbox
from engine.store.settlements import STAY, TURN
from engine.store.statement_rows import StatementRow, open_days, replace_part, statement_rows
from engine.store.statements import STATEMENTS

from .loop import NOON
from .parts import NAME, some_case, some_leg


def keep(stores: Any, store: Any, *writes: Any) -> Any:
    return stores.loop.wait(store.submit(Unit("test", writes)))


def ask(stores: Any, store: Any, fn: Any) -> Any:
    return stores.loop.wait(store.read(fn))


def begin(case: Case, id: int = 1, bills: tuple[str, ...] = ("B1", "B2"), **columns: Any) -> list[Any]:
    writes = insert_case(case, bills, Columns(at=NOON, id=id, **columns))
    return writes + [upsert_leg(case.no, leg, "wechat") for leg in case.legs]


def test_a_settlement_comes_back_as_it_was(stores: Any) -> None:
    store, case = stores.open(), some_case()
    assert keep(stores, store, *begin(case)).committed
    back = ask(stores, store, lambda conn: load_case(conn, "S1"))
    assert back == case
    kinds = [type(v) for v in back.data["odd"]]
    assert kinds == [type(v) for v in case.data["odd"]]
    assert str(back.data["odd"][7]) == "1E+2"
    assert ask(stores, store, lambda conn: load_case(conn, "S2")) is None


def test_every_field_of_a_settlement_and_a_leg_is_kept() -> None:
    stored_apart = {"no", "channel", "site_hash", "client", "request_no", "state", "version", "attempt"}
    write = insert_case(some_case(), [], Columns(at=NOON))[0]
    kept = set(write.params) | set(decode(write.params["doc"].data))  # type: ignore[attr-defined] # it is Sealed
    assert {f.name for f in fields(Case)} - {"legs"} <= kept | stored_apart
    leg = set(upsert_leg("S1", some_leg(1, LegState.OK), "p").params)
    assert {f.name for f in fields(Leg)} - {"in_flight", "of"} <= leg
    assert "of_leg" in leg


@pytest.mark.parametrize(("state", "by"), [(CaseState.WAITING, TURN), (CaseState.FORWARD, STAY)])
def test_the_next_version_replaces_exactly_the_one_before(stores: Any, state: CaseState, by: str) -> None:
    store, case = stores.open(), some_case()
    keep(stores, store, *begin(case))
    before, case.version, case.state, case.cursor = case.state, 2, state, 4
    case.data["quote"] = {"cash": 107500}
    leg = replace(case.legs[1], state=LegState.UNSURE, next_at=NOON + 5, text="")
    case.legs[1] = leg
    columns = Columns(at=NOON + 1, answer="quoted", total=120000, cash=107500, reason_code="")
    done = keep(stores, store, *update_case(case, columns, before), upsert_leg("S1", leg, "wechat"))
    assert done.committed
    assert ask(stores, store, lambda conn: load_case(conn, "S1")) == case
    shown = ask(stores, store, lambda conn: show_settlement(conn, "S1"))
    assert (shown["version"], shown["answer"], shown["total"], shown["fund"], shown["cash"]) == (
        2,
        "quoted",
        120000,
        None,
        107500,
    )
    assert (shown["updated_at"], shown["next_at"], shown["rest_at"]) == (NOON + 1, NOON + 5, None)
    again = keep(stores, store, *update_case(case, columns, before))
    assert (again.committed, again.failed_sql) == (False, by)


@pytest.mark.parametrize("name", ["settlements_open", "sites_in_use", "site_pins", "recover_sent", "recover_due",
                                  "recover_settlements"])
def test_what_a_start_looks_for_is_not_searched_among_all(sqlite_stores: Any, name: str) -> None:
    """A store of years holds millions of settlements at rest; the doors open only after these statements."""
    store = sqlite_stores.open()
    text = re.sub(r":[a-z_]+", "1", STATEMENTS[name].sql)
    plan = [row[3] for row in store.backend.execute(f"EXPLAIN QUERY PLAN {text}").fetchall()]
    found = [step for step in plan if re.search(r"(SCAN|SEARCH) (legs|settlements)", step)]
    assert found
    ways = r"INDEX settlements_(live|due)|legs USING PRIMARY KEY \(settlement_no=\?|settlements USING .*\(no="
    assert [step for step in found if not re.search(ways, step)] == []


def test_open_settlements_are_all_found_page_by_page(stores: Any) -> None:
    store = stores.open()
    states = [CaseState.REJECTED, CaseState.FORWARD, CaseState.WAITING] * 3
    cases = [some_case(f"S{i}", legs=[], state=state) for i, state in enumerate(states)]
    cases[3].legs = [some_leg(1, LegState.UNSURE, next_at=NOON + 5)]
    for i, case in enumerate(cases):
        assert keep(stores, store, *insert_case(case, [f"B{i}"], Columns(at=NOON, id=i + 1))).committed
    found = ask(stores, store, lambda conn: [no for no, _, _ in open_cases(conn, page=2)])
    assert found == ["S1", "S2", "S3", "S4", "S5", "S7", "S8"]


@pytest.mark.parametrize("state", [LegState.READY, LegState.SENT, LegState.UNSURE, LegState.DEAD, LegState.FENCED])
def test_a_leg_still_open_at_rest_is_found_by_a_restart(stores: Any, state: LegState) -> None:
    """A late refund on its way has no instant of its own while it is sent."""
    store, case = stores.open(), some_case(legs=[some_leg(1, state, next_at=None)], state=CaseState.SETTLED, version=1)
    assert keep(stores, store, *begin(case)).committed
    assert ask(stores, store, lambda conn: [no for no, _, _ in open_cases(conn)]) == ["S1"]
    assert [(row["state"], row["legs"]) for row in ask(stores, store, list_open_legs)] == [(state.value, 1)]
    keep(stores, store, *mark_sent_unsure(NOON + 9))
    leg = ask(stores, store, lambda conn: load_case(conn, "S1")).legs[0]
    assert (leg.state, leg.next_at) == (LegState.UNSURE if state is LegState.SENT else state, NOON + 9)


@pytest.mark.parametrize("state", [LegState.OK, LegState.NO, LegState.MANUAL])
def test_legs_of_a_definite_state_are_listed_when_asked_for(stores: Any, state: LegState) -> None:
    store, case = stores.open(), some_case(legs=[some_leg(1, state)], state=CaseState.SETTLED, version=1)
    keep(stores, store, *begin(case))
    assert ask(stores, store, list_open_legs) == []
    rows = ask(stores, store, lambda conn: list_open_legs(conn, state=state.value))
    assert [(row["state"], row["legs"]) for row in rows] == [(state.value, 1)]


def test_a_settlement_at_rest_has_an_instant_of_rest(stores: Any) -> None:
    store, case = stores.open(), some_case(legs=[], state=CaseState.REJECTED, version=1)
    keep(stores, store, *begin(case))
    assert ask(stores, store, lambda conn: show_settlement(conn, "S1"))["rest_at"] == NOON


def test_the_same_request_number_begins_one_settlement(stores: Any) -> None:
    store = stores.open()
    keep(stores, store, *begin(some_case("S1", request_no="R")))
    done = keep(stores, store, *begin(some_case("S2", request_no="R"), 2, ("B9",)))
    assert (done.committed, done.failed_sql) == (False, "settlement_insert")
    assert keep(stores, store, *begin(some_case("S3", request_no="R", client="other"), 3, ("B9",))).committed
    assert ask(stores, store, lambda conn: by_request(conn, "kiosk", "R")) == "S1"
    assert ask(stores, store, lambda conn: by_request(conn, "kiosk", "R2")) is None


def test_a_bill_has_one_live_settlement_until_it_is_released(stores: Any) -> None:
    store = stores.open()
    keep(stores, store, *begin(some_case("S1"), 1, ("B1", "B2")))
    busy = keep(stores, store, *begin(some_case("S2"), 2, ("B3", "B2")))
    assert (busy.committed, busy.failed_sql, busy.failed_write) == (False, "bill_hold", 2)
    assert ask(stores, store, lambda conn: (bill_holder(conn, "B2"), bill_holder(conn, "B3"))) == ("S1", None)
    assert keep(stores, store, release_bills("S1")).counts == (2,)
    assert keep(stores, store, *begin(some_case("S2"), 2, ("B3", "B2"))).committed
    assert ask(stores, store, lambda conn: bill_holder(conn, "B2")) == "S2"
    assert ask(stores, store, lambda conn: bills_of(conn, "S1")) == ["B1", "B2"]
    assert keep(stores, store, release_bills("S1")).counts == (0,)
    assert ask(stores, store, lambda conn: bill_holder(conn, "B2")) == "S2"


def test_a_number_belongs_to_one_leg_for_ever(stores: Any) -> None:
    store = stores.open()
    assert keep(stores, store, claim_number("T1", "trade", "S1", 1)).committed
    assert not keep(stores, store, claim_number("T1", "trade", "S1", 2)).committed
    owner = ask(stores, store, lambda conn: owner_of(conn, "T1"))
    assert (owner.kind, owner.settlement_no, owner.leg_id) == ("trade", "S1", 1)
    assert ask(stores, store, lambda conn: owner_of(conn, "T2")) is None


def test_after_a_restart_every_open_leg_is_where_the_leg_table_says(stores: Any) -> None:
    store = stores.open()
    cases = []
    for n, state in enumerate(CaseState):
        case = some_case(f"S{n}", state=state, request_no=f"R{n}")
        case.legs = [some_leg(i, leg_state, next_at=NOON + 500) for i, leg_state in enumerate(LegState, 1)]
        case.legs += [replace(leg, id=leg.id + len(LegState), undo=True, next_at=None) for leg in case.legs]
        cases.append(case)
        keep(stores, store, *begin(case, n + 1, ()))
    now = NOON + 10
    assert keep(stores, store, *mark_sent_unsure(now)).committed
    after = [ask(stores, store, lambda conn, no=case.no: load_case(conn, no)) for case in cases]
    for before, found in zip(cases, after, strict=True):
        for old, new in zip(before.legs, found.legs, strict=True):
            if old.state in SETTLED_STATES:
                assert new == old
            elif (old.undo, old.state) in ((True, LegState.DEAD), (True, LegState.FENCED)):
                continue  # an undo is never dead or fenced
            else:
                state, _ = row(old.undo, old.state, LegEvent.CRASH)
                assert (new.state, new.next_at) == (state, now), (old, before.state)
    assert keep(stores, store, *mark_sent_unsure(now + 99)).committed
    assert [ask(stores, store, lambda conn, no=case.no: load_case(conn, no)) for case in cases] == after
    due = {no: (state, at) for no, state, at in ask(stores, store, lambda conn: list(open_cases(conn, page=3)))}
    assert due == {case.no: (case.state, now) for case in cases}


def test_settlements_at_rest_with_nothing_due_are_not_open(stores: Any) -> None:
    store = stores.open()
    for n, state in enumerate(CaseState):
        case = some_case(f"S{n}", state=state, request_no=f"R{n}", wait_until=None, legs=[])
        keep(stores, store, *begin(case, n + 1, ()))
    keep(stores, store, *mark_sent_unsure(NOON))
    found = {state for _, state, _ in ask(stores, store, lambda conn: list(open_cases(conn)))}
    assert found == set(CaseState) - AT_REST


def test_calls_and_bodies(stores: Any) -> None:
    store = stores.open()
    begun: dict[str, Any] = {"leg_id": 1, "purpose": "do", "call": "pay.code", "party": "wechat", "op": "micropay"}
    keep(stores, store, insert_body(10, b"request" * 100, "S1"))
    keep(stores, store, insert_call(1, no="S1", number="T1", started_at=NOON, request_body=10, param_hash="h", **begun))
    keep(stores, store, insert_call(2, no="S1", number="T1", started_at=NOON + 1, **begun))
    (first, second) = ask(stores, store, lambda conn: calls_of(conn, "S1"))
    assert (first.outcome, first.ended_at, first.text, first.request_body, first.reply_body) == ("", None, "", 10, None)
    done = keep(
        stores, store, insert_body(11, b"", "S1"),
        complete_call(1, ended_at=NOON + 2, outcome="refused", code="NOTENOUGH", text=NAME * 100, reply_body=11),
    )  # fmt: skip
    assert done.committed
    (first, second) = ask(stores, store, lambda conn: calls_of(conn, "S1"))
    assert (first.outcome, first.code, first.text) == ("refused", "NOTENOUGH", (NAME * 100)[:200])
    assert (first.request_body, first.reply_body, second.outcome) == (10, 11, "")
    assert ask(stores, store, lambda conn: (body(conn, 10), body(conn, 11))) == (b"request" * 100, b"")
    assert [c.id for c in ask(stores, store, lambda conn: calls_of(conn, "S1", after=1))] == [2]
    assert not keep(stores, store, complete_call(3, ended_at=NOON, outcome="accepted")).committed
    assert [r["id"] for r in ask(stores, store, lambda conn: list_calls(conn, "S1"))] == [1, 2]


def test_the_inbox_tells_first_same_and_different(stores: Any) -> None:
    store = stores.open()
    heard: dict[str, Any] = {"source": "wechat", "key": "T1", "at": NOON, "no": "S1"}
    assert keep(stores, store, hear_first(1, body_hash="aa", body_id=9, **heard)).committed
    again = keep(stores, store, hear_first(2, body_hash="bb", **heard))
    assert (again.committed, again.failed_sql) == (False, "inbox_first")
    before = ask(stores, store, lambda conn: earlier(conn, "wechat", "T1"))
    assert (before.id, before.body_id, before.settlement_no) == (1, 9, "S1")
    assert [verdict(before, h) for h in ("aa", "bb")] == ["same", "different"]
    assert verdict(ask(stores, store, lambda conn: earlier(conn, "alipay", "T1")), "aa") == "first"
    for id, word in ((2, "different"), (3, "same"), (4, "same"), (5, "heard")):
        assert keep(stores, store, hear_again(id, body_hash="bb", verdict=word, **heard)).committed
    rows = ask(stores, store, lambda conn: list_inbox(conn, source="wechat", no="S1", since=NOON))
    assert [(r["id"], r["verdict"]) for r in rows] == [
        (5, "heard"),
        (4, "same"),
        (3, "same"),
        (2, "different"),
        (1, "first"),
    ]
    assert ask(stores, store, lambda conn: earlier(conn, "wechat", "T1")) == before, "repeats do not take its place"
    with pytest.raises(ValueError, match="verdict"):
        hear_again(6, body_hash="bb", verdict="first", **heard)


def test_a_comparison_takes_the_place_of_its_own_group_of_its_own_day_only(stores: Any) -> None:
    store = stores.open()
    days = ("2026-11-20", "2026-11-21")
    places = [(party, day, part) for party in ("nhsa", "wechat") for day in days for part in "ab"]
    rows = [StatementRow(*place, "N1", "here", "S1", "M1", "gone") for place in places]
    for left in rows:
        assert keep(stores, store, *replace_part(left.party, left.day, left.part, [left], NOON)).committed
    assert ask(stores, store, statement_rows) == rows
    assert keep(stores, store, *replace_part("nhsa", "2026-11-20", "a", [], NOON)).committed
    assert ask(stores, store, statement_rows) == rows[1:]
    assert ask(stores, store, lambda conn: statement_rows(conn, "2026-11-21")) == rows[2:4] + rows[6:]
    assert keep(stores, store, *replace_part("nhsa", "2026-11-20", "b", [], NOON)).committed
    found = [
        ask(stores, store, lambda conn, party=party, since=since: open_days(conn, party, since))
        for party in ("nhsa", "wechat") for since in (*days, "2026-11-22")
    ]  # fmt: skip
    assert found == [["2026-11-21"], ["2026-11-21"], [], ["2026-11-20", "2026-11-21"], ["2026-11-21"], []]


def test_sessions_periods_tasks_sites_persons_nonces(stores: Any) -> None:
    store = stores.open()
    keep(stores, store, *keep_session("nhsa", {"sign_no": "A1", "x": "签到"}, NOON + 60))
    keep(stores, store, *keep_session("nhsa", {"sign_no": "A2"}, NOON + 90))
    keep(stores, store, *keep_session("mobile", {"token": "t"}, NOON))
    assert ask(stores, store, sessions) == {"nhsa": ({"sign_no": "A2"}, NOON + 90), "mobile": ({"token": "t"}, NOON)}
    keep(stores, store, forget_session("nhsa"))
    assert set(ask(stores, store, sessions)) == {"mobile"}

    assert keep(stores, store, begin_period("bills", "2026-11-22", NOON)).committed
    assert not keep(stores, store, begin_period("bills", "2026-11-22", NOON)).committed
    assert keep(stores, store, end_period("bills", "2026-11-22", NOON + 1, done=False, text="无法连接")).committed
    assert ask(stores, store, lambda conn: period(conn, "bills", "2026-11-22")).state == "failed"
    assert keep(stores, store, begin_period_again("bills", "2026-11-22", NOON + 2)).committed
    assert keep(stores, store, end_period("bills", "2026-11-22", NOON + 3, done=True)).committed
    assert not keep(stores, store, begin_period_again("bills", "2026-11-22", NOON + 4)).committed
    assert not keep(stores, store, end_period("bills", "2026-11-22", NOON + 4, done=False)).committed
    assert ask(stores, store, lambda conn: list_periods(conn, channel="bills"))[0]["state"] == "done"

    for id in (1, 2, 3):
        keep(stores, store, open_task(id, no="S1", leg_id=id, kind="differs", side="payment", text=NAME, at=NOON))
    assert keep(stores, store, close_task(2, by="finance", note="已核对", at=NOON + 1)).committed
    assert not keep(stores, store, close_task(2, by="finance", note="", at=NOON + 2)).committed
    assert [(t.id, t.text) for t in ask(stores, store, open_tasks)] == [(1, NAME), (3, NAME)]
    assert [r["id"] for r in ask(stores, store, lambda conn: list_tasks(conn, is_open=False, no="S1"))] == [2]

    files = {"engine.yaml": "a: 1\n", "channels/结算.yaml": "b"}
    assert keep(stores, store, keep_site("h1", files, NOON), keep_site("h1", files, NOON)).counts == (1, 0)
    assert ask(stores, store, lambda conn: (site_files(conn, "h1"), site_files(conn, "h2"))) == (files, None)
    keep(stores, store, *begin(some_case(site_hash="h1")))
    assert ask(stores, store, sites_in_use) == ["h1"]
    assert ask(stores, store, pins) == [("h1", some_case().channel, 1)]

    keep(stores, store, keep_person("S1", "name", NAME, store.sealer), keep_person("S1", "card", "A1", store.sealer))
    assert ask(stores, store, lambda conn: persons_of(conn, "S1")) == {"name": NAME, "card": "A1"}

    assert keep(stores, store, use_nonce("kiosk", "n1", NOON)).committed
    assert not keep(stores, store, use_nonce("kiosk", "n1", NOON + 1)).committed
    assert keep(stores, store, use_nonce("desk", "n1", NOON)).committed


def test_lists_page_by_key_and_never_show_a_sealed_column(stores: Any) -> None:
    store = stores.open()
    for n in range(1, 26):
        case = some_case(
            f"S{n:02}", request_no=f"R{n}", created_at=NOON + n, state=CaseState.MANUAL if n % 2 else CaseState.FORWARD
        )
        keep(
            stores,
            store,
            *begin(case, n, (f"B{n}",), patient_index="p" if n < 4 else "", answer="manual" if n % 2 else "working"),
            claim_number(f"N{n}", "trade", case.no, 1),
        )
    pages, after = [], None
    while True:
        rows = ask(stores, store, lambda conn, after=after: list_settlements(conn, after_id=after, limit=10))
        if not rows:
            break
        pages.append([r["id"] for r in rows])
        after = rows[-1]["id"]
    assert pages == [list(range(25, 15, -1)), list(range(15, 5, -1)), list(range(5, 0, -1))]
    finds: list[tuple[dict[str, Any], list[int]]] = [
        ({"state": "manual", "limit": 2}, [25, 23]),
        ({"bill": "B7"}, [7]),
        ({"since": NOON + 24}, [25, 24]),
        ({"patient_index": "p"}, [3, 2, 1]),
        ({"number": "N9"}, [9]),
        ({"number": "S09"}, [9]),
        ({"number": "S09", "state": "forward"}, []),
        ({"state": "working", "limit": 2}, [24, 22]),  # what the terminal is told, of those not at rest
        ({"state": "quoted"}, []),
        ({"limit": 0}, [25]),
    ]
    for wanted, ids in finds:
        rows = ask(stores, store, lambda conn, wanted=wanted: list_settlements(conn, **wanted))
        assert [r["id"] for r in rows] == ids, wanted
        assert all("doc" not in r for r in rows)
    keep(stores, store, add_trail(1, "S01", NOON, "Started", {"legs": 2}), add_trail(2, "S01", NOON, "Answered"))
    assert [(r["kind"], r["detail"]) for r in ask(stores, store, lambda conn: list_trail(conn, "S01"))] == [
        ("Started", '{"legs":2}'), ("Answered", "{}"),
    ]  # fmt: skip
    legs = ask(stores, store, lambda conn: list_legs(conn, "S01"))
    assert [leg["id"] for leg in legs] == [1, 2]
    assert "text" not in legs[0]
    assert [r["number"] for r in ask(stores, store, lambda conn: list_numbers(conn, "S01"))] == ["N1"]
    assert ask(stores, store, count_by_state) == {"manual": 13, "forward": 12}


def test_purge_takes_the_old_of_what_is_at_rest_and_nothing_else(stores: Any) -> None:
    store = stores.open()
    old, new = first_id_at(NOON - 100), first_id_at(NOON + 100)
    rest = some_case("S1", state=CaseState.SETTLED, rest_at=NOON - 50)
    live = some_case("S2", request_no="R2")
    late = some_case("S3", request_no="R3", state=CaseState.SETTLED, rest_at=NOON + 50)
    for n, case in enumerate((rest, live, late), 1):
        keep(stores, store, *begin(case, n, (f"B{n}",)))
    begun: dict[str, Any] = {"leg_id": 1, "purpose": "do", "call": "c", "party": "p", "op": "o", "number": "n"}
    for i, no in enumerate(("S1", "S2", "S3", None)):
        for base in (old, new):
            keep(stores, store, *(insert_body(base + 20 * i + k, b"x", no) for k in range(5)))
            keep(stores, store, insert_call(base + i, no=no, started_at=NOON, **begun),
                 complete_call(base + i, ended_at=NOON, outcome="accepted"))  # fmt: skip
    keep(stores, store, insert_call(old + 9, no="S1", started_at=NOON, **begun))
    keep(stores, store, use_nonce("k", "old", NOON - 1300), use_nonce("k", "new", NOON - 100))
    assert stores.loop.wait(purge(store, NOON, bodies=0, calls=1000, batch=2)) == 10 + 1
    assert stores.loop.wait(purge(store, NOON, bodies=0, calls=0, batch=2)) == 2
    left = ask(stores, store, lambda conn: [i for i in range(4) for base in (old, new) if body(conn, base + 20 * i)])
    assert left == [0, 1, 1, 2, 2, 3]
    assert [c.id for c in ask(stores, store, lambda conn: calls_of(conn, "S1"))] == [old + 9, new]
    assert stores.loop.wait(purge(store, NOON, bodies=0, calls=0, batch=2)) == 0
    assert not keep(stores, store, use_nonce("k", "new", NOON)).committed
    stores.loop.wait(store.tidy())
    assert ask(stores, store, lambda conn: load_case(conn, "S1")) == rest


def test_purge_of_the_inbox_keeps_what_makes_a_repeat_known(stores: Any) -> None:
    store = stores.open()
    old, new = first_id_at(NOON - 100), first_id_at(NOON + 100)
    for n, (no, rest_at) in enumerate((("S1", NOON - 50), ("S2", None)), 1):
        state = CaseState.SETTLED if rest_at else CaseState.FORWARD
        keep(stores, store, *begin(some_case(no, request_no=f"R{n}", state=state, rest_at=rest_at), n, (f"B{n}",)))
    for base in (old, new):
        for i, no in enumerate(("S1", "S2", None)):
            first = {"source": "api:K01", "key": f"{base}-{i}", "body_hash": "h", "at": NOON, "no": no}
            keep(stores, store, hear_first(base + 10 * i, **first))
            keep(stores, store, *(hear_again(base + 10 * i + k, verdict="same", **first) for k in (1, 2)))
    gone, seen = stores.loop.wait(purge_inbox(store, NOON, 0.0, batch=2))
    assert gone == 2 + 3, "repeats of what is at rest, and all of none"
    left = {row["id"] - old for row in ask(stores, store, lambda conn: list_inbox(conn, limit=50)) if row["id"] < new}
    assert left == {0, 10, 11, 12}
    assert ask(stores, store, lambda conn: earlier(conn, "api:K01", f"{old}-0")) is not None
    assert stores.loop.wait(purge_inbox(store, NOON, 0.0, seen)) == (0, seen), "what stays is not read again"


def test_the_age_of_the_data_key_is_in_the_store(stores: Any) -> None:
    store = stores.open()
    made_at = ask(stores, store, data_key_made_at)
    assert made_at == pytest.approx(store.world.now(), abs=60)
    stores.loop.wait(store.rotate())
    assert ask(stores, store, data_key_made_at) >= made_at


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters())
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("$dma", max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(TREES)
def test_any_tree_comes_back_exactly(tree: Any) -> None:
    back = decode(encode(tree))
    assert back == tree
    assert repr(back) == repr(tree)


@pytest.mark.parametrize("tree", [b"bytes", {1, 2}, object()])
def test_what_is_no_tree_is_refused(tree: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode({"a": tree})


def test_decimals_keep_their_places() -> None:
    assert [str(v) for v in decode(encode([Decimal("1.50"), Decimal("0.00"), Decimal("-0")]))] == ["1.50", "0.00", "-0"]


def test_the_history_of_the_configuration_has_one_line_after_the_other(stores: Any) -> None:
    store = stores.open()
    assert ask(stores, store, in_force) is None
    pinned, whole = {"channels/a.yaml": "门诊"}, {"channels/a.yaml": "门诊", "engine.yaml": "engine: {}"}
    first = Turn(1, "v1", "c1", "", "start", "engine", "第一次启动", NOON)
    second = Turn(2, "v2", "c1", "v1", "apply", "测试甲", "换地址", NOON + 1)
    assert keep(stores, store, *take_turn(first, whole, pinned)).committed
    assert keep(stores, store, *take_turn(second, {**whole, "engine.yaml": "engine: {a: 1}"}, pinned)).committed
    late = keep(stores, store, *take_turn(replace(second, version="v3", by="测试乙"), whole, pinned))
    assert (late.committed, late.failed_sql) == (False, OVERTAKEN)
    assert ask(stores, store, history) == [second, first]
    assert ask(stores, store, in_force) == second
    assert ask(stores, store, lambda conn: history(conn, before=2)) == [first]
    assert ask(stores, store, lambda conn: version_files(conn, first)) == whole
    assert ask(stores, store, lambda conn: version_files(conn, replace(first, content="gone"))) is None


def test_the_same_task_again_is_one_task_that_counts(stores: Any) -> None:
    store = stores.open()

    def told(id: int, at: float, *, no: str | None = "S1", leg: int = 3, kind: str = "cannot_ask") -> None:
        assert keep(stores, store, open_task(id, no=no, leg_id=leg, kind=kind, side="nhsa", text=NAME, at=at)).committed

    for id in range(1, 5):
        told(id, NOON + id)
    told(5, NOON, leg=4)
    told(6, NOON, kind="cannot_send")
    told(7, NOON, no=None)
    told(8, NOON, no=None)
    found = [(t.id, t.times, t.opened_at, t.last_at, t.text) for t in ask(stores, store, open_tasks)]
    assert found[0] == (1, 4, NOON + 1, NOON + 4, NAME)
    assert [row[:2] for row in found[1:]] == [(5, 1), (6, 1), (7, 1), (8, 1)]
    assert keep(stores, store, close_task(1, by="admin", note="", at=NOON + 9)).committed
    told(9, NOON + 10)
    assert [(t.id, t.times) for t in ask(stores, store, open_tasks)][-1] == (9, 1), "after it was done it is a new one"
