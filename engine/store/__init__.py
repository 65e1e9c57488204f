"""Durable memory: settlements, legs, calls and bodies, inbox, numbers, trail; SQLite or PostgreSQL.

    store = open_store("sqlite:///var/engine.db", world, master_key)      # or postgresql://…, or a plain path
    store.on_fatal = stop_the_process                                     # called with the reason
    await store.start()                                                   # CannotStart says why not
    await store.submit(Unit("recover", mark_sent_unsure(world.now())))    # before any listener opens
    ids = Ids(world, store)
    await ids.start()

    unit = Unit("Started", (*insert_case(case, bills, Columns(at=now, id=ids.new())),
                            *(upsert_leg(case.no, leg, "wechat") for leg in case.legs),
                            claim_number(trade_no, "trade", case.no, 1),
                            insert_body(body_id, b"...", case.no),
                            insert_call(ids.new(), no=case.no, leg_id=1, purpose="do", call="pay.code", party="wechat",
                                        op="micropay", number=trade_no, started_at=now, request_body=body_id)))
    done = await store.submit(unit)     # fires after the commit; StoreFull, StoreStopped, BadUnit
    if not done.committed:              # a guard said no: nothing of the unit happened
        print(done.failed_sql)          # settlement_insert: known request; bill_hold: busy; settlement_update: stale
    case = await store.read(lambda conn: load_case(conn, no))
    rows = await store.read(lambda conn: list_settlements(conn, state="manual"))
    await store.stop()

A transaction, a cursor or a row lock never leaves this package.
"""

from engine.store.calls import body, calls_of, complete_call, insert_body, insert_call
from engine.store.contract import (
    BadUnit,
    CannotRead,
    CannotStart,
    Connection,
    Crash,
    Done,
    Sealed,
    Store,
    StoreFull,
    StoreStopped,
    Unit,
    Write,
)
from engine.store.counters import Counter
from engine.store.ids import Ids
from engine.store.inbox import earlier, hear_again, hear_first, verdict
from engine.store.legs import load_legs, upsert_leg
from engine.store.lists import list_settlements
from engine.store.numbers import claim_number, owner_of
from engine.store.open import open_reader, open_store
from engine.store.periods import begin_period, begin_period_again, end_period, period
from engine.store.persons import keep_person, persons_of
from engine.store.purge import purge
from engine.store.sessions import forget_session, keep_session, sessions
from engine.store.settlements import (
    Columns,
    bill_holder,
    bills_of,
    by_request,
    hold_bills,
    insert_case,
    load_case,
    mark_sent_unsure,
    open_cases,
    release_bills,
    update_case,
)
from engine.store.site_versions import (
    OVERTAKEN,
    Turn,
    history,
    in_force,
    keep_site,
    pins,
    site_files,
    sites_in_use,
    take_turn,
    version_files,
)
from engine.store.store import SqlStore
from engine.store.tasks import close_task, open_task, open_tasks
from engine.store.trail import add_trail, use_nonce, used_nonces

__all__ = [
    "OVERTAKEN",
    "BadUnit",
    "CannotRead",
    "CannotStart",
    "Columns",
    "Connection",
    "Counter",
    "Crash",
    "Done",
    "Ids",
    "Sealed",
    "SqlStore",
    "Store",
    "StoreFull",
    "StoreStopped",
    "Turn",
    "Unit",
    "Write",
    "add_trail",
    "begin_period",
    "begin_period_again",
    "bill_holder",
    "bills_of",
    "body",
    "by_request",
    "calls_of",
    "claim_number",
    "close_task",
    "complete_call",
    "earlier",
    "end_period",
    "forget_session",
    "hear_again",
    "hear_first",
    "history",
    "hold_bills",
    "in_force",
    "insert_body",
    "insert_call",
    "insert_case",
    "keep_person",
    "keep_session",
    "keep_site",
    "list_settlements",
    "load_case",
    "load_legs",
    "mark_sent_unsure",
    "open_cases",
    "open_reader",
    "open_store",
    "open_task",
    "open_tasks",
    "owner_of",
    "period",
    "persons_of",
    "pins",
    "purge",
    "release_bills",
    "sessions",
    "site_files",
    "sites_in_use",
    "take_turn",
    "update_case",
    "upsert_leg",
    "use_nonce",
    "used_nonces",
    "verdict",
    "version_files",
]
