"""How to reach a host: by its address at once, by its name through the reactor's resolver."""

from __future__ import annotations

from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint

from engine.core.world import World


def endpoint_to(world: World, host: str, port: int, seconds: float) -> Any:
    """A Twisted client endpoint that gives up connecting after so many business seconds."""
    reactor, wait = world.reactor, seconds / world.rate
    if isIPAddress(host):
        return TCP4ClientEndpoint(reactor, host, port, timeout=wait)
    if isIPv6Address(host):
        return TCP6ClientEndpoint(reactor, host, port, timeout=wait)  # type: ignore[no-untyped-call]  # untyped in Twisted
    return HostnameEndpoint(reactor, host, port, timeout=wait)
