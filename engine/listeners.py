"""How a process makes its HTTP and MLLP listeners of engine.yaml's rows, and what they take on while running."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from engine.config.listener_parts import Listener
from engine.config.secret import resolve_secret
from engine.connectors.answer import Answer
from engine.connectors.http_limits import HttpLimits
from engine.connectors.http_listener import HttpListener, OnRequest
from engine.connectors.mllp import MllpLimits, MllpListener, Peer
from engine.connectors.tls import TlsOptions, server_tls
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from engine.runtime.listening import Kind
from engine.runtime.logs import Log, trouble_of

Knock = Callable[[str, HttpRequest], Deferred[HttpReply] | HttpReply]
Take = Callable[[str, bytes, Peer], Answer | Deferred[bytes]]


class Makes:
    """Makes listeners. `root`: the folder secrets are read from; `shared`: names of doors that other processes listen
    at too. A listener's own name may change while it runs: what comes in is handed on under the name of the moment."""

    def __init__(self, world: World, root: Path, log: Log, shared: frozenset[str]) -> None:
        self._world, self._root, self._log, self._shared = world, root, log, shared

    def http_kind(self, knock: Knock, served: Callable[..., None], body_limit: Callable[[str], Any]) -> Kind:
        """`served(listener, method, path, status, seconds, bytes)`; `body_limit(listener)` gives its routes' limits."""

        def limits(name: str, door: Listener) -> HttpLimits:
            return HttpLimits(
                body=door.body_bytes, connections=door.connections, per_ip=door.connections, in_flight=door.connections,
                idle_s=door.idle, body_limit=body_limit(name),
            )  # fmt: skip

        def make(name: str, door: Listener) -> HttpListener:
            assert door.http is not None
            on_request: OnRequest = lambda *told: served(listener.name, *told)  # noqa: E731 it needs the name beside it
            listener = HttpListener(
                self._world, name, *door.http, lambda request: knock(listener.name, request), limits(name, door),
                on_request=on_request, on_error=lambda failure: self._failed(listener, failure), tls=self.tls(door),
            )  # fmt: skip
            return listener

        def renew(listener: Any, door: Listener, tls: TlsOptions | None) -> None:
            listener.limits = limits(listener.name, door)
            listener.secure(tls)

        return Kind(lambda door: door.http, make, renew, self.keys)

    def mllp_kind(self, take: Take) -> Kind:
        """Each message goes to `take(listener, bytes, peer)`."""

        def make(name: str, door: Listener) -> MllpListener:
            assert door.mllp is not None
            listener = MllpListener(
                self._world, name, *door.mllp, lambda data, peer: take(listener.name, data, peer), _mllp_limits(door),
                self.tls(door), share=name in self._shared, on_error=lambda failure: self._failed(listener, failure),
            )  # fmt: skip
            return listener

        def renew(listener: Any, door: Listener, tls: TlsOptions | None) -> None:
            listener.limits = _mllp_limits(door)
            listener.secure(tls)

        return Kind(lambda door: door.mllp, make, renew, self.keys)

    def tls(self, door: Listener) -> TlsOptions | None:
        """Certificate and keys of a row, read now. Errors: SecretMissing."""
        if door.tls is None:
            return None
        ca = b"" if door.tls.ca is None else resolve_secret(door.tls.ca, self._root)
        own = [resolve_secret(ref, self._root) for ref in (door.tls.certificate, door.tls.key)]
        return TlsOptions(ca_pem=ca, cert_pem=own[0], key_pem=own[1])

    def keys(self, door: Listener) -> TlsOptions | None:
        """The same, tried out: what is given back can be used. Errors: SecretMissing, ValueError."""
        options = self.tls(door)
        if options is not None:
            server_tls(options)
        return options

    def _failed(self, listener: Any, failure: Any) -> None:
        self._log.error("door_failed", door=listener.name, why=trouble_of(failure.value, failure.tb))


def _mllp_limits(door: Listener) -> MllpLimits:
    return MllpLimits(
        message=door.body_bytes, connections=door.connections, per_ip=door.connections, idle_s=door.idle
    )
