"""The whole way of an administrator, with the real engine in a process of its own and terminals that never pause."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time  # the wall's time: real processes are waited for here, nothing of the engine
import urllib.request
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import ENVIRONMENT, HOME, Running, free_port, here, new_site

BILLS = "channels/outpatient_bills.yaml"
SAYS = ["--by", "测试甲", "--reason", "测试"]
_nonce = count(1)


class Ward:
    """A folder, the HIS as a process, the engine as a process, and terminals that ask without a pause."""

    def __init__(self, place: Path) -> None:
        self.folder, self.his_port, api = place / "site", free_port(), free_port()
        new_site(self.folder, console={"at": "api"})
        text = (self.folder / "engine.yaml").read_text()
        text = re.sub(r"http: 127\.0\.0\.1:[0-9]+", f"http: 127.0.0.1:{api}", text)
        for old, port in (("8701", self.his_port), ("8610", free_port())):
            text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{port}")
        (self.folder / "engine.yaml").write_text(text)
        for path in (self.folder / "channels").glob("*.test.yaml"):
            if "bills" not in path.name:
                path.unlink()  # the others take seconds, and are played elsewhere
        self.api = api
        self.his = subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, "-m", "simulators", "his", "--ports", f"his={self.his_port}"],
            cwd=HOME, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT,
        )  # fmt: skip
        assert self.his.stdout is not None
        self.his.stdout.readline()
        card = json.load(urllib.request.urlopen(f"http://127.0.0.1:{self.his_port}/sim/card.json", timeout=10))
        place = self.folder / "var/sim/his/secret"
        place.parent.mkdir(parents=True)
        place.write_text(card["secret"])
        self.secret = (self.folder / "var/keys/client-K01.secret").read_bytes().strip()
        self.good, self.on = 0, True
        self.bad: list[Any] = []
        self.threads: list[threading.Thread] = []
        self.running: Running | None = None

    def start(self, *more: str) -> None:
        self.running = Running(self.folder, *more)
        assert self.running.first.startswith("engine ready"), (self.folder / "run.log").read_text()

    def crowd(self, terminals: int = 4) -> None:
        for _ in range(terminals):
            self.threads.append(threading.Thread(target=self._ask, daemon=True))
            self.threads[-1].start()

    def _ask(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.api, timeout=20)
        while self.on:
            try:
                line.request("GET", "/v1/outpatient/bills?patient=P0001", headers=self._signed())
                reply = line.getresponse()
                body = reply.read()
            except OSError as lost:
                self.bad.append(repr(lost))
                line.close()
                continue
            if reply.status == 200 and json.loads(body)["bills"]:
                self.good += 1
            else:
                self.bad.append((reply.status, body))
        line.close()

    def _signed(self) -> dict[str, str]:
        stamp, nonce = str(int(time.time())), f"w{next(_nonce)}"  # noqa: TID251 a terminal of its own
        text = f"GET\n/v1/outpatient/bills?patient=P0001\n{stamp}\n{nonce}\n{hashlib.sha256(b'').hexdigest()}"
        mark = hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()
        return {"X-Client": "K01", "X-Timestamp": stamp, "X-Nonce": nonce, "X-Signature": mark}

    def served(self, more: int = 20) -> None:
        """Wait until so many more were answered."""
        before, until = self.good, time.monotonic() + 30.0
        while self.good < before + more:
            assert time.monotonic() < until, (self.bad[:3], (self.folder / "run.log").read_text()[-2000:])
            time.sleep(0.02)  # noqa: TID251 real processes are waited for

    def edit(self, name: str, old: str, new: str, folder: Path | None = None) -> None:
        path = (folder or self.folder) / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def do(self, *words: str) -> subprocess.CompletedProcess[str]:
        return here(*words, "--root", str(self.folder))  # a new Python costs a second each time

    def page(self, path: str) -> str:
        """A page of the console, when what it shows has been read."""
        until = time.monotonic() + 60.0
        while "being read" in (text := self._page(path)):
            assert time.monotonic() < until, text
        return text

    def _page(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/console/{path}?lang=en", timeout=20) as reply:
            return str(reply.read().decode())

    def history(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.do("history", "--json").stdout.splitlines()]

    def until_in_force(self, kind: str, by: str) -> None:
        until = time.monotonic() + 40.0
        while (newest := self.history()[0])["kind"] != kind or newest["by"] != by:
            assert time.monotonic() < until, (newest, (self.folder / "run.log").read_text()[-2000:])

    def close(self) -> None:
        self.on = False
        for thread in self.threads:
            thread.join(30)
        if self.running is not None and self.running.process.poll() is None:
            self.running.process.kill()
            self.running.process.wait()
        self.his.terminate()
        self.his.wait()


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    whole = Ward(tmp_path_factory.mktemp("ward"))
    yield whole
    whole.close()


def test_an_administrator_s_day_without_a_failed_request(ward: Ward) -> None:
    """plan, apply, a mistake, SIGHUP, rollback: the terminals notice nothing."""
    ward.start()
    ward.crowd()
    ward.served()
    ward.edit(BILLS, "title:   ", "title:   新")
    ward.edit("engine.yaml", "window: '20'", "window: '21'")
    seen = ward.do("plan")
    assert seen.returncode == 0
    assert "~ channel outpatient_bills" in seen.stdout
    assert "- window  20" in seen.stdout
    page = ward.page("config")
    assert "It would be taken" in page
    assert "- 20" in page
    assert "- 21" not in page
    assert "engine apply --by" in page
    taken = ward.do("apply", *SAYS)
    assert taken.returncode == 0, taken.stdout + taken.stderr
    ward.served()
    ward.edit(BILLS, "send: his_bills_query", "send: his_bils_query")
    wrong = ward.do("apply", *SAYS)
    assert wrong.returncode == 1
    assert "E302" in wrong.stdout
    assert "his_bills_query" in wrong.stdout, "the nearest word"
    page = ward.page("config")
    assert "would not be taken" in page
    assert "<mark>his_bils_query</mark>" in page
    assert "title:   新" in ward.page("history/2")
    assert ward.running is not None
    ward.running.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + 40.0
    while '"sighup"' not in (ward.folder / "run.log").read_text():
        assert time.monotonic() < until
        ward.served(1)
    assert "E302" in (ward.folder / "run.log").read_text(), "refused, and why"
    ward.edit(BILLS, "send: his_bils_query", "send: his_bills_query")
    ward.edit(BILLS, "title:   新", "title:   又新")
    ward.running.process.send_signal(signal.SIGHUP)
    ward.until_in_force("apply", "SIGHUP")
    back = ward.do("rollback", "1", *SAYS)
    assert back.returncode == 0, back.stderr
    ward.served()
    ward.on = False
    for thread in ward.threads:
        thread.join(30)
    assert ward.bad == []
    assert [(one["kind"], one["by"]) for one in ward.history()] == [
        ("rollback", "测试甲"), ("apply", "SIGHUP"), ("apply", "测试甲"), ("start", "engine"),
    ]  # fmt: skip
    differs = ward.do("diff", "active", "3")
    assert differs.returncode == 1
    assert "title:   又新" in differs.stdout
    assert ward.do("diff", "1", "4").returncode == 0, "the very same"


def test_after_a_power_cut_it_begins_with_what_was_in_force(ward: Ward) -> None:
    running, first = ward.running, ward.history()[0]["version"]
    assert running is not None
    running.process.kill()
    running.process.wait()
    ward.edit(BILLS, "kind:    answer", "kind:    half-written")
    ward.start()
    log = (ward.folder / "run.log").read_text()
    assert f"以启用的版本 {first[:12]} 启动" in log, "the folder's files differ, and it says so"
    assert ward.history()[0]["version"] == first
    ward.edit(BILLS, "kind:    half-written", "kind:    answer")
    assert ward.running is not None
    assert ward.running.tell(signal.SIGTERM) == 0
    ward.start("--folder")
    assert ward.history()[0]["kind"] == "start"
    assert "又新" in ward.do("diff", "1", "active").stdout


def test_two_editors_do_not_overwrite_each_other_unseen(ward: Ward) -> None:
    one, other = ward.folder.parent / "one", ward.folder.parent / "other"
    for folder in (one, other):
        assert ward.do("pull", str(folder)).returncode == 0
    ward.edit("mappings/his_bills.map.yaml", "title: ", "title: 甲", one)
    ward.edit(BILLS, "title:   ", "title:   乙", other)
    taken = ward.do("apply", "--from", str(one), *SAYS)
    assert taken.returncode == 0, taken.stdout + taken.stderr
    late = ward.do("apply", "--from", str(other), "--by", "测试乙", "--reason", "测试")
    assert late.returncode == 1
    assert "测试甲" in late.stdout
    assert "title: 甲" in late.stdout, "the other's change, row by row"
    plan = json.loads(ward.do("plan", "--from", str(other), "--json").stdout)
    assert plan["refused"]
    assert [change["name"] for change in plan["moved"]] == ["his_bills"]
    merged = ward.do("pull", str(other))
    assert merged.returncode == 0
    assert "甲" in (other / "mappings/his_bills.map.yaml").read_text()
    assert "乙" in (other / BILLS).read_text()
    assert ward.do("apply", "--from", str(other), "--by", "测试乙", "--reason", "测试").returncode == 0
    ward.edit(BILLS, "title:   ", "title:   丙", one)
    both = ward.do("pull", str(one))
    assert (both.returncode, BILLS in both.stdout) == (1, True), both.stdout
    assert "乙" not in (one / BILLS).read_text(), "nothing was written"
    (one / ".engine-base").unlink()
    unknown = ward.do("apply", "--from", str(one), *SAYS)
    assert unknown.returncode == 3
    assert "--base" in unknown.stderr
    shutil.rmtree(one)


def test_a_conversation_that_fails_keeps_it_out(ward: Ward) -> None:
    folder = ward.folder.parent / "third"
    ward.do("pull", str(folder))
    test = folder / "channels/outpatient_bills.test.yaml"
    lines = test.read_text()
    assert "          status: 200" in lines
    test.write_text(lines.replace("          status: 200", "          status: 202", 1))
    said = ward.do("apply", "--from", str(folder), *SAYS)
    assert said.returncode == 1, said.stdout
    assert "outpatient_bills" in said.stdout
    assert ward.history()[0]["by"] == "测试乙"


def test_words_that_name_no_version(ward: Ward) -> None:
    assert ward.do("diff", "zzz").returncode == 2
    assert ward.do("rollback", "ffffffff", *SAYS).returncode == 2
    assert ward.do("rollback", "99", *SAYS).returncode == 2
    assert ward.do("resolve", "S1", "--onto", "1", "--leg", "7=done", *SAYS).returncode == 2
    gone = ward.do("resolve", "S1", "--onto", "1", *SAYS)
    assert (gone.returncode, "E-NO-SETTLEMENT" in gone.stderr) == (1, True), gone.stdout
    assert ward.running is not None
    assert ward.running.tell(signal.SIGTERM) == 0
    lost = ward.do("rollback", "1", *SAYS)
    assert lost.returncode == 3
    assert "engine run" in lost.stderr
