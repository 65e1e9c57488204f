"""A person's hand on messages, pressed in the console: the same hands as the command line's (`engine messages`,
`replay`, `pause`, `resume`, `kill`), with the name of who is logged in, a reason, and each press counting once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred

from engine.console.messages_page import REPLAY_MAX, wanted_of
from engine.console.node import Node
from engine.console.tickets import BadTicket, Press, Tickets
from engine.core.world import World
from engine.runtime.deliver_elsewhere import Everywhere
from engine.runtime.deliver_hands import By, NotDone, edited_text
from engine.runtime.logs import Log, trouble_of
from engine.runtime.site_api import TEXT_MAX
from engine.store.contract import StoreFull, StoreStopped

MESSAGES = "/console/messages"
EDIT_MAX = 65_536  # characters of a message that a page lets edit; longer ones on the command line
EDIT_BYTES = EDIT_MAX * 9 + 8192  # of such a form: a Chinese character is three bytes, each written as %XX
BUTTONS: Mapping[str, tuple[str, int]] = {
    "/{no}/resend": ("resend", EDIT_BYTES), "/{no}/edit": ("read", 4096), "/{no}/discard": ("discard", 4096),
    "/replay": ("replay", 4096), "/switch": ("switch", 4096),
}  # fmt: skip
"""Behind the pages' address: what is done, and how many bytes its form may have."""
Work = Callable[[By], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Pressed:
    """A form that came in. `who`: the user's name, "" where nobody logs in; `login`: their cookie."""

    who: str
    login: str
    form: Mapping[str, str]
    parts: Mapping[str, str]

    def text(self, name: str) -> str:
        return self.form.get(name, "")

    def number(self) -> int:
        text = self.parts["no"]
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise NotDone("E-NO-MESSAGE", text[:20])
        return int(text)

    def by(self) -> By:
        """Who and why; a name may be written only where nobody logs in. NotDone: E-FIELD."""
        who, reason = (self.who or self.text("by")).strip(), self.text("reason").strip()
        for name, value in (("by", who), ("reason", reason)):
            if not 1 <= len(value) <= TEXT_MAX[name]:
                raise NotDone("E-FIELD", f"{name}: 1–{TEXT_MAX[name]}")
        return By(who, reason)


class MessageHands:
    """Carries out what is pressed, through the node's own hands."""

    def __init__(self, world: World, node: Node, log: Log) -> None:
        self._world, self._node, self._log = world, node, log
        self.tickets = Tickets(world.wall, world.token)

    @property
    def there(self) -> bool:
        """Whether this node has hands at all."""
        return self._node.hands is not None

    async def press(self, did: str, pressed: Pressed) -> Press:
        """Do it, once: what became of it. A connection that is lost meanwhile stops nothing. Errors: BadTicket."""
        what, where, work = _DEEDS[did](self._hands(), pressed)
        press, first = self.tickets.use(pressed.text("ticket"), pressed.login, what)
        if not first:
            return press
        press.did, press.where = did, f"{where}{'&' if '?' in where else '?'}done={press.serial}"
        waits: Deferred[None] = Deferred()
        carried = Deferred.fromCoroutine(self._carry(press, pressed, work))
        carried.addBoth(lambda _: None if waits.called else waits.callback(None))
        await waits
        return press

    async def take_out(self, pressed: Pressed) -> Press:
        """A message's true text, to be edited; each time is kept as every act. Errors: BadTicket."""
        no, seen = pressed.parts["no"], pressed.text("seen")
        serial = self.tickets.check(pressed.text("ticket"), pressed.login, f"read {no} {seen}")
        press = Press(serial, b"", self._world.wall(), "read", f"{MESSAGES}/{no}")
        hands = self._hands()
        await self._carry(press, pressed, lambda by: hands.body(pressed.number(), by))
        return press

    async def _carry(self, press: Press, pressed: Pressed, work: Work) -> None:
        who = pressed.who
        try:
            by = pressed.by()
            who = by.who
            press.result = await work(by)
        except NotDone as no:
            press.code, press.detail = no.code, no.detail
        except (StoreFull, StoreStopped):
            press.code = "E-STORE"
        except Exception as problem:  # noqa: BLE001 a press that fails must not look like one that was never made
            self._log.error("console_hand_failed", did=press.did, why=trouble_of(problem))
            press.code = "E-ENGINE"
        press.ended = True
        self._log.info("console_hand", user=who, did=press.did, message=pressed.parts.get("no", ""), code=press.code)

    def _hands(self) -> Everywhere:
        if self._node.hands is None:
            raise BadTicket("hands")
        return self._node.hands


Deed = tuple[str, str, Work]
"""What its ticket is for, the page that tells of it, and the work."""


def _resend(hands: Everywhere, pressed: Pressed) -> Deed:
    no, seen, dest = pressed.parts["no"], pressed.text("seen"), pressed.text("dest")[:64]
    body = edited_text(pressed.text("body")).encode("utf-8", "replace") if "body" in pressed.form else None
    what = f"{'resend' if body is None else 'edit'} {no} {seen}"
    return what, f"{MESSAGES}/{no}", lambda by: hands.resend(pressed.number(), dest, body, by, seen)


def _discard(hands: Everywhere, pressed: Pressed) -> Deed:
    no, dest = pressed.parts["no"], pressed.text("dest")[:64]
    return f"discard {no}", f"{MESSAGES}/{no}", lambda by: hands.discard(pressed.number(), dest, by)


def _switch(hands: Everywhere, pressed: Pressed) -> Deed:
    state, _, what = pressed.text("what").partition(" ")
    state = {"paused": "paused", "killed": "killed", "running": ""}.get(state, "-")

    async def work(by: By) -> dict[str, Any]:
        if state == "-":
            raise NotDone("E-NO-CHANNEL", what or "-")
        return await hands.switch(what, state, by)

    return "switch", MESSAGES, work


def _replay(hands: Everywhere, pressed: Pressed) -> Deed:
    query, count = pressed.text("query"), pressed.text("count")
    asked, _ = wanted_of(dict(parse_qsl(query)), limit=REPLAY_MAX + 1)

    what = f"replay {count} {query}"
    return what, f"{MESSAGES}/replay?{query}", lambda by: hands.replay(asked, "", False, by, count)


_DEEDS: Mapping[str, Callable[[Everywhere, Pressed], Deed]] = {
    "resend": _resend, "discard": _discard, "switch": _switch, "replay": _replay,
}  # fmt: skip
