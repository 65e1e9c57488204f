"""`answer` channels: a request from a client, one call to a party, its reply translated back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.codecs import json_text
from engine.codecs.errors import Undecodable
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.core.world import World
from engine.parties.contract import Answer
from engine.pipeline.rejected import MapRejected
from engine.runtime.answers import reason_json
from engine.runtime.auth import Gate, Refusal
from engine.runtime.journal import Journal
from engine.runtime.meters import Meters
from engine.runtime.outflow import Outflow, Talk
from engine.runtime.queries import query_of
from engine.runtime.reasons import no_answer, of_map, refusal
from engine.runtime.replies import json_reply, not_json, refused, wrong_fields
from engine.runtime.sites import Sites
from engine.site.site import CallSpec

Tree = Any


class AnswerApi:
    """Handlers for the routes of all `answer` channels."""

    def __init__(
        self, world: World, gate: Gate, sites: Sites, outflow: Outflow, journal: Journal, meters: Meters
    ) -> None:
        self._world, self._gate, self._sites = world, gate, sites
        self._outflow, self._journal, self._meters = outflow, journal, meters

    async def answer(self, channel: str, request: HttpRequest) -> HttpReply:
        """One question and its answer; 502 with whose side it is when the party gives none in time. What is asked
        stands in the query of a GET and in the JSON body of a POST."""
        client = self._gate.check(request, "query")
        if isinstance(client, Refusal):
            self._meters.refused("api", client.why)
            return refused(client.status)
        site = self._sites.current
        spec = site.channels[channel]
        listen = spec.listen
        assert listen is not None, "an answer channel listens"
        try:
            by_body = request.method == "POST"
            asked, problems = (json_text.parse(request.body), []) if by_body else query_of(request.query)
        except Undecodable as no:
            return not_json(no)
        problems = problems or site.schemas[str(listen.schema)].check(asked)
        if problems:
            return wrong_fields(problems)
        call = spec.calls[spec.call]
        names: dict[str, Tree] = {
            "request": asked, "client": client.id, "hospital": site.engine.hospital, "now": int(self._world.now()),
        }  # fmt: skip
        try:
            body = call.send.run(names) if call.send is not None else {}
            talk = await self._outflow.talk(
                call.party, call.op, "", body, min(call.wait, listen.answer_within), call.rows, call.name
            )
            self._journal.note("answer", call, talk)
            return self._reply(names, call, talk)
        except MapRejected as no:
            self._sites.rejected(no)
            return json_reply(502, {"reason": reason_json(of_map(no.code, no.detail))})

    def _reply(self, names: dict[str, Tree], call: CallSpec, talk: Talk) -> HttpReply:
        answer: Answer = talk.answer
        kind = self._sites.current.engine.parties[call.party].kind
        if talk.outcome is not Outcome.ACCEPTED:
            refused_it = talk.outcome is Outcome.REFUSED
            if refused_it:
                return json_reply(422, {"reason": reason_json(refusal("E-REFUSED", kind, answer.text))})
            return json_reply(502, {"reason": reason_json(no_answer("E-NO-ANSWER", kind))})
        names.update(answer=answer.body, code=answer.code, text=answer.text)
        made: Mapping[str, Tree] = call.read.run(names) if call.read is not None else {}
        return json_reply(200, made)
