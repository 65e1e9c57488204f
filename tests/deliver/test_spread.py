"""Several processes behind one door, for real: shared load, repeats known across them, deaths of workers and engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time  # the wall's time: real processes are waited for here
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pysqlite3
import pytest

from bench.deliver_ward import DeliverWard
from bench.ward import ROOT

TOLD: dict[str, Any] = {"cwd": ROOT, "capture_output": True, "text": True, "check": True}


@pytest.fixture
def ward() -> Iterator[DeliverWard]:
    with DeliverWard(ack="delivered", spread=True) as made:
        made.start()
        yield made


def _until(done: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return True
        time.sleep(0.1)  # noqa: TID251 - other processes are at work
    return False


def _ids(ward: DeliverWard, name: str) -> set[int]:
    raw = pysqlite3.connect(f"file:{ward.folder}/var/{name}?mode=ro", uri=True)
    try:
        return {row[0] for row in raw.execute("SELECT id FROM messages")}
    finally:
        raw.close()


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_two_processes_share_a_door_know_each_others_messages_and_survive(ward: DeliverWard) -> None:
    assert len(ward.processes()) == 2
    first = ward.load(connections=16, seconds=20, limit=400)
    assert (first["all"], first["odd"]) == (400, {})
    engine, worker = _ids(ward, "engine.db"), _ids(ward, "engine-w1.db")
    assert engine
    assert worker
    assert not engine & worker, "no two messages have one number"
    assert ward.ask_sink("count") == {"count": 400, "twice": 0}

    ward.first = 1  # the same messages once more, on other connections
    again = ward.load(connections=16, seconds=20, limit=400)
    assert (again["all"], again["odd"]) == (400, {})
    assert ward.ask_sink("count") == {"count": 0, "twice": 0}

    pid = ward.processes()[1]
    os.kill(pid, signal.SIGKILL)
    assert _until(lambda: len(ward.processes()) == 2 and ward.processes()[1] != pid)
    third = ward.load(connections=16, seconds=20, limit=100)
    assert (third["all"], third["odd"]) == (100, {})

    worker_pid = ward.processes()[1]
    ward.kill()
    assert _until(lambda: not _alive(worker_pid)), "a worker does not outlive its engine"


def test_lists_and_stories_are_read_from_all_of_them(ward: DeliverWard) -> None:
    ward.load(connections=16, seconds=20, limit=200)
    command = [sys.executable, "-m", "engine"]
    where = ["--root", str(ward.folder), "--json"]
    said = subprocess.run([*command, "list", "messages", "--limit", "1000", *where], **TOLD)  # noqa: S603 our own
    rows = [json.loads(line) for line in said.stdout.splitlines()]
    assert len(rows) == 200
    assert {row["outcome"] for row in rows} == {"done"}
    for name in ("engine.db", "engine-w1.db"):
        number = str(min(_ids(ward, name)))
        shown = subprocess.run([*command, "show", number, *where], **TOLD)  # noqa: S603 our own
        assert json.loads(shown.stdout)["message"] == number
