"""engine.yaml: the node. The one file with addresses and references to secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.config.engine_parts import (
    CLIENT,
    CONSOLE,
    ENGINE,
    KEYS,
    LIMITS,
    PARTY,
    RETENTION,
    STORE,
    Client,
    Clock,
    Console,
    Keys,
    Limits,
    PartyEntry,
    Retention,
)  # fmt: skip
from engine.config.listener_parts import LISTENER, Listener
from engine.config.problems import Mark, nearest, problem
from engine.config.secret import SecretRef
from engine.config.source_parts import folder_of
from engine.config.spec import NOWHERE, Field, Found, MapOf, Nested, Record, Spec, names_in
from engine.config.tree import Map, Node
from engine.config.types import IDENT, WORD, Free

SECRET_NAME = re.compile(r"(?:^|_)(?:secret|password|passwd|private_key|token|key)$|api_v[23]_key$", re.IGNORECASE)


def _engine(record: Record, found: Found) -> Record:
    clock: Clock = record["clock"]
    if record["profile"] == "production" and clock.rate != 1:
        found.append(problem("E512", clock.mark, rate=clock.rate))
    return record


ENGINE_FILE = Spec(
    "engine.yaml", "引擎配置", "the engine's file",
    (
        Field("engine", Nested(ENGINE, _engine), "本节点", "this node", "{name: demo, profile: demo}", required=True),
        Field("hospital", Free(), "医院信息，映射中以 hospital 读取", "the hospital, read by maps as `hospital`",
              "{name: 示例医院}", default={}),
        Field("store", STORE, "存储", "the store", "sqlite:var/engine.db", required=True),
        Field("keys", Nested(KEYS, Keys.of), "正文加密与索引的密钥", "keys for bodies and indexes",
              "{store: file:var/keys/store.key, index: file:var/keys/index.key}", required=True),
        Field("listeners", MapOf(Nested(LISTENER, Listener.of), WORD, 1), "监听", "doors",
              "{api: {http: 127.0.0.1:8600}}", required=True),
        Field("clients", MapOf(Nested(CLIENT, Client.of), IDENT), "调用方", "who may call",
              "{K01: {secret: file:var/keys/client-K01.secret, scopes: [query, settle]}}", default={}),
        Field("parties", MapOf(Nested(PARTY, PartyEntry.of), WORD, 1), "外部系统", "outside parties",
              "{his: {kind: his, url: http://127.0.0.1:8701}}", required=True),
        Field("limits", Nested(LIMITS, Limits.of), "上限", "limits", "{body_bytes: 2097152}", default=Limits()),
        Field("console", Nested(CONSOLE, Console.of), "控制台", "the console", "{at: api}", default=None),
        Field("retention", Nested(RETENTION, Retention.of), "保存期限", "how long things are kept",
              "{bodies: 180d}", default=Retention()),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EngineFile:
    """engine.yaml, read. `hospital` is a free tree of text. `store` is an address or a reference to one. `written`:
    all names of listeners and parties, also of those that could not be read. `awake`: processors are not to sleep while
    there is work."""

    name: str
    profile: str
    clock: Clock
    hospital: Mapping[str, Any]
    store: str | SecretRef
    keys: Keys
    listeners: Mapping[str, Listener]
    clients: Mapping[str, Client]
    parties: Mapping[str, PartyEntry]
    limits: Limits
    console: Console | None
    retention: Retention
    awake: bool = False
    written: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)


def read_engine_file(node: Node, found: Found) -> EngineFile | None:
    """engine.yaml of its tree; None when something required is missing or unreadable (noted in `found`)."""
    record = ENGINE_FILE.read(node, "engine.yaml", found)
    if record is None:
        return None
    hospital = record["hospital"]
    if not isinstance(hospital, dict):
        found.append(problem("E203", record.at("hospital"), what="hospital", what_en="hospital",
                             zh="名称: 值 的映射", en="a mapping of names to values"))  # fmt: skip
        hospital = {}
    engine: Record = record["engine"]
    written = names_in(node, "listeners") | names_in(node, "parties")
    file = EngineFile(
        engine["name"], engine["profile"], engine["clock"], hospital, record["store"], record["keys"],
        record["listeners"], record["clients"], record["parties"], record["limits"], record["console"],
        record["retention"], engine["awake"] == "yes", written, record.mark,
    )  # fmt: skip
    _doors(file, found)
    _plain_secrets(node, found)
    return file


def _doors(file: EngineFile, found: Found) -> None:
    """Each address once; a listener that rides on another names one that exists and has an address."""
    taken: dict[tuple[str, int], str] = {}
    emptied: dict[tuple[str, str], str] = {}
    for name, door in file.listeners.items():
        address = door.http or door.mllp
        if address is not None and address[1] != 0:
            if address in taken:
                found.append(problem("E515", door.mark, name=name, other=taken[address]))
            taken.setdefault(address, name)
        folder = folder_of(door.drop, door.sftp)
        if folder is not None and emptied.setdefault(folder, name) != name:
            found.append(problem("E544", door.mark, name=name, other=emptied[folder]))
        for sender in door.senders.values():
            if sender.client not in file.clients:
                found.append(problem("E520", sender.client.mark, name=sender.client,
                                     hint=nearest(sender.client, file.clients)))  # fmt: skip
        other = file.listeners.get(door.on)
        if door.on and (other.http is None if other else door.on not in file.written):
            found.append(problem("E308", door.marks["shares"], name=door.on))
    if file.console is not None and file.console.at not in file.written:
        found.append(problem("E308", file.console.mark, name=file.console.at))


def _plain_secrets(node: Node, found: Found) -> None:
    """Free parts (hospital) may not hold secrets either."""
    hospital = node.get("hospital") if isinstance(node, Map) else None
    if not isinstance(hospital, Map):
        return
    for key, value in hospital.entries:
        if SECRET_NAME.search(key.text):
            found.append(problem("E208", value.mark, what=key.text))
