"""A request and a reply as bytes: what connectors carry and codecs and parties read.

Header names are kept as they came; look-ups ignore case. A body is always the exact bytes of
the wire, since signatures cover bytes, not meanings.
"""

from __future__ import annotations

from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]


def header_of(headers: Headers, name: str) -> str:
    """The one value of a header, or "" when it is absent or given more than once."""
    wanted = name.lower()
    found = [value for key, value in headers if key.lower() == wanted]
    return found[0] if len(found) == 1 else ""


@dataclass(slots=True)
class HttpRequest:
    """One request. `target` is path and query as on the wire (`/v1/x?y=1`); `tls`: it came to a door with TLS."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    peer: str = ""
    tls: bool = False

    @property
    def secure(self) -> bool:
        """Whether the caller's own connection is encrypted: to us, or to the proxy in front that says so."""
        return self.tls or self.header("X-Forwarded-Proto").lower() == "https"

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def header(self, name: str) -> str:
        return header_of(self.headers, name)


@dataclass(slots=True)
class HttpReply:
    """One complete reply; an incomplete one never becomes an HttpReply."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        return header_of(self.headers, name)
