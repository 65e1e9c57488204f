"""`--virtual-time`: the engine takes part in the simulators' clock (`engine simulate --virtual-time`).

One JSON object a line, as the simulators' service says it; see `simulators/base/shared_clock.py` for the words.
"""

# Twisted's protocol classes are only partly typed.
# mypy: allow-untyped-calls

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import ClientFactory, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from engine.cli.say import CannotRun, WrongUse, trouble
from engine.core.virtual import VirtualWorld

if TYPE_CHECKING:
    from engine.config.engine_file import EngineFile

HOST, PORT = "127.0.0.1", 8790
VARIABLE = "VIRTUAL_CLOCK_PORT"  # of the environment: another port, where two towns stand on one machine


def place() -> tuple[str, int]:
    """Where the clock is; WrongUse when the environment names no port."""
    given = os.environ.get(VARIABLE, "") or str(PORT)
    if not given.isascii() or not given.isdigit() or not 0 < int(given) < 65536:
        raise WrongUse(f"{VARIABLE}={given}: 1–65535")
    return HOST, int(given)


def allowed(file: EngineFile, profile: str = "") -> None:
    """CannotRun in a production profile, and beside a development clock."""
    if (profile or file.profile) == "production":
        raise CannotRun("生产环境不能使用虚拟时钟 · no virtual clock in production (--virtual-time)")
    if file.clock.rate != 1:
        raise CannotRun("engine.clock.rate 与 --virtual-time 只能用一个 · either engine.clock.rate or --virtual-time")


def clock_now(at: tuple[str, int] | None = None) -> float:
    """What the clock says now, unix seconds; CannotRun when nobody serves it."""
    try:
        with socket.create_connection(at or place(), timeout=3.0) as link, link.makefile("rb") as said:
            return float(json.loads(said.readline())["set"])
    except (OSError, ValueError, KeyError, TypeError) as no:
        raise CannotRun(
            f"没有虚拟时钟，先 engine simulate --virtual-time · nobody serves the virtual clock: {no}"
        ) from None


class _Line(LineReceiver):
    delimiter = b"\n"

    def __init__(self, world: VirtualWorld, stands: Callable[[], tuple[bool, bool]]) -> None:
        self._world, self._stands = world, stands

    def lineReceived(self, line: bytes) -> None:
        said: dict[str, Any] = json.loads(line)
        if said["set"] is not None:
            self._world.jump(float(said["set"]))
        busy, is_open = self._stands()
        answer = {"step": said["step"], "next": self._world.next_due(), "busy": busy, "open": is_open}
        self.sendLine(json.dumps(answer).encode())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        trouble("虚拟时钟断开，此后按墙钟走 · the virtual clock is gone; time goes on as the wall's")


def take_part(
    world: VirtualWorld, stands: Callable[[], tuple[bool, bool]], at: tuple[str, int] | None = None
) -> None:
    """Connect, and go where the clock says from now on.

    `stands`: whether somebody owes this engine an answer, and whether a settlement is not at rest.
    """
    factory = ClientFactory.forProtocol(lambda: _Line(world, stands))
    factory.noisy = False
    world.reactor.connectTCP(*(at or place()), factory)
