"""Counters and durations for `/metrics`. Labels are names of ours (party, op, state): never a patient's."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_LATE = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Meters:
    """One set of meters for one engine; nothing global, so that several engines can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Histogram(
            "engine_call_seconds", "Calls to parties", ("party", "op", "outcome"), buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._requests = Histogram(
            "engine_request_seconds", "Requests at the doors", ("door", "route", "status"), buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
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
        self.lag = Histogram(
            "engine_reactor_lag_seconds", "How late a timer of the reactor fired, ten times a second", buckets=_LATE,
            registry=self.registry,
        )  # fmt: skip
        self.open_settlements = Gauge("engine_open_settlements", "Settlements in memory", registry=self.registry)
        self.commits = Counter("engine_units_total", "Units stored", registry=self.registry)
        # Finding a meter's child by its labels costs ten times what counting in it does.
        self._call = cache(self._calls.labels)
        self._request = cache(self._requests.labels)
        self._move = cache(self._moves.labels)

    def call_ended(self, party: str, op: str, outcome: str, seconds: float) -> None:
        self._call(party, op, outcome).observe(seconds)

    def request_ended(self, door: str, route: str, status: int, seconds: float) -> None:
        self._request(door, route, str(status)).observe(seconds)

    def came_to(self, channel: str, state: str) -> None:
        self._move(channel, state).inc()

    def task_opened(self, kind: str) -> None:
        self._tasks.labels(kind).inc()

    def refused(self, door: str, why: str) -> None:
        self._refused.labels(door, why).inc()

    def key_missing(self, party: str) -> None:
        self._key_missing.labels(party).inc()

    def full_checked(self, channel: str, outcome: str) -> None:
        """`outcome`: good, findings, or skipped when too many waited or it was too large."""
        self._full.labels(channel, outcome).inc()

    def reported(self, party: str, outcome: str) -> None:
        """`outcome`: delivered, undelivered, again, unknown (no message of ours), unreadable or undecided."""
        self._reports.labels(party, outcome).inc()

    def page(self) -> bytes:
        """The text Prometheus reads."""
        return generate_latest(self.registry)
