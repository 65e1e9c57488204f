"""HL7 by hand: POST /sim/act {"act": "send", …} makes the HIS tell the engine what happened in the wards."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from simulators.base.mllp_er7 import Unreadable, read
from simulators.base.party import SimParty
from simulators.his.hl7_desk import HisDoor
from simulators.his.hl7_events import Wish, event_message, text_message
from simulators.his.hl7_sender import Outgoing, Sender
from simulators.his.hl7_settings import VERSIONS, Hl7Settings
from simulators.town import CROWD, PERSONS, Person

MOST = 100_000  # messages by one order
_FIELDS = frozenset({
    "event", "count", "patient", "patients", "visit", "name", "charset", "version", "to", "interval", "number",
    "places", "text",
})  # fmt: skip


class Hl7Acts:
    """`send`, `set_hl7`, `waiting` and `hang_up` of the HIS. A reset stops what is still being sent."""

    def __init__(self, party: SimParty, door: HisDoor) -> None:
        self._party, self._door = party, door
        self._senders: dict[str, Sender] = {}
        self._count = 0  # goes on over resets: a message number is never used twice

    @property
    def _settings(self) -> Hl7Settings:
        return self._door.settings

    def stop(self) -> None:
        """Hang up everywhere."""
        for sender in self._senders.values():
            sender.stop()
        self._senders.clear()

    def play(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer of an act of ours, None for anybody else's; ValueError, KeyError when malformed."""
        name, rest = body.get("act"), {key: value for key, value in body.items() if key != "act"}
        if name == "send":
            return self._send(rest)
        if name == "set_hl7":
            for setting, value in rest.items():
                self._settings.set(setting, value)
            self._door.default = self._settings.unsaid
            return self._settings.public()
        if name == "waiting":
            return self._waiting()
        if name == "hang_up":
            waiting = self._waiting()
            self.stop()
            return waiting
        return None

    def _waiting(self) -> dict[str, Any]:
        """What is not acknowledged yet, by address: how many, and the one at the head."""
        found = {}
        for place, sender in self._senders.items():
            head = sender.queue[0] if sender.queue else None
            about = {"number": head.number, "tries": head.tries, "said": head.said} if head else {}
            found[place] = {"messages": len(sender.queue), **about}
        return {"waiting": found}

    def _send(self, body: dict[str, Any]) -> dict[str, Any]:
        if unknown := body.keys() - _FIELDS:
            raise ValueError(f"unknown field: {', '.join(sorted(unknown))}")
        count, interval = body.get("count", 1), body.get("interval", 0)
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST:
            raise ValueError(f"count: 1 to {MOST}")
        if not isinstance(interval, int | float) or isinstance(interval, bool) or not 0 <= interval <= 86400:
            raise ValueError("interval: business seconds from 0 to 86400")
        place = str(body.get("to") or self._settings.to or self._usual_place())
        sender = self._senders.get(place) or Sender(self._party, self._settings, place)
        messages = self._messages(body, count)
        self._senders[place] = sender
        for at, message in enumerate(messages):
            if at and interval:
                self._party.later(at * interval, sender.send, message)
            else:
                sender.send(message)
        return {"to": place, "numbers": [message.number for message in messages]}

    def _usual_place(self) -> str:
        engine = urlsplit(self._party.world.engine or "http://127.0.0.1:8600")
        return f"{engine.hostname}:{(engine.port or 80) + 10}"

    def _messages(self, body: dict[str, Any], count: int) -> list[Outgoing]:
        """All are made before the first is sent: a mistake in an order sends nothing."""
        charset = str(body.get("charset", self._settings.charset))
        if "text" in body:
            if count != 1 or "event" in body:
                raise ValueError("text: one message as it stands; leave count and event out")
            content = text_message(str(body["text"]), charset, self._settings.unsaid)
            try:
                message = read(content, self._settings.unsaid)
            except Unreadable as wrong:
                raise ValueError(f"text: {wrong}") from None
            return [self._outgoing(message.control_id, message.event, message.get("PV1-19.1"), content)]
        version, places = str(body.get("version", self._settings.version)), body.get("places") or {}
        if version not in VERSIONS:
            raise ValueError(f"version: one of {', '.join(VERSIONS)}")
        if not isinstance(places, dict):
            raise ValueError('places: {"PID-11": "…"}')
        people = _people(body)
        if "number" in body and count != 1:
            raise ValueError("number: of one message only")
        drafts = []
        for at in range(count):
            person = people[at % len(people)]
            number = str(body.get("number") or self._next_number())
            visit = str(body.get("visit") or f"V{self._party.world.stamp('%Y%m%d')}{person.id[1:]}")
            wish = Wish(
                str(body["event"]), number, self._party.world.moment(), charset, version, visit,
                str(body.get("name", "")), {str(k): str(v) for k, v in places.items()}, self._settings.unsaid,
            )  # fmt: skip
            drafts.append((number, wish.event, visit, event_message(wish, person)))
        return [self._outgoing(*draft) for draft in drafts]

    def _outgoing(self, number: str, event: str, visit: str, body: bytes) -> Outgoing:
        row = self._party.ledger.add("message", no=number, state="waiting", bill=visit, ref=event)
        return Outgoing(number, event, body, row)

    def _next_number(self) -> str:
        self._count += 1
        return f"HIS{self._party.world.stamp('%Y%m%d%H%M%S')}{self._count:06d}"


def _people(body: dict[str, Any]) -> list[Person]:
    everybody = {person.id: person for person in PERSONS + CROWD}
    if "patient" in body:
        if body["patient"] not in everybody:
            raise ValueError(f"no such patient {body['patient']!r}")
        return [everybody[body["patient"]]]
    many = body.get("patients", len(PERSONS))
    if not isinstance(many, int) or isinstance(many, bool) or not 1 <= many <= len(everybody):
        raise ValueError(f"patients: 1 to {len(everybody)} different ones, who take turns")
    return list(everybody.values())[:many]
