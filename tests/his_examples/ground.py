"""The examples of a HIS laid over the shipped site, as their pages say, and what all their tests ask in the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from tests.edge.town import REST, Town
from tests.rig.agreement import compared, lines_of
from tests.rig.lab import ROOT
from tests.soap.his_site import FILES, edit

EXAMPLES = ROOT / "docs" / "examples"
HEAD = {"campus": "main", "terminal": {"kind": "kiosk", "id": "K01"}, "operator": "K01"}
STYLES: Mapping[str, dict[str, Any]] = {
    "json": {},
    "json in yuan": {"edit": (("amounts:  fen", "amounts:  yuan"),)},
    "soap": {"more": FILES, "edit": edit()},
    "soap in yuan": {"more": FILES, "edit": edit(amounts="yuan")},
}


@cache
def laid_over(*names: str) -> Mapping[str, bytes]:
    """The files of these examples, and engine.yaml where a page shows a connection."""
    files: dict[str, bytes] = {}
    for name in names:
        folder = EXAMPLES / name
        for part in ("channels", "mappings", "schemas"):
            for path in sorted((folder / part).rglob("*")):
                if path.is_file() and not path.name.endswith(".test.yaml"):
                    files[path.relative_to(folder).as_posix()] = path.read_bytes()
        shown = re.search(r"```yaml\n(  his_ask:\n.*?)```", (folder / "README.md").read_text("utf-8"), re.DOTALL)
        if shown is not None:
            node = files.get("engine.yaml", (ROOT / "engine.yaml").read_bytes()).decode()
            assert "\n  nhsa:\n" in node
            files["engine.yaml"] = node.replace("\n  nhsa:\n", f"\n{shown[1]}  nhsa:\n").encode()
    return files


def town_of(new_town: Callable[..., Town], *names: str, style: str = "json") -> Town:
    """A town with these examples, its HIS reached in one of `STYLES`."""
    chosen = STYLES[style]
    more = {**laid_over(*names), **chosen.get("more", {})}
    town = new_town(more=more, edit=chosen.get("edit", ()))
    town.lab.act("his", "set", amounts_in="yuan" if "yuan" in style else "fen")
    return town


def post(town: Town, target: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A settlement begun, as far as its first answer that is more than `working`."""
    reply = town.ask("POST", target, {**HEAD, **body}, client="C01")
    assert reply.status in (200, 202), reply.body.decode()
    answer = reply.json
    for _ in range(80):
        if answer["state"] != "working":
            break
        town.pass_time(5.0)
        answer = town.show(answer["settlement_no"], client="C01").json
    return answer


def registered(
    town: Town, target: str, body: Mapping[str, Any], choice: Mapping[str, Any], pay: Callable[[str], None]
) -> dict[str, Any]:
    """As a patient does it: he chooses, pays (`pay`, told the order's number) when there is something to pay, and who
    is asked for another way leaves."""
    answer = post(town, target, body)
    no = answer["settlement_no"]
    if answer["state"] == "quoted":
        town.choose(no, {"choice_no": "1", **choice}, client="C01")
    for _ in range(100):
        answer = town.show(no, client="C01").json
        if answer["state"] == "paying":
            pay(f"{no}P1")
        elif answer["state"] == "quoted":
            cancel(town, no)
        elif answer["state"] in REST:
            break
        town.pass_time(5.0)
    return rest(town, answer)


def cancel(town: Town, no: str) -> None:
    town.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "X1", "reason_code": "patient"}, client="C01")


def free(town: Town) -> int:
    """Places left with the doctor of D01-AM; he began with 5."""
    his: Any = town.lab.parties["his"]
    return int(his.registry.schedules["D01-AM"].left)


def rest(town: Town, answer: Mapping[str, Any]) -> dict[str, Any]:
    return town.rest(answer["settlement_no"], client="C01")


def refund(town: Town, answer: Mapping[str, Any]) -> dict[str, Any]:
    wish = {"request_no": "B1", "reason_code": "patient"}
    reply = town.ask("POST", f"/v1/settlements/{answer['settlement_no']}/refunds", wish, client="C01")
    assert reply.status in (200, 202), reply.body.decode()
    return rest(town, answer)


def differences(town: Town) -> list[tuple[str, str]]:
    """What the books say ten minutes later."""
    town.pass_time(600.0)
    books = town.do(compared(town.lab.engine))
    return lines_of(books)
