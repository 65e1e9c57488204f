"""Calls that belong to no settlement (questions, timed runs): kept like all others, but nobody waits for it."""

from __future__ import annotations

from engine.core.world import World
from engine.runtime.logs import Log
from engine.runtime.outflow import Talk
from engine.site.site import CallSpec
from engine.store.calls import complete_call, insert_body, insert_call
from engine.store.contract import Store, Unit, Write
from engine.store.ids import Ids

BODY_MAX = 1_048_576  # bytes of a request or reply that are kept


def body_writes(ids: Ids, no: str | None, *bodies: bytes) -> tuple[list[Write], list[int | None]]:
    """Writes for the bodies that are not empty, and their ids in the order given."""
    writes: list[Write] = []
    kept: list[int | None] = []
    for data in bodies:
        if not data:
            kept.append(None)
            continue
        body_id = ids.new()
        writes.append(body_insert(body_id, no, data))
        kept.append(body_id)
    return writes, kept


def body_insert(body_id: int, no: str | None, data: bytes) -> Write:
    """The bytes of one request or reply, to be sealed by the writer."""
    return insert_body(body_id, data, no)


def _short(data: bytes) -> bytes:
    """A call's bytes as far as a person may want to look at them; a directory file is kept elsewhere."""
    return data if len(data) <= BODY_MAX else data[:BODY_MAX] + b"\r\n[...]"


class Journal:
    """Keeps calls outside of settlements."""

    def __init__(self, world: World, store: Store, ids: Ids, log: Log) -> None:
        self._world, self._store, self._ids, self._log = world, store, ids, log

    def note(self, purpose: str, spec: CallSpec, talk: Talk, number: str = "") -> None:
        """One finished call."""
        writes, (asked, said) = body_writes(self._ids, None, _short(talk.request), _short(talk.reply))
        call_id = self._ids.new()
        begun = insert_call(
            call_id, no=None, leg_id=0, purpose=purpose, call=spec.name, party=spec.party, op=spec.op,
            number=number, started_at=talk.started_at,
        )  # fmt: skip
        ended = complete_call(
            call_id, ended_at=talk.ended_at, outcome=str(talk.outcome or "not_sent"), code=talk.answer.code,
            text=talk.answer.text, request_body=asked, reply_body=said,
        )  # fmt: skip
        kept = self._store.submit(Unit("journal", (*writes, begun, ended)))
        kept.addErrback(lambda failure: self._log.error("journal", why=type(failure.value).__name__))
