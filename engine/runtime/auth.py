"""Who may knock at `/v1`: the client's signature over the exact bytes, a fresh time, a nonce used once, a scope.

Signature (the public contract): lower-case hex HMAC-SHA256(client secret,
`METHOD\\nPATH[?QUERY]\\nTIMESTAMP\\nNONCE\\nhex(SHA-256(body))`). Whatever is wrong, the answer says no more than
401 or 403.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from engine.codecs.soap_security import Token
from engine.core.http import HttpRequest
from engine.core.world import World

SKEW = 300.0  # seconds either way
NONCE_LIFE = 600.0  # seconds: what was signed 300 s ahead of us stays fresh for as long
NONCES_MAX = 300_000  # of one client: 500 requests a second; beyond, it waits rather than that one is forgotten
MANY = "too many"
_STAMP = re.compile(r"[0-9]{9,11}", re.ASCII)
_NONCE = re.compile(r"[!-~]{1,64}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Client:
    """One client of engine.yaml. `secret` is read when it is needed. Empty `campuses`: all. `soap_token`: it may prove
    itself by a UsernameToken instead of a signature."""

    id: str
    secret: Callable[[], bytes]
    scopes: frozenset[str]
    campuses: frozenset[str] = frozenset()
    soap_token: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """401 (not you, not now), 403 (you, but not this) or 429 (too often); `why` is for our log only."""

    status: int
    why: str


class Gate:
    """Checks every request of the settlement API."""

    def __init__(self, world: World, clients: Mapping[str, Client]) -> None:
        self._world, self._clients = world, dict(clients)
        self._nonces: dict[str, OrderedDict[str, float]] = {}

    def replace(self, clients: Mapping[str, Client]) -> None:
        """New clients from a new engine.yaml; nonces are kept."""
        self._clients = dict(clients)

    def known(self, client: str) -> Client | None:
        """A client by its id: for doors that prove in another way who it is."""
        return self._clients.get(client)

    @property
    def takes_tokens(self) -> bool:
        """Whether any client may prove itself by a UsernameToken: else nothing unsigned is even read."""
        return any(client.soap_token for client in self._clients.values())

    def remember(self, used: Iterable[tuple[str, str]]) -> None:
        """(client, nonce) pairs an earlier process has stored: they are used up here too."""
        for client, nonce in used:
            self._nonces.setdefault(client, OrderedDict())[nonce] = self._world.wall()

    def check(self, request: HttpRequest, *scopes: str) -> Client | Refusal:
        """The client, when it has one of these scopes, or why not. A nonce is used up by a good signature only."""
        stamp, nonce = request.header("X-Timestamp"), request.header("X-Nonce")
        given = request.header("X-Signature")
        client = self._clients.get(request.header("X-Client"))
        if not (_STAMP.fullmatch(stamp) and _NONCE.fullmatch(nonce) and _SIGNATURE.fullmatch(given)):
            return Refusal(401, "malformed")
        secret = client.secret() if client is not None else b"\x00" * 32
        if not hmac.compare_digest(signature(secret, request, stamp, nonce), given) or client is None:
            return Refusal(401, "signature")
        if not self._fresh(float(stamp)):
            return Refusal(401, "stale")
        spent = self._spent(client.id, nonce)
        if spent is not None:
            return spent
        if client.scopes.isdisjoint(scopes):
            return Refusal(403, "scope")
        return client

    def check_token(self, token: Token) -> Client | Refusal:
        """The client of a UsernameToken, when engine.yaml allows it one; or why not. Scopes are for the order."""
        client = self._clients.get(token.username)
        allowed = client is not None and client.soap_token
        good = token.proves(client.secret() if client is not None and allowed else b"\x00" * 32)
        if not good or client is None or not allowed:
            return Refusal(401, "token")
        if not self._fresh(token.at):
            return Refusal(401, "stale")
        return self._spent(client.id, token.nonce) or client

    def _fresh(self, stamp: float) -> bool:
        """On the development clock the wall's time is as good as ours: clients may not share our clock."""
        return abs(stamp - self._world.now()) <= SKEW or abs(stamp - self._world.wall()) <= SKEW

    def _spent(self, client: str, nonce: str) -> Refusal | None:
        """Take the nonce; or why not. A used one is forgotten by time alone: never sooner, however many there are."""
        wall, used = self._world.wall(), self._nonces.setdefault(client, OrderedDict())
        while used and wall - next(iter(used.values())) > NONCE_LIFE:
            used.popitem(last=False)
        if nonce in used:
            return Refusal(401, "replayed")
        if len(used) >= NONCES_MAX:
            return Refusal(429, MANY)
        used[nonce] = wall
        return None


def signature(secret: bytes, request: HttpRequest, stamp: str, nonce: str) -> str:
    """The signature a client with this secret makes over this request."""
    digest = hashlib.sha256(request.body).hexdigest()
    text = f"{request.method}\n{request.target}\n{stamp}\n{nonce}\n{digest}"
    return hmac.new(secret, text.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()
