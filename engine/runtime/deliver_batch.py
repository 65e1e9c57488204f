"""What deliver channels write, gathered: all that came in while the last batch was on its way to the disk is the next.

Nobody is answered and nothing is sent before the batch it is in has been committed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.core import failpoints
from engine.core.world import World
from engine.runtime.deliver_message import Held
from engine.runtime.deliver_send import Sent
from engine.store.contract import BadUnit, CannotRead, Done, Store, StoreFull, StoreStopped, Unit, Write
from engine.store.ids import Ids
from engine.store.many import ManyRows
from engine.store.messages import TAKEN, keep_chunk, take_in

AHEAD = 1  # batches on their way to the disk; what comes meanwhile is the next
ENOUGH = 64  # of them no further ones are waited for
ROUNDS = 2  # of the reactor at most for which a batch waits while it grows: where nobody else comes it goes at once
FULL_AGAIN = 1.0  # seconds until what could not be written is tried again
MOST = 200  # messages or ends in one batch: more would make those in it wait for each other


@dataclass(slots=True)
class End:
    """An attempt that ended, or a message that needs none. `next_at` None: it is over there; `dead`: why it is a dead
    letter. `lane` is handed back when the end is on the disk."""

    lane: Any
    held: Held
    sent: Sent
    tries: int = 0
    next_at: float | None = None
    dead: str = ""
    why: str = ""


class Batches:
    """Gathers and writes. `taken(messages)` and `ended(ends)` are called after the commit; `known(message)` for one
    whose sender's number the store has already; `refused(message)` when there is no room for it."""

    def __init__(self, world: World, store: Store, ids: Ids) -> None:
        self._world, self._store, self._ids = world, store, ids
        self.taken: Callable[[list[Held]], None] = lambda messages: None
        self.ended: Callable[[list[End]], None] = lambda ends: None
        self.known: Callable[[Held], None] = lambda message: None
        self.refused: Callable[[Held], None] = lambda message: None
        self._new: list[Held] = []
        self._ends: list[End] = []
        self._flying = 0
        self._over: deque[tuple[list[Held], list[End]]] = deque()  # committed, and not yet told
        self._called = False
        self._seen = self._rounds = 0
        self._alone = False  # whether the last batch was one message: then one is not waited with either
        self._stopped = False

    @property
    def busy(self) -> bool:
        """Whether something waits for the disk."""
        return bool(self._flying or self._over or self._new or self._ends)

    def take(self, held: Held) -> None:
        """A message to be stored."""
        self._new.append(held)
        if not self._called and self._flying < AHEAD:
            self._call(0.0)

    def end(self, end: End) -> None:
        """An end to be stored."""
        self._ends.append(end)
        if not self._called and self._flying < AHEAD:
            self._call(0.0)

    @staticmethod
    def rows_of(held: Held) -> list[Write | ManyRows]:
        """The writes of one message, for a unit of somebody else's."""
        chunk = Chunk(held.id)
        return [*rows_of_messages([held], chunk), chunk.kept()]

    def _call(self, seconds: float) -> None:
        self._called = True
        self._world.later(seconds, self._write)

    def _write(self) -> None:
        self._called = False
        if self._stopped or self._flying >= AHEAD or not (self._new or self._ends):
            return
        here = len(self._new) + len(self._ends)
        if here > max(self._seen, self._alone) and self._rounds < ROUNDS and here < ENOUGH:
            self._seen, self._rounds = here, self._rounds + 1
            self._call(0.0)
            return
        self._seen = self._rounds = 0
        self._alone = here == 1
        new, self._new = self._new[:MOST], self._new[MOST:]
        ends, self._ends = self._ends[:MOST], self._ends[MOST:]
        self._submit(new, ends)
        self._next()

    def _submit(self, new: list[Held], ends: list[End]) -> None:
        chunk = Chunk(new[0].id if new else self._ids.new())
        writes = rows_of_messages(new, chunk) if new else []
        if ends:
            writes += rows_of_ends(ends, self._ids, chunk)
        if chunk.pieces:
            writes.insert(0, chunk.kept())
        self._flying += 1
        failpoints.hit("deliver.before_commit")
        stored = self._store.submit(Unit("deliver", tuple(writes), light=True, gathered=True))
        stored.addCallbacks(self._stored, self._failed, (new, ends, stored.called), errbackArgs=(new, ends))

    def _stored(self, done: Done, new: list[Held], ends: list[End], at_once: bool) -> None:
        self._flying -= 1
        if not done.committed:
            assert done.failed_sql == TAKEN, f"a batch failed at {done.failed_sql}"
            self._sort_out(new, ends)
            return
        failpoints.hit("deliver.committed")
        self._over.append((new, ends))
        if len(self._over) > 1:
            return  # in an inline world the next may be over before what came of this one is done
        if not at_once and not self._called:
            self._write()  # the next is on its way to the disk while what follows from this one is done
        while self._over:
            new, ends = self._over[0]
            if ends:
                self.ended(ends)
            if new:
                self.taken(new)
            self._over.popleft()
        self._next()

    def _next(self) -> None:
        if (self._new or self._ends) and not self._called:
            self._call(0.0)

    def _sort_out(self, new: list[Held], ends: list[End]) -> None:
        """Some number was known: ask which, and write the others."""
        asked = [(held.source, held.control) for held in new]

        def found(conn: Any) -> list[bool]:
            return [bool(control) and conn.row("message_once", source=source, control=control) is not None
                    for source, control in asked]  # fmt: skip

        self._flying += 1
        self._store.read(found).addCallbacks(self._sorted, self._failed, (new, ends), errbackArgs=(new, ends))

    def _sorted(self, known: list[bool], new: list[Held], ends: list[End]) -> None:
        self._flying -= 1
        twice: set[tuple[str, str]] = set()
        fresh: list[Held] = []
        for held, is_known in zip(new, known, strict=True):
            key = held.source, held.control
            if held.opens and (is_known or key in twice):
                self.known(held)
            else:
                twice.add(key)
                fresh.append(held)
        if fresh or ends:
            self._submit(fresh, ends)
        else:
            self._next()

    def _failed(self, failure: Any, new: list[Held], ends: list[End]) -> None:
        """No room, or no connection to read by: who sent a message is told so and keeps it; how attempts ended is
        written later. A message that the store cannot hold costs none of the others: each is tried alone, and its
        sender keeps that one."""
        self._flying -= 1
        if failure.check(BadUnit) is not None and (len(new) + len(ends) > 1 or not ends):
            self._one_by_one(new, ends)
            return
        if failure.check(StoreFull, CannotRead) is None:
            self._stopped = True
            if failure.check(StoreStopped) is None:
                self._store.on_fatal(f"what came of a message cannot be stored: {failure.getErrorMessage()}")
            return
        for held in new:
            self.refused(held)
        self._ends = ends + self._ends
        if self._ends and not self._called:
            self._call(FULL_AGAIN)

    def _one_by_one(self, new: list[Held], ends: list[End]) -> None:
        """Write each of a batch in a batch of its own, in their order; a single message goes back to its sender."""
        if len(new) + len(ends) == 1:
            self.refused(new[0])
            self._next()
            return
        for held in new:
            self._submit([held], [])
        for end in ends:
            self._submit([], [end])


class Chunk:
    """The bytes of a batch, one behind another: sealed once and stored under one number."""

    __slots__ = ("id", "last", "pieces", "size")

    def __init__(self, id: int) -> None:
        self.id = self.last = id
        self.pieces: list[bytes] = []
        self.size = 0

    def kept(self) -> Write:
        """The write that keeps them."""
        return keep_chunk(self.id, self.last, self.pieces)


def rows_of_messages(new: list[Held], chunk: Chunk) -> list[Write | ManyRows]:
    """The writes that take messages in: themselves, what is to be sent of them; their bytes go into the chunk."""
    rows, pieces, start = [], chunk.pieces, chunk.size
    outbox: list[tuple[object, ...]] = []
    for held in new:
        body = held.body or b""
        rows.append(held.row(chunk.id, start))
        pieces.append(body)
        start += len(body)
        outbox += held.rows
    chunk.size, chunk.last = start, max(chunk.last, new[-1].id)
    writes: list[Write | ManyRows] = [take_in(rows)]
    if outbox:
        writes.append(ManyRows("outbox_insert", outbox, rows=len(outbox)))
    return writes


def rows_of_ends(ends: list[End], ids: Ids, chunk: Chunk) -> list[Write | ManyRows]:
    """The writes that keep how attempts ended; what was sent and answered goes into the chunk."""
    attempts: list[tuple[object, ...]] = []
    done: list[tuple[object, ...]] = []
    again: list[tuple[object, ...]] = []
    finished: list[tuple[object, ...]] = []
    dead: list[tuple[object, ...]] = []
    pieces, start = chunk.pieces, chunk.size
    for end in ends:
        id, dest, sent = end.held.id, end.lane.dest, end.sent
        at = sent.started_at + sent.took
        if sent.outcome:
            number = ids.new()
            asked, said = len(sent.request), len(sent.reply)
            attempts.append((
                number, id, dest, sent.started_at, sent.took, str(sent.outcome), sent.code[:64], chunk.id, start,
                asked, said,
            ))  # fmt: skip
            pieces += (sent.request, sent.reply)
            start += asked + said
            chunk.last = number
        if end.dead:
            again.append((id, dest, "dead", end.tries, 0.0, end.dead[:200]))
            dead.append((id, at, "AE"))
        elif end.next_at is not None:
            again.append((id, dest, "ready", end.tries, end.next_at, end.why[:200]))
        else:
            done.append((id, dest))
            finished.append((id, at))
    chunk.size = start
    writes: list[Write | ManyRows] = []
    if attempts:
        writes.append(ManyRows("attempts_insert", attempts, rows=len(attempts)))
    if done:
        writes.append(ManyRows("outbox_done", done))
    if again:
        writes.append(ManyRows("outbox_again", again))
    if dead:
        writes.append(ManyRows("messages_dead", dead))
    if finished:
        writes.append(ManyRows("messages_done", finished))
    return writes
