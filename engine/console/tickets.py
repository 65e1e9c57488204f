"""One press of a button, once: a form carries a ticket of ours that only this login can use, only for what the page
showed, and only one time. A form of another site has none; a second click finds it used."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LIFE = 3600.0  # seconds a page may stay open before its buttons are too old
KEPT_MAX = 10_000  # presses remembered; more within the hour wait rather than that one is forgotten
_SERIAL = 24  # characters of a ticket's own number


class BadTicket(Exception):
    """The form is not one that this login got from us in the last hour, or there are too many."""


@dataclass(slots=True)
class Press:
    """What became of one press. `whose`: the login. `did` names what was asked for, `where` is the page that tells of
    it; `result` is what the engine answered, `code` and `detail` why it refused; `ended` when neither will change."""

    serial: str
    whose: bytes
    at: float
    did: str = ""
    where: str = ""
    result: dict[str, Any] | None = None
    code: str = ""
    detail: str = ""
    ended: bool = False


class Tickets:
    """Makes them, and remembers what became of those that were used. In memory: after a start old pages are refused,
    and nothing is done twice."""

    def __init__(self, wall: Callable[[], float], token: Callable[[int], bytes]) -> None:
        self._wall, self._token = wall, token
        self._key = token(32)
        self._used: OrderedDict[str, Press] = OrderedDict()

    def issue(self, login: str, what: str) -> str:
        """A ticket for one press by this login (its cookie; "" where nobody logs in). `what`: all that the form may
        not change."""
        serial = self._token(_SERIAL // 2).hex()
        begun = f"{int(self._wall()):x}"
        return f"{begun}-{serial}-{self._mark(begun, serial, login, what)}"

    def use(self, ticket: str, login: str, what: str) -> tuple[Press, bool]:
        """The press of this ticket, and whether it is the first. Errors: BadTicket."""
        now = self._wall()
        press = Press(self.check(ticket, login, what), _whose(login), now)
        while self._used and now - next(iter(self._used.values())).at > LIFE:
            self._used.popitem(last=False)
        known = self._used.get(press.serial)
        if known is None and len(self._used) >= KEPT_MAX:
            raise BadTicket("many")
        return self._used.setdefault(press.serial, press), known is None

    def check(self, ticket: str, login: str, what: str) -> str:
        """The ticket's own number. Errors: BadTicket."""
        begun, _, rest = ticket.partition("-")
        serial, _, mark = rest.partition("-")
        good = hmac.compare_digest(mark.encode(), self._mark(begun, serial, login, what).encode())
        if not good or self._wall() - int(begun, 16) > LIFE:  # what we marked is a number
            raise BadTicket("ticket")
        return serial

    def told(self, serial: str, login: str) -> Press | None:
        """What became of a press of this login's."""
        press = self._used.get(serial)
        return press if press is not None and press.whose == _whose(login) else None

    def _mark(self, begun: str, serial: str, login: str, what: str) -> str:
        parts = (begun.encode(), serial.encode(), _whose(login), what.encode("utf-8", "replace"))
        return hmac.new(self._key, b"\0".join(parts), hashlib.sha256).hexdigest()


def _whose(login: str) -> bytes:
    return hashlib.sha256(login.encode("utf-8", "surrogatepass")).digest()
