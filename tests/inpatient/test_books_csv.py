"""A stay's books where the HIS serves no ledger: its deposits stand in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from engine.core.money import yuan_of_fen
from engine.runtime.books import check_books, simulator_ledgers
from engine.runtime.books_columns import KINDS
from engine.runtime.books_csv import ledgers_of
from engine.runtime.books_view import Limits, Role
from tests.inpatient.test_stay import CODE, admitted
from tests.inpatient.ward import Ward

HEAD = ("种类", "编号", "时间", "账单号", "对方编号", "金额(元)", "现金(元)", "状态")
CHINESE = {kind: word for word, kind in KINDS[Role.HIS].items()}


def _table(ward: Ward, edit: Callable[[dict[str, Any]], bool]) -> bytes:
    """The HIS's ledger as its desk would write it; `edit` changes a row, or leaves it out."""
    out = StringIO()
    table = csv.writer(out)
    table.writerow(HEAD)
    for row in map(dict, ward.town.lab.ledger("his")):
        if row["kind"] in CHINESE and edit(row):
            cash = yuan_of_fen(int(row["ref"])) if row["kind"] in ("book", "deposit") and row["ref"] else ""
            table.writerow([
                CHINESE[row["kind"]], row["no"], row["at"][:19].replace("T", " "), row["bill"], row["party_no"],
                yuan_of_fen(row["amount"]), cash, row["state"],
            ])  # fmt: skip
    return out.getvalue().encode("gb18030")


def _judged(ward: Ward, edit: Callable[[dict[str, Any]], bool]) -> list[str]:
    ward.town.pass_time(900.0)
    engine = ward.town.lab.engine
    assert engine is not None
    parties = engine.sites.current.engine.parties.items()
    sources: list[Any] = [*ledgers_of([("his.csv", _table(ward, edit))], {"his": Role.HIS})]
    others = {name: (one.kind, one.url) for name, one in parties if not name.startswith("his")}
    sources += simulator_ledgers(engine.world, others)
    books = ward.town.do(check_books(engine.world, engine.store, sources, limits=Limits(skew_s=60.0)))
    return sorted(one.kind for one in books.differences)


def _dearer(row: dict[str, Any]) -> bool:
    row["amount"] += 100 if row["kind"] == "deposit" else 0
    return True


@pytest.mark.parametrize(("edit", "found"), [
    (lambda row: True, []),
    (lambda row: row["kind"] != "deposit", ["his_missing"]),
    (_dearer, ["his_amount_differs"]),
], ids=["all of it", "a deposit is missing", "a deposit is dearer"])  # fmt: skip
def test_deposits_of_a_table_are_judged(ward: Ward, edit: Callable[[dict[str, Any]], bool], found: list[str]) -> None:
    stay = admitted(ward)
    ward.deposit(stay, 300000, CODE)
    ward.treat(stay)
    quoted = ward.quote(stay)
    ward.choose(quoted, {"kind": "deposit"})
    assert ward.rest(quoted)["state"] == "settled"
    assert {"deposit", "deposit_back"} <= {row["kind"] for row in ward.town.lab.ledger("his")}
    assert _judged(ward, edit) == found
