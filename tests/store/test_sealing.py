"""What is sealed opens only unchanged, in its place, with the right key; and never shows in the files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.store import (
    Columns,
    complete_call,
    insert_body,
    insert_call,
    insert_case,
    keep_person,
    keep_session,
    keep_site,
    open_reader,
    open_task,
    upsert_leg,
)
from engine.store.calls import body
from engine.store.keys import rewrap_keys
from engine.store.schema import metadata
from engine.store.sealing import MASTER_MIN, Sealer, StoredKey, Tampered, WrongMasterKey
from engine.store.statements import STATEMENTS

from .loop import MASTER, NOON
from .parts import ID_NO, NAME, some_case

ALGS = ("aesgcm", "sm4gcm")


def sealer(alg: str = "aesgcm", master: bytes = MASTER) -> tuple[Sealer, list[StoredKey]]:
    one = Sealer(master, os.urandom, alg)  # noqa: TID251 a test's own randomness
    rows = one.missing(NOON)
    one.load(rows)
    return one, rows


@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 95, b"ab" * 2000, bytes(range(256)) * 3])
def test_what_was_sealed_comes_back(alg: str, data: bytes) -> None:
    one, _ = sealer(alg)
    blob = one.seal("t.c", "S1", data)
    assert one.unseal("t.c", "S1", blob) == data
    assert blob != one.seal("t.c", "S1", data)
    columns = one.seal_body(7, data)
    assert columns["alg"] == alg
    assert one.unseal_body(7, columns["key_id"], columns["nonce"], columns["data"]) == data  # type: ignore[arg-type] # columns


@pytest.mark.parametrize("alg", ALGS)
def test_a_changed_byte_a_cut_and_another_place_do_not_open(alg: str) -> None:
    one, _ = sealer(alg)
    blob = one.seal("t.c", "S1", b"some text " * 20)
    for i in range(len(blob)):
        for bit in (1, 2, 4, 128):
            wrong = blob[:i] + bytes((blob[i] ^ bit,)) + blob[i + 1 :]
            with pytest.raises(Tampered):
                one.unseal("t.c", "S1", wrong)
    for n in range(len(blob)):
        with pytest.raises(Tampered):
            one.unseal("t.c", "S1", blob[:n])
    for place, row_id in (("t.c", "S2"), ("t.d", "S1"), ("t", "c\0S1")):
        with pytest.raises(Tampered):
            one.unseal(place, row_id, blob)


def test_another_master_key_opens_nothing() -> None:
    _, rows = sealer()
    with pytest.raises(WrongMasterKey):
        Sealer(b"n" * 32, os.urandom).load(rows)  # noqa: TID251 a test's own randomness
    moved = [StoredKey(row.key_id + 5, row.use, row.wrapped, row.created_at) for row in rows]
    with pytest.raises(WrongMasterKey):
        Sealer(MASTER, os.urandom).load(moved)  # noqa: TID251 a test's own randomness


def test_weak_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(b"x" * (MASTER_MIN - 1), os.urandom)  # noqa: TID251 a test's own randomness
    with pytest.raises(ValueError, match="algorithm"):
        Sealer(MASTER, os.urandom, "aescbc")  # noqa: TID251 a test's own randomness


def test_a_store_may_move_from_one_algorithm_to_the_other() -> None:
    one, rows = sealer("aesgcm")
    blob = one.seal("t.c", 1, b"old")
    other = Sealer(MASTER, os.urandom, "aesgcm")  # noqa: TID251 a test's own randomness
    other.load(rows)
    new = other.rotated(NOON)
    other.load([new])
    assert other.unseal("t.c", 1, blob) == b"old"
    assert int.from_bytes(other.seal("t.c", 1, b"new")[1:5], "big") == new.key_id
    with pytest.raises(Tampered):
        one.unseal("t.c", 1, other.seal("t.c", 1, b"new"))


def test_no_key_shows_in_a_text() -> None:
    one, rows = sealer()
    assert all(
        part not in repr(one) + str(one) + repr(one._current) for part in (MASTER.hex(), "mmmm", repr(rows[0].wrapped))
    )


def test_the_index_finds_a_person_however_typed_and_tells_kinds_apart() -> None:
    one, rows = sealer()
    index = one.person_index("id_no", "11010119900101000x")
    assert len(index) == 64
    assert index == one.person_index("id_no", " 110101 19900101000X ")
    assert index == one.person_index("id_no", "１１０１０１１９９００１０１０００Ｘ")
    assert index != one.person_index("card", "11010119900101000X")
    again = Sealer(MASTER, os.urandom)  # noqa: TID251 a test's own randomness
    again.load(rows)
    assert again.person_index("id_no", "11010119900101000X") == index
    assert sealer()[0].person_index("id_no", "11010119900101000X") != index


def test_the_master_key_can_be_changed(sqlite_stores: Any) -> None:
    stores = sqlite_stores
    store = stores.open()
    stores.loop.wait(store.write("b", insert_body(1, b"before")))
    index = store.sealer.person_index("id_no", ID_NO)
    new = Sealer(b"n" * 32, os.urandom)  # noqa: TID251 a test's own randomness
    assert stores.loop.wait(store._in_writer(lambda: rewrap_keys(store.backend, store.sealer, new))) == 2
    stores.loop.wait(store.stop())
    again = stores.open(master=b"n" * 32)
    assert stores.loop.wait(again.read(lambda conn: body(conn, 1))) == b"before"
    assert again.sealer.person_index("id_no", ID_NO) == index


def fill(stores: Any) -> Any:
    """A store with persons' data in every place that may hold any."""
    store = stores.open()
    case = some_case()
    case.data["request"]["patient"]["id_no"] = ID_NO
    begun: dict[str, Any] = {"leg_id": 1, "purpose": "do", "call": "c", "party": "p", "op": "o", "number": "n"}
    said = f"{NAME} {ID_NO} 余额不足"
    done = stores.loop.wait(
        store.write(
            "all",
            *insert_case(case, ["B1"], Columns(at=NOON, id=1)),
            *(upsert_leg("S1", leg, "wechat") for leg in case.legs),
            keep_person("S1", "name", NAME, store.sealer),
            keep_person("S1", "id_no", ID_NO, store.sealer),
            insert_call(1, no="S1", started_at=NOON, **begun),
            complete_call(1, ended_at=NOON, outcome="refused", text=said),
            insert_body(1, said.encode(), "S1"),
            insert_body(2, said.encode("gb18030") * 50, "S1"),
            open_task(1, no="S1", leg_id=1, kind="k", side="his", text=said, at=NOON),
            *keep_session("nhsa", {"who": said}, NOON),
            keep_site("h", {"a.yaml": said}, NOON),
        )
    )
    assert done.committed
    return store


CANARIES = [NAME.encode(), NAME.encode("gb18030"), NAME.encode("utf-16-le"), ID_NO.encode(), MASTER, b"\\u6d4b"]


def test_persons_data_is_in_no_file(sqlite_stores: Any, tmp_path: Path) -> None:
    store = fill(sqlite_stores)
    for moment in ("running", "stopped"):
        files = [path for path in tmp_path.iterdir() if path.is_file()]
        content = b"".join(path.read_bytes() for path in files)
        assert b"outpatient_settlement" in content, moment
        assert [c for c in CANARIES if c in content] == [], moment
        sqlite_stores.loop.wait(store.stop())


def test_persons_data_is_in_no_row_of_postgres(postgres_stores: Any) -> None:
    fill(postgres_stores)
    with psycopg.connect(postgres_stores.address) as conn:
        content = b"".join(
            bytes(part) if isinstance(part, bytes) else str(part).encode()
            for table in metadata.tables
            for row in conn.execute(f"SELECT * FROM {table}".encode())  # noqa: S608 own tables
            for part in row
        )
    assert b"outpatient_settlement" in content
    assert [c for c in CANARIES if c in content] == []


def test_a_body_moved_to_another_row_does_not_open(sqlite_stores: Any) -> None:
    store = fill(sqlite_stores)
    sqlite_stores.loop.wait(store._in_writer(lambda: store.backend.execute("UPDATE bodies SET id = 3 WHERE id = 1")))
    with pytest.raises(Tampered):
        sqlite_stores.loop.wait(store.read(lambda conn: body(conn, 3)))


def test_every_sealed_column_has_a_statement_that_seals_it() -> None:
    """A column whose comment says sealed is written only through a statement that insists on `Sealed`."""
    sealed = {
        f"{t.name}.{c.name}" for t in metadata.tables.values() for c in t.c if (c.comment or "").startswith("sealed")
    }
    places = {place for s in STATEMENTS.values() for place, _ in s.seals.values()}
    assert {"bodies.data" if p == "bodies" else p for p in places} == sealed


def test_a_reader_beside_the_engine_needs_the_master_key_only_for_what_is_sealed(sqlite_stores: Any) -> None:
    fill(sqlite_stores)
    with open_reader(sqlite_stores.address) as conn:
        assert conn.row("settlement_by_request", client="kiosk", request_no="R-S1") == ("S1", "forward", "")
        with pytest.raises(Tampered):
            body(conn, 1)
    with open_reader(sqlite_stores.address, MASTER) as conn:
        assert NAME.encode() in (body(conn, 1) or b"")
