"""`/metrics` of a node with workers: theirs stand beside the engine's own, each with the worker's index as a label, so
that one that is begun again is seen to begin at nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

from prometheus_client import Metric, generate_latest
from prometheus_client.registry import Collector
from twisted.internet.defer import Deferred

from engine.core.world import World
from engine.runtime.deliver_elsewhere import Alone, Others
from engine.runtime.meters import Meters

WAIT = 2.0  # wall seconds for a worker to tell: whoever asks for the page waits
Told = list[list[Any]]
"""Families as a worker writes them into a line of JSON: name, kind, about, samples (name, labels, value)."""


class NodeMeters:
    """The page of the engine's process and its workers'. Who does not answer in time is left out."""

    def __init__(self, world: World, meters: Meters) -> None:
        self._world, self._meters = world, meters
        self.others: Others = Alone()

    def page(self) -> bytes | Awaitable[bytes]:
        """The text Prometheus reads."""
        return self._together() if self.others.indexes() else self._meters.page()

    async def _together(self) -> bytes:
        asked = {index: self._told(index) for index in self.others.indexes()}
        return together(self._meters.families(), {index: await told for index, told in asked.items()})

    def _told(self, index: int) -> Deferred[Told]:
        told: Deferred[Told] = Deferred()

        def heard(answer: Mapping[str, Any]) -> None:
            if limit.active():
                limit.cancel()
            if not told.called:
                told.callback(answer.get("ok", {}).get("families", []))

        limit = self._world.later(WAIT * self._world.rate, heard, {})
        self.others.ask(index, {"do": "metrics"}).addCallback(heard)
        return told


def as_told(families: Iterable[Metric]) -> Told:
    """A worker's own, for a line of JSON."""
    return [
        [one.name, one.type, one.documentation, [[row.name, row.labels, row.value] for row in one.samples]]
        for one in families
    ]


def together(own: Iterable[Metric], told: Mapping[int, Told]) -> bytes:
    """One page of the engine's families and the workers' (by their index)."""
    found = {one.name: one for one in own}
    for index, families in told.items():
        for name, kind, about, samples in families:
            family = found.setdefault(name, Metric(name, about, kind))
            for row, labels, value in samples:
                family.add_sample(row, {**labels, "worker": str(index)}, value)
    return generate_latest(_Given(found.values()))


class _Given(Collector):
    """Families that are there already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
