"""How late the engine's own reactor is with 200 settlements on their way that sign and verify, and with the same
settlements when they do not. Under two minutes each; it stops what it began.

One real `engine run` each time, and parties that take their time so that 20 settlements begun a second are 200 on their
way. Of each kind of signing a run with it and, for its floor, one without:

* r: the insurance's gateway wants HMAC-SM3 over every request (x-ca), WeChat's payment codes go by v3 (RSA-2048 over
  request and answer); without: no gateway, payment codes by v2 (a digest);
* s: 医保移动支付, every request, answer and notice (6201, 6202, 6301, 6302) signed by SM2 and hidden by SM4, each side
  with code of its own; without: the same settlements with an SM2 that costs nothing and proves nothing.

A timer of 5 ms inside the engine notes by how much it fires too late; that is what everybody waits for who has anything
to do with the engine at that moment. Beside it stands the same timer in the engine before it had anything to do, and
what /metrics says (`engine_reactor_lag_seconds`). A whole run is kept in bench/results/lag.*
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.asked import asked_letters
from bench.cases import all_settled
from bench.lag_wards import Phones, Signing
from bench.report import Row, Verdict, busy, keep_as, machine
from bench.ward import Ward

CASE = "lag"
RATE, FLIGHT, SECONDS = 20.0, 200, 15.0  # begun a second, wanted on their way, measured seconds
# Of the 13 calls of the first kind: 10.9 s a settlement; of the six and the payer's wait of the second: 10.8 s.
DELAYS = {"insurance": 1.1, "his": 0.4, "wechat": 0.5, "einvoice": 0.4, "mobile_pay": 1.1}
RAMP, SETTLE, IDLE = 14.0, 2.0, 3.0  # seconds until as many end as begin; after the start; of nothing to do
MORE = 10.0  # ms: what the reactor may be later at p99 with than without
Seen = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A way of signing. `signed`, `plain`: the hospital with it and without; `told`: what was signed, whether any."""

    what: str
    signed: Callable[[], Ward]
    plain: Callable[[], Ward]
    told: Callable[[Seen], tuple[str, bool]]


def _calls(seen: Seen) -> int:
    """Requests to the party that wants them signed: its operations are numbers."""
    return sum(count for op, count in seen["ops"].items() if op.isdigit())


def _rsa(seen: Seen) -> tuple[str, bool]:
    calls = _calls(seen)
    payments = seen["ops"].get("codepay", 0)
    return f"{calls} requests by HMAC-SM3, {payments} payments by RSA", bool(calls and payments)


def _sm2(seen: Seen) -> tuple[str, bool]:
    calls = _calls(seen)
    good = sum(count for line, count in seen["notices"].items() if " 200 " in line)
    bad = sum(seen["notices"].values()) - good
    found = f"{calls} requests and their answers, {good} notices believed" + (f", {bad} not" if bad else "")
    return found, bool(seen["ops"].get("6202") and good and not bad)


KINDS = {
    "r": Kind("RSA and HMAC-SM3", Signing, Ward, _rsa),
    "s": Kind("SM2 and SM4", Phones, lambda: Phones(unsigned=True), _sm2),
}


def run(ward: Ward) -> tuple[dict[str, Any], Seen]:
    """One stretch: what the terminals say, and what was seen of the engine in it."""
    with ward:
        ward.start("bench.probed")
        assert ward.engine is not None
        time.sleep(SETTLE)  # noqa: TID251 - it tidies its memory once its doors are open, and signs in
        ward.engine.send_signal(signal.SIGUSR2)
        time.sleep(IDLE)  # noqa: TID251 - the measured stretch of nothing
        ward.engine.send_signal(signal.SIGUSR2)
        ward.load(terminals=4, seconds=1, mobile=ward.mobile)
        ward.tell_parties(delays=DELAYS)
        process = ward.load_begin(terminals=FLIGHT * 2, rate=RATE, seconds=RAMP + SECONDS, mobile=ward.mobile)
        time.sleep(RAMP)  # noqa: TID251 - the first have ended
        ward.held()
        before = late_of(ward)
        ward.engine.send_signal(signal.SIGUSR1)
        began, cpu, (_, waited) = time.perf_counter(), ward.cpu(), ward.reactor()
        flights = []
        for _ in range(int(SECONDS) - 1):
            time.sleep(1.0)  # noqa: TID251 - the measured stretch
            flights.append(ward.metric("engine_open_settlements"))
        took, held = time.perf_counter() - began, ward.held()
        seen = {
            "cpu": (ward.cpu() - cpu) / took, "waited": (ward.reactor()[1] - waited) / took, "took": took,
            "flight": sum(flights) / len(flights), "ops": held["ops"], "notices": held["notices"],
            "own": [after - earlier for after, earlier in zip(late_of(ward), before, strict=True)],
        }  # fmt: skip
        ward.tell_parties(delays=dict.fromkeys(DELAYS, 0.0))
        said, _ = process.communicate(timeout=120)
        seen |= json.loads(ward.stop().strip().splitlines()[-1])
    return json.loads(said), seen


def late_of(ward: Ward) -> tuple[float, float]:
    """Of the engine's own meter: seconds late in all, ticks."""
    return ward.metric("engine_reactor_lag_seconds_sum"), ward.metric("engine_reactor_lag_seconds_count")


def rows(kind: Kind, signed: Seen, plain: Seen) -> list[Row]:
    """The table: each figure with the same one without signatures beside it."""
    found, by = [], kind.what
    for name in ("p50", "p99", "worst"):
        ratio = signed[name] / plain[name] if plain[name] else None
        beside = f"without: {plain[name]:.2f} ms; nothing to do: {signed['idle'][name]:.2f} ms"
        found.append(Row(CASE, f"{by}: reactor's lag, {name}", signed[name], "ms", beside, ratio))
    for what, name, unit in (("settlements on their way", "flight", ""), ("of a core used", "cpu", ""),
                             ("ready to run, and others had the cores", "waited", "of the time")):  # fmt: skip
        found.append(Row(CASE, f"{by}: {what}", signed[name], unit, f"without: {plain[name]:.2f}"))
    own = [some["own"][0] / max(1.0, some["own"][1]) * 1000 for some in (signed, plain)]
    told = f"without: {own[1]:.2f} ms, {plain['own'][1]:.0f} ticks"
    found.append(Row(CASE, f"{by}: mean lag by /metrics", own[0], "ms", told))
    found.append(Row(CASE, f"{by}: requests signed", _calls(signed) / signed["took"], "/s", kind.told(signed)[0]))
    return found


def judged(kind: Kind) -> tuple[list[Row], list[Verdict]]:
    """Without, then with."""
    plain_load, plain = run(kind.plain())
    load, signed = run(kind.signed())
    more, fewest = signed["p99"] - plain["p99"], min(signed["flight"], plain["flight"])
    late = f"{signed['p99']:.2f} ms, without {plain['p99']:.2f}"
    flight = f"{signed['flight']:.0f}, without {plain['flight']:.0f}"
    told, any_ = kind.told(signed)
    return rows(kind, signed, plain), [
        Verdict(f"{kind.what}: lag p99 ≤ {MORE:.0f} ms more than without", late, more <= MORE),
        Verdict(f"{kind.what}: {FLIGHT} on their way (90 % of it will do)", flight, fewest >= FLIGHT * 0.9),
        Verdict(f"{kind.what}: it was signed", told, any_),
        *all_settled(f"{CASE}, {kind.what}", plain_load, load),
    ]


def main(asked: str) -> int:
    """Print the table; 1 when signing makes the reactor late, or a settlement did not settle."""
    about, began = {**machine(), "load_before": busy()}, time.perf_counter()
    table, verdicts = list[Row](), list[Verdict]()
    for letter in asked or KINDS:
        print(f"{letter} …", flush=True)
        found, wanted = judged(KINDS[letter])
        table += found
        verdicts += wanted
    about["seconds"] = round(time.perf_counter() - began)
    print(keep_as(CASE, table, verdicts, about, write=not asked))
    return 0 if all(one.met for one in verdicts) else 1


if __name__ == "__main__":
    raise SystemExit(main(asked_letters("bench.lag", __doc__, {name: kind.what for name, kind in KINDS.items()})))
