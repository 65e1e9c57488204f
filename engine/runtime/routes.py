"""Which door opens for which request: method and path to a handler. Printable as a table; no two routes overlap."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from engine.core.http import HttpReply, HttpRequest

Handler = Callable[[HttpRequest, Mapping[str, str]], Awaitable[HttpReply] | HttpReply]
_PART = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One row. `template` such as `/v1/settlements/{no}`; `name` labels metrics; `body_max` in bytes (None: as
    much as the listener takes)."""

    method: str
    template: str
    handler: Handler
    name: str
    body_max: int | None = None


class Routes:
    """The table of one listener."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str, str], Route] = {}
        self._patterns: list[tuple[re.Pattern[str], Route]] = []
        self._prefixes: list[tuple[str, Route]] = []

    def add(self, route: Route) -> None:
        """ValueError when the same method and path are already taken."""
        if route.template.endswith("*"):
            self._prefixes.append((route.template[:-1], route))
        elif "{" in route.template:
            plain = re.escape(route.template).replace(r"\{", "{").replace(r"\}", "}")
            text = _PART.sub(r"(?P<\1>[A-Za-z0-9_.-]{1,64})", plain)
            self._patterns.append((re.compile(text), route))
        elif (route.method, route.template) in self._exact:
            raise ValueError(f"two doors for {route.method} {route.template}")
        else:
            self._exact[(route.method, route.template)] = route

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        """The route and the parts of its path, or None."""
        wanted = "GET" if method == "HEAD" else method
        exact = self._exact.get((wanted, path))
        if exact is not None:
            return exact, {}
        for pattern, route in self._patterns:
            match = pattern.fullmatch(path) if route.method == wanted else None
            if match is not None:
                return route, match.groupdict()
        for prefix, route in self._prefixes:
            if path.startswith(prefix) and route.method == wanted:
                return route, {"rest": path[len(prefix) :]}
        return None

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods this path answers to, HEAD beside GET; () for a path nobody has."""
        found = {method for method, known in self._exact if known == path}
        found |= {route.method for pattern, route in self._patterns if pattern.fullmatch(path)}
        found |= {route.method for prefix, route in self._prefixes if path.startswith(prefix)}
        return tuple(sorted(found | ({"HEAD"} if "GET" in found else set())))

    def body_max(self, method: str, path: str, most: int) -> int:
        """Bytes a request to this address may carry; `most`: what the listener takes. One to an address that does not
        exist is heard out too, so that its sender is told that and not that his request was too long."""
        found = self.find(method, path)
        return most if found is None or found[0].body_max is None else found[0].body_max

    def table(self) -> list[tuple[str, str, str]]:
        """(method, template, name), sorted: for the console and the interface document."""
        rows = [*self._exact.values(), *(r for _, r in self._patterns), *(r for _, r in self._prefixes)]
        return sorted((r.template, r.method, r.name) for r in rows)
