"""What the console is told of the node it runs in: asked anew for each page. Only `hands` change anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from engine.parties.contract import Op, OutcomeRow
from engine.runtime.deliver_elsewhere import Everywhere
from engine.site.site import Site
from engine.store.contract import Connection


@dataclass(frozen=True, slots=True)
class Door:
    """One route of a listener, as printed."""

    listener: str
    address: str
    method: str
    template: str
    name: str


@dataclass(frozen=True, slots=True)
class Node:
    """The running engine as the console sees it.

    `root`: folder that secret references start from. `site`: the site in force. `ops`, `outcomes`: a party's operations
    and outcome table by its name in engine.yaml.
    `in_flight`: party → (calls on the wire, calls waiting). `doors`: every route open now. `state`: running, stopping…;
    `failing`: what is wrong now with listeners that fetch files and rows: (listener, kind, why, since in unix seconds).
    `hands`: what a person may do with messages, None where there are none.
    `beside`: views of the stores of the processes beside this one, for a while.
    `store_state`: "" while the store takes new work, else why not. `started_at`: unix seconds, business time.
    """

    version: str
    root: Path
    started_at: float
    site: Callable[[], Site]
    ops: Callable[[str], Mapping[str, Op]]
    outcomes: Callable[[str], Sequence[OutcomeRow]]
    in_flight: Callable[[], Mapping[str, tuple[int, int]]]
    doors: Callable[[], Sequence[Door]]
    state: Callable[[], str]
    store_state: Callable[[], str]
    failing: Callable[[], Sequence[tuple[str, str, str, float]]] = tuple
    beside: Callable[[], AbstractContextManager[Sequence[Connection]]] = lambda: nullcontext(())
    hands: Everywhere | None = None
