"""The stage of the demo: a fresh hospital in a folder, its parties and its engine, each a process of its own."""

from __future__ import annotations

import fcntl
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

import yaml

from engine.cli.check import port_taken
from engine.cli.folder import node_file
from engine.cli.init import copy_site, led_by_his
from engine.cli.keys import make_keys
from engine.cli.say import CannotRun
from engine.cli.town import Town, addresses, mllp_ports
from engine.core.interpreter import environment, python
from engine.core.world import World

READY = "engine ready "
START_LIMIT = 30.0  # seconds for the engine to say it is ready
STOP_LIMIT = 45.0  # seconds for it to drain and leave


class Stage:
    """Made anew each time. `moved`: listeners whose usual port was taken, (what, usual, used)."""

    def __init__(self, folder: Path, rate: int, *, his_led: bool = False) -> None:
        """`rate`: how many business seconds pass in one second of the wall. `his_led`: the HIS settles with insurance
        and invoice inside its own answers."""
        from twisted.internet import reactor  # noqa: TID251 the command line is where the reactor is handed in

        self.reactor: Any = reactor
        self.folder, self.root = folder, folder / "site"
        self.log = folder / "engine.log"
        self.moved: list[tuple[str, int, int]] = []
        self._lock = _alone(folder)
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        copy_site(self.root)
        if his_led:
            led_by_his(self.root)
        anchor = int(time.time())  # noqa: TID251 the instant at which the demo's clock and the wall's agree
        self._write_node(rate, anchor)
        self.file = node_file(self.root)
        self.world = World(reactor, rate=float(rate), anchor=float(anchor))
        made = make_keys(self.root, self.file, self.world.token)
        self.users = {one.key.removeprefix("user "): one.password for one in made if one.password}
        self.town = Town(self.root, self.file)
        self.engine: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def _write_node(self, rate: int, anchor: int) -> None:
        """engine.yaml as it ships, with the demo's clock, and other ports where the usual ones are taken."""
        path, file = self.root / "engine.yaml", node_file(self.root)
        doors = file.listeners.items()
        listeners = [(f"listener {name}", at[1], 0) for name, one in doors if (at := one.http or one.mllp)]
        urls = addresses(file)
        hl7 = mllp_ports(file, urls)  # a simulator that speaks both has it one port above its HTTP port
        text = path.read_text(encoding="utf-8")
        for what, port, above in [*listeners, *((name, _port(url), hl7.get(name, 0)) for name, url in urls.items())]:
            if any(port_taken("127.0.0.1", one) for one in (port, above) if one):
                other = free_port(with_next=bool(above))
                self.moved.append((what, port, other))
                for usual, used in ((port, other), (above, other + 1)):
                    text = text.replace(f"127.0.0.1:{usual}", f"127.0.0.1:{used}") if usual else text
        tree = yaml.load(text, yaml.BaseLoader)  # noqa: S506 BaseLoader makes nothing but text
        tree["engine"]["clock"] = {"rate": str(rate), "anchor": str(anchor)}
        (self.root / "var").mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False), encoding="utf-8")

    @property
    def url(self) -> str:
        """The engine's address."""
        door = next(one.http for one in self.file.listeners.values() if one.http is not None)
        return f"http://{door[0]}:{door[1]}"

    def secret(self, client: str) -> str:
        """A client's signing secret."""
        place = self.file.clients[client].secret.place
        return (self.root / place).read_text(encoding="utf-8").strip()

    # Processes

    def open(self) -> None:
        """Start the parties and the engine; CannotRun when one does not start."""
        self.town.start(self.world, self.folder / "simulators.log")
        self.start_engine()

    def start_engine(self) -> None:
        """Start `engine run` and wait until its doors are open."""
        self.starts += 1
        out = self.folder / f"engine-{self.starts}.out"
        with out.open("wb") as said, self.log.open("ab") as log:
            self.engine = subprocess.Popen(  # noqa: S603 our own program
                [*python(), "-m", "engine", "run", "--root", str(self.root)],
                stdout=said,
                stderr=log,
                env=environment(),
                start_new_session=True,  # Ctrl-C is for the demo, which then stops it
            )
        until = self.world.wall() + START_LIMIT
        while READY not in out.read_text(encoding="utf-8", errors="replace"):
            if self.engine.poll() is not None or self.world.wall() > until:
                tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise CannotRun(f"引擎没有启动 · the engine did not start:\n{tail}")
            time.sleep(0.02)  # noqa: TID251 waiting for another process, on the wall's time

    def kill_engine(self) -> None:
        """kill -9: no last words, nothing flushed."""
        assert self.engine is not None
        self.engine.kill()
        self.engine.wait()

    def close(self) -> None:
        """Stop what runs."""
        if self.engine is not None and self.engine.poll() is None:
            self.engine.terminate()
            try:
                self.engine.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self.kill_engine()
        self.town.stop()

    # The parties, from outside

    def act(self, party: str, act: str, **more: Any) -> dict[str, Any]:
        """Play the other person at a party."""
        return self.town.post(party, "/sim/act", {"act": act, **more})

    def fault(self, party: str, op: str, fault: str, **more: Any) -> None:
        """Order a misfortune; once, if nothing else is said."""
        self.town.post(party, "/sim/faults", {"op": op, "fault": fault, "times": 1, **more})

    def ledger(self, party: str, since: int = 0) -> tuple[list[dict[str, Any]], int]:
        """The party's own books from `since` on, and the mark to go on from."""
        found = self.town.get(party, f"/sim/ledger?since={since}")
        return found["rows"], found["last"]

    def exchanges(self, party: str, since: int = 0) -> tuple[list[dict[str, Any]], int]:
        """The bytes it took and sent from `since` on, and the mark to go on from."""
        found = self.town.get(party, f"/sim/exchanges?since={since}")
        return found["exchanges"], found["last"]

    def has(self, path: str) -> bool:
        """Whether the engine has something for people there."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=5):  # noqa: S310 our own engine on loopback
                return True
        except urllib.error.HTTPError as no:
            return no.code in (401, 403)
        except OSError:
            return False


def _alone(folder: Path) -> IO[bytes]:
    """Hold the folder as long as this lives; CannotRun when another demo does."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_suffix(".lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise CannotRun(f"另一个演示正在运行 · another demo is running in {folder}") from None
    return lock


def free_port(*, with_next: bool = False) -> int:
    """A port nobody listens on now, nor on the next one where that is wanted too."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door:
            door.bind(("127.0.0.1", 0))
            found = int(door.getsockname()[1])
        if not with_next or (found < 65535 and not port_taken("127.0.0.1", found + 1)):
            return found


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
