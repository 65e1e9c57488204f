"""Fill a ward's store with settlements cut off in the middle of their insurance settlement, as a crash leaves them.

One is real: played by the engine up to a 2207A that is never answered, then killed. The others are that one under other
numbers, written with the store's own functions.

    python -m bench.prefill FOLDER COUNT   (prints the running numbers and their 2207A's msgid as JSON)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.store_commit import Loop
from engine.core.world import World
from engine.saga.case import Case
from engine.saga.legs import Leg
from engine.store import Columns, Unit, Write, insert_body, insert_call, insert_case, upsert_leg
from engine.store.contract import Connection
from engine.store.numbers import claim_number
from engine.store.open import open_store
from engine.store.settlements import load_case, open_cases

FIRST = 1_000_000  # running numbers of the copies begin here
AT_ONCE = 400


def renamed(tree: Any, words: dict[str, str]) -> Any:
    """The tree with these words replaced wherever they stand in a text."""
    if isinstance(tree, str):
        for old, new in words.items():
            if old in tree:
                tree = tree.replace(old, new)
        return tree
    if isinstance(tree, dict):
        return {name: renamed(value, words) for name, value in tree.items()}
    if isinstance(tree, list):
        return [renamed(value, words) for value in tree]
    return tree


def copy_of(case: Case, n: int) -> Case:
    """The same settlement of another patient and bill, under numbers of its own."""
    old = str(case.data["request"]["patient"]["id"]).removeprefix("P")
    no = f"S2020{case.no[5:15]}{n % 1_000_000:06d}"  # a year that no real one's number has
    words = {case.no: no, f"3702{old}": f"3702{n}", f"SN{old}": f"SN{n}", f"K01-{old}": f"K01-{n}"}
    words |= {f"{letter}{old}": f"{letter}{n}" for letter in "PABVR"}
    legs = [replace(leg, number=_number(leg, n).replace(case.no, no)) for leg in case.legs]
    data = renamed(case.data, words)
    return replace(case, no=no, request_no=f"K01-{n}", legs=legs, data=data, version=1)


def _number(leg: Leg, n: int) -> str:
    """A message id of the copy's own; numbers made from the settlement's stay, and follow it."""
    return f"{leg.number[:12]}2020{n:010d}{leg.id:04d}" if leg.call.startswith("nhsa.") and leg.number else leg.number


def units(case: Case, count: int) -> Iterator[tuple[str, Unit]]:
    """(message id of the 2207A, unit) of each copy."""
    row = 1 << 40
    for n in range(FIRST, FIRST + count):
        made = copy_of(case, n)
        row += 64
        writes: list[Write] = [*insert_case(made, [f"B{n}"], Columns(made.created_at, id=row, answer="working"))]
        seen: set[str] = set()
        settle = ""
        for leg in made.legs:
            party = "nhsa" if leg.call.startswith("nhsa.") else "wechat" if leg.call.startswith("pay.") else "his"
            writes.append(upsert_leg(made.no, leg, party))
            if leg.number and leg.number not in seen:
                seen.add(leg.number)
                writes.append(claim_number(leg.number, "msgid" if party == "nhsa" else "trade", made.no, leg.id))
            if leg.call == "nhsa.settle":
                settle = leg.number
                writes.append(insert_body(row, b"the request that was sent " * 20, made.no))
                writes.append(insert_call(
                    row + 1, no=made.no, leg_id=leg.id, purpose="do", call=leg.call, party=party, op="2207A",
                    number=leg.number, started_at=made.created_at, request_body=row,
                ))  # fmt: skip
        yield settle, Unit("prefill", tuple(writes))


def fill(folder: Path, count: int) -> dict[str, str]:
    """Fill the store of a stopped ward; running number → message id of its 2207A."""
    loop = Loop()
    master = (folder / "var/keys/store.key").read_text().strip().encode()
    store = open_store(str(folder / "var/engine.db"), World(loop), master)
    loop.wait(store.start())

    def first(conn: Connection) -> Case:
        no = next(no for no, _, _ in open_cases(conn))
        case = load_case(conn, no)
        assert case is not None
        return case

    case = loop.wait(store.read(first))
    assert isinstance(case, Case), case
    patient = str(case.data["request"]["patient"]["id"]).removeprefix("P")
    settled = {patient: next(leg.number for leg in case.legs if leg.call == "nhsa.settle")}
    waiting: list[Any] = []
    for n, (number, unit) in enumerate(units(case, count), FIRST):
        settled[str(n)] = number
        store.submit(unit).addBoth(waiting.append)
        if n % AT_ONCE == 0:
            loop.until(lambda n=n: len(waiting) > n - FIRST)  # type: ignore[misc]
    loop.until(lambda: len(waiting) == count)
    wrong = [one for one in waiting if not getattr(one, "committed", False)]
    assert not wrong, wrong[:2]
    loop.wait(store.stop())
    return settled


if __name__ == "__main__":
    print(json.dumps(fill(Path(sys.argv[1]), int(sys.argv[2]))), flush=True)
