"""A hospital to measure: fast parties, a folder with keys, and one real `engine run`, all on loopback."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time  # the wall's time: real processes are measured here
import urllib.request
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bench.engine_process import ROOT, EngineProcess, free_port, line_of

SECRET = "0123456789abcdef" * 4
PARTY_PORTS = {"his": 8701, "insurance": 8711, "wechat": 8721, "einvoice": 8731, "mobile_pay": 8714}


class Ward(EngineProcess):
    """`windows`: window of each party in engine.yaml, by its name there. Use as a context manager."""

    mobile = False  # its terminals are phones: bench.lag_wards

    def __init__(self, windows: dict[str, int] | None = None) -> None:
        super().__init__()
        self.windows = {"his": 200, "nhsa": 200, "wechat": 200, "einvoice": 200, "mobile_pay": 200, **(windows or {})}
        self.parties: subprocess.Popen[str] | None = None
        self.ports: dict[str, int] = {}
        self.first = 1

    def __enter__(self) -> Ward:
        self._keys()
        self.parties = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "bench.fast_parties", str(self.folder / "parties.json")],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.ports = json.loads(line_of(self.parties))
        self._lay()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self.parties is not None and self.parties.stdin is not None:
            self.parties.stdin.close()
            self.parties.wait(20)
            if self.parties.stdout is not None:
                self.parties.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _keys(self) -> None:
        key = rsa.generate_private_key(65537, 2048)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        self.keys: dict[str, Any] = {
            "his": "his-" + SECRET[:28], "wechat": SECRET[:32], "appid": "wxbench0000000001", "mchid": "1600000001",
            "einvoice": SECRET[:32], "einvoice_app": "EBILLAPP01", "day": time.strftime("%Y-%m-%d"),
        }  # fmt: skip
        self.files = {
            "his/secret": self.keys["his"], "wechat/appid": self.keys["appid"], "wechat/mchid": self.keys["mchid"],
            "wechat/mini_appid": self.keys["appid"],
            "wechat/merchant_serial": "ABCDEF0123456789", "wechat/merchant_private_key": private,
            "wechat/api_v3_key": SECRET[:32], "wechat/api_v2_key": SECRET[:32],
            "wechat/platform_serial": "0A1B2C3D4E5F", "wechat/platform_certificate": public,
            "wechat/public_key_id": "PUB_KEY_ID_0000000001",
            "wechat/public_key": public, "einvoice/key": self.keys["einvoice"],
        }  # fmt: skip
        (self.folder / "parties.json").write_text(json.dumps(self.keys))

    def _lay(self) -> None:
        for name in ("channels", "mappings", "schemas"):
            (self.folder / name).symlink_to(ROOT / name)
        yaml = (ROOT / "engine.yaml").read_text()
        for name, port in PARTY_PORTS.items():
            if name in self.ports:
                yaml = yaml.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.ports[name]}")
        yaml = yaml.replace("127.0.0.1:8610", f"127.0.0.1:{free_port()}")
        yaml = yaml.replace("127.0.0.1:8600", f"127.0.0.1:{self.port}").replace("profile: demo}", "profile: test}")
        yaml = re.sub(r"    profile: +tif\n    access_key: .*\n    secret: .*\n", "    profile: none\n", yaml)
        for name, window in self.windows.items():
            place = rf"(  {name}: *(?:#.*)?\n(?:    .*\n)*?    window: +)\d+"
            yaml = re.sub(place, rf"\g<1>{window}\n    queue: 500", yaml)
        (self.folder / "engine.yaml").write_text(yaml)
        for found in re.finditer(r"file:(var/[A-Za-z0-9_./-]+)", yaml):
            path = self.folder / found[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.files.get(found[1].removeprefix("var/sim/"), SECRET))
            path.chmod(0o600)

    def reactor(self) -> tuple[float, float]:
        """Seconds the engine's main thread ran, and seconds it was ready to run and others had the cores."""
        assert self.engine is not None
        ran, waited, _ = Path(f"/proc/{self.engine.pid}/schedstat").read_text().split()
        return int(ran) / 1e9, int(waited) / 1e9

    # Talking to both

    def tell_parties(self, **what: Any) -> None:
        """Delays in seconds (`delays={"insurance": 1.0}`), operations to hold (`hold=["2207A"]`)."""
        self._http(self.ports["stub"], "/bench/set", what)

    def held(self) -> dict[str, Any]:
        """Seconds each running number spent at the parties, requests of each operation, since last asked."""
        found: dict[str, Any] = self._http(self.ports["stub"], "/bench/held", {})
        return found

    def metric(self, name: str) -> float:
        """The sum of one of the engine's meters over all labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=20) as reply:
            page = reply.read().decode()
        return sum(float(row.rpartition(" ")[2]) for row in page.splitlines() if re.match(rf"{name}(\{{|\s)", row))

    def _http(self, port: int, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=20) as reply:  # noqa: S310 - the same
            return json.load(reply)

    def load(self, *, stub: bool = False, **asked: Any) -> dict[str, Any]:
        """Run terminals until they are done; see bench.terminals."""
        process = self.load_begin(stub=stub, **asked)
        said, _ = process.communicate(timeout=300)
        found: dict[str, Any] = json.loads(said)
        self.first = found["next"]
        return found

    def load_begin(self, *, stub: bool = False, **asked: Any) -> subprocess.Popen[str]:
        port = self.ports["stub"] if stub else self.port
        asked = {"port": port, "secret": SECRET, "first": self.first, **asked}
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "bench.terminals", json.dumps(asked)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )  # fmt: skip
