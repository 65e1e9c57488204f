"""Several processes behind one door, for real: shared load, repeats known across them, deaths of workers and engine."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time  # the wall's time: real processes are waited for here
import urllib.request
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pysqlite3
import pytest

from bench.deliver_load import MESSAGE
from bench.deliver_ward import DeliverWard
from bench.engine_process import ROOT
from engine.core.bilingual import apart

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
    assert _until(lambda: not _alive(worker_pid), 45), "a worker ends what is in flight (30 s), and goes"


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


def test_codes_that_no_table_has_are_counted_in_every_process_and_listed_together() -> None:
    command = [sys.executable, "-m", "engine", "list", "unmapped", "--json"]
    with DeliverWard(spread=True) as ward:
        (ward.folder / "mappings/tables").mkdir()
        (ward.folder / "mappings/tables/kinds.csv").write_text("from_class,to_kind,note\nO,outpatient,\n")
        path = ward.folder / "mappings/bench_event.map.yaml"
        path.write_text(path.read_text() + "  - [kind,       hl7.PV1_2 | table kinds.kind]\n")
        ward.start()
        ward.load(connections=16, seconds=20, limit=100)

        def listed() -> list[tuple[str, str, int]]:
            said = subprocess.run([*command, "--root", str(ward.folder)], **TOLD)  # noqa: S603 our own
            return [(row["table"], row["code"], row["times"]) for row in map(json.loads, said.stdout.splitlines())]

        assert _until(lambda: listed() == [("kinds", "I", 100)]), listed()
        alone = [_kept_codes(ward, name) for name in ("engine.db", "engine-w1.db")]
        assert all(alone), "each process counts its own"
        assert sum(alone) == 100


def test_the_console_lists_and_shows_messages_of_every_process() -> None:
    with DeliverWard(spread=True) as ward:
        with (ward.folder / "engine.yaml").open("a") as file:
            file.write("console: {at: api}\n")
        ward.start()
        ward.load(connections=16, seconds=20, limit=40)
        kept = [_ids(ward, name) for name in ("engine.db", "engine-w1.db")]
        assert all(kept)
        page = _page(ward, "messages")
        assert {int(no) for no in re.findall(r"/console/messages/(\d+)", page)} == kept[0] | kept[1]
        for numbers in kept:
            assert "ADT^A01" in _page(ward, f"messages/{min(numbers)}")
        number = min(kept[1])
        again = _press(ward, f"messages/{number}", f"messages/{number}/resend")
        assert "Sent to" in again, again
        assert _hands(ward, "engine.db") == [("resend", "测试甲")], "kept where people look"
        assert _hands(ward, "engine-w1.db") == [("resend", "测试甲")]
        assert len(_ids(ward, "engine-w1.db")) == len(kept[1]) + 1
        many = _press(ward, "messages/replay?state=done&channel=bench_events", "messages/replay")
        assert "41 messages were sent again" in many
        assert _until(lambda: sum(len(_ids(ward, name)) for name in ("engine.db", "engine-w1.db")) == 82)
        page = _page(ward, "messages?lang=en")
        assert "测试甲" in page
        assert "Replayed" in page


def _press(ward: DeliverWard, path: str, action: str) -> str:
    """The form of a page of the console that goes there, pressed by a person at the machine: where it leads."""
    found = re.search(rf'action="/console/{re.escape(action)}"[^>]*>(.*?)</form>', _page(ward, path), re.DOTALL)
    assert found is not None, action
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', found[1])
    form = {**{name: unescape(value) for name, value in hidden}, "by": "测试甲", "reason": "接收方要求重发"}
    where, data = f"http://127.0.0.1:{ward.port}/console/{action}", urlencode(form).encode()
    asked = urllib.request.Request(where, data, {"Cookie": "console_lang=en"})
    with urllib.request.urlopen(asked, timeout=20) as reply:  # noqa: S310 our own engine's address
        page: str = reply.read().decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def _page(ward: DeliverWard, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{ward.port}/console/{path}", timeout=20) as reply:
        found: str = reply.read().decode()
    return found


def test_what_a_worker_measures_stands_on_the_nodes_own_page(ward: DeliverWard) -> None:
    """/metrics told of the engine's own process only: half of the messages were nowhere."""
    said = ward.load(connections=16, seconds=20, limit=200)
    assert said["all"] == 200

    def counted() -> dict[str, float]:
        """Calls to the receiver, by process ("" for the engine's own)."""
        with urllib.request.urlopen(f"http://127.0.0.1:{ward.port}/metrics", timeout=20) as reply:
            page = reply.read().decode()
        assert page.count("# TYPE engine_call_seconds histogram") == 1, "one family, whoever measured"
        rows = re.findall(r"^engine_call_seconds_count\{(.*)\} ([0-9.]+)$", page, re.MULTILINE)
        return {"".join(re.findall(r'worker="(.*?)"', labels)): float(count) for labels, count in rows}

    found = counted()
    assert found.keys() == {"", "1"}
    assert sum(found.values()) == 200
    os.kill(ward.processes()[1], signal.SIGSTOP)
    try:
        assert counted().keys() == {""}, "who does not answer is left out, and nobody waits for it"
    finally:
        os.kill(ward.processes()[1], signal.SIGCONT)


def test_a_stranger_hears_the_same_from_every_process() -> None:
    with DeliverWard(spread=True) as ward:
        path = ward.folder / "engine.yaml"
        path.write_text(path.read_text().replace("connections: 4000}", "connections: 4000, peers: [192.0.2.0/24]}"))
        ward.start()
        said = [_said(ward.hl7) for _ in range(24)]  # the system deals connections out to both processes
    for segments in said:
        assert segments["MSA"][1:3] == ["AR", "M1"]
        zh, en = apart(segments["MSA"][3])
        assert (zh.isascii(), en.isascii()) == (False, True)
        assert segments["ERR"][1].startswith("MSH^1^9^200"), segments


def _said(port: int) -> dict[str, list[str]]:
    """What a message of a new connection is answered, by segment."""
    message = MESSAGE % {"no": "M1", "patient": "000001"}
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(b"\x0b" + message.encode() + b"\x1c\r")
        found = b""
        while not found.endswith(b"\x1c\r"):
            found += line.recv(65536)
    return {one[:3]: one.split("|") for one in found[1:-2].decode().split("\r") if one}


def _kept_codes(ward: DeliverWard, name: str) -> int:
    raw = pysqlite3.connect(f"file:{ward.folder}/var/{name}?mode=ro", uri=True)
    try:
        return int(raw.execute("SELECT coalesce(sum(times), 0) FROM unmapped").fetchone()[0])
    finally:
        raw.close()


def _engine(ward: DeliverWard, *words: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "engine", *words, "--root", str(ward.folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 our own
    return done.returncode, json.loads(done.stdout or "{}")


def _hands(ward: DeliverWard, name: str) -> list[tuple[str, str]]:
    raw = pysqlite3.connect(f"file:{ward.folder}/var/{name}?mode=ro", uri=True)
    try:
        return [(row[0], row[1]) for row in raw.execute("SELECT kind, by_whom FROM hands ORDER BY id")]
    finally:
        raw.close()


def test_a_persons_hand_reaches_messages_in_a_workers_store(ward: DeliverWard) -> None:
    ward.load(connections=16, seconds=20, limit=200)
    assert ward.ask_sink("count")["count"] == 200
    who = ("--by", "测试甲", "--reason", "接收方要求重发")
    engine, worker = _ids(ward, "engine.db"), _ids(ward, "engine-w1.db")
    number = str(min(worker))
    code, told = _engine(ward, "messages", "resend", number, *who)
    assert (code, told["of"]) == (0, number), told
    assert int(told["message"]) in _ids(ward, "engine-w1.db") - worker, "made where the first one lies"
    assert _until(lambda: ward.ask_sink("count")["count"] == 1), "and sent"
    assert _hands(ward, "engine.db") == [("resend", "测试甲")], "kept where people look"
    assert _hands(ward, "engine-w1.db") == [("resend", "测试甲")]
    listed = subprocess.run(  # noqa: S603 our own program
        [sys.executable, "-m", "engine", "list", "hands", "--json", "--root", str(ward.folder)], **TOLD
    )
    rows = [json.loads(one) for one in listed.stdout.splitlines()]
    assert [(row["kind"], row["by_whom"], row["reason"]) for row in rows] == [("resend", who[1], who[3])] * 2
    code, told = _engine(ward, "messages", "discard", number, *who)
    assert (code, told["reason"]["code"]) == (1, "E-NOT-DEAD"), "the worker's own refusal"
    code, told = _engine(ward, "messages", "resend", "17", *who)
    assert (code, told["reason"]["code"]) == (1, "E-NO-MESSAGE")

    code, told = _engine(ward, "replay", "bench_events", "--state", "done", "--dry-run", *who)
    assert (code, told["count"]) == (0, 201)
    assert len(told["first"]) == 20
    assert ward.ask_sink("count")["count"] == 0
    code, told = _engine(ward, "replay", "bench_events", "--state", "done", *who)
    assert (code, told["count"]) == (0, 201), told
    assert _until(lambda: len(_ids(ward, "engine.db")) == 2 * len(engine))
    assert len(_ids(ward, "engine-w1.db")) == 2 * (len(worker) + 1)


def test_a_worker_that_dies_meanwhile_is_not_waited_for(ward: DeliverWard) -> None:
    ward.load(connections=16, seconds=20, limit=100)
    number = str(min(_ids(ward, "engine-w1.db")))
    os.kill(ward.processes()[1], signal.SIGSTOP)  # it hears nothing
    stuck = subprocess.Popen(  # noqa: S603 our own
        [sys.executable, "-m", "engine", "messages", "resend", number, "--by", "甲", "--reason", "试",
         "--root", str(ward.folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(2.0)  # noqa: TID251 - other processes are at work
    os.kill(ward.processes()[1], signal.SIGKILL)
    said, _ = stuck.communicate(timeout=30)
    assert (stuck.returncode, json.loads(said)["reason"]["code"]) == (1, "E-WORKER")


def _limits(ward: DeliverWard, text: str) -> None:
    file = ward.folder / "engine.yaml"
    file.write_text(file.read_text().partition("limits:")[0] + f"limits: {text}\n")


def _outbox(ward: DeliverWard, name: str) -> int:
    raw = pysqlite3.connect(f"file:{ward.folder}/var/{name}?mode=ro", uri=True)
    try:
        count: int = raw.execute("SELECT COUNT(*) FROM outbox").fetchone()[0]
        return count
    finally:
        raw.close()


def test_with_fewer_processes_what_an_extra_one_held_is_still_sent_known_and_in_reach() -> None:
    with DeliverWard(ack="stored", spread=True) as ward:
        _limits(ward, "{processes: 3}")
        ward.start()
        ward.ask_sink("fail/1")
        said = ward.load(connections=24, seconds=20, limit=240)
        assert (said["all"], said["odd"]) == (240, {})
        names = ("engine.db", "engine-w1.db", "engine-w2.db")
        held = {name: _outbox(ward, name) for name in names}
        assert sum(held.values()) == 240
        assert all(held.values())
        ward.stop()

        _limits(ward, "{processes: 1}")
        ward.ask_sink("fail/0")
        ward.start()
        assert _until(lambda: sum(_outbox(ward, name) for name in names) == 0), ward.log()[-2000:]
        assert ward.ask_sink("count") == {"count": 240, "twice": 0}
        ward.first = 1  # the same messages again, while nobody takes in any at the doors of before
        again = ward.load(connections=8, seconds=20, limit=240)
        assert (again["all"], again["odd"]) == (240, {})
        assert ward.ask_sink("count") == {"count": 0, "twice": 0}
        new = ward.load(connections=8, seconds=20, limit=50)
        assert (new["all"], new["odd"]) == (50, {})
        assert _until(lambda: ward.ask_sink("count")["count"] == 50 or _outbox(ward, "engine.db") == 0)
        assert len(_ids(ward, "engine.db")) == held["engine.db"] + 50, "only the engine's own process takes in"
        number = str(min(_ids(ward, "engine-w2.db")))
        code, told = _engine(ward, "messages", "resend", number, "--by", "测试甲", "--reason", "接收方要求重发")
        assert (code, told.get("of")) == (0, number), told
        assert not set.intersection(*(_ids(ward, name) for name in names)), "no two messages have one number"


def test_all_processes_together_keep_to_a_party_s_rate() -> None:
    with DeliverWard(ack="stored", spread=True) as ward:
        file = ward.folder / "engine.yaml"
        file.write_text(file.read_text().replace("queue: 2000", "queue: 2000, rate: 50"))
        ward.start()
        began = time.monotonic()
        count = 0
        while min(len(_ids(ward, name)) for name in ("engine.db", "engine-w1.db")) < 100:  # both have much to send
            assert count < 3000, "the kernel deals connections out by chance, but not like this"
            count += ward.load(connections=16, seconds=20, limit=64)["all"]
        assert _until(lambda: _outbox(ward, "engine.db") + _outbox(ward, "engine-w1.db") == 0, 60)
        assert time.monotonic() - began > count / 50 * 0.85
        assert ward.ask_sink("count") == {"count": count, "twice": 0}
