"""Persons' numbers and names of a settlement: a keyed hash to search by, the value itself sealed."""

from __future__ import annotations

from engine.store.contract import Connection, Sealed, Write
from engine.store.sealing import Sealer


def keep_person(no: str, kind: str, value: str, sealer: Sealer) -> Write:
    """Keep one value. `kind`: id_no, card, phone, name, …"""
    idx = sealer.person_index(kind, value)
    return Write("person_keep", {"settlement_no": no, "kind": kind, "idx": idx, "sealed": Sealed(value.encode())}, 1)


def persons_of(conn: Connection, no: str) -> dict[str, str]:
    """The settlement's personal values by kind."""
    return {
        kind: conn.unseal("persons.sealed", f"{no}/{kind}", sealed).decode()
        for kind, sealed in conn.rows("persons_of", settlement_no=no)
    }
