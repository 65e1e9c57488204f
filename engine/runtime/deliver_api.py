"""The HTTP doors of deliver channels: messages by JSON (scope `deliver`), and what a person does (scope `operate`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred

from engine.codecs import json_text
from engine.codecs.errors import Undecodable
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from engine.pipeline.condition import ConditionFailed
from engine.runtime.auth import Client, Gate, Refusal
from engine.runtime.deliver import Deliver
from engine.runtime.deliver_elsewhere import Everywhere
from engine.runtime.deliver_hands import By, Hands, NotDone
from engine.runtime.deliver_message import Held, digest_of
from engine.runtime.hand_doors import Work, by_hand, text_in
from engine.runtime.meters import Meters
from engine.runtime.replies import error, json_reply, not_json, refused, wrong_fields
from engine.runtime.routes import Route
from engine.runtime.sites import Sites
from engine.site.site import Channel
from engine.store.contract import Store
from engine.store.ids import Ids
from engine.store.lists_messages import STATES, Asked

Tree = Any
BODY_MAX = 1 << 20


class DeliverApi:
    """Handlers."""

    def __init__(
        self, world: World, gate: Gate, store: Store, sites: Sites, ids: Ids, deliver: Deliver, meters: Meters
    ) -> None:
        self._world, self._gate, self._sites, self._ids = world, gate, sites, ids
        self._deliver, self._meters = deliver, meters
        self.hands = Everywhere(Hands(world, store, ids, sites, deliver), world, store, ids)

    def routes(self) -> dict[str, list[Route]]:
        """By listener; "" is the first one."""
        found: dict[str, list[Route]] = {"": [
            Route("POST", "/v1/deliver/switch", self._guarded(self._switched), "deliver_switch", BODY_MAX),
            Route("POST", "/v1/deliver/replay", self._guarded(self._replayed), "deliver_replay", BODY_MAX),
            Route("POST", "/v1/deliver/messages/{no}/resend", self._guarded(self._resent), "deliver_resend", BODY_MAX),
            Route("POST", "/v1/deliver/messages/{no}/body", self._guarded(self._read), "deliver_body", 8192),
            Route("POST", "/v1/deliver/messages/{no}/discard", self._guarded(self._dropped), "deliver_discard", 8192),
        ]}  # fmt: skip
        for channel in self._sites.current.channels.values():
            if channel.deliver is not None and channel.deliver.request is not None:
                line = channel.deliver.request
                route = Route(line.method, str(line.path), self._door(channel.name), channel.name)
                found.setdefault(channel.deliver.at, []).append(route)
        return found

    # Messages

    def _door(self, name: str) -> Callable[[HttpRequest, Mapping[str, str]], Awaitable[HttpReply]]:
        return lambda request, parts: self._take(name, request)

    async def _take(self, name: str, request: HttpRequest) -> HttpReply:
        """One message: 200 with its number and how it stands; 409 for another content under its number."""
        client = self._gate.check(request, "deliver")
        if isinstance(client, Refusal):
            self._meters.refused("deliver", client.why)
            return refused(client.status)
        channel = self._sites.current.channels.get(name)
        if channel is None or channel.deliver is None or name in self._deliver.intake.killed:
            return error(503, "E-CHANNEL-STOPPED", name)
        try:
            tree = json_text.parse(request.body)
        except Undecodable as no:
            return not_json(no)
        problems = self._sites.current.schemas[channel.deliver.schema].check(tree)
        if problems:
            return wrong_fields(problems)
        return await self._answered(channel, client, tree, request.body)

    def _answered(self, channel: Channel, client: Client, tree: Tree, body: bytes) -> Deferred[HttpReply]:
        assert channel.deliver is not None
        names = {"request": tree, "client": client.id}
        key = "|".join(_at(names, path) for path in channel.deliver.once_by)
        held = Held(self._ids.new(), channel.name, "JSON", f"{channel.deliver.at} {client.id}", key, self._world.now())
        held.body, held.digest = body, digest_of(body)
        answer: Deferred[HttpReply] = Deferred()
        try:
            self._deliver.intake.accept_json(channel, held, names, _Caller(answer))
        except ConditionFailed as no:
            return Deferred.fromCoroutine(_now(error(422, "E-CONDITION", no.text)))
        return answer

    # Hands

    def _guarded(self, work: Work) -> Callable[[HttpRequest, Mapping[str, str]], Awaitable[HttpReply]]:
        return by_hand(self._world, self._gate, self._meters, work)

    async def _switched(self, body: Mapping[str, Tree], parts: Mapping[str, str], by: By) -> dict[str, Tree]:
        state = text_in(body, "state")
        if state not in ("", "paused", "killed"):
            raise NotDone("E-STATE", state)
        return await self.hands.switch(text_in(body, "what"), state, by)

    async def _replayed(self, body: Mapping[str, Tree], parts: Mapping[str, str], by: By) -> dict[str, Tree]:
        if text_in(body, "state") not in ("", *STATES):
            raise NotDone("E-STATE", text_in(body, "state"))
        asked = Asked(
            channel=text_in(body, "channel"), state=text_in(body, "state"), kind=text_in(body, "kind"),
            since=_number(body, "since"), until=_number(body, "until"), limit=10_001,
        )  # fmt: skip
        return await self.hands.replay(asked, text_in(body, "dest"), body.get("dry_run") is True, by)

    async def _resent(self, body: Mapping[str, Tree], parts: Mapping[str, str], by: By) -> dict[str, Tree]:
        edited = body.get("body")
        data = edited.encode() if isinstance(edited, str) else None
        return await self.hands.resend(_message_no(parts), text_in(body, "dest"), data, by)

    async def _read(self, body: Mapping[str, Tree], parts: Mapping[str, str], by: By) -> dict[str, Tree]:
        return await self.hands.body(_message_no(parts), by)

    async def _dropped(self, body: Mapping[str, Tree], parts: Mapping[str, str], by: By) -> dict[str, Tree]:
        return await self.hands.discard(_message_no(parts), text_in(body, "dest"), by)


class _Caller:
    """Who waits for the answer of an HTTP message."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Deferred[HttpReply]) -> None:
        self._answer = answer

    def __call__(self, held: Held) -> None:
        if held.state == "not_stored":
            self._say(error(503, "E-STORE"))
        elif held.state == "refused":
            self._say(error(409, "E-REPEAT-DIFFERS"))
        else:
            self._say(json_reply(200, {"message": str(held.id), "state": held.state}))

    def later(self, held: Held) -> None:
        """It is stored and not delivered yet."""
        self._say(json_reply(202, {"message": str(held.id), "state": "open"}))

    def other_content(self, held: Held) -> None:
        """Its number belongs to another message: told when both are kept."""

    def _say(self, reply: HttpReply) -> None:
        if not self._answer.called:
            self._answer.callback(reply)


async def _now(reply: HttpReply) -> HttpReply:
    return reply


def _at(names: Mapping[str, Tree], path: str) -> str:
    here: Any = names
    for step in path.split("."):
        here = here.get(step) if isinstance(here, Mapping) else None
    return "" if here is None else str(here)


def _number(body: Mapping[str, Tree], name: str) -> float | None:
    value = body.get(name)
    return float(value) if isinstance(value, int) else None


def _message_no(parts: Mapping[str, str]) -> int:
    text = parts["no"]
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise NotDone("E-NO-MESSAGE", text[:20])
    return int(text)
