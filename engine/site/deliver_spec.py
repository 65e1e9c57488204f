"""A deliver channel, compiled: what the runtime works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.codecs.hl7_fields import FieldReader
from engine.config.channel_deliver import Tries
from engine.config.types import Route
from engine.parties.contract import OutcomeRow
from engine.pipeline.condition import Condition
from engine.pipeline.field_map import FieldMap

Tree = Any
Names = dict[str, Tree]


@dataclass(frozen=True, slots=True)
class Destination:
    """One receiver. `send` None: the HL7 message goes on as it came. `suffix` keeps our number at the party apart where
    several rows go to one party. `wait` in seconds. `ask`: the operation that tells whether it is there already."""

    name: str
    party: str
    op: str
    send: FieldMap | None
    when: Condition | None
    wait: float
    repeats: bool
    rows: tuple[OutcomeRow, ...]
    suffix: str
    ask: str = ""


@dataclass(frozen=True, slots=True)
class DeliverSpec:
    """`form`: hl7, json (by HTTP) or tell. `events`: what it takes over HL7 (`ADT^*` for all of a type). `reader` takes
    out of an HL7 message what anybody reads; `roots`: the first names of all that is read. `key`, `patient`, `visit`
    give a value or ""; `ordered_by` is the key's path. `retry` by class."""

    form: str
    at: str
    events: tuple[str, ...]
    request: Route | None
    schema: str
    once_by: tuple[str, ...]
    ack_delivered: bool
    answer_within: float
    check: bool
    full: bool
    reader: FieldReader
    roots: frozenset[str]
    key: Callable[[Names], str] | None
    patient: Callable[[Names], str]
    visit: Callable[[Names], str]
    when: Condition | None
    lets: tuple[tuple[str, Condition], ...]
    to: Mapping[str, Destination]
    retry: Mapping[str, Tries]
    hold: bool
    spread: bool
    ordered_by: str = ""
