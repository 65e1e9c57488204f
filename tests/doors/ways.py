"""The doors as their callers use them: the same four things asked in each one's own words, answered as (word, answer)
in the shape of the JSON answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from tests.doors.his import Ack, His
from tests.edge.town import START, Reply, Town

Told = tuple[str, dict[str, Any]]
Body = dict[str, Any]
CLIENT = "H01"
ERRORS = {400: "malformed", 401: "unsigned", 403: "forbidden", 404: "not_found", 503: "later"}


class Way(Protocol):
    """One door."""

    def start(self, order: Body) -> Told: ...
    def pay(self, no: str, choice: Body) -> Told: ...
    def cancel(self, no: str, body: Body) -> Told: ...
    def refund(self, no: str, body: Body) -> Told: ...
    def show(self, no: str) -> Told: ...


class Json:
    """HTTP JSON, signed."""

    def __init__(self, town: Town) -> None:
        self._town = town

    def start(self, order: Body) -> Told:
        return self._told(self._town.ask("POST", START, order, client=CLIENT))

    def pay(self, no: str, choice: Body) -> Told:
        return self._told(self._town.ask("POST", f"/v1/settlements/{no}/pay", choice, client=CLIENT))

    def cancel(self, no: str, body: Body) -> Told:
        return self._told(self._town.ask("POST", f"/v1/settlements/{no}/cancel", body, client=CLIENT))

    def refund(self, no: str, body: Body) -> Told:
        return self._told(self._town.ask("POST", f"/v1/settlements/{no}/refunds", body, client=CLIENT))

    def show(self, no: str) -> Told:
        return self._told(self._town.show(no, client=CLIENT))

    def _told(self, reply: Reply) -> Told:
        body = reply.json
        word = str(body.get("state", "")) or ERRORS.get(reply.status, "conflict")
        return word, _common(body)


class Hl7:
    """DFT^P03 over MLLP."""

    def __init__(self, town: Town) -> None:
        self._his = His(town)
        self._his.number = _numbers(town)

    def start(self, order: Body) -> Told:
        return self._told(self._his.ask("PRE", order=order))

    def pay(self, no: str, choice: Body) -> Told:
        fields = {2: choice["choice_no"], 3: no, 11: choice["kind"], 12: choice.get("auth_code", "")}
        return self._told(self._his.ask("PAY", zjs=fields))

    def cancel(self, no: str, body: Body) -> Told:
        return self._told(self._his.ask("CANCEL", zjs={2: body["request_no"], 3: no, 13: body["reason_code"]}))

    def refund(self, no: str, body: Body) -> Told:
        lines = "~".join(body.get("lines", []))
        fields = {2: body["request_no"], 3: no, 13: body["reason_code"], 14: lines}
        return self._told(self._his.ask("REFUND", zjs=fields))

    def show(self, no: str) -> Told:
        return self._told(self._his.ask("QUERY", zjs={3: no}))

    def _told(self, ack: Ack) -> Told:
        answer = ack.answer
        word = answer["state"]
        if word in ("malformed", "not_found", "conflict"):
            del answer["state"]  # JSON says it by its status
        return word, _common(answer)


_used: dict[int, int] = {}


def _numbers(town: Town) -> int:
    """Message numbers of several systems of one client do not meet."""
    _used[id(town)] = _used.get(id(town), 0) + 1000
    return _used[id(town)]


def _common(body: Body) -> Body:
    """What all doors tell: the list of all fields at fault and the English advice are the JSON door's own."""
    kept = {key: value for key, value in body.items() if key != "fields"}
    if "reason" in kept:
        kept["reason"] = {key: value for key, value in kept["reason"].items() if key != "next_en"}
    return kept


WAYS: dict[str, Callable[[Town], Way]] = {"json": Json, "hl7": Hl7}
