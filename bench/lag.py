"""`python -m bench.lag`: how late the engine's own reactor is with 200 settlements in flight, with RSA and SM3 to do
and without. Under two minutes; it stops what it began.

One real `engine run`, parties that take their time so that 20 settlements begun a second are 200 on their way, twice:

* with: the insurance's gateway wants HMAC-SM3 over every request (x-ca), WeChat's payment codes go by v3 (RSA-2048 over
  request and answer);
* without: no gateway, payment codes by v2 (a digest).

A timer of 5 ms inside the engine notes by how much it fires too late; that is what everybody waits for who has anything
to do with the engine at that moment. What /metrics says of it (`engine_reactor_lag_seconds`) stands beside it.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import time
from typing import Any

from bench.cases import all_settled
from bench.report import Row, Verdict, busy, machine, markdown
from bench.ward import ROOT, SECRET, Ward

CASE = "lag"
RATE, FLIGHT, SECONDS = 20.0, 200, 15.0  # begun a second, wanted on their way, measured seconds
DELAYS = {"insurance": 1.1, "his": 0.4, "wechat": 0.5, "einvoice": 0.4}  # of the 13 calls: 10.9 s a settlement
RAMP = 14.0  # seconds until as many end as begin
MORE = 10.0  # ms: what the reactor may be later at p99 with than without
EXAMPLE = ROOT / "docs/examples/wechat_codepay"


class Signing(Ward):
    """The ward in which both platforms want real signatures."""

    def _keys(self) -> None:
        super()._keys()
        self.keys["wechat_key"] = self.files["wechat/merchant_private_key"]  # one pair of keys plays both sides
        self.keys["wechat_serial"] = self.files["wechat/public_key_id"]
        (self.folder / "parties.json").write_text(json.dumps(self.keys))

    def _lay(self) -> None:
        super()._lay()
        place = self.folder / "engine.yaml"
        yaml = place.read_text().replace("    profile: none\n", "    profile: x-ca\n    secret: file:var/keys/xca\n")
        yaml = re.sub(r"(  wechat:\n    kind: +wechat\n)", r"\1    codepay: 'yes'\n", yaml)
        place.write_text(yaml)
        (self.folder / "var/keys/xca").write_text(SECRET)
        (self.folder / "var/keys/xca").chmod(0o600)
        for name in ("channels", "mappings"):
            (self.folder / name).unlink()
            shutil.copytree(ROOT / name, self.folder / name)
        shutil.copytree(EXAMPLE / "mappings", self.folder / "mappings", dirs_exist_ok=True)
        channel = self.folder / "channels/outpatient_settlement.yaml"
        text = channel.read_text()
        for row in (EXAMPLE / "README.md").read_text().split("```yaml\n")[1].split("```")[0].splitlines():
            name = row.split(":")[0]
            text = re.sub(rf"(?m)^{re.escape(name)}:.*$", lambda _, row=row: row, text)  # type: ignore[misc] # its row
        channel.write_text(text)
        (self.folder / "channels/outpatient_settlement.test.yaml").unlink()  # its answers are those of v2


def run(ward: Ward) -> tuple[dict[str, Any], dict[str, Any]]:
    """One stretch: what the terminals say, and what was seen of the engine in it."""
    with ward:
        ward.start("bench.probed")
        ward.load(terminals=4, seconds=1)
        ward.tell_parties(delays=DELAYS)
        assert ward.engine is not None
        process = ward.load_begin(terminals=FLIGHT * 2, rate=RATE, seconds=RAMP + SECONDS)
        time.sleep(RAMP)  # noqa: TID251 - the first have ended
        ward.held()
        before = late_of(ward)
        ward.engine.send_signal(signal.SIGUSR1)
        began, cpu, (_, waited) = time.perf_counter(), ward.cpu(), ward.reactor()
        flights = []
        for _ in range(int(SECONDS) - 1):
            time.sleep(1.0)  # noqa: TID251 - the measured stretch
            flights.append(ward.metric("engine_open_settlements"))
        took = time.perf_counter() - began
        seen = {
            "cpu": (ward.cpu() - cpu) / took, "waited": (ward.reactor()[1] - waited) / took,
            "flight": sum(flights) / len(flights), "ops": ward.held()["ops"],
            "own": [after - earlier for after, earlier in zip(late_of(ward), before, strict=True)],
        }  # fmt: skip
        ward.tell_parties(delays=dict.fromkeys(DELAYS, 0.0))
        said, _ = process.communicate(timeout=120)
        seen |= json.loads(ward.stop().strip().splitlines()[-1])
    return json.loads(said), seen


def late_of(ward: Ward) -> tuple[float, float]:
    """Of the engine's own meter: seconds late in all, ticks."""
    return ward.metric("engine_reactor_lag_seconds_sum"), ward.metric("engine_reactor_lag_seconds_count")


def rows(signed: dict[str, Any], plain: dict[str, Any]) -> list[Row]:
    """The table: each figure with the same one without signatures beside it."""
    found = []
    for name in ("p50", "p99", "worst"):
        ratio = signed[name] / plain[name] if plain[name] else None
        found.append(Row(CASE, f"reactor's lag, {name}", signed[name], "ms", f"without: {plain[name]:.2f} ms", ratio))
    for what, name, unit in (("settlements in flight", "flight", ""), ("of a core used", "cpu", ""),
                             ("ready to run, and others had the cores", "waited", "of the time")):  # fmt: skip
        found.append(Row(CASE, what, signed[name], unit, f"without: {plain[name]:.2f}"))
    own = [some["own"][0] / max(1.0, some["own"][1]) * 1000 for some in (signed, plain)]
    told = f"without: {own[1]:.2f} ms, {plain['own'][1]:.0f} ticks"
    found.append(Row(CASE, "mean lag by /metrics", own[0], "ms", told))
    calls = sum(count for op, count in signed["ops"].items() if op[:1].isdigit())
    payments = signed["ops"].get("codepay", 0)
    found.append(Row(CASE, "HMAC-SM3 / RSA pairs a second", calls / SECONDS, f"/ {payments / SECONDS:.1f}"))
    return found


def main() -> int:
    """Print the table; 1 when signing makes the reactor late, or a settlement did not settle."""
    about, began = {**machine(), "load_before": busy()}, time.perf_counter()
    plain_load, plain = run(Ward())
    load, signed = run(Signing())
    more, fewest = signed["p99"] - plain["p99"], min(signed["flight"], plain["flight"])
    late = f"{signed['p99']:.2f} ms, without {plain['p99']:.2f}"
    flight = f"{signed['flight']:.0f}, without {plain['flight']:.0f}"
    payments = signed["ops"].get("codepay", 0)
    judged = [
        Verdict(f"lag p99 ≤ {MORE:.0f} ms more with signatures", late, more <= MORE),
        Verdict(f"{FLIGHT} in flight (90 % of it will do)", flight, fewest >= FLIGHT * 0.9),
        Verdict("payments were signed by RSA", str(payments), payments > 0),
        *all_settled(CASE, plain_load, load),
    ]  # fmt: skip
    about["seconds"] = round(time.perf_counter() - began)
    print(markdown(rows(signed, plain), judged, about))
    return 0 if all(one.met for one in judged) else 1


if __name__ == "__main__":
    raise SystemExit(main())
