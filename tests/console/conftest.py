"""A night's store, made once, and a browser without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from engine.cli.aside import WORKS
from engine.config.engine_parts import Console as ConsoleEntry
from engine.config.engine_parts import User
from engine.config.secret import SecretRef
from engine.console.console import Console, routes
from engine.console.passwords import password_hash
from engine.core.http import HttpReply, HttpRequest
from engine.runtime.aside import Aside, unpacked
from engine.runtime.routes import Routes
from engine.site.site import Site

from . import scenes
from .office import HASH, Office
from .stage import START, Stage, result

PASSWORD = "vier-Fische-im-Netz"


async def at_once(aside: Aside, work: str, root: Path, feed: Iterable[bytes], heard: Callable[[bytes], None]) -> None:
    """In place of `Aside.run`: the same work on the same bytes, without a process."""
    fed = BytesIO(b"".join(feed))
    head, groups = unpacked(fed.readline(), fed.read)
    for told in WORKS[work](root, head, groups):
        heard(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace"))


class Notes:
    """A log that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **values: Any) -> None:
        self.lines.append((event, values))

    warning = error = info


@dataclass
class Browser:
    """Asks the console's routes as the listener does, and keeps cookies."""

    table: Routes
    log: Notes
    peer: str = "127.0.0.1"
    host: str = "127.0.0.1:8600"
    cookies: dict[str, str] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()

    def get(self, path: str) -> HttpReply:
        return self.send(HttpRequest("GET", path, self._headers(), b"", self.peer))

    def post(self, path: str, form: Mapping[str, str], *more: tuple[str, str]) -> HttpReply:
        return self.send(HttpRequest("POST", path, (*self._headers(), *more), urlencode(form).encode(), self.peer))

    def text(self, path: str) -> str:
        reply = self.get(path)
        assert reply.status == 200, (path, reply.status, reply.body[:300])
        return reply.body.decode()

    def _headers(self) -> tuple[tuple[str, str], ...]:
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return (("Host", self.host), *self.headers, *((("Cookie", kept),) if kept else ()))

    def send(self, request: HttpRequest) -> HttpReply:
        found = self.table.find(request.method, request.path)
        assert found is not None, request.target
        assert len(request.body) <= found[0].body_max or not request.body
        reply = found[0].handler(request, found[1])
        reply = reply if isinstance(reply, HttpReply) else result(reply)
        for name, value in reply.headers:
            if name == "Set-Cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        assert isinstance(reply, HttpReply)
        return reply


@dataclass
class Night:
    """The stage with its settlements by scene."""

    stage: Stage
    no: dict[str, str]

    def browser(self, site: Site | None = None, root: Path | None = None, **more: Any) -> Browser:
        """`root`: the folder that the node was started from."""
        log, node = Notes(), self.stage.node(site)
        console = Console(self.stage.world, self.stage.store, replace(node, root=root or node.root), log)
        table = Routes()
        for route in routes(console):
            table.add(route)
        return Browser(table, log, **more)

    def site(self, users: Mapping[str, User] | None = None, profile: str = "demo") -> Site:
        engine = replace(self.stage.site.engine, profile=profile, console=ConsoleEntry("api", users or {}))
        return replace(self.stage.site, engine=engine)


SCENES = ("settled", "slow_payment", "paid_again", "undone", "manual", "rejected", "expired", "cancelled", "no_invoice",
          "planted", "insurance_down")  # fmt: skip


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    stage = Stage(tmp_path_factory.mktemp("night"))
    no = {}
    for place, name in enumerate(SCENES):
        no[name] = stage.begin(getattr(scenes, name)(), START + 60 + place * 500)
    no["waiting"] = stage.begin(scenes.waiting(), START + 7100)
    no["stuck"] = stage.begin(scenes.stuck(), START + 6800)
    for place in range(60):
        stage.begin(scenes.settled(), START + 100 + place * 100)
    stage.run_until(START + 7200)
    yield Night(stage, no)
    result(stage.store.stop())


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Night]:
    """A console whose clock a test may move: one settlement, nothing else."""
    stage = Stage(tmp_path)
    no = {"settled": stage.begin(scenes.settled(), START + 1)}
    stage.run_until(START + 60)
    yield Night(stage, no)
    result(stage.store.stop())


@pytest.fixture
def open_browser(night: Night) -> Browser:
    """At the machine itself, where nobody has to log in."""
    return night.browser(night.site())


@pytest.fixture
def users(tmp_path: Path) -> dict[str, User]:
    """One person, with a hash that is quick to check."""
    place = tmp_path / "admin.hash"
    place.write_text(password_hash(PASSWORD, bytes(range(16)), log2n=4) + "\n")
    return {"admin": User(SecretRef("file", str(place)), ("look",))}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    office.do(office.lab.open)
    yield office
    office.do(office.lab.close)


@pytest.fixture
def staffed(tmp_path: Path) -> Iterator[Office]:
    """With people who log in, one a role."""
    roles = ("look", "operate", "finance", "admin")
    users = ", ".join(f"{role}: {{{HASH}, roles: [{role}]}}" for role in roles)
    office = Office(tmp_path, "{" + users + "}")
    office.do(office.lab.open)
    yield office
    office.do(office.lab.close)
