"""Counters and durations for `/metrics`. Labels are names of ours (party, op, state): never a patient's."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from functools import cache
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from engine.runtime.deliver_counts import Undelivered

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_LATE = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class _Times(Collector):
    """A histogram of seconds that only the reactor's thread counts in: it needs no lock, and a third of the calls."""

    def __init__(self, name: str, about: str, labels: tuple[str, ...]) -> None:
        self._about = name, about, labels
        self._rows: dict[tuple[str, ...], list[float]] = {}  # how many in each bucket and above all, then their sum

    def took(self, labels: tuple[str, ...], seconds: float) -> None:
        row = self._rows.get(labels)
        if row is None:
            row = self._rows[labels] = [0.0] * (len(_SECONDS) + 2)
        row[bisect_left(_SECONDS, seconds)] += 1
        row[-1] += seconds

    def collect(self) -> Iterable[Metric]:
        name, about, names = self._about
        family = HistogramMetricFamily(name, about, labels=names)
        limits = [*map(floatToGoString, _SECONDS), "+Inf"]
        for labels, (*counts, total) in list(self._rows.items()):
            family.add_metric(labels, list(zip(limits, accumulate(counts), strict=True)), total)
        yield family


class _Undelivered(Collector):
    """What waits for each receiver of a deliver channel, as it is when it is asked for."""

    def __init__(self, undelivered: Undelivered) -> None:
        self._undelivered = undelivered

    def collect(self) -> Iterable[Metric]:
        for name, about, counts in (
            ("engine_undelivered", "Messages that wait to be sent", self._undelivered.waiting),
            ("engine_dead_letters", "Dead letters that wait for a person", self._undelivered.dead),
        ):
            family = GaugeMetricFamily(name, about, labels=("channel", "receiver"))
            for receiver, count in list(counts.items()):
                family.add_metric(receiver, count)
            yield family


class Meters:
    """One set of meters for one engine; nothing global, so that several engines can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = _Times("engine_call_seconds", "Calls to parties", ("party", "op", "outcome"))
        self._requests = _Times("engine_request_seconds", "Requests at the doors", ("door", "route", "status"))
        self.registry.register(self._calls)
        self.registry.register(self._requests)
        self._moves = Counter(
            "engine_settlements_total", "Settlements that came to a state", ("channel", "state"),
            registry=self.registry,
        )  # fmt: skip
        self._tasks = Counter("engine_tasks_total", "Tasks opened for a person", ("kind",), registry=self.registry)
        self._refused = Counter(
            "engine_refused_total", "Requests and callbacks refused", ("door", "why"), registry=self.registry
        )
        self._key_missing = Counter(
            "engine_key_missing_total", "Answers signed by a key we do not have", ("party",), registry=self.registry
        )
        self._full = Counter(
            "engine_hl7_full_checks_total", "Messages hl7apy looked at, where a channel asks for it",
            ("channel", "outcome"), registry=self.registry,
        )  # fmt: skip
        self._reports = Counter(
            "engine_reports_total", "What receivers reported of messages they took", ("party", "outcome"),
            registry=self.registry,
        )  # fmt: skip
        self._unmapped = Counter(
            "engine_unmapped_codes_total", "Codes looked up in a code table that has no row for them", ("table",),
            registry=self.registry,
        )  # fmt: skip
        self.lag = Histogram(
            "engine_reactor_lag_seconds", "How late a timer of the reactor fired, ten times a second", buckets=_LATE,
            registry=self.registry,
        )  # fmt: skip
        self._failing = Gauge(
            "engine_listener_failing", "What is wrong now with a listener that fetches files or rows", ("door",),
            registry=self.registry,
        )  # fmt: skip
        self.open_settlements = Gauge("engine_open_settlements", "Settlements in memory", registry=self.registry)
        self.commits = Counter("engine_units_total", "Units stored", registry=self.registry)
        # Finding a meter's child by its labels costs ten times what counting in it does.
        self._move = cache(self._moves.labels)

    def call_ended(self, party: str, op: str, outcome: str, seconds: float) -> None:
        """A call to a party ended so after so many seconds; `outcome` is also `not_sent` and `silent`."""
        self._calls.took((party, op, outcome), seconds)

    def request_ended(self, door: str, route: str, status: int, seconds: float) -> None:
        """A request at a door was answered with this status after so many seconds."""
        self._requests.took((door, route, str(status)), seconds)

    def came_to(self, channel: str, state: str) -> None:
        """A settlement of this channel came to this state; `refund_off`: it is settled again, and was counted then."""
        self._move(channel, state).inc()

    def task_opened(self, kind: str) -> None:
        """A person was asked for, for this kind of thing."""
        self._tasks.labels(kind).inc()

    def refused(self, door: str, why: str) -> None:
        """A door let somebody or something not in, and why."""
        self._refused.labels(door, why).inc()

    def key_missing(self, party: str) -> None:
        """This party signs with a key that is not here."""
        self._key_missing.labels(party).inc()

    def full_checked(self, channel: str, outcome: str) -> None:
        """`outcome`: good, findings, or skipped when too many waited or it was too large."""
        self._full.labels(channel, outcome).inc()

    def reported(self, party: str, outcome: str) -> None:
        """`outcome`: delivered, undelivered, again, unknown (no message of ours), unreadable or undecided."""
        self._reports.labels(party, outcome).inc()

    def unmapped(self, table: str) -> None:
        """A code table had no row for a code."""
        self._unmapped.labels(table).inc()

    def listener_failing(self, door: str, count: int) -> None:
        """So many things are wrong now with a listener that fetches; 0: it is well."""
        self._failing.labels(door).set(count)

    def follow(self, undelivered: Undelivered) -> None:
        """Tell what waits for receivers, too."""
        self.registry.register(_Undelivered(undelivered))

    def families(self) -> list[Metric]:
        """All of it, as it is now."""
        return list(self.registry.collect())

    def page(self) -> bytes:
        """The text Prometheus reads."""
        return generate_latest(self.registry)
