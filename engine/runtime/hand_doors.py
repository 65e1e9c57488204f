"""The form of a door through which a person acts: POST by a client of scope `operate`, with who and why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from engine.codecs import json_text
from engine.codecs.errors import Undecodable
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from engine.runtime.auth import Gate, Refusal
from engine.runtime.deliver_hands import By, NotDone
from engine.runtime.meters import Meters
from engine.runtime.replies import error, json_reply, not_json, refused, wrong_fields
from engine.store.contract import StoreFull, StoreStopped
from engine.store.trail import use_nonce

Tree = Any
Work = Callable[[Mapping[str, Tree], Mapping[str, str], By], Awaitable[dict[str, Tree]]]
WORDS = ("by", "reason")
_STATUS = {
    "E-NO-MESSAGE": 404, "E-NO-CHANNEL": 404, "E-NO-TASK": 404, "E-WORKER": 503, "E-BODY": 400, "E-EDIT": 400,
    "E-DEST": 400,
}  # fmt: skip


def by_hand(
    world: World, gate: Gate, meters: Meters, work: Work
) -> Callable[[HttpRequest, Mapping[str, str]], Awaitable[HttpReply]]:
    """The handler: checks signature and scope, reads the body, and answers with what `work` returns, or with why not.
    `work` stores `By.used` beside what it changes."""

    async def answer(request: HttpRequest, parts: Mapping[str, str]) -> HttpReply:
        client = gate.check(request, "operate")
        if isinstance(client, Refusal):
            meters.refused("hands", client.why)
            return refused(client.status)
        try:
            body = json_text.parse(request.body)
        except Undecodable as no:
            return not_json(no)
        missing = [name for name in WORDS if not isinstance(body, dict) or not text_in(body, name)]
        if missing:
            return wrong_fields([(missing[0], "必填：谁、为什么", "needed: who, and why")])
        nonce = use_nonce(client.id, request.header("X-Nonce"), world.now())
        try:
            return json_reply(200, await work(body, parts, By(text_in(body, "by"), text_in(body, "reason"), (nonce,))))
        except NotDone as no:
            return error(_STATUS.get(no.code, 409), no.code, no.detail)
        except (StoreFull, StoreStopped):
            return error(503, "E-STORE")

    return answer


def text_in(body: Mapping[str, Tree], name: str) -> str:
    """A text of the body, at most 500 characters; "" when there is none."""
    value = body.get(name)
    return value[:500] if isinstance(value, str) else ""
