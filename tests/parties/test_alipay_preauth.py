"""The example of Alipay's pre-authorisation: laid over the shipped site it lints, talks as rehearsed, and keeps to the
fen what Alipay's own ledger says: 1200 frozen, 1075 taken, 125 free."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.config.problems import failing
from engine.conversation import run
from engine.site.files import read_files
from engine.site.load import load
from engine.site.site import Site
from tests.books.test_live import Town
from tests.rig import lab as rig
from tests.rig.agreement import compared

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "alipay_preauth"
REPLACED = ("channels/outpatient_settlement.yaml", "channels/outpatient_settlement.test.yaml")
CODE = {"choice_no": "1", "kind": "alipay_code", "auth_code": "280000000000000000"}


def laid_over(folder: Path) -> Path:
    """The shipped site with the example in the place of its settlement, as the page tells."""
    for name in ("channels", "mappings", "schemas"):
        shutil.copytree(ROOT / name, folder / name)
        if (EXAMPLE / name).is_dir():
            shutil.copytree(EXAMPLE / name, folder / name, dirs_exist_ok=True)
    shutil.copy(ROOT / "engine.yaml", folder / "engine.yaml")
    for name in REPLACED:
        (folder / name).unlink()
    for rehearsal in (folder / "channels").glob("*.test.yaml"):
        if not (EXAMPLE / "channels" / rehearsal.name).exists():
            rehearsal.unlink()  # those of the other channels are played where they are
    return folder


def test_it_lints_and_talks_as_rehearsed(tmp_path: Path) -> None:
    site = laid_over(tmp_path)
    made = load(site)
    assert isinstance(made, Site), failing(made)
    rows = run(site)
    assert len(rows) >= 6
    assert all(row["passed"] for row in rows), rows


class Preauth(Town):
    """A hospital that freezes first."""

    def __init__(self, folder: Path, files: Mapping[str, bytes]) -> None:
        super().__init__(folder)
        site, shipped = self.lab.site, rig._shipped

        def laid() -> Any:
            rig._shipped = lambda: files  # type: ignore[assignment]  # the same mapping, with the example
            try:
                return site()
            finally:
                rig._shipped = shipped

        self.lab.site = laid  # type: ignore[method-assign]

    async def settled(self) -> dict[str, Any]:
        kiosk = self.lab.kiosk
        _, answer = await kiosk.settle(self.lab.bill_request("P0001", "B20261122001"))
        no = answer["settlement_no"]
        await kiosk.pay(no, CODE)
        for _ in range(60):
            _, answer = await kiosk.ask("GET", f"/v1/settlements/{no}?wait=20")
            if answer["state"] in ("settled", "undone", "manual", "quoted"):
                return answer
        raise AssertionError(answer)

    def moved(self) -> list[tuple[str, int]]:
        kinds = ("charge", "refund", "unfreeze")
        return [(row["kind"], row["amount"]) for row in self.lab.ledger("alipay") if row["kind"] in kinds]

    def frozen(self) -> int:
        auths = self.lab.parties["alipay"].auths.by_auth_no.values()
        return sum(auth.rest for auth in auths)

    async def differences(self) -> list[str]:
        books = await compared(self.lab.engine)
        return [one.kind for one in books.differences]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Preauth]:
    town = Preauth(tmp_path / "lab", read_files(laid_over(tmp_path / "site")))
    town.do(town.lab.open)
    yield town
    town.do(town.lab.close)


def test_what_is_due_is_taken_and_the_rest_is_free_at_once(town: Preauth) -> None:
    assert town.do(town.settled)["state"] == "settled"
    assert town.moved() == [("charge", 107500), ("unfreeze", 12500)]
    assert town.frozen() == 0
    assert town.do(town.differences) == []


def test_a_refused_insurance_takes_nothing(town: Preauth) -> None:
    town.lab.fault("insurance", "2207A", "refuse_business")
    assert town.do(town.settled)["state"] == "undone"
    assert town.moved() == [("unfreeze", 120000)]
    assert town.frozen() == 0
    assert town.do(town.differences) == []


def test_a_his_that_refuses_after_the_capture_gives_all_back(town: Preauth) -> None:
    town.lab.fault("his", "balance.and.pay.bill", "refuse_business")
    assert town.do(town.settled)["state"] == "undone"
    assert town.moved() == [("charge", 107500), ("unfreeze", 12500), ("refund", 107500)]
    assert town.frozen() == 0
    assert town.do(town.differences) == []


@pytest.mark.parametrize("fault", ["timeout_after_commit", "reset_before_commit", "system_error", "bad_signature"])
@pytest.mark.parametrize("op", ["freeze", "pay"])
def test_a_lost_answer_is_asked_for_and_nothing_is_taken_twice(town: Preauth, op: str, fault: str) -> None:
    town.lab.fault("alipay", op, fault)
    answer = town.do(town.settled)
    taken = [amount for kind, amount in town.moved() if kind == "charge"]
    back = sum(amount for kind, amount in town.moved() if kind == "refund")
    assert answer["state"] in ("settled", "quoted", "undone"), answer
    assert sum(taken) - back == (107500 if answer["state"] == "settled" else 0)
    assert town.frozen() == 0
    assert town.do(town.differences) == []
