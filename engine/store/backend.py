"""What the writer needs of a database, and what an error of it means."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Protocol

from engine.store.contract import BadUnit, Sealed, Unit
from engine.store.sealing import SMALL, Sealer
from engine.store.statements import STATEMENTS

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")


class Meaning(Enum):
    """What a database error means for the batch it struck."""

    GUARD = "a constraint said no: this unit alone"
    BAD_UNIT = "this unit cannot be read: a defect"
    AGAIN = "the whole batch was rolled back for another's sake: do it again"
    FULL = "no room; nothing was written"
    FATAL = "nobody knows what is on the disk"


class Backend(Protocol):
    """A database, as the writer thread uses it. Every method but `judge` is called in the writer's thread."""

    name: str
    remote: bool
    """Whether another machine's program keeps the data: it may stop answering, and may let go of us."""
    gathers: bool
    """Whether many rows may go into one statement with `?` for its parameters."""

    def open(self) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None:
        """Let go of everything without another write: the handle is not to be trusted."""

    def refusal(self, error: BaseException) -> str:
        """Why the database refuses to be opened, in words for the operator; "" for what is none of its words."""

    def alive(self) -> float:
        """Asked every few seconds where `remote`: the database's clock; raises when the database is no longer ours."""

    def begin(self) -> None: ...
    def begin_now(self) -> bool:
        """Begin without waiting; False when that cannot be. In the reactor's thread, while the writer's rests."""

    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def execute(self, sql: str, params: Mapping[str, object] | Sequence[object] | None = None) -> Any: ...
    def judge(self, error: BaseException) -> Meaning: ...
    def because(self, error: BaseException) -> str:
        """What a fatal error means, in words for the operator; "" where its own words do."""

    def sql(self, statement: str) -> str:
        """A statement of the registry in this database's spelling."""

    def reader(self) -> Any:
        """A new raw connection that can only read."""

    def hasty(self) -> Any:
        """The same for who cannot wait, the reactor's thread: it fails where others are patient. None where every row
        is another process's answer."""

    def read_begin(self, raw: Any) -> None: ...
    def read_end(self, raw: Any) -> None: ...
    def lost(self, raw: Any) -> bool:
        """Whether this reader's connection is gone while the database may still be there."""

    def broken(self, error: BaseException) -> str:
        """Why this read error means the database is damaged; "" when it does not."""

    def compile(self, query: Any) -> tuple[str, Mapping[str, object]]:
        """A SQLAlchemy Core select → text and parameters."""

    def ahead(self) -> tuple[int, int]:
        """Bytes in the write-ahead file, and those of them not yet in the main file; (0, 0) where that is not our
        business."""

    def checkpoint(self) -> None:
        """Move them there; called in a thread of its own."""

    def finish_checkpoint(self) -> None:
        """Move the last of them between two transactions, so that the write-ahead file can begin anew."""

    def tidy(self) -> bool:
        """A little housekeeping, called by the writer when idle; whether there is more of it."""

    def room(self) -> int | None:
        """Free bytes on the disk; None when unknown."""


def no_room(error: BaseException) -> bool:
    """Whether the system says that the disk, or our share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def spelled(sql: str, pattern: str) -> str:
    """The statement with `:name` as `pattern` (`%(name)s`) writes it."""
    return _PARAMETER.sub(pattern, sql.replace("%", "%%"))


def pack(sealer: Sealer, units: Sequence[Unit]) -> None:
    """Compress whatever is to be sealed in these units, all at once."""
    found: list[Sealed] = []
    for unit in units:
        for write in unit.writes:
            for parameter in _SEALS.get(write.sql, ()):
                value = write.params.get(parameter)  # type: ignore[union-attr]  # ManyRows names no statement with seals
                if type(value) is Sealed and value.packed is None and len(value.data) >= SMALL:
                    found.append(value)
    if found:
        for value, packed in zip(found, sealer.packed([value.data for value in found]), strict=True):
            value.packed = packed


def sealed_params(sealer: Sealer, name: str, params: Mapping[str, object]) -> Mapping[str, object]:
    """The parameters with every `Sealed` encrypted; the same mapping when there is none."""
    seals = STATEMENTS[name].seals
    made: dict[str, object] | None = None
    for parameter, (place, keys) in seals.items():
        value = params.get(parameter)
        if value is None:
            continue
        if type(value) is not Sealed:
            raise BadUnit(f"{name}: {parameter} must be Sealed")
        row_id = str(params[keys[0]]) if len(keys) == 1 else "/".join([str(params[key]) for key in keys])
        made = dict(params) if made is None else made
        if place == "bodies":
            made.update(sealer.seal_body(row_id, value.data, value.packed))
        else:
            made[parameter] = sealer.seal(place, row_id, value.data, value.packed)
    return params if made is None else made


_SEALS = {name: tuple(statement.seals) for name, statement in STATEMENTS.items() if statement.seals}


class View:
    """A `Connection` of the contract over a raw DBAPI connection."""

    __slots__ = ("_backend", "_raw", "_sealer")

    def __init__(self, backend: Backend, raw: Any, sealer: Sealer) -> None:
        self._backend, self._raw, self._sealer = backend, raw, sealer

    def rows(self, sql: str, /, **params: object) -> list[tuple[Any, ...]]:
        """All rows of a statement of the registry."""
        found: list[tuple[Any, ...]] = self._raw.execute(self._backend.sql(sql), params).fetchall()
        return found

    def row(self, sql: str, /, **params: object) -> tuple[Any, ...] | None:
        """The first row, or None."""
        found: tuple[Any, ...] | None = self._raw.execute(self._backend.sql(sql), params).fetchone()
        return found

    def select(self, query: Any) -> list[Mapping[str, Any]]:
        """Rows of a SQLAlchemy Core select, as mappings."""
        text, params = self._backend.compile(query)
        cursor = self._raw.execute(text, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def unseal(self, place: str, row_id: object, blob: bytes) -> bytes:
        """The clear bytes of a sealed column; Tampered when it does not open."""
        return self._sealer.unseal(place, row_id, blob)

    def unseal_body(self, row_id: int, key_id: int, nonce: bytes, data: bytes) -> bytes:
        """The clear bytes of a row of `bodies`."""
        return self._sealer.unseal_body(row_id, key_id, nonce, data)


def reading(backend: Backend, raw: Any, sealer: Sealer, fn: Callable[[Any], Any]) -> Any:
    """Run `fn` on a consistent view."""
    backend.read_begin(raw)
    try:
        return fn(View(backend, raw, sealer))
    finally:
        backend.read_end(raw)
