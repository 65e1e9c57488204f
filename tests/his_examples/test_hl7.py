"""The example of a HIS asked in HL7: over the shipped site, at the HIS's MLLP door, whatever is lost on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest

from engine.runtime.books import check_books, simulator_ledgers
from tests.edge.town import Town
from tests.rig.lab import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "his_hl7"
CODE = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}
UNCERTAIN = (
    "reset_after_commit", "timeout_after_commit", "timeout_before_commit", "half_reply", "html", "ack_aa_failed",
    "ack_wrong_number", "ack_ae", "late_commit",
)  # fmt: skip


@cache
def overlaid() -> Mapping[str, bytes]:
    """The example's files, and the shipped engine.yaml with the connection as the example's page shows it."""
    shown = re.search(r"```yaml\n(  his_ask:\n.*?)```", (EXAMPLE / "README.md").read_text("utf-8"), re.DOTALL)
    assert shown is not None, "the page shows no connection"
    node = (ROOT / "engine.yaml").read_text("utf-8")
    assert "\n  nhsa:\n" in node
    files = {"engine.yaml": node.replace("\n  nhsa:\n", f"\n{shown[1]}  nhsa:\n").encode()}
    for name in ("channels", "mappings", "schemas"):
        for path in sorted((EXAMPLE / name).rglob("*")):
            files[path.relative_to(EXAMPLE).as_posix()] = path.read_bytes()
    return files


@pytest.fixture
def town(new_town: Callable[..., Town]) -> Town:
    return new_town(more=overlaid())


def pay_in(town: Town, amount: int = 50000) -> dict[str, Any]:
    body = {
        "request_no": "R1", "campus": "main", "terminal": {"kind": "kiosk", "id": "K01"}, "operator": "K01",
        "patient": {"id": "P0001", "credential": {"kind": "record_no", "value": "P0001"}}, "stay": "V1",
        "deposit_no": "V1-1", "amount": amount,
    }  # fmt: skip
    reply = town.ask("POST", "/v1/hl7/deposits", body, client="C01")
    assert reply.status in (200, 202), reply.body.decode()
    no = str(reply.json["settlement_no"])
    if town.show(no, client="C01").state == "quoted":
        town.choose(no, CODE, client="C01")
    return town.rest(no, client="C01")


def agreed(town: Town, kept: int) -> None:
    town.pass_time(600.0)
    booked = [row for row in town.ledger("his", "book") if row["state"] == "done"]
    assert sum(row["amount"] for row in booked) == town.kept() == kept
    engine = town.lab.engine
    assert engine is not None
    parties = {name: (one.kind, one.url) for name, one in engine.sites.current.engine.parties.items()}
    books = town.do(check_books(engine.world, engine.store, simulator_ledgers(engine.world, parties)))
    assert "\n".join(f"{one.kind} {one.en}" for one in books.differences) == ""


def test_unpaid_bills_by_hl7(town: Town) -> None:
    reply = town.ask("GET", "/v1/hl7/bills?patient=P0001", client="C01")
    assert reply.status == 200, reply.body
    assert [(row["bill"], row["amount"]) for row in reply.json["bills"]] == [("B20261122001", 120000)]


def test_a_deposit_is_booked_by_dft_and_taken_back(town: Town) -> None:
    answer = pay_in(town)
    assert (answer["state"], answer["amounts"]["total"]) == ("settled", 50000)
    agreed(town, 50000)
    back = town.ask("POST", f"/v1/settlements/{answer['settlement_no']}/refunds",
                    {"request_no": "B1", "reason_code": "patient"}, client="C01")  # fmt: skip
    assert back.status in (200, 202), back.body
    assert town.rest(answer["settlement_no"], client="C01")["state"] == "undone"
    agreed(town, 0)


@pytest.mark.parametrize("fault", UNCERTAIN)
def test_whatever_the_acknowledgement_says_money_and_book_agree(town: Town, fault: str) -> None:
    town.lab.fault("his", "DFT^P03", fault, seconds=40.0)
    answer = pay_in(town)
    assert answer["state"] in ("settled", "undone"), answer
    agreed(town, 50000 if answer["state"] == "settled" else 0)
