"""hl7apy's full validation, beside the way of messages: it takes some 15 ms each, and it informs, it refuses nothing.

One message at a time on a thread, resting four times as long as it worked, so that it never takes more than a fifth of
a processor; what comes while too many wait is counted as skipped. Findings are told by the places they name alone:
hl7apy quotes what it found, and that may be a person's.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

from engine.codecs import hl7v2
from engine.codecs.errors import Undecodable
from engine.core.world import World
from engine.runtime.logs import Log
from engine.runtime.meters import Meters

WAITING = 100  # messages that may wait to be checked
BYTES = 256 * 1024  # larger ones are not checked
REST = 4.0  # times as long as a check took
PLACES = 8  # told of one message
_PLACE = re.compile(r"\b[A-Z][A-Z0-9]{2}(?:_[0-9]{1,3}){1,2}\b|(?<=\.)[A-Z][A-Z0-9]{2}$")
_OURS = " in element MSH.MSH_18"  # the names of character sets as Chinese systems write them


class FullCheck:
    """`person(kind, text)` calls somebody; one task stands for all findings until it is closed."""

    def __init__(self, world: World, meters: Meters, log: Log) -> None:
        self._world, self._meters, self._log = world, meters, log
        self.person: Callable[[str, str], None] = lambda kind, text: None
        self._waiting: deque[tuple[str, int, bytes, str]] = deque()
        self._busy = False

    def offer(self, channel: str, number: int, body: bytes, charset: str) -> None:
        """Check this message when there is time."""
        if len(self._waiting) >= WAITING or len(body) > BYTES:
            self._meters.full_checked(channel, "skipped")
            return
        self._waiting.append((channel, number, body, charset))
        if not self._busy:
            self._busy = True
            self._world.later(0.0, self._next)

    def _next(self) -> None:
        if not self._waiting:
            self._busy = False
            return
        channel, number, body, charset = self._waiting.popleft()
        began = self._world.now()
        self._world.in_thread(self._work, channel, number, body, charset, began)

    def _work(self, channel: str, number: int, body: bytes, charset: str, began: float) -> None:
        from engine.codecs.hl7_full_check import full_check  # hl7apy's parser is for those who ask for it

        try:
            text = hl7v2.parse(body, charset).to_text()
            found = [one for one in full_check(text, warnings=True) if not one.endswith(_OURS)]
        except (Undecodable, ValueError):
            found = []
        self._world.from_thread(self._done, channel, number, found, began)

    def _done(self, channel: str, number: int, found: list[str], began: float) -> None:
        self._meters.full_checked(channel, "findings" if found else "good")
        if found:
            # Of "Value … not in table … in element PID.PID_8" the value is the patient's: only what follows it counts.
            named = (place for text in found for place in _PLACE.findall(text.rpartition(" in element ")[2]))
            places = " ".join(list(dict.fromkeys(named))[:PLACES])
            self._log.warning("hl7_findings", channel=channel, no=number, count=len(found), places=places)
            self.person("hl7_findings", f"{channel}: {len(found)} ({places})")
        self._world.later(REST * (self._world.now() - began), self._next)
