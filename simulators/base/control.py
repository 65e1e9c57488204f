"""The `/sim/*` doors every party has: card, books, faults, exchanges, reset, acting, the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from simulators.base import deeds
from simulators.base.faults import CALLBACKS
from simulators.base.pages.doors import PAGES, page
from simulators.base.wire import Req, Resp, json_resp, text_resp

if TYPE_CHECKING:
    from simulators.base.party import SimParty

_log = Logger()


def control(party: SimParty, req: Req) -> Resp:
    """Answer a /sim/* request: a page, or 200 with JSON, 400 malformed, 404, 405, 409 impossible now."""
    from simulators.base.party import ActRefused

    if req.path in PAGES:
        try:
            return page(party, req)
        except Exception:  # noqa: BLE001 - a page that cannot be made is answered; the log has the trace
            _log.failure("{name} {path} failed", name=party.name, path=req.path)
            return text_resp("simulator error: this page could not be made", 500)
    methods = _DOORS.get(req.path)
    if methods is None:
        return json_resp({"error": "no such door", "doors": ["/sim/", "/sim/all", *sorted(_DOORS)]}, 404)
    door = methods.get("GET" if req.method == "HEAD" else req.method)
    if door is None:
        return json_resp({"error": f"use {' or '.join(methods)}"}, 405, {"Allow": ", ".join(methods)})
    try:
        return json_resp(door(party, req))
    except ActRefused as refusal:
        return json_resp({"error": str(refusal)}, 409)
    except ValueError as wrong:
        return json_resp({"error": str(wrong)}, 400)
    except KeyError as missing:
        return json_resp({"error": f"missing or unknown: {missing.args[0] if missing.args else ''}"}, 400)
    except Exception as mistake:  # noqa: BLE001 - the door must answer, the log has the trace
        _log.failure("{name} {path} failed", name=party.name, path=req.path)
        return json_resp({"error": f"simulator error: {mistake}"}, 500)


def _object(req: Req) -> dict[str, Any]:
    body = req.json if req.body else {}
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    return body


def _since(req: Req) -> int:
    text = req.query.get("since", "0")
    if not text.isdecimal() or len(text) > 18:
        raise ValueError("since: a whole number")
    return int(text)


def _card(party: SimParty, req: Req) -> dict[str, Any]:
    host = req.headers.get("host") or f"127.0.0.1:{party.default_port}"
    mllp = {"mllp": party.mllp_address} if party.mllp_address else {}
    return {"party": party.name, **mllp, **party.card(f"http://{host}")}


def _ledger(party: SimParty, req: Req) -> dict[str, Any]:
    return party.ledger.since(_since(req))


def _exchanges(party: SimParty, req: Req) -> dict[str, Any]:
    return party.exchanges.since(_since(req))


def _list_faults(party: SimParty, req: Req) -> dict[str, Any]:
    return {"faults": [order.public() for order in party.faults.orders], "known": sorted(party.faults.known)}


def _add_fault(party: SimParty, req: Req) -> dict[str, Any]:
    """The order as it stands, with a `warning` where it looks as if it could never happen."""
    made = deeds.order(party, _object(req))
    return {**made, **_doubt(party, made["op"], made["fault"])}


def _doubt(party: SimParty, op: str, fault: str) -> dict[str, str]:
    """A misspelt operation is not refused, for a party may meet more than it lists; but it is said."""
    told = party.fault_menu().get(fault)
    if told is None:
        return {"warning": f"{fault} changes nothing here"}
    where = told.ops if fault not in CALLBACKS else ()
    if not party.ops_said or op in ("*", "callback") or (op in where if where else op in party.ops_said):
        return {}
    return {"warning": f"not known to happen at {op!r}; {fault} happens at {', '.join(where or party.ops_said)} or *"}


def _clear_faults(party: SimParty, req: Req) -> dict[str, Any]:
    deeds.clear_faults(party)
    return {"faults": []}


def _reset(party: SimParty, req: Req) -> dict[str, Any]:
    deeds.reset(party)
    return {"reset": True, "now": party.world.rfc3339()}


def _act(party: SimParty, req: Req) -> dict[str, Any]:
    return deeds.act(party, _object(req))


def _tell_time(party: SimParty, req: Req) -> dict[str, Any]:
    moving = party.world.moving_to
    more = {} if moving is None else {"moving_to": party.world.rfc3339(moving)}
    signing = "wall" if party.world.by_wall else "clock"
    return {"now": party.world.rfc3339(), "rate": party.world.rate, "signing": signing, **more}


def _advance(party: SimParty, req: Req) -> dict[str, Any]:
    body = _object(req)
    if "signing" not in body or "advance" in body:
        deeds.check_advance(body["advance"])
    if "signing" in body:
        deeds.sign_by(party, str(body["signing"]))
    if "advance" in body:
        deeds.advance(party, body["advance"], noted=not body.get("quiet"))
    return _tell_time(party, req)


Door = Callable[["SimParty", Req], dict[str, Any]]
_DOORS: dict[str, dict[str, Door]] = {
    "/sim/card.json": {"GET": _card},
    "/sim/ledger": {"GET": _ledger},
    "/sim/exchanges": {"GET": _exchanges},
    "/sim/faults": {"GET": _list_faults, "POST": _add_fault, "DELETE": _clear_faults},
    "/sim/reset": {"POST": _reset},
    "/sim/act": {"POST": _act},
    "/sim/clock": {"GET": _tell_time, "POST": _advance},
}
