"""A node for deliver's benchmark: a folder with one channel, a sink, and a real `engine run`, all on loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from typing import Any

from bench.engine_process import ROOT, EngineProcess, free_port, line_of
from bench.ward import SECRET

CHANNEL = """channel: bench_events
kind:    deliver
title:   基准测试
listen:  {{at: hl7, messages: [ADT^A01], ack: {ack}, check: {check}}}
key:     hl7.PID_3_1
patient: hl7.PID_3_1
visit:   hl7.PV1_19
to:
  sink: {{to: sink, op: post, send: bench_event, wait: 20s}}
spread:  {spread}
"""
MAP = """map: bench_event
make:
  - [no,         own.number]
  - [event,      message.kind]
  - [patientId,  hl7.PID_3_1]
  - [name,       hl7.PID_5_1]
  - [birthDate,  hl7.PID_7]
  - [sex,        hl7.PID_8]
  - [visitNo,    hl7.PV1_19]
  - [class,      hl7.PV1_2]
  - [ward,       hl7.PV1_3_1]
  - [department, hl7.PV1_3_4]
  - [doctor,     hl7.PV1_7_2]
  - [diagnosis,  hl7.DG1_3_1]
  - [time,       hl7.EVN_2 | optional]
"""
ENGINE = """engine: {{name: bench, profile: test, awake: {awake}}}
store:  sqlite:var/engine.db
keys:   {{store: file:var/keys/store.key, index: file:var/keys/index.key}}
listeners:
  api: {{http: 127.0.0.1:{port}}}
  hl7: {{mllp: 127.0.0.1:{hl7}, connections: 4000}}
clients: {{OPS: {{secret: file:var/keys/client.secret, scopes: [operate]}}}}
parties:
  sink: {{kind: subscriber, url: http://127.0.0.1:{sink}, path: /in, window: {window}, queue: 2000}}
"""


class DeliverWard(EngineProcess):
    """Use as a context manager. `ack`: stored or delivered; `preload`: a library for the engine's process alone;
    `awake`: the engine keeps processors from sleeping while it has work."""

    def __init__(self, *, ack: str = "delivered", check: str = "yes", spread: bool = False, window: int = 64,
                 preload: str = "", awake: bool = False,
                 environment: dict[str, str] | None = None) -> None:  # fmt: skip
        super().__init__({**({"LD_PRELOAD": preload} if preload else {}), **(environment or {})})
        self.hl7 = free_port()
        self._asked = {"ack": ack, "check": check, "spread": "yes" if spread else "no"}
        self._window, self._awake = window, "yes" if awake else "no"
        self.sink: subprocess.Popen[str] | None = None
        self.ports: dict[str, int] = {}
        self.first = 1

    def __enter__(self) -> DeliverWard:
        self.sink = subprocess.Popen(
            [sys.executable, "-m", "bench.deliver_sink"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self.ports = json.loads(line_of(self.sink))
        for name in ("channels", "mappings", "schemas", "var/keys"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "channels/bench_events.yaml").write_text(CHANNEL.format(**self._asked))
        (self.folder / "mappings/bench_event.map.yaml").write_text(MAP)
        (self.folder / "engine.yaml").write_text(
            ENGINE.format(port=self.port, hl7=self.hl7, sink=self.ports["http"], window=self._window, awake=self._awake)
        )
        for name in ("store.key", "index.key", "client.secret"):
            path = self.folder / "var/keys" / name
            path.write_text(SECRET)
            path.chmod(0o600)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self.sink is not None and self.sink.stdin is not None:
            self.sink.stdin.close()
            self.sink.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask_sink(self, what: str) -> dict[str, Any]:
        """`count`, `cpu`, `delay/100`, `fail/1`, `note`, `noted`: see bench.deliver_sink."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['http']}/{what}", timeout=20) as reply:
            found: dict[str, Any] = json.load(reply)
        return found

    def load(self, *, stub: bool = False, **asked: Any) -> dict[str, Any]:
        """Run the generator until it is done; see bench.deliver_load."""
        said, _ = self.load_begin(stub=stub, **asked).communicate(timeout=600)
        found: dict[str, Any] = json.loads(said)
        self.first = found["next"]
        return found

    def load_begin(self, *, stub: bool = False, **asked: Any) -> subprocess.Popen[str]:
        port = self.ports["http"] if asked.get("post") else self.ports["mllp"] if stub else self.hl7
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "bench.deliver_load", json.dumps({"port": port, "first": self.first, **asked})],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
