"""Which doors several processes may share: those where nothing but spread deliver channels listens."""

from __future__ import annotations

from engine.site.site import Site


def shared_doors(site: Site) -> frozenset[str]:
    """Names of MLLP listeners that workers open too."""
    spread: set[str] = set()
    others: set[str] = set()
    for channel in site.channels.values():
        if channel.deliver is not None and channel.deliver.at:
            (spread if channel.deliver.spread else others).add(channel.deliver.at)
        if channel.hl7 is not None:
            others.add(channel.hl7.at)
    return frozenset(name for name in spread - others if site.engine.listeners[name].mllp is not None)


def processes_of(site: Site, store_url: str) -> int:
    """How many processes this configuration runs in: one, unless a door is shared and the store is a file."""
    if store_url.startswith(("postgresql:", "postgres:")) or not shared_doors(site):
        return 1
    return site.engine.limits.processes
