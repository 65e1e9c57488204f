"""Who a settlement is about can be found by a keyed hash; the values themselves are sealed."""

from __future__ import annotations

import pytest_twisted

from engine.store.lists import list_settlements
from engine.store.persons import persons_of
from simulators.town import PERSONS
from tests.rig.lab import Lab


@pytest_twisted.ensureDeferred
async def test_a_patients_settlements_are_found_by_index_and_values_open_with_the_key(lab: Lab) -> None:
    engine = lab.engine
    assert engine is not None
    _, quoted = await lab.kiosk.settle(lab.bill_request("P0001", "B20261122001"))
    store = engine.store
    index = store.sealer.person_index("patient", "P0001")  # type: ignore[attr-defined]  # the lab's store is SqlStore
    found = await store.read(lambda conn: list_settlements(conn, patient_index=index))
    assert [row["no"] for row in found] == [quoted["settlement_no"]]
    known = await store.read(lambda conn: persons_of(conn, quoted["settlement_no"]))
    person = PERSONS[0]
    assert known["id_no"] == person.id_no
    assert known["insurance_card"] == person.card_no
    raw = b"".join(path.read_bytes() for path in lab.folder.glob("engine.db*"))
    for planted in (person.id_no, person.card_no, person.phone, person.name):
        assert planted.encode() not in raw
