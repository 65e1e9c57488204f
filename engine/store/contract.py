"""What the rest of the engine knows of a store: units of writes go in, one `Done` each comes out after the commit.

No caller ever holds a transaction or a cursor. A guard (`Write.rows`) that fails rolls back its own unit and nothing
else. A failed commit means nobody knows what is on the disk: the store is dead, the process stops, recovery decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from twisted.internet.defer import Deferred

from engine.store.sealing import Sealer

if TYPE_CHECKING:
    from engine.store.many import ManyRows

T = TypeVar("T")


@dataclass(slots=True)
class Sealed:
    """A parameter to be compressed and encrypted by the writer just before it is written. Never shown in a repr.
    `packed`: what the writer made of it when it compressed a whole batch at once."""

    data: bytes
    packed: bytes | None = None

    def __repr__(self) -> str:
        return f"Sealed({len(self.data)} bytes)"


@dataclass(slots=True)
class Write:
    """One statement of the registry (`engine/store/statements.py`) by name, with its named parameters.

    `rows` is a guard: the number of rows the statement must touch, else the whole unit is rolled back.
    """

    sql: str
    params: Mapping[str, object]
    rows: int | None = None

    def __repr__(self) -> str:
        return f"Write({self.sql}, {', '.join(self.params)})"


@dataclass(slots=True)
class Unit:
    """Writes that happen together or not at all. `name` says why, for logs and fault hooks. `light`: few statements on
    pages that are in memory; the store may run them in the reactor's thread (see `ahead`). `gathered`: it is many
    things already, and waits for no others."""

    name: str
    writes: tuple[Write | ManyRows, ...]
    light: bool = False
    gathered: bool = False


@dataclass(slots=True)
class Done:
    """How a unit ended. Not committed: `failed_write` is the index of the write whose guard (or constraint) failed and
    `failed_sql` its statement's name; -1 and "" otherwise. `counts`: rows touched by each write."""

    committed: bool
    failed_write: int = -1
    failed_sql: str = ""
    counts: tuple[int, ...] = ()


class StoreStopped(Exception):
    """The store is stopped or died; whether the unit is on the disk is unknown until recovery has looked."""


class StoreFull(Exception):
    """No room on the disk. The unit was not stored. The store tries by itself and takes units again when it can."""


class CannotRead(Exception):
    """The database gave no connection to read by (too many clients, a restart): try again later."""


class BadUnit(Exception):
    """A unit the database cannot read: unknown statement, missing parameter, wrong type. A defect of the engine; the
    unit alone was rolled back."""


class CannotStart(Exception):
    """The store refuses to open, and why, in words for the operator."""


class NotMade(CannotStart):
    """There is a database, and no store in it yet: a start makes it."""


class Crash(Exception):
    """Raised by a fault hook in a test: the process dies here. Nothing is answered any more, nobody is told."""


class Connection(Protocol):
    """A consistent view of the database for one `read`."""

    def rows(self, sql: str, /, **params: object) -> list[tuple[Any, ...]]:
        """All rows of a statement of the registry."""

    def row(self, sql: str, /, **params: object) -> tuple[Any, ...] | None:
        """The first row, or None."""

    def select(self, query: Any) -> list[Mapping[str, Any]]:
        """Rows of a SQLAlchemy Core select, as mappings. For lists, not for the hot path."""

    def unseal(self, place: str, row_id: object, blob: bytes) -> bytes:
        """The clear bytes of a sealed column; `place` is `table.column`. Raises `Tampered`."""

    def unseal_body(self, row_id: int, key_id: int, nonce: bytes, data: bytes) -> bytes:
        """The clear bytes of a row of `bodies`. Raises `Tampered`."""


class Store(Protocol):
    """A durable store: SQLite or PostgreSQL."""

    on_fatal: Callable[[str], None]
    """Called once, on the reactor, when the store died: the process has to stop."""
    sealer: Sealer
    """Makes the keyed hashes persons are found by."""
    state: str
    """new, starting, open, refusing (no room: it tries by itself), stopped, dead or crashed."""
    room_for_new_work: bool
    """Whether the disk has room for more than what is under way, and the database answers."""

    @property
    def silent(self) -> bool:
        """Whether the database stopped answering: everything waits, nothing is lost."""

    @property
    def ours(self) -> bool:
        """Whether nobody else can have taken the database over meanwhile. Asked before what changes something at a
        party leaves: who stood still for longer than the database waits for him has given it up without knowing it."""

    @property
    def units(self) -> int:
        """Units stored since the start: how much there is to do."""

    def start(self) -> Deferred[None]:
        """Open, migrate, take the lock. Errors: CannotStart."""

    def stop(self) -> Deferred[None]:
        """Write what is queued, close, release the lock."""

    def submit(self, unit: Unit) -> Deferred[Done]:
        """Store a unit; fires after its commit is on the disk. Errors: StoreStopped, StoreFull, BadUnit."""

    def read(self, fn: Callable[[Connection], T]) -> Deferred[T]:
        """Run `fn` in a reader thread on a consistent view. Errors: whatever `fn` raises, StoreStopped,
        CannotRead."""

    def look(self, fn: Callable[[Connection], T]) -> Deferred[T]:
        """`read`, for a few rows found by their keys: in the reactor's thread, where and while that is quick."""

    def rotate(self) -> Deferred[int]:
        """A new data key for the bodies from now on; its id. Errors: StoreStopped."""


Fault = Callable[[str, Sequence[Unit]], None]
"""A test's hook, called with `before_commit` or `after_commit` and the units; raises what shall go wrong there."""
