"""A worker's process, started by `engine run` only: `python -m engine.cli.worker ROOT INDEX ALL DOORS PARENT`. ALL: the
indexes of the workers, separated by commas; DOORS: `open`, or `shut` for one more than the configuration wants."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from engine.cli import large_pages
from engine.cli.applied import applied_site
from engine.cli.awake import Awake
from engine.cli.folder import loaded, master_key, store_url
from engine.cli.reactor import install as install_reactor
from engine.cli.say import CANNOT, GOOD, trouble

LINE_MAX = 16 << 20  # bytes of one line: an edited message of 1 MiB, as JSON


def main(root: Path, index: int, workers: list[int], doors: bool, parent: int) -> int:
    """Run one worker until it is told to stop or its engine, the process `parent`, is gone."""
    install_reactor()
    from twisted.internet import reactor  # noqa: TID251 the command line is where the reactor is handed in

    from engine.core import failpoints
    from engine.core.world import World
    from engine.runtime.logs import open_log
    from engine.store.beside import Beside, worker_path
    from engine.store.open import open_store
    from engine.worker import Worker

    site = applied_site(root) or loaded(root)
    failpoints.arm(os.environ)
    clock, net = site.engine.clock, reactor
    world = World(net, rate=float(clock.rate), anchor=clock.anchor)
    log, url = open_log(world.now), store_url(root, site.engine)
    store = open_store(worker_path(url, index), world, master_key(root, site.engine))
    store.on_fatal = lambda why: os._exit(CANNOT)
    beside = Beside([url, *(worker_path(url, one) for one in workers if one != index)])
    lanes, count = max(workers) + 1, len(workers) + 1
    worker = Worker(world, root, site, store, log, beside, lane=index, lanes=lanes, count=count, doors=doors)
    awake = Awake(world, lambda: site.engine.awake, lambda: store.units, lambda why: None)  # the engine says why not
    return _run(net, worker, awake, parent)


def _run(net: Any, worker: Any, awake: Awake, parent: int) -> int:
    from twisted.internet.defer import Deferred
    from twisted.internet.stdio import StandardIO
    from twisted.protocols.basic import LineOnlyReceiver

    code = [GOOD]

    class Engine(LineOnlyReceiver):
        """The engine at the other end of our pipes: a line asks, a line answers, both JSON with a `no`."""

        delimiter, MAX_LENGTH = b"\n", LINE_MAX

        def lineReceived(self, line: bytes) -> None:
            asked = json.loads(line)

            def said(answer: Any) -> None:
                failed = not isinstance(answer, dict)
                told = {"code": "E-WORKER", "detail": str(answer.value)[:200]} if failed else answer
                self.say({**told, "no": asked["no"]})

            Deferred.fromCoroutine(worker.asked(asked["asked"])).addBoth(said)

        def say(self, told: Any) -> None:
            self.sendLine(json.dumps(told).encode())  # type: ignore[no-untyped-call]  # untyped in Twisted

    engine = Engine()

    def end(_: Any = None) -> None:
        awake.stop()
        Deferred.fromCoroutine(worker.stop()).addBoth(lambda _: net.stop())

    def ready(_: Any) -> None:
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        large_pages.gather()
        net.callLater(1.0, watch)
        awake.start()
        StandardIO(engine)  # type: ignore[no-untyped-call]  # untyped in Twisted
        engine.say({"ready": True})

    def watch() -> None:
        end() if os.getppid() != parent else net.callLater(1.0, watch)  # the engine died: nobody may outlive it

    def failed(failure: Any) -> None:
        code[0] = CANNOT
        trouble(f"worker: {failure.getErrorMessage()}")
        net.stop()

    net.callWhenRunning(lambda: Deferred.fromCoroutine(worker.start()).addCallbacks(ready, failed))
    signal.signal(signal.SIGTERM, lambda *_: net.callFromThread(end))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches us too: the engine tells us when
    net.run(installSignalHandlers=False)
    return code[0]


if __name__ == "__main__":
    root, index, workers, doors, parent = sys.argv[1:6]
    sys.exit(main(Path(root), int(index), [int(one) for one in workers.split(",")], doors == "open", int(parent)))
