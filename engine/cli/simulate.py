"""`engine simulate [PARTY…]`: the outside parties of this engine.yaml, simulated, until Ctrl-C."""

from __future__ import annotations

import signal
from pathlib import Path

from engine.cli.folder import node_file
from engine.cli.say import GOOD, INTERRUPTED, line, table
from engine.cli.town import SECRETS, Town
from engine.cli.virtual_clock import allowed


def simulate(root: Path, parties: list[str], more: list[str], virtual_time: bool) -> int:
    """Start them on the ports and the clock of engine.yaml, write their secrets where it looks for them, wait.

    `more`: options of `python -m simulators`. `virtual_time`: refused in a production profile, or beside a clock rate.
    """
    from twisted.internet import reactor  # noqa: TID251 the command line is where the reactor is handed in

    from engine.core.world import World

    file = node_file(root)
    if virtual_time:
        allowed(file)
    world = World(reactor, rate=float(file.clock.rate), anchor=file.clock.anchor)
    town = Town(root, file, parties, more, line)
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda which, frame: told.append(which))
    try:
        town.start(world)
        rows = [(name, url, f"{url}/sim/card.json") for name, url in town.urls.items()]
        rows += [(name, f"mllp://127.0.0.1:{port}", "") for name, port in town.mllp.items()]
        table("模拟系统 · simulators", ("party", "address", "card"), rows)
        line(f"打开 · open {next(iter(town.urls.values()))}/sim/all")
        line(f"密钥已写入 · their secrets are in {SECRETS}/")
        process = town.process
        assert process is not None
        while not told and process.poll() is None:
            signal.pause()
    finally:
        code = town.stop()
    if not told:
        return code
    return INTERRUPTED if told[0] == signal.SIGINT else GOOD
