"""SIGKILL of the real engine at every named place of the flagship flow; the parties live on and are the judge."""

from __future__ import annotations

import json
from typing import Any

import pytest_twisted
from twisted.internet import reactor

from simulators.base.world import SimWorld
from simulators.kiosk import Kiosk
from simulators.kiosk.client import LOST
from simulators.town import PERSONS
from tests.crash.hospital import RATE, Hospital

BILL, PATIENT = "B20261122001", PERSONS[0]
REST = ("settled", "undone", "rejected", "manual")
AGAIN = ("recovery.before", "recovery.marked", "commit.before:Recovered", "commit.after:Recovered")
PLACES_LEAST = 40


def _kiosk(hospital: Hospital, port: int = 0) -> Kiosk:
    world = SimWorld(reactor, rate=RATE, anchor=hospital.now())
    secret = (hospital.folder / "var/keys/client-K01.secret").read_text()
    return Kiosk(world, f"http://127.0.0.1:{port or hospital.ports['api']}", "K01", secret, "K01")


def _request() -> dict[str, Any]:
    return {
        "request_no": "K01-000001",
        "campus": "main",
        "terminal": {"kind": "kiosk", "id": "K01"},
        "operator": "K01",
        "patient": {
            "id": PATIENT.id,
            "credential": {"kind": "insurance_card", "value": PATIENT.card_no, "card_sn": PATIENT.card_sn},
        },
        "bills": [BILL],
        "pay_identity": "insured",
    }


async def _ask(kiosk: Kiosk, method: str, target: str, body: dict[str, Any] | None) -> dict[str, Any]:
    """One request without the kiosk's own patience: here the engine is meant to die."""
    content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    try:
        _, answer = await kiosk._once(method, target, content, 40.0)
    except LOST:
        return {}
    return answer or {}


async def _carry_on(hospital: Hospital, again: str) -> dict[str, Any]:
    """A kiosk that repeats what was not answered, and a watchdog that starts the engine whenever it is dead."""
    kiosk = _kiosk(hospital)
    restarts, choices = 0, 0
    answer: dict[str, Any] = {}
    no, chosen = "", False
    try:
        for _ in range(200):
            if hospital.dead():
                restarts += 1
                hospital.kill()
                hospital.start(again if restarts == 1 else "")
                continue
            if not no:
                answer = await _ask(kiosk, "POST", "/v1/outpatient/settlements", _request())
            elif answer.get("state") == "quoted" or not chosen:
                if chosen:  # the payment did not come about: the patient chooses again
                    choices += 1
                choice = {"choice_no": str(choices), "kind": "wechat_code", "auth_code": "134000000000000001"}
                answer = await _ask(kiosk, "POST", f"/v1/settlements/{no}/pay", choice)
                chosen = bool(answer)
            else:
                answer = await _ask(kiosk, "GET", f"/v1/settlements/{no}?wait=20", None)
            no = answer.get("settlement_no", no)
            invoiced = answer.get("state") != "settled" or "invoice" in answer
            if answer.get("state") in REST and invoiced:
                return answer
        raise AssertionError(f"never came to rest: {answer}")
    finally:
        await kiosk.close()


def _agree(hospital: Hospital, state: str) -> None:
    """Charged once or not at all; insurance, HIS and invoice say the same."""
    kept = hospital.kept()
    booked = [row for row in hospital.ledger("his", "book") if row["state"] == "done"]
    settled = [row for row in hospital.ledger("insurance", "settle") if row["state"] == "done"]
    issued = hospital.ledger("einvoice", "issue")
    if state == "settled":
        assert (kept, len(booked), len(settled), len(issued)) == (107500, 1, 1, 1)
        assert len(hospital.ledger("insurance", "settle")) == 1
        assert len(hospital.ledger("wechat", "charge")) == 1
    else:
        assert state in ("undone", "rejected")
        assert (kept, len(booked), len(settled)) == (0, 0, 0)
        assert not issued


def _places(hospital: Hospital) -> list[str]:
    """All places the flow passes, enumerated by the code itself: `name#n` for the n-th time. The nightly channels run
    beside it; what they fetch once and keep is not fetched in the next life."""
    counts: dict[str, int] = {}
    found = []
    for name in (hospital.folder / "places").read_text().split():
        if name.endswith("_file"):
            continue
        counts[name] = counts.get(name, 0) + 1
        found.append(f"{name}#{counts[name]}")
    return found


@pytest_twisted.ensureDeferred
async def test_killed_at_every_place(hospital: Hospital) -> None:
    hospital.fresh()
    hospital.start(log=str(hospital.folder / "places"))
    answer = await _carry_on(hospital, "")
    assert answer["state"] == "settled"
    _agree(hospital, "settled")
    places = [place for place in _places(hospital) if not place.startswith("recovery")]
    assert len(places) >= PLACES_LEAST
    wrong = []
    for i, place in enumerate(places):
        hospital.fresh()
        before = hospital.starts
        hospital.start(place)
        try:
            answer = await _carry_on(hospital, AGAIN[i % len(AGAIN)])
            assert hospital.starts > before + 1, "the place was never passed"
            _agree(hospital, answer["state"])
        except AssertionError as no:
            wrong.append(f"{place}: {no}")
    assert not wrong, "\n".join(wrong)


@pytest_twisted.ensureDeferred
async def test_no_patient_data_in_the_logs(hospital: Hospital) -> None:
    """Of this life, and of all that ended before it."""
    hospital.fresh()
    hospital.start()
    assert (await _carry_on(hospital, ""))["state"] == "settled"
    logs = hospital.logs()
    assert "settlement" in logs
    for planted in (PATIENT.name, PATIENT.id_no, PATIENT.card_no, PATIENT.phone):
        assert planted not in logs
