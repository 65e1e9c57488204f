"""What the engine needs to know of an outside party, whoever it is.

A party is pure: it turns an `Outgoing` into the bytes of a request, reads the bytes of a reply,
and verifies what the party sends by itself (callbacks). It keeps no state, opens no socket and reads no
clock; keys, session values, time and nonce are handed in with each call.

To add a party: write a module with a `Party`, register it in `engine/parties/registry.py`, give it an
outcome table and `PartySettings` with a meaning under each field, and let it pass `tests/parties/test_conformance.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel

from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome

Tree = Any  # JSON-like: dict, list, str, int, Decimal, bool, None


@dataclass(frozen=True, slots=True)
class About:
    """Who the party is to people and to the books; the one place that says it.

    `side`: whose side a reason of its calls names (one of `engine.pipeline.rejected.SIDES`). `zh`, `en`: how a sentence
    for a terminal names it. `role`: what its ledger tells the books, "" when it keeps none. `simulator`: the simulator
    that plays it, "" when there is none.
    """

    side: str
    zh: str
    en: str
    role: Literal["", "his", "insurance", "commercial", "payment", "invoice"] = ""
    simulator: str = ""


@dataclass(frozen=True, slots=True)
class Op:
    """One operation of a party.

    `changes`: it changes something outside. `money`: what it changes is money or a settlement. `number`: which
    of our numbers it carries (`trade`, `mixed`, `freeze`, `claim`, `refund`, `msgid`, `bus`, `lock`, `settlement`,
    `step`, `void`: see `engine/runtime/numbers.py`), "" for none.
    `session`: it needs the party's daily sign-in. `bulky`: its answer may be so large that it is read in a thread.
    `question`: it only asks and leaves nothing behind, not even what the next call would overwrite: a settlement may
    send it while its own state is still on the way to the disk.
    """

    name: str
    zh: str
    en: str
    changes: bool = False
    money: bool = False
    number: str = ""
    session: bool = False
    bulky: bool = False
    question: bool = False


@dataclass(slots=True)
class Outgoing:
    """One call about to be made, with everything that goes into its bytes.

    `body` is what the send map made; `number` our number for it; `settings` the connection's settings as the
    party's `open` returned them (addresses, ids, parsed keys); `session` values of the daily sign-in;
    `now` unix seconds; `nonce` 32 hex characters; `made`: when a message that may be sent again was first there, 0 for
    a call of this moment: what is sent again under its number must say the same, byte for byte.
    """

    op: str
    body: Tree
    number: str
    settings: Any
    session: Mapping[str, str]
    now: float
    nonce: str
    made: float = 0.0


@dataclass(slots=True)
class Answer:
    """What came back, read but not yet judged.

    `intact`: envelope complete and signature good; when False the outcome is UNKNOWN whatever it says.
    `code` is looked up in the outcome table; `text` is the party's own words; `body` the decoded payload the
    read map works on. `session_lost`: the party says our sign-in is gone and nothing was executed. `unknown_key`: the
    name of the key it is signed with, where that is none of ours (`RenewsKeys` may fetch it).
    """

    intact: bool
    code: str
    text: str = ""
    body: Tree = None
    session_lost: bool = False
    unknown_key: str = ""


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """One row of an outcome table: for these ops (empty: all), a code (`*` at the end: prefix), and optionally
    a piece of the party's text, mean this outcome. Rows are tried in order. `because` is required where a
    site moves a money call's code to refused."""

    code: str
    outcome: Outcome
    ops: frozenset[str] = frozenset()
    text: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """A verified message from the party (callback): its payload, and the reply that says we have it.

    `number`: our number it speaks of (`out_trade_no`, `out_refund_no`), "" when it names none; `id`: the party's
    own id of the message, for the audit only (one fact may come under several ids).
    """

    kind: str
    body: Tree
    accepted: HttpReply
    failed: HttpReply
    number: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class NotHeard:
    """A message that does not verify (bad signature, stale, probe): the refusal to send, and why (for the log).

    `alarm`: False for a refusal that is part of normal life, such as a platform's own signature probe. `unknown_key`:
    as in `Answer`.
    """

    reply: HttpReply
    why: str
    alarm: bool = True
    unknown_key: str = ""


class Party(Protocol):
    """A kind of outside party, such as `nhsa` or `wechat`."""

    kind: str
    about: About
    settings: type[BaseModel]  # fields of the connection in engine.yaml; secrets arrive resolved
    ops: Mapping[str, Op]
    outcomes: tuple[OutcomeRow, ...]

    def open(self, settings: Any) -> Any:
        """Parse keys once; the result is what `Outgoing.settings` carries. Raises ValueError naming the field."""

    def build(self, call: Outgoing) -> HttpRequest:
        """The exact bytes of the request; `target` is relative to the connection's address."""

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        """Check envelope and signature, decode. Never raises on what the party may send."""

    def verify(self, settings: Any, request: HttpRequest, now: float) -> Heard | NotHeard:
        """Check a callback over its raw bytes. Parties without callbacks answer NotHeard 404."""


@runtime_checkable
class RenewsKeys(Protocol):
    """A party whose platform changes the keys it signs with, and hands out the new ones itself.

    `keys_op` is the operation that fetches them; its answer proves itself, whatever key signed it."""

    keys_op: str

    def with_keys(self, opened: Any, body: Tree) -> Any:
        """The opened settings with the keys of `keys_op`'s answer beside those they had."""

    def has_key(self, opened: Any, name: str) -> bool:
        """Whether a signature by this key could be checked."""

    def hands_out(self, name: str) -> bool:
        """Whether a key of this name is of the kind that can be fetched."""


@runtime_checkable
class Probes(Protocol):
    """A party with a call that proves address and keys and changes nothing.

    `probe_good`: the answer's codes that prove it; they count only with a good signature."""

    probe_op: str
    probe_good: frozenset[str]

    def probe_ask(self, opened: Any, now: float, nonce: str) -> Tree:
        """The body of `probe_op`."""
