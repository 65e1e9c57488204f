"""For developers: the console on a loopback port, with a night's settlements in its store.

    python -m tests.console.serve FOLDER PORT [SECONDS] [PASSWORD]

Fills a store in FOLDER up to now, serves it, and stops by itself after SECONDS (300). With a PASSWORD the console asks
for it (user `admin`).
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.selectreactor import SelectReactor

from engine.config.engine_parts import Console as ConsoleEntry
from engine.config.engine_parts import User
from engine.config.secret import SecretRef
from engine.connectors.http_listener import HttpListener
from engine.console.console import Console, routes
from engine.console.passwords import password_hash
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from engine.runtime.logs import open_log
from engine.runtime.routes import Routes
from engine.store.open import open_store

from . import scenes
from .stage import MASTER, Stage, result


def fill(folder: Path, now: float) -> Stage:
    """A store of a busy morning that ends at `now`."""
    stage = Stage(folder, now - 10_800)
    for place in range(46):
        stage.begin(scenes.settled(terminal=("kiosk", f"K{place % 9 + 1:02d}")), now - 10_700 + place * 221)
    plays = [
        (9000, scenes.rejected()),
        (8000, scenes.expired()),
        (7000, scenes.cancelled()),
        (6100, scenes.undone()),
        (5000, scenes.planted()),
        (4000, scenes.slow_payment()),
        (3000, scenes.manual()),
        (2000, scenes.no_invoice()),
        (900, scenes.paid_again()),
        (700, scenes.insurance_down()),
        (600, scenes.slow_payment()),
        (500, scenes.stuck()),
        (120, scenes.waiting()),
        (12, scenes.settled()),
    ]
    for before, play in plays:
        stage.begin(play, now - before)
    stage.run_until(now)
    return stage


def site_for(stage: Stage, folder: Path, password: str) -> object:
    """The project's site, with one console user or none."""
    users = {}
    if password:
        (folder / "admin.hash").write_text(password_hash(password, bytes(range(16))) + "\n")
        users = {"admin": User(SecretRef("file", str(folder / "admin.hash")), ("look", "operate"))}
    return replace(stage.site, engine=replace(stage.site.engine, console=ConsoleEntry("api", users)))


def main() -> None:
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 300.0
    reactor = SelectReactor()
    world = World(reactor)
    stage = fill(folder, world.now())
    site = site_for(stage, folder, sys.argv[4] if len(sys.argv) > 4 else "")
    result(stage.store.stop())
    store = open_store(stage.path, world, MASTER)
    console = Console(world, store, stage.node(site), open_log(world.now))  # type: ignore[arg-type]  # a Site
    table = Routes()
    for route in routes(console):
        table.add(route)

    def handle(request: HttpRequest) -> Deferred[HttpReply] | HttpReply:
        found = table.find(request.method, request.path)
        if found is None:
            return HttpReply(404)
        reply = found[0].handler(request, found[1])
        return reply if isinstance(reply, HttpReply) else Deferred.fromCoroutine(reply)  # type: ignore[arg-type]

    listener = HttpListener(world, "console", "127.0.0.1", port, handle)

    def started(_: object) -> None:
        listener.start().addCallback(lambda at: print(f"http://127.0.0.1:{at}/console/", flush=True))

    reactor.callWhenRunning(lambda: store.start().addCallback(started))
    reactor.addSystemEventTrigger("before", "shutdown", store.stop)
    reactor.callLater(seconds, reactor.stop)
    reactor.run()


if __name__ == "__main__":
    main()
