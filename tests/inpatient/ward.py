"""A hospital with the inpatient example laid over the shipped site, in one simulated world."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from engine.site.files import read_files
from simulators.town import PERSONS
from tests.edge.town import Reply, Town
from tests.rig.agreement import compared, lines_of
from tests.rig.lab import ROOT, Lab

EXAMPLE = ROOT / "docs" / "examples" / "inpatient"
FEES = (("K0001", "5"), ("K0008", "2"), ("K0101", "1"))  # 2000 + 500 + 100 yuan
HOSPITAL = '  stay_med_type: "21"\n  check_benefits: "yes"\n'


@cache
def overlaid(example: Path = EXAMPLE) -> Mapping[str, bytes]:
    """The shipped site's files with the example's over them."""
    files = dict(read_files(ROOT))
    text = files["engine.yaml"].decode()
    files["engine.yaml"] = text.replace('  med_type:    "11"', f'{HOSPITAL}  med_type:    "11"').encode()
    for name in ("channels", "mappings", "schemas"):
        for path in sorted((example / name).rglob("*")):
            if path.is_file() and not path.name.endswith(".test.yaml"):
                files[path.relative_to(example).as_posix()] = path.read_bytes()
    return files


class WardLab(Lab):
    """The laboratory with the example's site."""

    def files(self) -> Mapping[str, bytes]:
        return overlaid()


class Ward:
    """What a ward's terminal does, and what the parties' own books say afterwards."""

    def __init__(self, town: Town) -> None:
        self.town, self._requests = town, 0

    # The terminal

    def request(self, patient: str = "P0001", kind: str = "insurance_card", **more: Any) -> dict[str, Any]:
        person = next(one for one in PERSONS if one.id == patient)
        self._requests += 1
        credential = {
            "insurance_card": {"value": person.card_no, "card_sn": person.card_sn}, "id_card": {"value": person.id_no},
            "typed_id": {"value": person.id_no},
        }.get(kind, {})  # fmt: skip
        return {
            "request_no": f"W{self._requests:04d}", "campus": "main", "terminal": {"kind": "desk", "id": "W01"},
            "operator": "W01", "patient": {"id": patient, "credential": {"kind": kind, **credential}}, **more,
        }

    def post(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        reply = self.town.ask("POST", f"/v1/inpatient/{what}", body, client="C01")
        assert reply.status in (200, 202), reply.body.decode()
        return reply.json

    def admit(
        self, patient: str = "P0001", admission: str = "", identity: str = "insured", **more: Any
    ) -> dict[str, Any]:
        number = admission or next(
            one["admission"] for one in self.town.lab.parties["his"].card("http://his")["admissions"]
            if one["patient"] == patient and one["state"] == "issued"
        )  # fmt: skip
        body = self.request(patient, contact="测试家属", tel="13900000001", admission=number, pay_identity=identity)
        return self.rest(self.post("admissions", {**body, **more}))

    def deposit(self, stay: str, fen: int, pay: dict[str, Any], patient: str = "P0001") -> dict[str, Any]:
        shown = self.town.ask("GET", f"/v1/inpatient/stays?patient={patient}&stay={stay}", client="C01").json
        body = self.request(patient, stay=stay, deposit_no=shown["next_deposit"], amount=fen)
        answer = self.post("deposits", body)
        assert answer["state"] == "quoted", answer
        self.choose(answer, pay)
        return self.rest(answer)

    def quote(self, stay: str, patient: str = "P0001", identity: str = "insured", **more: Any) -> dict[str, Any]:
        body = self.request(patient, stay=stay, pay_identity=identity)
        return self.until(self.post("settlements", {**body, **more}), "quoted")

    def choose(self, answer: dict[str, Any], pay: dict[str, Any], no: str = "1") -> Reply:
        return self.town.choose(answer["settlement_no"], {"choice_no": no, **pay}, client="C01")

    def until(self, answer: dict[str, Any], *states: str) -> dict[str, Any]:
        for _ in range(200):
            if answer["state"] != "working" or answer["state"] in states:
                return answer
            self.town.pass_time(5.0)
            answer = self.town.show(answer["settlement_no"], client="C01").json
        return answer

    def rest(self, answer: dict[str, Any]) -> dict[str, Any]:
        return dict(self.town.rest(answer["settlement_no"], client="C01"))

    def refund(self, answer: dict[str, Any]) -> dict[str, Any]:
        self._requests += 1
        back = self.town.ask(
            "POST", f"/v1/settlements/{answer['settlement_no']}/refunds",
            {"request_no": f"R{self._requests:04d}", "reason_code": "patient"}, client="C01",
        )  # fmt: skip
        assert back.status in (200, 202), back.body.decode()
        return self.rest(answer)

    # The ward

    def charge(self, stay: str, *items: tuple[str, str], origin: str = "") -> None:
        for code, qty in items:
            self.town.lab.act("his", "charge_stay", stay=stay, item=code, qty=qty, origin=origin)

    def treat(self, stay: str) -> None:
        """All that is done for him (`FEES`), until he may leave."""
        self.charge(stay, *FEES)
        self.leave(stay)

    def leave(self, stay: str) -> None:
        self.town.lab.act("his", "order_discharge", stay=stay)

    def stay_of(self, no: str) -> Any:
        return self.town.lab.parties["his"].stays.by_no[no]  # type: ignore[attr-defined]  # the HIS simulator's own

    # The judges

    def books(self) -> list[tuple[str, str]]:
        """What `engine books` finds."""
        self.town.pass_time(900.0)
        books = self.town.do(compared(self.town.lab.engine))
        return lines_of(books)

    def ledger(self, party: str, kind: str, state: str = "") -> list[dict[str, Any]]:
        return [row for row in self.town.ledger(party, kind) if state in ("", row["state"])]
