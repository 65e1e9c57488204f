"""A hospital's configuration, compiled: what the engine works with. Frozen; a change makes another Site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.config.channel_rows import Every, Listen
from engine.config.engine_file import EngineFile
from engine.config.problems import Problem
from engine.config.types import Route
from engine.parties.contract import OutcomeRow
from engine.pipeline.code_table import CodeTable
from engine.pipeline.condition import Condition
from engine.pipeline.field_map import FieldMap
from engine.pipeline.schema_check import Schema
from engine.saga.plan import Plan
from engine.site.deliver_spec import DeliverSpec
from engine.site.hl7_spec import Hl7Spec
from engine.site.soap_spec import SoapSpec


@dataclass(frozen=True, slots=True)
class CallSpec:
    """One talk with an outside party, ready to be made. `wait` in seconds; `rows` the site's words on the party's
    codes, before the party's own; `number` the kind of our number it carries, "" for none; `amount` the data path of
    the amount it is about, "" for none; `bulky`: its answer may be so large that it is read in a thread."""

    name: str
    party: str
    op: str
    send: FieldMap | None
    read: FieldMap | None
    fact: FieldMap | None
    wait: float
    repeats: str
    ask: str
    amount: str
    number: str
    rows: tuple[OutcomeRow, ...]
    bulky: bool = False


@dataclass(frozen=True, slots=True)
class Hears:
    """An event from outside: a terminal's request (`request`, `schema`, `once_by`), or a party's callback heard at the
    listener `at` and read by the map `fact`. A terminal's request with a `fact` tells of one of our numbers; what it
    names under `used_once` counts once in all settlements."""

    event: str
    request: Route | None
    schema: str
    once_by: tuple[str, ...]
    at: str
    party: str
    fact: str
    used_once: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatementSpec:
    """A day's comparison with a party (see engine.config.channel_every): `row` runs over one settlement's data."""

    party: str
    settled: frozenset[str]
    row: FieldMap
    groups: tuple[Mapping[str, str], ...]
    agreed: Condition
    differs: str = ""
    theirs: str = ""
    equal: tuple[str, ...] = ()
    days: int = 1


@dataclass(frozen=True, slots=True)
class BillsSpec:
    """Payment platforms whose bills are compared, and how many days together (see engine.config.channel_every)."""

    parties: tuple[str, ...]
    days: int


@dataclass(frozen=True, slots=True)
class Channel:
    """One business flow. Parts that its kind (answer, settle, every) does not have are empty. `lines` is the data path
    of the bill's line numbers. `lets` are the named conditions; `conditions` those of the plan or of `do`, by
    their text. Of kind every: `do_if` the condition of a call, `more` that of its next page; `tables` the code table
    files its results are kept in, each with the data path of its rows."""

    name: str
    kind: str
    title: str
    listen: Listen | None
    lets: Mapping[str, Condition]
    conditions: Mapping[str, Condition]
    calls: Mapping[str, CallSpec]
    answers: FieldMap | None
    amounts: FieldMap | None
    hears: tuple[Hears, ...]
    plan: Plan | None
    call: str
    every: Every | None
    do: tuple[str, ...]
    keep: str
    lines: str = ""
    hl7: Hl7Spec | None = None
    deliver: DeliverSpec | None = None
    soap: SoapSpec | None = None
    do_if: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)
    statement: StatementSpec | None = None
    bills: BillsSpec | None = None
    tables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """One version of a configuration. `files` holds the bytes of channels, mappings and schemas (what `content_hash`
    is over, and what is stored for settlements in flight); engine.yaml is not among them: addresses and secrets are
    never pinned. `source` holds all files and `version` is the hash over them: what `engine apply` and `engine history`
    name. `advice` are the warnings found while loading."""

    engine: EngineFile
    channels: Mapping[str, Channel]
    maps: Mapping[str, FieldMap]
    tables: Mapping[str, CodeTable]
    schemas: Mapping[str, Schema]
    files: Mapping[str, bytes]
    content_hash: str
    advice: tuple[Problem, ...] = field(default=(), compare=False)
    source: Mapping[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    version: str = field(default="", compare=False)
