"""How late a tick of 10 ms comes while settlements sign and verify in the reactor's thread, by RSA, by SM2 with SM4,
and by turns: 200 on their way at 100 a second, and 200 that all begin in one instant, which no town does and a thread
would not spare the core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.report import Row, Verdict

if TYPE_CHECKING:
    from bench.crypto_talks import Talk

CASE = "crypto"
AT_ONCE, RATE, RUN = 200, 100, 500  # settlements on their way, begun a second, in all
CALLS = 4  # of one settlement that are signed, with answers that are verified
TICK, ANSWER = 0.010, AT_ONCE / RATE / CALLS  # seconds
SIGN_MOST, LAG_MOST = 5_000.0, 20.0  # µs, ms
SM2 = "mobile_pay"
SIGNS = ("wechat query: build", "alipay query: build", "unionpay query: build", "commercial state: build",
         "mobile_pay 6301: build")  # fmt: skip


class _Lag:
    """A tick that notes how late it is."""

    def __init__(self, reactor: Any) -> None:
        self._reactor, self.late = reactor, []
        self._due = 0.0

    late: list[float]

    def start(self) -> None:
        self._due = self._reactor.seconds() + TICK
        self._reactor.callLater(TICK, self._tick)

    def _tick(self) -> None:
        now = self._reactor.seconds()
        self.late.append(max(0.0, now - self._due) * 1000)
        self._due = now + TICK
        self._reactor.callLater(TICK, self._tick)


def _play(reactor: Any, talks: Sequence[Talk], how: str) -> list[float]:
    """Lateness in ms of every tick. `how`: idle (nothing signed), flow (100 begin a second), herd (200 at once)."""
    count, busy = AT_ONCE if how == "herd" else RUN, how != "idle"
    lag, open_ = _Lag(reactor), [count]

    def step(no: int, left: int) -> None:
        talk = talks[left % len(talks)]
        if busy:
            talk.build()
        reactor.callLater(ANSWER, answered, no, left)

    def answered(no: int, left: int) -> None:
        if busy:
            talks[left % len(talks)].read()
        if left:
            step(no, left - 1)
            return
        open_[0] -= 1
        if not open_[0]:
            reactor.stop()

    lag.start()
    for no in range(count):
        reactor.callLater(0.0 if how == "herd" else no / RATE, step, no, CALLS - 1)
    reactor.run()
    return sorted(lag.late)


def _in_child(talks: Sequence[Talk], how: str) -> list[float]:
    """A reactor runs once in a process: each run has its own."""
    import json
    import os

    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        from twisted.internet import reactor  # noqa: TID251 - a process of its own, whose reactor this is

        os.close(read)
        with os.fdopen(write, "w") as out:
            json.dump(_play(reactor, talks, how), out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as found:
        late: list[float] = json.load(found)
    os.waitpid(child, 0)
    return late


def lag_rows(talks: Sequence[Talk]) -> list[Row]:
    """p50, p99 and the longest, beside those of the same reactor with nothing to sign."""
    bare, flow, herd = (_in_child(talks, how) for how in ("idle", "flow", "herd"))
    found = _beside("by RSA and SM2 by turns", bare, flow)
    for what, mine in (("by RSA alone", [one for one in talks if one.kind != SM2]),
                       ("by SM2 and SM4 alone", [one for one in talks if one.kind == SM2])):  # fmt: skip
        found += _beside(what, bare, _in_child(mine, "flow"))
    found.append(Row(CASE, f"reactor's lag, {AT_ONCE} that begin in one instant: max", herd[-1], "ms"))
    return found


def _beside(signed: str, bare: Sequence[float], flow: Sequence[float]) -> list[Row]:
    found = []
    for what, place in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
        idle, there = (some[min(len(some) - 1, int(len(some) * place))] for some in (bare, flow))
        name = f"reactor's lag, {AT_ONCE} settlements at once, {RATE}/s, {CALLS} calls each {signed}: {what}"
        found.append(Row(CASE, name, there, "ms", f"nothing signed: {idle:.2f} ms"))
    return found


def verdicts(table: Sequence[Row], lag: Sequence[Row]) -> list[Verdict]:
    """Signing runs where the call is made as long as these hold."""
    slowest = max((row for row in table if row.what.startswith(SIGNS)), key=lambda row: row.figure)
    p99 = max((row for row in lag if row.what.endswith("p99")), key=lambda row: row.figure)
    return [
        Verdict("one signing ≤ 5 ms", f"{slowest.what}: {slowest.figure / 1000:.2f} ms", slowest.figure <= SIGN_MOST),
        Verdict("lag p99 ≤ 20 ms", f"{p99.figure:.2f} ms", p99.figure <= LAG_MOST),
    ]
