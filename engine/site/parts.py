"""The files of a site, each read by itself: the first pass of loading. What fits together is judged afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engine.config.channel import ChannelFile, read_channel
from engine.config.engine_file import EngineFile, read_engine_file
from engine.config.hl7_profile import Profile, read_profile
from engine.config.problems import Mark, Problem, nearest, problem
from engine.config.spec import Word
from engine.config.tree import Map, Node, Scalar, Seq, read_text, read_tree
from engine.parties.contract import Party
from engine.pipeline.code_table import CodeTable
from engine.pipeline.code_table_file import read_code_table
from engine.pipeline.field_map import FieldMap, compile_map
from engine.pipeline.schema_check import Schema, read_schema
from engine.site.files import ENGINE_FILE

T = TypeVar("T")
_KINDS = (
    (re.compile(r"channels/([^/]+)\.yaml"), "channel"),
    (re.compile(r"mappings/([^/]+)\.map\.yaml"), "map"),
    (re.compile(r"mappings/tables/([^/]+)\.csv"), "table"),
    (re.compile(r"schemas/([^/]+)\.json"), "schema"),
    (re.compile(r"schemas/hl7/([^/]+)\.yaml"), "profile"),
)
_ADDRESS = re.compile(r"\b(?:https?|tcp|mllp|ftp|sftp|postgresql|sqlite)://|\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b")
_SECRET = re.compile(r"-----BEGIN |\b(?:file|env):[A-Za-z_/.]", re.ASCII)
ENGINE_SCHEMAS = frozenset({"cancel_request", "refund_request", "resolve_request"})
"""Schemas of doors that the engine itself opens beside the channels' own."""


@dataclass(slots=True)
class Parts:
    """What was read, and every problem so far.

    A name whose file could not be read is in `broken`, as (kind, name): nobody complains that it is missing. `told`:
    paths already complained of, once each although a map is used often. `stored`: a site that was in force before,
    judged when it was new. `ends`: what a settlement of each settle channel knows at its end, noted by the flow.
    """

    parties: Mapping[str, Party]
    found: list[Problem] = field(default_factory=list)
    engine: EngineFile | None = None
    channels: dict[str, ChannelFile] = field(default_factory=dict)
    maps: dict[str, FieldMap] = field(default_factory=dict)
    tables: dict[str, CodeTable] = field(default_factory=dict)
    schemas: dict[str, Schema] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    places: dict[tuple[str, str], Mark] = field(default_factory=dict)
    broken: set[tuple[str, str]] = field(default_factory=set)
    told: set[tuple[Mark, str]] = field(default_factory=set)
    ends: dict[str, dict[str, Any]] = field(default_factory=dict)
    stored: bool = False

    def wrong(self, code: str, mark: Mark, /, *, hint: str = "", **values: object) -> None:
        """Note a problem."""
        self.found.append(problem(code, mark, hint=hint, **values))

    def map(self, name: Word | None) -> FieldMap | None:
        """The map of a name; None after noting that there is none (or when its file is itself wrong)."""
        if name is None:
            return None
        found = self.maps.get(name)
        if found is None and ("map", str(name)) not in self.broken:
            self.wrong("E302", name.mark, name=name, hint=nearest(name, self.maps))
        return found


def read_parts(
    files: Mapping[str, bytes], parties: Mapping[str, Party], engine: EngineFile | None, *, stored: bool = False
) -> Parts:
    """Read every file. `engine`: the node's file when it is not among `files`; `stored`: judged when it was new."""
    parts = Parts(parties, engine=engine, stored=stored)
    if engine is None:
        _read_engine(parts, files)
    kinds: dict[str, list[tuple[str, str, bytes]]] = {kind: [] for _, kind in _KINDS}
    for file, data in sorted(files.items()):
        for pattern, kind in _KINDS:
            match = pattern.fullmatch(file)
            if match is not None and not file.endswith(".test.yaml"):
                kinds[kind].append((match[1], file, data))
                parts.places[kind, match[1]] = Mark(file, 1, 1)
                break
        else:
            if file.startswith(("channels/", "mappings/")) and not file.endswith((".test.yaml", ".md", ".txt")):
                parts.wrong("W506", Mark(file, 1, 1))
    for name, file, data in kinds["table"]:
        table = read_code_table(data, file, name, stored=parts.stored)
        _keep(parts, "table", name, table, parts.tables)
    for name, file, data in kinds["schema"]:
        _keep(parts, "schema", name, read_schema(data, file, name, stored=parts.stored), parts.schemas)
    for name, file, data in kinds["profile"]:
        node = _tree(parts, file, data)
        _keep(parts, "profile", name, read_profile(node, file, name, parts.found) if node else None, parts.profiles)
    for name, file, data in kinds["map"]:
        _read_map(parts, name, file, data)
    for name, file, data in kinds["channel"]:
        _read_channel(parts, name, file, data)
    return parts


def _keep(parts: Parts, kind: str, name: str, read: T | list[Problem] | Problem | None, kept: dict[str, T]) -> None:
    if read is None or isinstance(read, list | Problem):
        parts.found += [] if read is None else [read] if isinstance(read, Problem) else read
        parts.broken.add((kind, name))
    else:
        kept[name] = read


def _tree(parts: Parts, file: str, data: bytes) -> Node | None:
    text, problems = read_text(data, file)
    node = None
    if not problems:
        node, problems = read_tree(text, file)
        if node is None and not problems:
            problems = [problem("E508", Mark(file, 1, 1))]
    parts.found += problems
    return None if problems else node


def _read_engine(parts: Parts, files: Mapping[str, bytes]) -> None:
    data = files.get(ENGINE_FILE)
    if data is None:
        parts.wrong("E507", Mark(ENGINE_FILE, 1, 1), file=ENGINE_FILE)
        return
    node = _tree(parts, ENGINE_FILE, data)
    if node is not None:
        parts.engine = read_engine_file(node, parts.found)


def _read_map(parts: Parts, name: str, file: str, data: bytes) -> None:
    node = _tree(parts, file, data)
    made = None
    if node is not None:
        found: list[Problem] = []
        made = compile_map(node, file, found, parts.tables, None if parts.stored else {})
        lost_tables = any(kind == "table" for kind, _ in parts.broken)
        parts.found += [item for item in found if not (lost_tables and item.code == "E616")]
        _no_address(parts, node)
        own = node.get("map") if isinstance(node, Map) else None
        if isinstance(own, Scalar) and own.text != name:
            parts.wrong("E215", own.mark, name=own.text, file_name=name)
    if made is None:
        parts.broken.add(("map", name))
    else:
        parts.maps[name] = made


def _read_channel(parts: Parts, name: str, file: str, data: bytes) -> None:
    node = _tree(parts, file, data)
    channel = None
    if node is not None:
        channel = read_channel(node, file, name, parts.found)
        _no_address(parts, node)
    if channel is None:
        parts.broken.add(("channel", name))
    else:
        parts.channels[name] = channel


def _no_address(parts: Parts, node: Node) -> None:
    """Addresses and secrets live in engine.yaml only."""
    for scalar in () if parts.stored else _scalars(node):
        if _SECRET.search(scalar.text):
            parts.wrong("E419", scalar.mark, what="密钥", what_en="a secret")
        elif _ADDRESS.search(scalar.text):
            parts.wrong("E419", scalar.mark, what="地址", what_en="an address")


def _scalars(node: Node) -> Iterator[Scalar]:
    match node:
        case Scalar():
            yield node
        case Seq():
            for item in node.items:
                yield from _scalars(item)
        case Map():
            for _, value in node.entries:
                yield from _scalars(value)
