"""Deliver channels in a rehearsal: messages are said to the engine, receivers are scripted like every other party.

    - kiosk says: {send: "MSH|^~\\\\&|NHIS|…"}      # line ends become segment ends; `answer.ack` is AA, AE or AR
    - kiosk says: {hand: {request: {…}, due: {…}}}  # what a settlement's `tell` hands over
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.app import Engine
from engine.codecs import hl7v2
from engine.codecs.errors import Undecodable
from engine.connectors.mllp import Peer
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, OutcomeRow
from engine.parties.outcome_table import judge
from engine.parties.registry import PARTIES
from engine.runtime.deliver_message import Held
from engine.runtime.deliver_send import CLASS, Over, Sending, Sent
from engine.runtime.handing import Handed
from engine.site.deliver_spec import Destination
from engine.store.contract import Unit

if TYPE_CHECKING:
    from engine.conversation_stage import Script, Stage

Tree = Any
PEER = Peer("127.0.0.1", 0)


class _ScriptedSending(Sending):
    """Receivers of the channel under test answer from the script; those of others take everything."""

    script: Script
    channel: str

    def _look(self, held: Held, dest: Destination, body: Tree, over: Over, lane: Any, since: float) -> None:
        """The question is scripted under the receiver's name too: its codes are those of the asking operation."""

        def told(there: Any, one: Held, sent: Sent) -> None:
            self.found(one, dest, body, over, there, since, sent)

        self._scripted(held, dest, body, told, lane, dest.ask)

    def _leave(self, held: Held, dest: Destination, body: Tree, over: Over, lane: Any) -> None:
        self._scripted(held, dest, body, over, lane, dest.op)

    def _scripted(self, held: Held, dest: Destination, body: Tree, over: Over, lane: Any, op: str) -> None:
        started = self._world.now()
        if held.channel != self.channel:
            self._soon(over, lane, held, Sent(Outcome.ACCEPTED, "", "OK", healthy=True))
            return
        shown = {"text": body.decode("utf-8", "replace")} if isinstance(body, bytes) else body
        reply = self.script.take(dest.name, f"{held.id}{dest.suffix}", shown, started)
        sent = Sent("not_sent", "not_sent", "NOT-SENT", "connection refused", healthy=False, started_at=started)
        wait = 0.0
        if reply.kind == "silent" or reply.after > dest.wait:
            wait = dest.wait
            sent = Sent(Outcome.UNKNOWN, "silent", "SILENT", "timeout", healthy=False, started_at=started, took=wait)
        elif reply.kind != "down":
            rows = PARTIES[self._sites.current.engine.parties[dest.party].kind].outcomes
            answer = Answer(True, reply.code or _good(rows, op), reply.text)
            outcome, wait = judge(answer, op, dest.rows, rows), reply.after
            good = outcome is Outcome.ACCEPTED
            sent = Sent(outcome, "" if good else CLASS[outcome], answer.code, f"{outcome} {answer.code}",
                        healthy=good or outcome is Outcome.REFUSED, started_at=started, took=wait)  # fmt: skip
        self._world.later(wait, over, lane, held, sent)


def _good(rows: tuple[OutcomeRow, ...], op: str) -> str:
    """The code with which this party accepts; of `2*` a 200."""
    code = next(row.code for row in rows if row.outcome is Outcome.ACCEPTED and op in (row.ops or {op}))
    return code.replace("*", "00")


def rehearse_deliver(engine: Engine, script: Script, channel: str) -> None:
    """Let the engine's deliver channels send to the script."""
    made = _ScriptedSending(engine.world, engine.sites, engine.connections, engine.meters)
    made.script, made.channel = script, channel
    engine.deliver.send_with(made)
    hand_over = engine.driver.teller

    def tell(channel: str, no: str, names: Mapping[str, Tree]) -> Handed:
        handed = hand_over(channel, no, names)
        if handed.wanted:
            script.told.append(channel)
        return handed

    engine.driver.teller = tell


def said_to_deliver(stage: Stage, action: str, body: Tree) -> Tree:
    """One message to the channel under test; what its sender is told."""
    spec = stage.site.channels[stage.test.channel].deliver
    if spec is None:
        from engine.conversation_stage import Broken

        raise Broken("这不是 deliver 通道 · this is no deliver channel")
    if action == "hand":
        handed = stage.engine.deliver.tell(stage.test.channel, "S1", stage.script.filled(body))
        stage.run(stage.engine.store.submit(Unit("tell", tuple(handed.writes))), 5.0)
        handed.stored()
        return {"ack": "AA"}
    text = body["text"] if isinstance(body, dict) else str(body)
    data = text.replace("\r\n", "\n").replace("\n", "\r").encode()
    raw = stage.run(stage.engine.deliver.take(spec.at, data, PEER), 120.0)
    try:
        said = hl7v2.parse(raw)
    except Undecodable as no:
        return {"ack": "", "text": no.code}
    found = {"ack": said.get("MSA-1"), "control": said.get("MSA-2"), "text": said.get("MSA-3")}
    return {name: value for name, value in found.items() if value}
