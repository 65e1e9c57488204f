"""What the machine itself can do, and the engine's parts alone: measured in the same run as the engine."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from bench import http_floor, store_commit
from bench.disk_flush import flushes_a_second
from bench.report import Row
from engine.codecs import json_text
from engine.config.tree import read_tree
from engine.pipeline.field_map import FieldMap, compile_map
from engine.site.load import load
from engine.store.sealing import Sealer

CASE = "e floors"
HOME = Path(__file__).resolve().parents[1]
FIELDS = """
map: twelve
title: 12 fields
make:
  - [psn_no,      answer.person.no]
  - [psn_name,    answer.person.name]
  - [gend,        answer.person.gender]
  - [brdy,        answer.person.birth]
  - [begntime,    "answer.at | date '%Y-%m-%d %H:%M:%S'"]
  - [medfee,      answer.total | yuan]
  - [own_pay,     answer.own | yuan]
  - [dept,        answer.dept.code]
  - [dr_name,     answer.doctor.name | else '']
  - [memo,        answer.memo | optional]
  - [insutype,    "'310'"]
  - [kind,        {when: [["answer.kind == 'a'", "'1'"]], else: "'2'"}]
"""
TREE = {
    "answer": {
        "person": {"no": "37020000000000000001000001", "name": "测试甲", "gender": "1", "birth": "1980-03-12"},
        "at": "2026-11-22 08:00:00", "total": 120000, "own": 107500, "dept": {"code": "KQ01"},
        "doctor": {"name": "模拟医师一"}, "kind": "b",
    }
}  # fmt: skip


def micro(call: Callable[[], object], seconds: float = 0.4) -> float:
    """CPU microseconds of one call."""
    for _ in range(20):
        call()
    count, began, until = 0, time.thread_time(), time.perf_counter() + seconds
    while time.perf_counter() < until:
        for _ in range(20):
            call()
        count += 20
    return (time.thread_time() - began) / count * 1e6


def parts() -> list[Row]:
    """RSA, AES, a map of 12 fields, JSON: what one call of the engine is made of."""
    key = rsa.generate_private_key(65537, 2048)
    public, data = key.public_key(), os.urandom(1024)  # noqa: TID251 - bytes that do not compress
    sign = key.sign(data, padding.PKCS1v15(), SHA256())
    sealer = Sealer(b"m" * 32, os.urandom)  # noqa: TID251 - as World.token does
    sealer.load(sealer.missing(1_795_000_000.0))
    blob = sealer.seal("t.c", 1, data)
    tree, found = read_tree(FIELDS, "twelve.map.yaml")
    twelve = compile_map(tree, "twelve.map.yaml", found, {})
    assert isinstance(twelve, FieldMap), found
    made = twelve.run(TREE)
    text = json_text.print_json(made)
    plain = {f"f{i}": "x" for i in range(12)}
    copying = micro(lambda: {name: value for name, value in plain.items()})  # noqa: C416 - the floor of making a dict
    mapping = micro(lambda: twelve.run(TREE))
    return [
        Row(CASE, "RSA-2048 sign", micro(lambda: key.sign(data, padding.PKCS1v15(), SHA256())), "us CPU"),
        Row(CASE, "RSA-2048 verify", micro(lambda: public.verify(sign, data, padding.PKCS1v15(), SHA256())), "us CPU"),
        Row(CASE, "seal 1 KB, AES-256-GCM", micro(lambda: sealer.seal("t.c", 1, data)), "us CPU"),
        Row(CASE, "open 1 KB", micro(lambda: sealer.unseal("t.c", 1, blob)), "us CPU"),
        Row(CASE, "map 12 fields", mapping, "us CPU", f"a dict of 12 {copying:.2f} us", mapping / copying),
        Row(CASE, f"print {len(text)} bytes of JSON", micro(lambda: json_text.print_json(made)), "us CPU"),
        Row(CASE, f"parse {len(text)} bytes of JSON", micro(lambda: json_text.parse(text)), "us CPU"),
        Row(CASE, "load and compile the shipped site", micro(lambda: load(HOME)) / 1000, "ms CPU"),
    ]


def disk(folder: str) -> tuple[float, list[Row]]:
    """(bare flushes a second, rows): the disk, and the store's group commit on it."""
    with tempfile.TemporaryDirectory(dir=folder) as here:
        bare = flushes_a_second(here, 1.5)
        rows = [Row(CASE, "bare 4 KiB write + fdatasync", bare, "/s")]
        for flying in (1, 50):
            units, commits, cpu = store_commit.rate(
                store_commit.Loop(), os.path.join(here, f"{flying}.db"), store_commit.step_units(), flying, 2.0
            )
            beside = f"{commits / bare:.2f} commits a bare flush; {cpu:.0f} us CPU a unit"
            rows.append(Row(CASE, f"store: steps kept, {flying} in flight", units, "units/s", beside, units / bare))
    return bare, rows


def http() -> list[Row]:
    """Our HTTP client and server against the same bytes with no HTTP at all."""
    floor, answering = http_floor.measure("floor", "answerer", 8, 8000)
    sender, _ = http_floor.measure("sender", "answerer", 8, 8000)
    _, listening = http_floor.measure("floor", "listener", 8, 8000)
    return [
        Row(CASE, "HTTP call sent, 300 bytes", sender, "us CPU", f"bare {floor:.0f} us", sender / floor),
        Row(CASE, "HTTP request served", listening, "us CPU", f"bare {answering:.0f} us", listening / answering),
    ]


def speed() -> float:
    """Millions of steps of an empty Python loop a second of CPU: how fast a core is while we measure."""
    began = time.thread_time()
    for _ in itertools.repeat(None, 3_000_000):
        pass
    return 3.0 / (time.thread_time() - began)
