"""What a platform tells its customers of its own accord: sent, and sent again by its schedule until it is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from simulators.base.faults import Fault
from simulators.base.outbound import NoAnswer, post
from simulators.base.wire import Resp

if TYPE_CHECKING:
    from simulators.base.party import SimParty

WHEN = ("callback_never", "callback_late", "callback_twice")
Written = Callable[[], tuple[str, bytes, dict[str, str]]]
"""Address, body and headers of one try; asked for each, since some platforms sign the time."""


class Rounds:
    """The notices of one party; `delivered` counts those that were taken, `given_up` the others.

    `retry`: seconds between one try and the next; `patience`: reactor seconds the receiver has."""

    retry: Sequence[float]
    patience: float

    def __init__(self, of: SimParty) -> None:
        self._of = of
        self.delivered = self.given_up = 0

    def start(
        self, fault: Fault | None, delay: float, tell: Callable[[], object], again: Callable[[], object] | None = None
    ) -> None:
        """Tell after so many business seconds, or as a fault of WHEN wants it. `again`: the second time, where that is
        another one."""
        wait = wait_of(fault, delay)
        if wait is None:
            return
        self._of.later(wait, tell)
        if again is not None or (fault is not None and fault.fault == "callback_twice"):
            self._of.later(wait + 1.0, again or tell)

    def send(
        self, op: str, written: Written, match: Mapping[str, str], taken: Callable[[Resp], bool], tries: int = 0
    ) -> Deferred[None]:
        """One try, and later the others; fires after this one, whatever came of it. `taken`: whether an answer ends
        it. `tries`: so many were made already."""
        party, life = self._of, self._of.life
        url, body, headers = written()
        try:
            answer = post(party, op, url, body, headers, wait=self.patience, match=match)
        except ValueError:  # no address that can be told
            self.given_up += 1
            return succeed(None)

        def judge(result: Resp | Failure) -> None:
            if isinstance(result, Failure):
                if not result.check(NoAnswer):  # type: ignore[no-untyped-call]  # Twisted left it untyped
                    result.raiseException()
            elif taken(result):
                self.delivered += 1
                return
            if life != party.life:
                return
            if tries < len(self.retry):
                party.later(self.retry[tries], self.send, op, written, match, taken, tries + 1)
            else:
                self.given_up += 1

        return answer.addBoth(judge)


def wait_of(fault: Fault | None, delay: float) -> float | None:
    """Business seconds until the first try: `delay`, or as the fault wants it; None for never."""
    kind = fault.fault if fault is not None else ""
    if kind == "callback_never":
        return None
    return fault.seconds if fault is not None and kind == "callback_late" else delay
