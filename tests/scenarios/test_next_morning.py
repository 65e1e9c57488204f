"""Tomorrow, played by real processes: a day's payments, the shared clock moved on, the platforms' bills of T+1 fetched
and compared. `engine simulate --virtual-time`, `engine run --virtual-time`, `engine books --bills --virtual-time`."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulators.town import PERSONS
from tests.cli.shell import ENVIRONMENT, Running, engine, free_port, new_site

WAYS = {
    "B20261122001": {"kind": "wechat_code", "auth_code": "134000000000000001"},
    "B20261122002": {"kind": "alipay_code", "auth_code": "280000000000000001"},
    "B20261122003": {"kind": "unionpay_code", "auth_code": "6200000000000000001"},
    "B20261122004": {"kind": "wechat_code", "auth_code": "134000000000000002"},
}
INSURED = ("B20261122001",)
REST = ("settled", "undone", "rejected", "manual")
MORNING = 10.5  # the hour at which the bills of yesterday are ready


class Town:
    """Simulators and an engine as processes of their own on one clock."""

    def __init__(self, folder: Path) -> None:
        self.root = new_site(folder / "node")
        self.variables = {"VIRTUAL_CLOCK_PORT": str(free_port())}
        place = self.root / "engine.yaml"
        text = place.read_text()
        for port in sorted(set(re.findall(r"127\.0\.0\.1:(87[0-9]{2})", text))):
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
        place.write_text(text)
        self.api = re.search(r"http: (127\.0\.0\.1:[0-9]+)", text)[1]  # type: ignore[index]  # it is there
        parties = yaml.load(text, yaml.BaseLoader)["parties"]  # noqa: S506 it makes nothing but text
        self.sim, self.insurance = parties["wechat"]["url"], parties["nhsa"]["url"]
        self.secret = (self.root / "var/keys/client-C01.secret").read_text().strip()
        self.count = 0
        self.simulators = subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, "-u", "-m", "engine", "simulate", "--virtual-time", "--root", str(self.root)], text=True,
            stdout=subprocess.PIPE, stderr=(folder / "simulate.log").open("ab"),
            env={**ENVIRONMENT, **self.variables},
        )  # fmt: skip
        assert self.simulators.stdout is not None
        for row in self.simulators.stdout:  # until the secrets are there
            if "secrets are in" in row:
                break
        self.engine = Running(self.root, "--virtual-time", **self.variables)
        assert "ready" in self.engine.first, (self.root / "run.log").read_text()[-2000:]

    def close(self) -> None:
        self.engine.tell(signal.SIGTERM)
        self.simulators.send_signal(signal.SIGTERM)
        self.simulators.wait(40)

    def sim_ask(self, path: str, body: Any = None, *, at: str = "") -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request((at or self.sim) + path, data)  # noqa: S310 ours
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310 ours
            return json.load(reply)

    def now(self) -> float:
        return datetime.fromisoformat(self.sim_ask("/sim/clock")["now"]).timestamp()

    def move(self, seconds: float) -> None:
        self.sim_ask("/sim/clock", {"advance": seconds})
        until = time.monotonic() + 120
        while self.sim_ask("/sim/clock").get("moving_to"):
            assert time.monotonic() < until, "the clock does not arrive"
            time.sleep(0.2)  # noqa: TID251 - real processes

    def hour(self) -> float:
        """Of the day in Beijing."""
        return (self.now() / 3600 + 8) % 24

    def move_to(self, hour: float) -> None:
        """To this hour of tomorrow."""
        self.move((24 - self.hour() + hour) * 3600)

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """A signed request at the clock's own time."""
        self.count += 1
        data = b"" if body is None else json.dumps(body).encode()
        stamp, nonce = str(int(self.now())), f"n{self.count}"
        text = f"{method}\n{path}\n{stamp}\n{nonce}\n{hashlib.sha256(data).hexdigest()}"
        headers = {
            "X-Client": "C01", "X-Timestamp": stamp, "X-Nonce": nonce,
            "X-Signature": hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest(),
        }  # fmt: skip
        request = urllib.request.Request(f"http://{self.api}{path}", data or None, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=90) as reply:  # noqa: S310 ours
                found: dict[str, Any] = json.load(reply)
        except urllib.error.HTTPError as no:
            raise AssertionError(f"{method} {path}: {no.code} {no.read().decode()}") from None
        return found

    def rest(self, answer: dict[str, Any]) -> dict[str, Any]:
        for _ in range(20):
            if answer["state"] in REST:
                return answer
            answer = self.ask("GET", f"/v1/settlements/{answer['settlement_no']}?wait=5")
        raise AssertionError(answer)

    def settle(self, bill: str, choice: dict[str, str]) -> str:
        """A settlement of this bill, paid so; its number."""
        person = next(one for one in PERSONS if one.id == f"P0{bill[-3:]}")
        card = {"kind": "insurance_card", "value": person.card_no, "card_sn": person.card_sn}
        body = {
            "request_no": f"R{bill}", "campus": "main", "terminal": {"kind": "window", "id": "C01"}, "operator": "C01",
            "patient": {"id": person.id, "credential": card}, "bills": [bill],
            "pay_identity": "insured" if bill in INSURED else "self_pay",
        }  # fmt: skip
        quoted = self.ask("POST", "/v1/outpatient/settlements", body)
        assert quoted["state"] == "quoted", quoted
        no = str(quoted["settlement_no"])
        paid = self.rest(self.ask("POST", f"/v1/settlements/{no}/pay", {"choice_no": "1", **choice}))
        assert paid["state"] == "settled", paid
        return no

    def books(self, *more: str) -> tuple[int, dict[str, Any]]:
        done = engine("books", "--json", "--root", str(self.root), *more, limit=120, **self.variables)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


def test_a_day_is_paid_and_its_bills_of_tomorrow_agree(town: Town) -> None:
    if town.hour() > 22:
        town.move_to(9.0)  # all of it on one day
    numbers = [town.settle(bill, way) for bill, way in WAYS.items()]
    back = town.ask("POST", f"/v1/settlements/{numbers[-1]}/refunds", {"request_no": "B1", "reason_code": "X"})
    assert town.rest(back)["state"] == "undone"
    town.move_to(MORNING)
    code, found = town.books("--bills", "--virtual-time")
    assert (code, found["differences"]) == (0, []), found
    assert found["checked"] == len(WAYS)
    assert {row["party"] for row in found["funds"]} >= {"wechat"}
    asked = [row["op"] for row in town.sim_ask("/sim/exchanges", at=town.insurance)["exchanges"]]
    assert asked.count("9001") > 1, "signed in again for the new day"
    assert "3201" in asked, "the night compares with the insurance"
    tasks = engine("list", "tasks", "--json", "--root", str(town.root), **town.variables)
    assert tasks.stdout.strip() == "", tasks.stdout
    town.sim_ask("/sim/faults", {"op": "tradebill", "fault": "bill_missing_row", "times": 1})
    code, found = town.books("--bills", "--virtual-time")
    assert (code, [one["kind"] for one in found["differences"]]) == (1, ["service_not_paid", "fund_only"]), found
    code, found = town.books("--bills")  # by the wall's clock that day has not even passed
    assert (code, {one["kind"] for one in found["differences"]}) == (1, {"source_missing"}), found
