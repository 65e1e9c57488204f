"""One outside party: an HTTP server with its own books, misfortunes and `/sim/*` doors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from simulators.base.conduct import Conduct, Line
from simulators.base.control import control
from simulators.base.door import SimSite
from simulators.base.exchanges import Exchanges
from simulators.base.faults import CALLBACKS, COMMON, Faults
from simulators.base.ledger import Ledger
from simulators.base.menu import COMMON_SAID, Act, Misfortune, Section, Words
from simulators.base.mllp_side import MllpSide
from simulators.base.objection import Objection
from simulators.base.pages.playing import Note
from simulators.base.wire import Req, Resp, text_resp
from simulators.base.world import Later, SimWorld

_log = Logger()


class ActRefused(Exception):
    """The other person cannot do that now; the text says why (HTTP 409 at /sim/act)."""


class SimParty:
    """Subclass it, name it, answer `serve`.

    Own misfortunes: `own_refusals` are not executed and answered by `break_reply(kind, op, req, None)`;
    `own_breaks` are executed and their reply spoiled by `break_reply`; `own_faults` the party takes
    itself with `take_fault` where they matter. What a person reads about all of this is data too: `title`,
    `ops_said`, `faults_said`, `acts_said`, `sections` (see `simulators/base/menu.py`); the page at /sim/ is made of it.
    """

    name: ClassVar[str] = ""
    default_port: ClassVar[int] = 0
    mllp_port: ClassVar[int] = 0  # of its MLLP door; 0: it has none
    own_refusals: ClassVar[frozenset[str]] = frozenset()
    own_breaks: ClassVar[frozenset[str]] = frozenset()
    own_faults: ClassVar[frozenset[str]] = frozenset()
    meaningless: ClassVar[frozenset[str]] = frozenset()  # common faults that change nothing here: not in the menu
    title: ClassVar[Words] = Words("", "")
    ops_said: ClassVar[Mapping[str, Words]] = {}
    faults_said: ClassVar[Mapping[str, Misfortune]] = {}  # the own ones, and common ones that mean something special
    acts_said: ClassVar[tuple[Act, ...]] = ()

    def __init__(self, world: SimWorld) -> None:
        self.world = world
        self.ledger = Ledger(world)
        self.faults = Faults(COMMON | self.own_refusals | self.own_breaks | self.own_faults)
        self.exchanges = Exchanges(world)
        self.mllp: MllpSide | None = None  # the subclass makes it
        self.mllp_address = ""  # host:port once it listens
        self.objection: Objection | None = None  # of the request being served, for the log of exchanges
        self.notes: list[Note] = []  # what came of the page's buttons
        self.picked: dict[str, str] = {}  # what its fault form was filled with
        self.life = 0  # counts resets; what was planned in an earlier life does not happen any more
        self._promises: set[Later] = set()
        self._request_faults = (COMMON - CALLBACKS) | self.own_refusals | self.own_breaks

    # What a party says about itself

    def op_of(self, req: Req) -> str:
        """The operation's public name, for faults and exchanges."""
        return req.path

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        """Fields a fault may match on, such as `bill` and `no`."""
        return {}

    def serve(self, op: str, req: Req) -> Resp | Deferred[Resp]:
        """The business: executes and answers."""
        raise NotImplementedError

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        """The party's own way of a refusal (resp None, nothing executed) or of spoiling a true reply."""
        raise NotImplementedError

    def card(self, base_url: str) -> dict[str, Any]:
        """All an outside client needs, for GET /sim/card.json."""
        return {"base_url": base_url}

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        """The other person acts (POST /sim/act); ActRefused when impossible, ValueError when malformed."""
        raise ValueError(f"unknown act {body.get('act')!r}")

    def reset(self) -> None:
        """Back to the first morning; the base has already cleared books, faults and exchanges."""

    def sections(self) -> list[Section]:
        """The party's state as tables, with the buttons that make sense in each row; for the page."""
        return []

    # What the base does for it

    def fault_menu(self) -> dict[str, Misfortune]:
        """Every misfortune that changes something here, told to a person."""
        names = sorted(self.faults.known - self.meaningless)
        untold = {name: Misfortune(Words(name, name)) for name in names}
        return {name: self.faults_said.get(name) or COMMON_SAID.get(name) or untold[name] for name in names}

    def objected(self, why: Objection) -> None:
        """Call it where a request is refused for what it is: the exchange will say which rule it broke."""
        self.objection = why

    def handle(self, req: Req, line: Line) -> None:
        """A request has arrived complete."""
        if req.path.startswith("/sim/"):
            head, body = line.reply_bytes(control(self, req))
            line.send(head + body)
            return
        try:
            op = self.op_of(req)
            fault = self.faults.take(op, self._request_faults, lambda: self.match_of(op, req))
        except Exception:  # noqa: BLE001 - a request no party code understands is still answered
            _log.failure("{name} cannot name the operation of {path}", name=self.name, path=req.path)
            head, body = line.reply_bytes(text_resp("simulator error: unreadable request", 500))
            line.send(head + body)
            return
        row = self.exchanges.begin(op, req.peer, req.raw_head + req.body, fault=fault.fault if fault else "")
        Conduct(self, op, req, line, fault, row).run()

    def take_fault(self, op: str, *kinds: str, **fields: str) -> float | None:
        """Use up one fault of these kinds if ordered: its `seconds` (0.0 is a hit too), else None."""
        order = self.faults.take(op, kinds, lambda: fields)
        return None if order is None else order.seconds

    def later(self, seconds: float, fn: Callable[..., object], *args: object) -> Later:
        """`world.later` for plans of this party's present life: a reset cancels them."""

        def run() -> None:
            self._promises.discard(promise)
            fn(*args)

        promise = self.world.later(seconds, run)
        self._promises.add(promise)
        return promise

    def start_over(self) -> None:
        """POST /sim/reset: forget everything, keep keys, connections and the clock."""
        self.life += 1
        for promise in tuple(self._promises):
            promise.cancel()
        self._promises.clear()
        self.ledger.clear()
        self.faults.clear()
        self.exchanges.clear()
        if self.mllp is not None:
            self.mllp.reset()
        self.reset()

    def site(self) -> SimSite:
        """The factory to listen with; one a party is enough."""
        return SimSite(self)

    def listen(self, port: int = 0, interface: str = "127.0.0.1") -> Any:
        """Listen on the world's reactor; answers Twisted's listening port (`getHost().port`)."""
        listening = self.world.reactor.listenTCP(port, self.site(), interface=interface)
        there = listening.getHost()
        self.world.addresses[self.name] = f"http://{there.host}:{there.port}"
        self.world.parties[self.name] = self
        return listening

    def listen_mllp(self, port: int = 0, interface: str = "127.0.0.1") -> Any:
        """Listen for HL7 messages as well; ValueError for a party without such a door."""
        if self.mllp is None:
            raise ValueError(f"{self.name} speaks no MLLP")
        listening = self.mllp.listen(port, interface)
        self.mllp_address = f"{interface}:{listening.getHost().port}"
        return listening
