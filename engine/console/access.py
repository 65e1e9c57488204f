"""Who is at the console: sessions, and how fast passwords may be guessed.

Times are the wall's, not the business clock's.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.console.roles import may
from engine.core.http import HttpRequest

IDLE, WHOLE = 15 * 60.0, 8 * 3600.0  # seconds a login lasts without a request, and at most
SESSIONS_MAX, KEYS_MAX = 1000, 10_000
TOKEN_BYTES = 32
FREE_TRIES, FREE_OF_USER = 5, 20  # wrong passwords before waiting begins: from one address, for one user
DELAY_MAX, DELAY_OF_USER_MAX = 60.0, 10.0
FORGET = 15 * 60.0  # seconds after which wrong passwords are forgotten
_LOOPBACK = ("127.", "::1", "::ffff:127.")
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person at the console. `name` is "" where nobody has to log in (demonstration on this machine)."""

    name: str
    roles: tuple[str, ...]

    def may(self, page: str) -> bool:
        """Whether this page is open to them."""
        return may(self.roles, page)


@dataclass(slots=True)
class _Login:
    user: str
    began: float
    seen: float


class Logins:
    """Open logins by the hash of their token: what is in memory does not let anybody in."""

    def __init__(self, wall: Callable[[], float], token: Callable[[int], bytes]) -> None:
        self._wall, self._token = wall, token
        self._open: OrderedDict[bytes, _Login] = OrderedDict()

    def begin(self, user: str) -> str:
        """A new login; its token goes into the cookie and nowhere else."""
        token = self._token(TOKEN_BYTES).hex()
        now = self._wall()
        while len(self._open) >= SESSIONS_MAX:
            self._open.popitem(last=False)
        self._open[_hashed(token)] = _Login(user, now, now)
        return token

    def user(self, token: str) -> str | None:
        """Whose login it is, and another quarter of an hour for it; None when there is none (any more)."""
        key = _hashed(token)
        login = self._open.get(key)
        if login is None:
            return None
        now = self._wall()
        if now - login.seen > IDLE or now - login.began > WHOLE:
            del self._open[key]
            return None
        login.seen = now
        self._open.move_to_end(key)
        return login.user

    def end(self, token: str) -> None:
        """Log out."""
        self._open.pop(_hashed(token), None)


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Guesses:
    """Wrong passwords: after a few, each one costs a wait that doubles."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._wrong: OrderedDict[str, tuple[int, float, float]] = OrderedDict()  # count, last, free again

    def wait(self, peer: str, user: str) -> float:
        """Seconds until this address may try for this user again; 0.0 now."""
        now = self._wall()
        return max(0.0, *(self._wrong[key][2] - now for key in _keys(peer, user) if key in self._wrong), 0.0)

    def wrong(self, peer: str, user: str) -> None:
        """A wrong password was given."""
        now = self._wall()
        limits = ((FREE_TRIES, DELAY_MAX), (FREE_OF_USER, DELAY_OF_USER_MAX))
        for key, (free, most) in zip(_keys(peer, user), limits, strict=True):
            count, last, _ = self._wrong.pop(key, (0, now, now))
            count = 1 if now - last > FORGET else count + 1
            delay = min(most, 2.0 ** min(count - free, 10)) if count >= free else 0.0
            self._wrong[key] = (count, now, now + delay)
        while len(self._wrong) > KEYS_MAX:
            self._wrong.popitem(last=False)

    def right(self, peer: str, user: str) -> None:
        """The right password: this address starts afresh."""
        self._wrong.pop(_keys(peer, user)[0], None)


def _keys(peer: str, user: str) -> tuple[str, str]:
    return f"peer {peer}", f"user {user[:64]}"


def at_this_machine(request: HttpRequest) -> bool:
    """Whether the request comes from this machine itself: a loopback peer, a loopback name (a foreign name that
    resolves to us is a foreign page in the operator's browser), and no proxy in between."""
    host = request.header("Host").lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return (
        request.peer.startswith(_LOOPBACK)
        and name in _LOCAL_NAMES
        and not any(key.lower() in {word.lower() for word in _FORWARDED} for key, _ in request.headers)
    )


def foreign_form(request: HttpRequest) -> bool:
    """Whether a form was sent by another site's page. Our pages send no referrer, so their Origin may be `null`."""
    where = request.header("Sec-Fetch-Site")
    if where:
        return where not in ("same-origin", "none")
    origin = request.header("Origin")
    return origin not in ("", "null") and origin.partition("://")[2].lower() != request.header("Host").lower()


def cookies_of(request: HttpRequest) -> Mapping[str, str]:
    """The cookies of a request; the first of a name counts."""
    found: dict[str, str] = {}
    for key, value in request.headers:
        if key.lower() == "cookie":
            for part in value.split(";"):
                name, sign, text = part.strip().partition("=")
                if sign:
                    found.setdefault(name, text)
    return found
