"""What signing, verifying, building and reading cost at each party, beside what the bare libraries need for the same
bytes; and how late the reactor is while 200 settlements sign and verify at once. About a minute.

Each party builds the bytes of one call with its own code and reads the answer of its own simulator, both in one
process, without sockets; where a platform tells of payments by itself, its notice is verified too. CPU microseconds;
the floor is what is needed at least: RSA, SM2, a digest, a cipher, a parser. The simulators' answers are made once. A
run is kept in bench/results/crypto.*
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.asked import asked_letters
from bench.crypto_floors import Floors
from bench.crypto_lag import lag_rows, verdicts
from bench.crypto_talks import CASES, NOTICES, Bench, Talk, Told
from bench.floors import micro
from bench.report import Row, busy, keep_as, machine

CASE = "crypto"


def rows(floors: Floors, talks: Mapping[str, Talk], told: Mapping[str, Told]) -> list[Row]:
    """The table: libraries on 1 KiB, then each party."""
    found = [Row(CASE, f"library on 1 KiB: {name}", cost, "µs CPU") for name, cost in floors.library().items()]
    for case in CASES:
        talk = talks[case.label]
        signed = talk.request.body or talk.request.target.encode()
        for what, call, needs, data in (
            ("build and sign", talk.build, case.building, signed),
            ("read and verify", talk.read, case.reading, talk.reply.body),
        ):
            found.append(_row(f"{case.label}: {what}", micro(call, 0.3), needs, floors.cost(needs, data)))
    for kind, name, needs in NOTICES:
        notice = told[kind]
        floor = floors.cost(needs, notice.request.body)
        found.append(_row(f"{kind} {name}: read and verify", micro(notice.hear, 0.3), needs, floor))
    return found


def _row(what: str, cost: float, needs: Sequence[str], floor: float) -> Row:
    return Row(CASE, what, cost, "µs CPU", f"{' + '.join(needs)}: {floor:.1f} µs", cost / floor)


def main() -> int:
    """Print the table and the lag; 1 when signing stalls the reactor."""
    about, began = {**machine(), "load_before": busy()}, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        talks = {case.label: bench.talk(case) for case in CASES}
        told = {kind: bench.told(kind) for kind, *_ in NOTICES}
    table = rows(Floors(), talks, told)
    lag = lag_rows([talks["wechat query"], talks["mobile_pay 6301"]])
    judged = verdicts(table, lag)
    about["seconds"] = round(time.perf_counter() - began)
    print(keep_as(CASE, [*table, *lag], judged, about, write=True))
    return 0 if all(one.met for one in judged) else 1


if __name__ == "__main__":
    asked_letters("bench.crypto", __doc__, {})
    raise SystemExit(main())
